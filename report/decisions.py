"""What the comparisons decided, in words: who by which factor, and how sure that is.

Nobody is named as the winner whom the summary does not name. Of two variants each comparison is a
sentence; of several, each metric is one, with all contenders in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from report import numbers
from report.evidence import Evidence, Pair, Variant

CONFIRMED = "confirmed_orders"
COMPARED = (
    ("order_time_p95_s", "p95 total order time"),
    ("purchase_latency_p95_ms", "p95 purchase latency"),
)
REPLIES = {"outcome": "after payment", "acceptance": "on acceptance"}


@dataclass(frozen=True, slots=True)
class Decision:
    """What a comparison decided: who by what factor of at least one, and how it is printed.

    `won_by` and `lost_by` are titles, and empty if nobody has won. `span` is the interval of the
    factor as it is printed, or nothing.
    """

    contender: Variant
    shown: str
    winner: Variant | None = None
    won_by: str = ""
    lost_by: str = ""
    factor: float = 1.0
    span: str = ""


def decided(pair: Pair, metric: str) -> Decision:
    """Return what was decided; the summary's factor is turned to the winner.

    Without a winner the decision says why: in the word of the comparison, or not ranked.
    """
    comparison = pair.comparisons[metric]
    factor, low, high = comparison["factor"], comparison["low"], comparison["high"]
    n = f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{comparison['n']}"
    if factor is None:
        return Decision(pair.contender, "no ratio")
    winner = next((a for a in pair.both if a.name == comparison["winner"]), None)
    if winner is None:
        reason = comparison["outcome"] if pair.ranked else "not ranked"
        return Decision(pair.contender, f"{numbers.factor(factor, low, high)}, {n}, {reason}")
    if factor < 1:
        factor, low, high = 1 / factor, numbers.inverse(high), numbers.inverse(low)
    span = numbers.interval(low, high, numbers.factor_digits(factor))
    if factor >= numbers.FARTHEST:  # the two values are printed instead
        span = ""
    loser = pair.contender if winner is pair.baseline else pair.baseline
    shown = f"95\N{NO-BREAK SPACE}% interval {span}, {n}" if span else n
    return Decision(pair.contender, shown, winner, winner.title, loser.title, factor, span)


def uncertainty(found: Sequence[Decision]) -> str:
    """Return how sure decisions are that stand in a title."""
    if len(found) == 1:
        return found[0].shown
    spans = [f"{one.contender.title} {one.span}" for one in found if one.span]
    return f"95\N{NO-BREAK SPACE}% intervals: {', '.join(spans)}" if spans else ""


def sentences(evidence: Evidence) -> Iterator[str]:
    """Yield how the contenders compare with the baseline."""
    if len(evidence.pairs) == 1:
        (pair,) = evidence.pairs
        yield _more(pair)
        yield from (_faster(evidence, pair, *one) for one in COMPARED)
    elif evidence.pairs:
        product = evidence.scenario["product"]
        sold = f"confirmed orders of {product['stock']:,} × {product['name']}"
        for metric, words in ((CONFIRMED, sold), *COMPARED):
            yield _side_by_side(evidence, metric, words)
    yield from _replies(evidence)


def _more(pair: Pair) -> str:
    comparison = pair.comparisons[CONFIRMED]
    first, second = pair.both
    found = decided(pair, CONFIRMED)
    if found.winner:
        return (
            f"{found.won_by} confirmed {numbers.times(found.factor)} as many orders as "
            f"{found.lost_by} ({found.shown})."
        )
    if comparison["factor"] == comparison["low"] == comparison["high"] == 1:
        return (
            f"{first.title} and {second.title} confirmed the same number of orders in every block "
            f"(n = {comparison['n']})."
        )
    return f"Confirmed orders, {second.title} compared with {first.title}: {found.shown}."


def _faster(evidence: Evidence, pair: Pair, metric: str, words: str) -> str:
    found = decided(pair, metric)
    if found.winner and found.factor < numbers.FARTHEST:
        return (
            f"{found.won_by} has a {numbers.times(found.factor)} shorter {words} than "
            f"{found.lost_by} ({found.shown})."
        )
    values = " and ".join(_value(evidence, one, metric) for one in pair.both)
    said = f"{found.won_by} is better, {found.shown}" if found.winner else found.shown
    return f"The {words} is {values}: {said}."


def _value(evidence: Evidence, variant: Variant, metric: str) -> str:
    """Return a value of a variant, and if there is only a bound, why."""
    estimate = variant.estimate(metric)
    shown = numbers.estimate(estimate, evidence.summary["metrics"][metric]["digits"])
    why = ""
    if estimate["value"] is None and estimate["warnings"]:
        why = f"; {numbers.remark(str(estimate['warnings'][0]))}"
    return f"{shown} ({variant.title}{why})"


def _side_by_side(evidence: Evidence, metric: str, words: str) -> str:
    """Return how every contender compares with the baseline in one metric."""
    baseline = evidence.variants[0]
    title = f"{words[0].upper()}{words[1:]}"
    changes = [(pair.contender, _change(pair, metric)) for pair in evidence.pairs]
    if len({change for _, change in changes}) == 1:
        return f"{title}, each compared with {baseline.title}: {changes[0][1]}."
    each = "; ".join(
        f"{contender.title} {_bare(evidence, contender, metric)} ({change})"
        for contender, change in changes
    )
    against = f"{baseline.title} {_bare(evidence, baseline, metric)}"
    return f"{title}, compared with {against}: {each}."


def _change(pair: Pair, metric: str) -> str:
    """Return by what factor a contender differs, and what that is called."""
    found: dict[str, Any] = pair.comparisons[metric]
    factor, outcome = found["factor"], str(found["outcome"])
    is_far = factor and not 1 / numbers.FARTHEST < factor < numbers.FARTHEST
    if factor is None or is_far:
        return outcome
    return f"{numbers.factor(factor, found['low'], found['high'])}, {outcome}"


def _bare(evidence: Evidence, variant: Variant, metric: str) -> str:
    return numbers.bare(variant.estimate(metric), evidence.summary["metrics"][metric]["digits"])


def _replies(evidence: Evidence) -> Iterator[str]:
    """Yield when the variants reply, if that is not the same."""
    by_reply: dict[str, list[str]] = {}
    for variant in evidence.variants if evidence.pairs else ():
        by_reply.setdefault(REPLIES[variant.facts["acknowledges"]], []).append(variant.title)
    if len(by_reply) > 1:
        first = next(iter(by_reply.values()))
        verb = "replies" if len(first) == 1 else "reply"
        said = ", ".join(
            f"{_joined(titles)} {f'{verb} ' if place == 0 else ''}{reply}"
            for place, (reply, titles) in enumerate(by_reply.items())
        )
        yield f"{said}: compare the total order time."


def _joined(titles: Sequence[str]) -> str:
    *before, last = titles
    return f"{', '.join(before)} and {last}" if before else last
