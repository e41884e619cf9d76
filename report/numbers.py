"""How numbers are printed: the same digits, units and dashes in HTML, Markdown and pictures."""

import math
import re
from collections.abc import Mapping
from typing import Any

NOTHING = "–"
DURATIONS = ("ms", "s")
LARGER = {"ms": "s", "MB": "GB"}
"""The unit of what is a thousand times as much."""
FARTHEST = 1_000
"""What is more times as much is no quantity of the same kind: the two values say more."""

_MILLISECONDS = re.compile(r"\b(\d+(?:\.\d+)?) ms\b")


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with thousands separators, or a dash for none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = round(value, digits) + 0.0  # a rounded -0.0 has no sign
    return f"{rounded:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def counted(n: int, what: str) -> str:
    """Return a number of things, such as ``3 runs``."""
    return f"{number(n)} {what}{'' if n == 1 else 's'}"


def between(above: int, up_to: int) -> str:
    """Return the whole numbers above one and up to another as a bin: ``51–100``."""
    return f"{above + 1:,}–{up_to:,}"


def moment(stored: str) -> str:
    """Return a stored moment as people read it."""
    return stored.replace("T", " ").replace("+00:00", " UTC")


def short(value: float) -> str:
    """Return a number for an axis: no needless digits, thousands separated."""
    if value and abs(value) < 1:
        return f"{value:.2g}"
    if abs(value) < 10:
        return f"{value:.3g}"
    return f"{value:,.0f}"


def interval(low: float | None, high: float | None, digits: int) -> str:
    """Return ``[low, high]``, or nothing if there is no interval."""
    if low is None or high is None:
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def fitting(value: float | None, digits: int, unit: str) -> int:
    """Return how many decimals a value needs for three digits that count.

    A metric's `digits` are the most, but a short duration has as many as show two.
    """
    if not value:
        return digits
    size = abs(value)
    most = 0 if size >= 99.95 else 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    if unit in DURATIONS and size < 10:
        digits = max(digits, 1 if size >= 1 else 2 if size >= 0.1 else 3)
    return min(digits, most)


def readable(estimate: Mapping[str, Any], digits: int) -> tuple[Mapping[str, Any], int]:
    """Return an estimate in the unit in which people say it, and how many decimals it needs."""
    unit = estimate["unit"]
    size = estimate["low"] if estimate["value"] is None else estimate["value"]
    if unit in LARGER and size is not None and abs(size) >= 1_000:
        ends = {key: estimate[key] and estimate[key] / 1_000 for key in ("value", "low", "high")}
        unit, size, digits = LARGER[unit], size / 1_000, 2
        estimate = {**estimate, **ends, "unit": unit}
    if size == 0 and not estimate["low"] and not estimate["high"]:
        return estimate, 0
    return estimate, fitting(size, digits, unit)


def estimate(estimate: Mapping[str, Any], digits: int) -> str:
    """Return an estimate such as ``47 ms [41, 53]``, ``≥ 30 s`` or ``–``."""
    estimate, digits = readable(estimate, digits)
    value, low, unit = estimate["value"], estimate["low"], estimate["unit"]
    if value is None:
        return NOTHING if low is None else f"≥ {with_unit(number(low, digits), unit)}"
    shown = with_unit(number(value, digits), unit)
    if low == estimate["high"] == value:
        return shown
    return f"{shown} {interval(low, estimate['high'], digits)}".rstrip()


def remark(warning: str) -> str:
    """Return a warning of an estimate as it stands beside it: a bound at its head is shown already.

    Milliseconds are said in the unit in which people say them.
    """
    why = warning.partition(": ")[2] if warning.startswith("at least ") else ""
    said = why or warning
    return _MILLISECONDS.sub(lambda found: duration(float(found[1])), said)


def bare(found: Mapping[str, Any], digits: int) -> str:
    """Return an estimate without its interval."""
    return estimate({**found, "low": None} if found["value"] is not None else found, digits)


def quantity(value: float | None, digits: int, unit: str) -> str:
    """Return a value by itself in the unit in which people say it: ``812 ms``, ``30.0 s``."""
    return bare({"value": value, "low": None, "high": None, "unit": unit}, digits)


def difference(
    value: float, digits: int, unit: str, low: float | None = None, high: float | None = None
) -> str:
    """Return how much more something is, with its interval: ``+1.20 s [0.90, 1.50]``."""
    size = {"value": value, "low": low, "high": high, "unit": unit}
    found, digits = readable(size, digits)
    shown = with_unit(signed(found["value"], digits), unit_of_difference(found["unit"]))
    return f"{shown} {interval(found['low'], found['high'], digits)}".rstrip()


def duration(value: float, unit: str = "ms") -> str:
    """Return a duration for a sentence, in the unit in which people say it: 4.8 ms, 30.0 s."""
    if unit == "ms" and value >= 1_000:
        value_s = value / 1_000
        return with_unit(number(value_s, fitting(value_s, 2, "s")), "s")
    return with_unit(short(value), unit)


def with_unit(text: str, unit: str) -> str:
    """Join a number and its unit with a space that does not break."""
    return f"{text}\N{NO-BREAK SPACE}{unit}" if unit else text


def unit_of_difference(unit: str) -> str:
    """Return the unit of a difference: two shares differ by points, not by per cent."""
    return "points" if unit == "%" else unit


def factor_digits(value: float) -> int:
    """Return how many decimals a factor needs for three digits that mean something."""
    size = abs(value)
    return 0 if size >= 100 else 1 if size >= 10 else 2


def factor(value: float | None, low: float | None, high: float | None) -> str:
    """Return a ratio so that it can be read: ``3.20× higher [2.90, 3.53]``, ``24.0× lower [..]``.

    A ratio whose interval includes 1 is neither and stays as it is: ``0.98× [0.90, 1.07]``.
    """
    if value is None or value <= 0:
        return NOTHING
    if (low is not None and high is not None and low <= 1 <= high) or value == 1:
        return f"{number(value, 2)}× {interval(low, high, 2)}".rstrip()
    word = "higher"
    if value < 1:
        value, low, high, word = 1 / value, inverse(high), inverse(low), "lower"
    digits = factor_digits(value)
    return f"{number(value, digits)}× {word} {interval(low, high, digits)}".rstrip()


def inverse(value: float | None) -> float | None:
    """Return 1 / value, or None if there is none."""
    return 1 / value if value else None


def times(value: float) -> str:
    """Return a ratio of at least one for a sentence: ``8.2×``, ``12×``."""
    return f"{value:,.1f}×" if value < 10 else f"{value:,.0f}×"


def signed(value: float, digits: int) -> str:
    """Return a difference with its sign."""
    text = number(value, digits)
    return f"+{text}" if value > 0 else text
