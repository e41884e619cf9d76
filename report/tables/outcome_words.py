"""What the words of a comparison mean, and which effects were too small to get one."""

from collections.abc import Mapping
from typing import Any

from harness.analysis.metric import Listing
from harness.analysis.metrics import listed
from report import numbers
from report.evidence import Pair

DELTAS = (
    "δ is 15 % of times, memory and CPU, and 5 % of counts, rates and shares; of differences half a"
    " unit, or one percentage point; of what is configured nothing."
)
"""What does not matter, as harness.analysis.metrics has it."""

MEANING = (
    "Better and worse: the 95 % interval excludes equality and the difference exceeds δ. No "
    f"difference: the whole interval lies within δ. {DELTAS}"
)


def footer(metrics: Mapping[str, Mapping[str, Any]], pair: Pair) -> str:
    """Return what the verdicts mean, and the smallest effects that could have had one."""
    told = []
    for metric in listed(Listing.DETECTABLE):
        facts, found = metrics[metric], pair.comparisons[metric]
        least = found.get("detectable")
        if least is not None:
            digits = max(facts["digits"], numbers.factor_digits(least))
            shown = numbers.number(least, digits)
            is_ratio = found["kind"] == "ratio"
            size = f"{shown}×" if is_ratio else numbers.with_unit(shown, facts["unit"])
            told.append(f"{facts['title']} {size} (n = {found['n']})")
    smallest = (
        "The smallest effects that these blocks would have called better or worse with 80 % power: "
        f"{', '.join(told)}. "
    )
    return (smallest if told else "") + MEANING
