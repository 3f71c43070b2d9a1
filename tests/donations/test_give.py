"""The form to give: from what a person types to Stripe's page, and every way it can go wrong."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import signing
from django.test import Client
from django.utils import timezone

from alliance.contacts.models import Consent, Contact
from alliance.local.standin import StandIn
from campaigns.models import Campaign, State
from donations import forms, inbox, models, services
from donations.models import Donation, LedgerEntry, Payment
from tests import factories

BAD_AMOUNTS = ["0", "-5", "NaN", "1e3", "5,5", "0.001", "99999999999", "9" * 31, "five"]


def give(client: Client, campaign: Campaign, **fields: str) -> Any:
    return client.post(f"/c/{campaign.slug}/give/", factories.form_data(campaign, **fields))


def test_a_gift_is_written_down_and_leads_to_the_page_where_one_pays(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    response = give(client, campaign)

    donation = Donation.objects.get()
    session = standin.objects("checkout.session")[0]
    assert response.status_code == 303
    assert response["Location"] == session["url"] == donation.session_url
    assert (session["amount_total"], session["currency"]) == (2500, "gbp")
    assert session["client_reference_id"] == donation.public_id
    assert session["customer_email"] == "gail@example.org"
    assert session["success_url"].endswith(f"/g/{donation.public_id}/")
    assert (donation.amount_minor, donation.display) == (2500, Donation.Display.PRIVATE)
    assert donation.consents == {}
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("fields", "minor"),
    [
        ({"amount": "500"}, 500),
        ({"amount": "other", "other": "12.50"}, 1250),
        ({"amount": "other", "other": "£1,000.00"}, 100_000),
        ({"amount": "other", "other": "0.30"}, 30),
    ],
)
def test_any_amount_may_be_given(
    client: Client, campaign: Campaign, standin: StandIn, fields: dict[str, str], minor: int
) -> None:
    give(client, campaign, **fields)

    assert [s["amount_total"] for s in standin.objects("checkout.session")] == [minor]


@pytest.mark.parametrize(
    "fields",
    [
        *({"amount": "other", "other": amount} for amount in BAD_AMOUNTS),
        {"amount": ""},
        {"amount": "other", "other": ""},
        {"amount": "2500", "other": "12.50"},
        {"amount": "2501"},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "Gail\nBcc: all@example.org"},
        {"name": "Gail \u202egro.elpmaxe"},
        {"name": "Gail\x00"},
        {"email": ""},
        {"email": "gail"},
        {"email": "gail@example.org\nBcc: all@example.org"},
        {"email": f"{'g' * 250}@example.org"},
        {"email": "a@example.org, b@example.org"},
        {"email": '"a@b"@example.org'},
        {"email": '"a\\ b"@example.org'},
        {"email": "gäil@example.org"},
        {"email": f"a@{'ß.' * 90}example.org"},
        {"name": "Win 500 now: https://elsewhere.example"},
        {"name": "www.elsewhere.example"},
        {"display": "everything"},
        {"nonce": ""},
        {"nonce": "made-up"},
    ],
)
def test_what_cannot_be_taken_is_answered_in_words_and_changes_nothing(
    client: Client, campaign: Campaign, standin: StandIn, fields: dict[str, str]
) -> None:
    response = give(client, campaign, **fields)

    page = response.content.decode()
    assert response.status_code == 422
    assert 'role="alert"' in page
    assert "Nothing is charged before you confirm" in page
    assert not Donation.objects.exists()
    assert not Contact.objects.exists()
    assert standin.objects("checkout.session") == []


def test_an_empty_form_names_every_field_that_is_missing(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    response = client.post(f"/c/{campaign.slug}/give/", {})

    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"amount", "name", "email", "display", "nonce"}
    # What is sent next has all it needs.
    nonce = response.context["form"].data["nonce"]
    assert signing.loads(nonce, salt=forms.NONCE_SALT)["campaign"] == campaign.pk


@pytest.mark.parametrize("name", ["Zoë O’Neil-Ng", "Οδυσσέας", "محمد", "李 小龍", "Sam 🎉"])
def test_names_of_all_scripts_are_taken_as_they_are(
    client: Client, campaign: Campaign, standin: StandIn, name: str
) -> None:
    assert give(client, campaign, name=name).status_code == 303

    assert Donation.objects.get().name == name


def test_a_form_left_open_for_days_is_offered_again_with_what_was_typed(
    client: Client, campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = factories.form_data(campaign)
    with monkeypatch.context() as patch:
        patch.setattr(forms, "NONCE_LIFE", timedelta(seconds=-1))
        stale = client.post(f"/c/{campaign.slug}/give/", data)

    assert stale.status_code == 422
    assert "open for a long time" in stale.content.decode()
    assert 'value="gail@example.org"' in stale.content.decode()
    again = {**data, "nonce": stale.context["form"].data["nonce"]}
    assert client.post(f"/c/{campaign.slug}/give/", again).status_code == 303


def test_a_form_of_one_campaign_gives_nothing_to_another(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    other = factories.make_campaign()

    response = client.post(f"/c/{other.slug}/give/", factories.form_data(campaign))

    assert response.status_code == 422
    assert not Donation.objects.exists()


def test_without_its_cookie_a_form_is_refused_and_says_what_to_do(campaign: Campaign) -> None:
    strict = Client(enforce_csrf_checks=True)

    response = strict.post(f"/c/{campaign.slug}/give/", factories.form_data(campaign))

    assert response.status_code == 403
    assert "cookie" in response.content.decode().lower()
    assert not Donation.objects.exists()


@pytest.mark.parametrize(("state", "status"), [(State.PAUSED, 409), (State.ENDED, 409)])
def test_a_closed_campaign_says_why_and_takes_nothing(
    client: Client, campaign: Campaign, standin: StandIn, state: State, status: int
) -> None:
    data = factories.form_data(campaign)
    campaign.state, campaign.closed_reason = state, "We reached what we set out for."
    campaign.save()

    page = client.get(f"/c/{campaign.slug}/give/")
    posted = client.post(f"/c/{campaign.slug}/give/", data)

    assert page.status_code == 200
    assert posted.status_code == status
    assert "We reached what we set out for." in posted.content.decode()
    assert not Donation.objects.exists()


def test_a_campaign_that_closes_in_the_very_moment_takes_nothing(
    client: Client, campaign: Campaign, standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_valid = forms.GiveForm.is_valid

    def closes_meanwhile(form: forms.GiveForm) -> bool:
        Campaign.objects.update(state=State.ENDED, closed_reason="It has just ended.")
        return is_valid(form)

    monkeypatch.setattr(forms.GiveForm, "is_valid", closes_meanwhile)

    assert give(client, campaign).status_code == 409
    assert not Donation.objects.exists()


def test_drafts_and_unknown_campaigns_are_not_there(client: Client, db: None) -> None:
    draft = factories.make_campaign(state=State.DRAFT)

    assert client.get(f"/c/{draft.slug}/give/").status_code == 404
    assert client.post(f"/c/{draft.slug}/give/", {}).status_code == 404
    assert client.get("/c/nothing/give/").status_code == 404


@pytest.mark.parametrize(
    ("query", "amount", "other"),
    [
        ("?amount=2500", "2500", None),
        ("?amount=1250", "other", "12.50"),
        ("?other=7.20", "other", "7.20"),
        ("?amount=2500&other=7.20", "other", "7.20"),
        ("?amount=-1", None, None),
        ("?amount=99999999999999999999", None, None),
        ("?amount=%D9%A5", None, None),
        ("?amount=<script>", None, None),
        ("", None, None),
    ],
)
def test_a_link_may_name_an_amount_and_no_link_breaks_the_page(
    client: Client, campaign: Campaign, query: str, amount: str | None, other: str | None
) -> None:
    response = client.get(f"/c/{campaign.slug}/give/{query}")

    initial = response.context["form"].initial
    assert response.status_code == 200
    assert (initial.get("amount"), initial.get("other")) == (amount, other)


def test_the_second_click_leads_to_the_same_page(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign)

    answers = [client.post(f"/c/{campaign.slug}/give/", data) for _ in range(3)]

    assert len({answer["Location"] for answer in answers}) == 1
    assert Donation.objects.count() == 1
    assert len(standin.objects("checkout.session")) == 1


def test_going_back_to_change_the_amount_closes_the_first_page(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign)
    client.post(f"/c/{campaign.slug}/give/", data)

    client.post(f"/c/{campaign.slug}/give/", {**data, "amount": "5000"})

    first, second = standin.objects("checkout.session")
    assert (first["status"], first["amount_total"]) == ("expired", 2500)
    assert (second["status"], second["amount_total"]) == ("open", 5000)
    assert Donation.objects.get().amount_minor == 5000


def test_sending_the_form_again_after_paying_leads_to_the_gift_and_charges_nothing(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign)
    client.post(f"/c/{campaign.slug}/give/", data)
    donation = Donation.objects.get()
    standin.pay(str(donation.session_id))

    # The news has not arrived: the changed form asks Stripe before anything else.
    response = client.post(f"/c/{campaign.slug}/give/", {**data, "amount": "5000"})

    assert response["Location"] == donation.get_absolute_url()
    assert len(standin.objects("checkout.session")) == 1
    assert [entry.amount_minor for entry in LedgerEntry.objects.all()] == [2500]


def test_a_lost_answer_is_asked_for_again_and_makes_one_page(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    standin.faults.set("hang_up_after", next=5, seconds=0, only="POST /v1/checkout/sessions")
    data = factories.form_data(campaign)

    failed = client.post(f"/c/{campaign.slug}/give/", data)
    standin.faults.clear()
    answered = client.post(f"/c/{campaign.slug}/give/", data)

    assert failed.status_code == 503
    assert "Nothing is charged before you confirm" in failed.content.decode()
    assert answered.status_code == 303
    assert len(standin.objects("checkout.session")) == 1


@pytest.mark.parametrize("only", ["POST /v1/products", "POST /v1/checkout/sessions"])
@pytest.mark.parametrize("fault", ["rate_limit", "server_error", "hang_up_before"])
def test_when_stripe_is_away_the_donor_is_told_and_can_try_again(
    client: Client, campaign: Campaign, standin: StandIn, fault: str, only: str
) -> None:
    standin.faults.set(fault, probability=1, seconds=0, only=only)

    data = factories.form_data(campaign, email="typed@example.org")

    response = client.post(f"/c/{campaign.slug}/give/", data)

    page = response.content.decode()
    assert response.status_code == 503
    assert "Nothing is charged before you confirm" in page
    assert 'value="typed@example.org"' in page
    standin.faults.clear()
    assert client.post(f"/c/{campaign.slug}/give/", data).status_code == 303
    assert len(standin.objects("checkout.session")) == 1


def test_an_hour_later_the_form_opens_a_new_page(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    pledge = factories.make_pledge()
    first = services.start_checkout(campaign=campaign, pledge=pledge, now=timezone.now())
    standin.advance(3700)

    second = services.start_checkout(
        campaign=campaign, pledge=pledge, now=timezone.now() + timedelta(minutes=62)
    )

    assert first != second
    assert [s["status"] for s in standin.objects("checkout.session")] == ["expired", "open"]


def test_ticked_boxes_become_consents_with_their_proof_once_the_gift_is_paid(
    client: Client, campaign: Campaign, standin: StandIn, deliver: Any
) -> None:
    give(client, campaign, mail_campaign="on", mail_platform="on")
    assert not Consent.objects.exists()

    donation = Donation.objects.get()
    standin.pay(str(donation.session_id))
    deliver(*standin.events(), *standin.events())
    inbox.process_due(now=timezone.now())

    ours, theirs = Consent.objects.order_by("campaign_id")
    assert ours.campaign == campaign
    assert campaign.name in ours.wording
    assert theirs.campaign is None
    assert "Alliance" in theirs.wording
    assert ours.source == f"gift {donation.reference}"
    assert ours.given_at == donation.said_at


def test_without_a_tick_nobody_has_agreed_to_anything(
    client: Client, campaign: Campaign, standin: StandIn, deliver: Any
) -> None:
    page = client.get(f"/c/{campaign.slug}/give/").content.decode()
    assert "checked" not in page.split('name="mail_campaign"')[1].split(">")[0]
    assert "checked" not in page.split('name="mail_platform"')[1].split(">")[0]

    donation = factories.start_donation(campaign)
    standin.pay(str(donation.session_id))
    services.ask_stripe(donation, now=timezone.now())

    assert Payment.objects.count() == 1
    assert not Consent.objects.exists()


def test_one_person_is_one_contact_however_the_address_is_spelt(
    campaign: Campaign, standin: StandIn
) -> None:
    for email in ("Gail@Example.org", "gail@example.ORG", "gail@example.org"):
        factories.start_donation(campaign, email=email)
    factories.start_donation(campaign, email="gail+second@example.org")

    assert Contact.objects.count() == 2


def test_an_address_under_an_accented_domain_is_spelt_as_mail_servers_do(
    campaign: Campaign, standin: StandIn, client: Client
) -> None:
    assert give(client, campaign, email="gail@bücher.example").status_code == 303

    assert Contact.objects.get().email == "gail@xn--bcher-kva.example"


def test_a_bank_debit_under_way_is_not_started_anew(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign)
    client.post(f"/c/{campaign.slug}/give/", data)
    donation = Donation.objects.get()
    standin.pay(str(donation.session_id), method="DE89370400440532013000")

    answers = [
        client.post(f"/c/{campaign.slug}/give/", {**data, "amount": amount})
        for amount in ("5000", "2500")
    ]

    assert {answer["Location"] for answer in answers} == {donation.get_absolute_url()}
    assert Donation.objects.with_state().get().state == models.State.CONFIRMING
    assert len(standin.objects("checkout.session")) == 1


def test_a_page_that_stripe_knows_nothing_of_is_replaced(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    data = factories.form_data(campaign)
    client.post(f"/c/{campaign.slug}/give/", data)
    Donation.objects.update(session_id="cs_of_another_key")

    answer = client.post(f"/c/{campaign.slug}/give/", {**data, "amount": "5000"})

    assert answer.status_code == 303
    assert Donation.objects.get().session_id == standin.objects("checkout.session")[-1]["id"]


def test_tampering_with_the_return_address_leads_nowhere(
    client: Client, campaign: Campaign, standin: StandIn
) -> None:
    response = client.post(
        f"/c/{campaign.slug}/give/?next=https://elsewhere.example/",
        {**factories.form_data(campaign), "success_url": "https://elsewhere.example/"},
        headers={"X-Forwarded-Host": "elsewhere.example"},
    )

    session = standin.objects("checkout.session")[0]
    assert response["Location"] == session["url"]
    assert session["success_url"].startswith(settings.SITE_URL)
    assert session["cancel_url"].startswith(settings.SITE_URL)


def test_the_form_changes_nothing_by_being_looked_at(client: Client, campaign: Campaign) -> None:
    assert client.head(f"/c/{campaign.slug}/give/").status_code == 200
    assert client.put(f"/c/{campaign.slug}/give/").status_code == 405
    assert not Donation.objects.exists()
