"""Card testers who come in one moment get on no further than one after another."""

import pytest
from django.test import Client

from alliance.local.standin import StandIn
from donations import guard
from donations.models import Attempt, SpentProof
from tests import factories, testers
from tests.races.test_giving import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_of_many_at_once_as_many_get_on_as_the_budget_says(standin: StandIn) -> None:
    campaign = factories.make_campaign()
    testers.give(campaign)

    answers = at_once(*[lambda: testers.give(campaign).status_code] * 30)

    assert sorted(answers) == [303] * 9 + [429] * 21
    assert len(standin.objects("checkout.session")) == Attempt.objects.count() == 10


def test_a_proof_that_is_sent_many_times_at_once_opens_one_page(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "KEYS", 10)
    campaign = factories.make_campaign()
    testers.use_up(campaign)
    data = factories.form_data(campaign)
    proof = testers.solve(testers.send(campaign, data).context["challenge"])

    def send() -> int:
        path = f"/c/{campaign.slug}/give/"
        posted = {**data, "proof": proof}
        return Client().post(path, posted, REMOTE_ADDR=testers.HOME).status_code

    answers = at_once(*[send] * 12)

    # Stripe may tell a click that the first one is still under way; then it says so, kindly.
    assert 303 in answers
    assert set(answers) <= {303, 429, 503}
    assert SpentProof.objects.count() == 1
    assert len(standin.objects("checkout.session")) == Attempt.objects.count() == 11
