"""Amounts: what people type, and what may never get through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alliance.core import money
from alliance.core.money import AmountError, Money


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("5", 500),
        ("5.00", 500),
        ("5.5", 550),
        (" £5 ", 500),
        ("£ 5", 500),
        ("£1,000.00", 100_000),
        ("1,000", 100_000),
        ("12,345", 1_234_500),
        (".50", 50),
        ("5.", 500),
        ("5.000", 500),
        ("0.30", 30),
        ("999999.99", 99_999_999),
    ],
)
def test_an_amount_is_read_as_a_person_means_it(typed: str, minor: int) -> None:
    assert money.parse(typed) == Money(minor)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "in figures"),
        ("   ", "in figures"),
        ("£", "in figures"),
        (".", "in figures"),
        ("five", "in figures"),
        ("NaN", "in figures"),
        ("Infinity", "in figures"),
        ("1e3", "in figures"),
        ("-5", "in figures"),
        ("+5", "in figures"),
        ("5,5", "in figures"),
        ("10,00", "in figures"),
        ("1,00,000", "in figures"),
        ("5 0", "in figures"),
        ("5..0", "in figures"),
        ("0x10", "in figures"),
        ("\u0665", "in figures"),
        ("$5", "in figures"),
        ("5\x00", "in figures"),
        ("9" * 5000, "in figures"),
        ("0", "smallest gift"),
        ("0.29", "smallest gift"),
        ("0.001", "no finer than a penny"),
        ("1.999", "no finer than a penny"),
        ("1000000", "at most"),
    ],
)
def test_an_amount_that_cannot_be_taken_is_refused_in_words(typed: str, said: str) -> None:
    with pytest.raises(AmountError, match=said):
        money.parse(typed)


@given(st.integers(min_value=30, max_value=99_999_999))
def test_every_amount_survives_being_printed_and_read(minor: int) -> None:
    amount = Money(minor)

    assert money.parse(str(amount)) == amount
    assert money.parse(amount.exact) == amount


@given(st.text(max_size=30))
def test_no_text_whatever_breaks_the_parser(typed: str) -> None:
    try:
        amount = money.parse(typed)
    except AmountError:
        return
    assert 30 <= amount.minor <= 99_999_999


def test_a_currency_without_minor_units_is_read_and_printed_whole() -> None:
    assert money.parse("¥500", "jpy") == Money(500, "jpy")
    assert str(Money(1500, "jpy")) == Money(1500, "jpy").exact == "¥1,500"
    with pytest.raises(AmountError, match="no finer"):
        money.parse("500.5", "jpy")


def test_receipts_print_the_pence_and_pages_only_where_there_are_some() -> None:
    assert (str(Money(2500)), Money(2500).exact) == ("£25", "£25.00")
    assert (str(Money(2550)), Money(2550).exact) == ("£25.50", "£25.50")
    assert str(Money(-1_432_005)) == "−£14,320.05"
