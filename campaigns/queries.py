"""What a campaign's page says, what it lacks, and what is different between two versions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from alliance.core import text
from alliance.core.money import Money
from campaigns.models import Campaign, Goal

WORDS = (
    "title",
    "lede",
    "story",
    "target_minor",
    "stretch_minor",
    "presets",
    "recipient",
    "fees",
    "refunds",
    "terms",
    "imprint",
)
PICTURE = ("picture", "picture_alt", "picture_credit", "drawing_will_do")
# What is kept of each edit, beside the goals.
PAGE = (*WORDS, *PICTURE)
GOAL_FIELDS = ("title", "detail", "amount_minor", "state", "position")
ENDORSEMENT_FIELDS = ("name", "role", "affiliation", "said_on", "source_url")
# All others may have several lines.
ONE_LINE = {"title", "picture_alt", "picture_credit", "name", "role", "affiliation", "source_url"}

LABELS = {
    "title": "headline",
    "lede": "opening lines",
    "story": "story",
    "picture": "picture",
    "picture_alt": "picture in words",
    "picture_credit": "credit of the picture",
    "drawing_will_do": "drawing instead of a picture",
    "target_minor": "target",
    "stretch_minor": "stretch target",
    "presets": "amounts to choose from",
    "recipient": "who receives the money",
    "fees": "fees",
    "refunds": "refunds",
    "terms": "other terms",
    "imprint": "imprint",
    "goals": "goals",
}
# Beyond this many lines or words a difference takes longer than anybody waits for it.
MAX_LINES = 2000
MAX_WORDS = 3000
# So many letters of what is the same are shown beside a change.
AROUND = 150


@dataclass(frozen=True)
class Missing:
    """Something a page must have before people see it: the field, and a word for it."""

    field: str
    words: str


@dataclass(frozen=True)
class Piece:
    """A stretch of text: "same", "added" or "removed"."""

    kind: str
    text: str


@dataclass(frozen=True)
class Difference:
    """What is different about one part of the page."""

    field: str
    label: str
    pieces: list[Piece]


def page_of(campaign: Campaign) -> dict[str, Any]:
    """Return what a page says, as an edit keeps it."""
    page = plain({name: getattr(campaign, name) for name in PAGE})
    return {**page, "goals": [goal_of(goal) for goal in campaign.goals.all()]}


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields of the page as JSON holds them: of a picture its name."""
    return {
        name: (getattr(value, "name", value) or "") if name == "picture" else value
        for name, value in fields.items()
    }


def goal_of(goal: Goal) -> dict[str, Any]:
    """Return a goal as an edit keeps it."""
    return {"id": goal.pk, **{name: getattr(goal, name) for name in GOAL_FIELDS}}


def missing(campaign: Campaign) -> list[Missing]:
    """Return what a page lacks before people may see it, in the order in which it is written."""
    return missing_in(page_of(campaign))


def missing_in(page: Mapping[str, Any]) -> list[Missing]:
    """Return what a page lacks, told from what an edit keeps of it."""
    has_art = page["picture"] or page["drawing_will_do"]
    needs = [
        ("title", page["title"], "a headline"),
        ("lede", page["lede"], "opening lines"),
        ("story", page["story"], "the story"),
        ("picture", has_art, "a picture, or your word that the drawing will do"),
        ("picture_alt", page["picture_alt"] or not page["picture"], "the picture in words"),
        ("picture_credit", page["picture_credit"] or not page["picture"], "whose the picture is"),
        ("target_minor", page["target_minor"], "a target"),
        ("presets", page["presets"], "amounts to choose from"),
        ("goals", page["goals"], "at least one goal: what the money will do"),
        ("recipient", page["recipient"], "who receives the money"),
        ("fees", page["fees"], "what fees are taken"),
        ("refunds", page["refunds"], "the rule for refunds"),
        ("imprint", page["imprint"], "the imprint"),
    ]
    return [Missing(field, words) for field, is_there, words in needs if not is_there]


def pictures_of(campaign: Campaign) -> dict[str, text.Picture]:
    """Return the pictures that the campaign's story may show, by their address."""
    return {one.file.url: text.Picture(one.alt, one.credit) for one in campaign.pictures.all()}


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], *, currency: str
) -> list[Difference]:
    """Return what is different about a page, part by part, in the page's own order."""
    return [
        Difference(
            name,
            LABELS[name],
            _shortened(
                compare(
                    spelled(name, before.get(name), currency),
                    spelled(name, after.get(name), currency),
                )
            ),
        )
        for name in LABELS
        if name in after and before.get(name) != after.get(name)
    ]


def spelled(name: str, value: Any, currency: str) -> str:
    """Write a part of the page as people read it."""
    if name.endswith("_minor"):
        return "" if value is None else str(Money(value, currency))
    if name == "presets":
        return ", ".join(str(Money(minor, currency)) for minor in value or [])
    if name == "drawing_will_do":
        return "yes" if value else "no"
    if name == "picture":
        return str(value or "").rpartition("/")[2]
    if name == "goals":
        return "\n".join(_goal_in_words(goal, currency) for goal in value or [])
    return str(value or "")


def compare(before: str, after: str) -> list[Piece]:
    """Return the second text with what it has lost and won against the first, word by word.

    Paragraph by paragraph first: a long story is then as quick as its changes are short.
    """
    pieces: list[Piece] = []
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    if len(old) + len(new) > MAX_LINES:
        return _joined([Piece("removed", before), Piece("added", after)])
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        was, now = "".join(old[i1:i2]), "".join(new[j1:j2])
        pieces += [Piece("same", was)] if kind == "equal" else _by_words(was, now)
    return _joined(pieces)


def _by_words(was: str, now: str) -> Iterator[Piece]:
    old, new = (re.findall(r"\s+|\w+|[^\w\s]", one) for one in (was, now))
    if len(old) + len(new) > MAX_WORDS:
        yield from (Piece("removed", was), Piece("added", now))
        return
    removed = added = ""
    for kind, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        lost, won = "".join(old[i1:i2]), "".join(new[j1:j2])
        is_gap = not lost.strip() and bool(removed or added)
        if kind != "equal" or (is_gap and i2 < len(old) and j2 < len(new)):
            # A space between two changes is a part of both: words are easier to read together.
            removed, added = removed + lost, added + won
            continue
        yield from (Piece("removed", removed), Piece("added", added), Piece("same", lost))
        removed = added = ""
    yield from (Piece("removed", removed), Piece("added", added))


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if joined and joined[-1].kind == piece.kind:
            joined[-1] = Piece(piece.kind, joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return joined


def _shortened(pieces: list[Piece]) -> list[Piece]:
    """Leave out what is the same and far from any change."""
    last = len(pieces) - 1
    return [
        Piece(piece.kind, _near(piece.text, is_first=at == 0, is_last=at == last))
        if piece.kind == "same" and last
        else piece
        for at, piece in enumerate(pieces)
    ]


def _near(same: str, *, is_first: bool, is_last: bool) -> str:
    start, end = "" if is_first else same[:AROUND], "" if is_last else same[-AROUND:]
    return same if len(same) <= 2 * AROUND else f"{start} […] {end}"


def _goal_in_words(goal: Mapping[str, Any], currency: str) -> str:
    amount = spelled("amount_minor", goal["amount_minor"], currency)
    parts = [goal["title"], goal["detail"], amount, Goal.State(goal["state"]).label]
    return " · ".join(part for part in parts if part)
