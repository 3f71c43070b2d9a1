import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from alliance.local.standin import StandIn

SITE = "http://127.0.0.1:8000"
DONOR = {"email": "ada@example.org", "name": "Ada"}
PAYS = DONOR | {"method": "4242424242424242"}
DECLINES = DONOR | {"method": "4000000000000002"}
ASKS_3DS = DONOR | {"method": "4000002760003184"}


def test_the_page_says_what_is_paid_and_that_no_money_moves(
    browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    session = open_session(customer_email="grace@example.org")

    page = browse(session.url)

    assert page.status == 200
    for words in ("no money moves", "Mend &lt;the&gt; roof", "£25.00", "Donate £25.00"):
        assert words in page.text
    assert re.search(r'<input id="email"[^>]* value="grace@example.org" readonly', page.text)
    assert f'<a class="back" href="{SITE}/c/roof/">' in page.text
    assert page.text.count('type="radio"') == 7
    assert "<script" not in page.text
    policy = page.headers["Content-Security-Policy"]
    assert f"form-action 'self' {SITE};" in policy
    assert "unsafe" not in policy


def test_a_declined_card_is_told_and_the_next_one_pays(
    standin: StandIn, browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    session = open_session()

    declined = browse(session.url, DECLINES)
    paid = browse(session.url, PAYS)

    assert declined.status == 200
    assert re.search(r'role="alert">Your card was declined\.', declined.text)
    assert 'value="ada@example.org"' in declined.text
    assert paid.status == 303
    assert paid.headers["Location"] == f"{SITE}/g/1/?s={session.id}"
    assert len(standin.objects("payment_intent")) == 1
    assert [c["status"] for c in standin.objects("charge")] == ["failed", "succeeded"]


def test_three_d_secure_may_fail_first_and_succeed_then(
    standin: StandIn, browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    session = open_session()
    question = f"{session.url}/3ds"

    asked = browse(session.url, ASKS_3DS)
    failed = browse(question, {"answer": "fail"})
    browse(session.url, ASKS_3DS)
    form = browse(question)
    paid = browse(question, {"answer": "complete"})
    again = browse(question, {"answer": "complete"})

    assert paid.headers["Location"] == again.headers["Location"]
    assert asked.headers["Location"] == f"/c/pay/{session.id}/3ds"
    assert 'role="alert">We could not authenticate your card.' in failed.text
    assert 'value="complete">Complete<' in form.text
    assert 'value="fail">Fail<' in form.text
    assert paid.headers["Location"] == f"{SITE}/g/1/?s={session.id}"
    assert [c["status"] for c in standin.objects("charge")] == ["succeeded"]


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (PAYS | {"email": "nobody"}, "Write your email address."),
        (PAYS | {"method": "1"}, "Choose how to pay."),
        ({}, "Write your email address."),
    ],
)
def test_a_form_filled_in_wrongly_is_shown_again_and_takes_nothing(
    standin: StandIn,
    browse: Callable[..., Any],
    open_session: Callable[..., Any],
    form: dict[str, str],
    words: str,
) -> None:
    page = browse(open_session().url, form)

    assert f'role="alert">{words}' in page.text
    assert standin.objects("payment_intent") == []


def test_many_clicks_at_once_make_one_payment(
    standin: StandIn, browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    session, places = open_session(), []
    gate = threading.Barrier(6)

    def click() -> None:
        gate.wait()
        places.append(browse(session.url, PAYS).headers["Location"])

    clicks = [threading.Thread(target=click) for _ in range(6)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()

    assert places == [f"{SITE}/g/1/?s={session.id}"] * 6
    assert len(standin.objects("charge")) == len(standin.objects("balance_transaction")) == 1
    assert len(standin.events("checkout.session.completed")) == 1


def test_a_page_that_is_gone_says_what_to_do_and_takes_nothing(
    standin: StandIn, browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    expired, paid = open_session(), open_session()
    standin.pay(paid.id)
    standin.advance(3601)

    pages = [browse(expired.url), browse(expired.url, PAYS), browse(paid.url)]
    unknown = browse(f"{standin.base_url}/c/pay/cs_test_0")

    assert [page.status for page in [*pages, unknown]] == [410] * 4
    assert f'href="{SITE}/c/roof/">Back to the site<' in pages[1].text
    assert f'href="{SITE}/g/1/?s={paid.id}">Continue<' in pages[2].text
    assert len(standin.objects("charge")) == 1


@pytest.mark.usefixtures("receiver")
def test_the_front_page_tells_and_commands_what_the_stand_in_does(
    standin: StandIn,
    browse: Callable[..., Any],
    open_session: Callable[..., Any],
) -> None:
    slow = open_session()
    standin.faults.set("drop", next=1, only="checkout.session.completed")
    standin.pay(slow.id, method="DE89370400440532013000")
    standin.drain()
    (dropped,) = standin.events("checkout.session.completed")

    before = browse(standin.base_url)
    sent = browse(f"{standin.base_url}/_standin/resend", {"events": dropped["id"]})
    settled = browse(f"{standin.base_url}/_standin/settle", {"session": slow.id, "ok": "true"})
    fields = {"stall[next]": "0", "stall[probability]": "0.5", "stall[seconds]": "2"}
    faults = browse(f"{standin.base_url}/_standin/faults", fields)
    refused = browse(f"{standin.base_url}/_standin/settle", {"session": slow.id, "ok": "true"})
    standin.drain()
    after = browse(standin.base_url)

    assert "waits for the bank" in before.text
    assert 'class="state">never sent<' in before.text
    assert [p.status for p in (sent, settled, faults, refused)] == [303, 303, 303, 400]
    assert standin.faults.settings()["stall"]["probability"] == 0.5
    assert "waits for the bank" not in after.text
    assert 'class="state">never sent<' not in after.text
    assert "delivered; 1 sent, last answer 200" in after.text


def test_the_front_page_has_a_button_for_what_may_befall_money(
    standin: StandIn,
    browse: Callable[..., Any],
    open_session: Callable[..., Any],
    start: Callable[..., Any],
) -> None:
    def press(name: str, **fields: str) -> Any:
        return browse(f"{standin.base_url}/_standin/{name}", fields)

    charges = [standin.pay(open_session().id)["latest_charge"] for _ in range(3)]
    plan = start("4000000000000341")

    part = press("refund", charge=charges[0], figure="5.25")
    rest = press("refund", charge=charges[0], figure="")
    odd = press("refund", charge=charges[1], figure="5,25")
    refunds = [refund["id"] for refund in standin.objects("refund")]
    failed = press("fail_refund", refund=refunds[1])
    disputed = press("dispute", payment=charges[1], inquiry="false")
    asked = press("dispute", payment=charges[2], inquiry="true")
    (dispute, inquiry) = standin.objects("dispute")
    open_page = browse(standin.base_url).text
    reviewed = press("update_dispute", dispute=dispute["id"], status="under_review")
    won = press("close_dispute", dispute=dispute["id"], outcome="won")
    closed = press("close_dispute", dispute=inquiry["id"], outcome="won")
    paid_out = press("payout")
    month = press("clock", seconds="2678400")
    after = browse(standin.base_url).text
    owed = standin.objects("invoice", status="open")[0]["id"]
    changed = press("change_card", owner=plan.id, method="4242424242424242")
    paid = press("pay_invoice", invoice=owed)

    steps = (part, rest, failed, disputed, asked, reviewed, won, closed, paid_out, month)
    assert [step.status for step in (*steps, changed, paid)] == [303] * 12
    assert odd.status == 400
    assert "write 5 or 12.50" in odd.text
    assert [refund["amount"] for refund in standin.objects("refund")] == [525, 1975]
    for words in ("Let it fail", "Win it", "Lose it", "Make it a dispute", "£5.00 a month"):
        assert words in open_page
    for words in ("past due", "Pay what is owed", "£5.25 refunded", "disputed: won"):
        assert words in after
    assert "Win it" not in after
    assert standin.objects("invoice")[-1]["status"] == "paid"
    assert standin.objects("dispute")[1]["status"] == "warning_closed"
    assert browse(standin.base_url).status == 200


def test_another_site_cannot_press_buttons_here(
    standin: StandIn, browse: Callable[..., Any], open_session: Callable[..., Any]
) -> None:
    session = open_session()

    pressed = browse(session.url, PAYS, **{"Sec-Fetch-Site": "cross-site"})

    assert pressed.status == 403
    assert standin.objects("charge") == []


def test_style_and_picture_are_served_by_the_stand_in_itself(
    standin: StandIn, browse: Callable[..., Any]
) -> None:
    style = browse(f"{standin.base_url}/standin.css")
    picture = browse(f"{standin.base_url}/standin.svg")

    assert style.headers["Content-Type"] == "text/css; charset=utf-8"
    assert picture.headers["Content-Type"] == "image/svg+xml"
    assert browse(f"{standin.base_url}/nothing").status == 404
