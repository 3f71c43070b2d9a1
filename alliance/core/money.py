"""Money: whole minor units and a currency, and the only code that parses or prints an amount."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Currency:
    """What a currency allows. Amounts in minor units; limits are Stripe's own per charge."""

    symbol: str
    exponent: int
    minimum: int
    maximum: int = 99_999_999


# Minimums: Stripe's table of minimum charge amounts. Maximum: eight digits.
CURRENCIES = {
    "gbp": Currency("£", 2, 30),
    "eur": Currency("€", 2, 50),
    "usd": Currency("$", 2, 50),
    "jpy": Currency("¥", 0, 50),
}


class AmountError(ValueError):
    """An amount that can't be taken, in words for the person who typed it."""


@dataclass(frozen=True, order=True)
class Money:
    """An amount in minor units (pence) of one currency."""

    minor: int
    currency: str = "gbp"

    def __str__(self) -> str:
        if self.currency not in CURRENCIES:
            # Another shop's, on the same account at Stripe: how it is written is not known here.
            return f"{self.minor} {self.currency.upper()}, in its smallest unit"
        spec = CURRENCIES[self.currency]
        whole, rest = divmod(abs(self.minor), 10**spec.exponent)
        pence = f".{rest:0{spec.exponent}}" if rest else ""
        sign = "−" if self.minor < 0 else ""
        return f"{sign}{spec.symbol}{whole:,}{pence}"

    @property
    def exact(self) -> str:
        """Print with the minor units always there, as a receipt does: £25.00."""
        exponent = CURRENCIES[self.currency].exponent if self.currency in CURRENCIES else 0
        is_round = exponent and not self.minor % 10**exponent
        return f"{self}.{0:0{exponent}}" if is_round else str(self)

    @property
    def bare(self) -> str:
        """Print as one would type it: 12.50."""
        return self.exact.removeprefix(CURRENCIES[self.currency].symbol).replace(",", "")


_PLAIN = r"\d+"
_GROUPED = r"\d{1,3}(?:,\d{3})+"
_AMOUNT = re.compile(rf"(?P<whole>{_GROUPED}|{_PLAIN})?(?:\.(?P<rest>\d*))?", re.ASCII)


def parse(
    text: str, currency: str = "gbp", *, by_card: bool = True, most: int | None = None
) -> Money:
    """Read an amount a person typed, such as "5", "£5", "5.50" or "1,000.00".

    Raises AmountError where it is not one amount that Stripe would take, to the penny. An amount
    that no card is charged with may be smaller. `most`: the largest that makes sense, in minor
    units, where it is no payment.
    """
    spec = CURRENCIES[currency]
    example = f"like {spec.symbol}12" + (f" or {spec.symbol}12.50" if spec.exponent else "")
    bare = text.strip().removeprefix(spec.symbol).strip()
    # More digits than the largest amount has can't be right, and must cost no arithmetic.
    found = _AMOUNT.fullmatch(bare) if len(bare) <= 20 else None  # noqa: PLR2004 (see above)
    if not bare or found is None or not (found["whole"] or found["rest"]):
        raise AmountError(f"Enter an amount in figures, {example}.")
    rest = (found["rest"] or "").rstrip("0")
    if len(rest) > spec.exponent:
        raise AmountError(f"Enter an amount no finer than a penny, {example}.")
    whole = (found["whole"] or "0").replace(",", "")
    minor = int(whole + rest.ljust(spec.exponent, "0"))
    if not by_card and not minor:
        raise AmountError(f"Enter an amount of more than nothing, {example}.")
    highest = most or spec.maximum
    if not by_card and minor > highest:
        raise AmountError(f"At most {Money(highest, currency)} can be entered at a time.")
    if by_card and minor < spec.minimum:
        raise AmountError(
            f"The smallest gift a card can carry is {Money(spec.minimum, currency)}."
        )
    if by_card and minor > spec.maximum:
        raise AmountError(
            f"One card payment can carry {Money(spec.maximum, currency)} at most. "
            "To give more, please write to us."
        )
    return Money(minor, currency)
