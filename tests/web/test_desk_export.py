"""The desk's file of gifts: what is in it, who took it, and how it comes."""

import csv
import io
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from alliance.local import populate
from campaigns.models import Campaign
from donations import export
from tests.web.money import ALL, gifts, give

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", " =1+1", "\uff1d1+1", '=HYPERLINK("http://x")']


# -- the file -----------------------------------------------------------------------------------


def download(client: Client, campaign: Campaign, **said: str) -> str:
    answer = client.post(f"{gifts(campaign)}export/", said)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    assert answer["Cache-Control"] == "private, no-store"
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


def rows(client: Client, campaign: Campaign, **said: str) -> list[dict[str, str]]:
    text = download(client, campaign, **said)
    assert text.startswith(export.MARK)
    return list(csv.DictReader(io.StringIO(text.removeprefix(export.MARK))))


def test_the_file_holds_what_is_known_of_each_gift_and_the_trail_who_took_it(
    fin: Client, campaign: Campaign, everybody: None
) -> None:
    before = LogEntry.objects.count()

    found = rows(fin, campaign)

    assert [row["name"] for row in found] == ALL
    assert list(found[0]) == list(export.COLUMNS)
    rita = next(row for row in found if row["name"] == "Rita Refunded")
    assert (rita["came"], rita["went_back"], rita["left"]) == ("9.00", "1.00", "8.00")
    assert (rita["state"], rita["may_be_mailed"]) == ("partly_refunded", "no")
    ola = next(row for row in found if row["name"] == "Ola Once")
    assert (ola["link"], ola["email"], ola["currency"]) == ("poster", "ola@example.org", "GBP")
    told = [entry.change_message for entry in LogEntry.objects.order_by("pk")[before:]]
    assert told == ["Began to export gifts (all gifts).", "Exported 8 gifts (all gifts)."]
    assert {entry.object_repr for entry in LogEntry.objects.order_by("pk")[before:]} == {
        campaign.name
    }


def test_a_part_of_it_is_taken_and_said_so(
    fin: Client, campaign: Campaign, everybody: None
) -> None:
    assert [row["name"] for row in rows(fin, campaign, show="monthly")] == ["Mona Monthly"]
    assert [row["name"] for row in rows(fin, campaign, show="link:poster")] == ["Ola Once"]
    # What is no part is all of it, and is not written into the trail.
    assert len(rows(fin, campaign, show="<script>")) == 8

    told = " ".join(LogEntry.objects.values_list("change_message", flat=True))
    assert "Exported 1 gifts (given every month)." in told
    assert "Exported 1 gifts (came by link:poster)." in told
    assert "script" not in told


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_is_a_formula(fin: Client, campaign: Campaign, name: str) -> None:
    give(campaign, "pi_1", name=name)

    assert rows(fin, campaign)[0]["name"] == f"'{name}"


def test_names_with_commas_quotes_and_lines_stay_one_cell(fin: Client, campaign: Campaign) -> None:
    give(campaign, "pi_1", name='Gail "G", Guest\nof Frome; £')

    assert [row["name"] for row in rows(fin, campaign)] == ['Gail "G", Guest\nof Frome; £']


def test_a_long_file_comes_in_pieces_by_ever_the_same_queries(
    fin: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 10)
    populate.add_gifts(campaign, count=95, amounts=[500])
    answer: Any = fin.post(f"{gifts(campaign)}export/")
    pieces: list[bytes] = []
    costs = []
    stream = iter(answer.streaming_content)
    while True:
        with CaptureQueriesContext(connection) as queries:
            piece = next(stream, None)
        if piece is None:
            break
        pieces.append(piece)
        costs.append(len(queries))

    assert len(pieces) == 11
    assert costs == [0, *[4] * 10]
    found = list(csv.DictReader(io.StringIO(b"".join(pieces).decode("utf-8-sig"))))
    assert len({row["reference"] for row in found}) == 95


def test_who_gives_up_half_way_has_taken_what_they_took(
    fin: Client, campaign: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "CHUNK", 10)
    populate.add_gifts(campaign, count=30, amounts=[500])
    answer: Any = fin.post(f"{gifts(campaign)}export/")
    stream = iter(answer.streaming_content)
    for _ in range(3):
        next(stream)

    answer._iterator.close()

    last = LogEntry.objects.latest("pk").change_message
    assert last == "Exported 20 gifts (all gifts); it broke off."


def test_looking_at_the_page_takes_nothing(fin: Client, campaign: Campaign) -> None:
    give(campaign, "pi_1")

    page = fin.get(f"{gifts(campaign)}export/", {"show": "monthly"})

    assert page.status_code == 200
    assert "gail" not in page.content.decode().lower()
    assert '<option value="monthly" selected>' in page.content.decode()
    assert not LogEntry.objects.exists()
