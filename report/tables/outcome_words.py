"""What the words of a comparison mean, and which effects were too small to get one."""

from collections.abc import Mapping, Sequence
from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import numbers
from report.evidence import Pair

DELTAS = (
    "δ is 15 % of times, memory and CPU, and 5 % of counts, rates and shares; of differences half a"
    " unit, or one percentage point; configured values: no tolerance."
)
"""What does not matter, as harness.analysis.metrics has it."""

MEANING = (
    "Better and worse: the 95 % interval excludes equality and the difference exceeds δ. No "
    f"difference: the whole interval lies within δ. {DELTAS}"
)


def footer(metrics: Mapping[str, Mapping[str, Any]], pairs: Sequence[Pair]) -> str:
    """Return what the outcomes mean, and the smallest differences that could have been found."""
    if not pairs:
        return ""
    found = [(pair.contender.title, _detectable(metrics, pair)) for pair in pairs]
    named = [f"{title}: {sizes}" if len(pairs) > 1 else sizes for title, sizes in found if sizes]
    smallest = f"Smallest detectable difference (80 % power): {'; '.join(named)}. "
    return (smallest if named else "") + MEANING


def _detectable(metrics: Mapping[str, Mapping[str, Any]], pair: Pair) -> str:
    sizes = []
    for metric in listed(Listing.DETECTABLE):
        facts, found = metrics[metric], pair.comparisons[metric]
        least = found["detectable"]
        if least is not None:
            digits = max(facts["digits"], numbers.factor_digits(least))
            shown = numbers.number(least, digits)
            is_ratio = found["kind"] == "ratio"
            unit = numbers.unit_of_difference(facts["unit"])
            size = f"{shown}×" if is_ratio else numbers.with_unit(shown, unit)
            sizes.append(f"{facts['title']} {size} (n = {found['n']})")
    return ", ".join(sizes)
