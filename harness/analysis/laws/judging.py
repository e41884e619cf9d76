"""How a law is judged: its two sides, what they differ by, and how much they may."""

from typing import NamedTuple

from harness.results.findings import Law, Verdict


class Sides(NamedTuple):
    """The two sides of a law, in one unit, each computed from facts of its own."""

    left: float
    right: float
    unit: str


def judge(
    name: str,
    sides: Sides,
    residual: float,
    tolerance: float,
    detail: str,
    stage: str | None = None,
) -> Law:
    """Return a law that was checked: FAIL if the size of the residual exceeds the tolerance."""
    verdict = Verdict.PASS if abs(residual) <= tolerance else Verdict.FAIL
    left, right, unit = float(sides.left), float(sides.right), sides.unit
    return Law(name, verdict, float(residual), float(tolerance), detail, stage, left, right, unit)


def unknown(name: str, tolerance: float, why: str, stage: str | None = None) -> Law:
    """Return a law that could not be checked, and why."""
    return Law(name, Verdict.UNKNOWN, None, tolerance, why, stage)
