"""What a search for a capacity found, in words."""

from harness.capacity.capacity_document import Answer, VariantCapacity, level_words
from report import numbers
from report.capacity.searched import Searched
from report.conclusion import Headline, audit_failures

MEANING = (
    (
        "What a capacity is.",
        "The highest level of this load at which more than half of the runs kept every limit, and "
        "the least at which they did not. It holds for this load, these limits and this machine. A "
        "short run says nothing of what takes longer to fill up.",
    ),
    (
        "How sure it is.",
        "With three runs a level at which fewer than one run in eight passes is called served in "
        "less than 5 % of searches, and so is one called not served at which more than seven in "
        "eight pass. Whether a level between them is served on most days, three runs cannot tell.",
    ),
    (
        "What gave out.",
        "What had nothing to spare for a tenth of the busiest stage at least. If that is the load "
        "generator, the machine that it shares, or the simulated payment gateway, it says nothing "
        "of the system, which serves at least so much; else what was full longest is named.",
    ),
)


def headline(found: Searched) -> Headline:
    """Return in words what was found of each variant."""
    failed = found.document.incorrect_runs
    each = "; ".join(_short(found, one) for one in found.document.capacities)
    return Headline(
        title=f"The audit failed; {each}" if failed else each,
        problems=tuple(audit_failures(found.evidence)),
        sentences=tuple(one.statement for one in found.document.capacities),
    )


def lead(found: Searched) -> str:
    """Return what a level must keep."""
    limits = found.document.limits
    return (
        f"A level is served if more than half of its runs kept every limit: purchase p95 ≤ "
        f"{numbers.duration(limits.purchase_p95_ms)}, errors ≤ {limits.error_pct:g} %, and the "
        f"last order settled within {numbers.duration(limits.drain_s, 's')} after the load. Each "
        "run must be valid and pass the audit, or it says nothing of the system."
    )


def _short(found: Searched, one: VariantCapacity) -> str:
    of = found.document.of
    served = level_words(of, one.served or 0)
    over = level_words(of, one.not_served or 0)
    match one.answer:
        case Answer.BRACKET:
            return f"{one.title} serves {served}, not {over}"
        case Answer.AT_LEAST:
            return f"{one.title} serves at least {served}"
        case Answer.LESS_THAN:
            return f"{one.title} serves less than {over}"
        case Answer.UNKNOWN:
            return f"{one.title} could not be measured"
