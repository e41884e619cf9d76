"""The verdict in words: first what is wrong with the measurement, then what was measured.

Nothing is claimed here that the summary does not decide: a winner is named only where the summary
names one, and an approach that is not ranked is never praised.
"""

from dataclasses import dataclass

from harness.analysis.outcomes import Outcome
from harness.results.findings import Category, Verdict, correctness
from report import numbers
from report.evidence import Approach, Evidence, Pair

NO_OVERSELL = "I1"
COUNTED = (
    ("Oversold", (NO_OVERSELL, "")),
    ("Acknowledged orders lost", ("I3", "acknowledged orders lost")),
    ("Unfinished after the drain", ("I3", "acknowledged orders not finished")),
)
"""What the headline counts: words, invariant, and how the audit's kind of offence begins."""
CONFIRMED = "confirmed_orders"
NEVER_TOLD = "paid_and_never_told"
COMPARED = (
    ("order_time_p95_s", "p95 total order time"),
    ("purchase_latency_p95_ms", "p95 purchase latency"),
)

FASTER = (
    ("order_time_p95_s", "settled orders"),
    ("order_time_p50_s", "settled orders"),
    ("purchase_latency_p95_ms", "acknowledged purchases"),
)
"""What the title says of two approaches that sold alike: the first that has a winner."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The report's first words."""

    title: str
    problems: tuple[str, ...]
    sentences: tuple[str, ...]


def headline(evidence: Evidence) -> Headline:
    """Say in words what the campaign found."""
    return Headline(
        title=_title(evidence),
        problems=(*troubles(evidence), *_not_ranked(evidence)),
        sentences=(
            *(_sold(evidence, approach) for approach in evidence.approaches),
            *_never_told(evidence),
            _audited(evidence),
            *_compared(evidence),
        ),
    )


def _title(evidence: Evidence) -> str:
    findings = [f for a in evidence.approaches for run in a.runs for f in run.findings]
    if correctness(findings) is Verdict.FAIL:
        return "The audit failed"
    if not all(approach.ranked for approach in evidence.approaches):
        return "No ranking: a run is invalid or unaudited"
    if len(evidence.approaches) == 1:
        return f"{evidence.approaches[0].title}, measured and audited"
    pair = evidence.pairs[0]
    found = _decided(pair, CONFIRMED)
    than = f" as {found.loser.title}" if found.loser and len(evidence.approaches) > 2 else ""
    if found.winner is not None:
        return f"{found.winner.title} confirmed {numbers.times(found.factor)} as many orders{than}"
    for metric, did in FASTER:
        found = _decided(pair, metric)
        if found.winner is not None and found.loser is not None:
            than = f" than {found.loser.title}" if len(evidence.approaches) > 2 else ""
            return f"{found.winner.title} {did} {numbers.times(found.factor)} faster{than}"
    return _no_winner(evidence, pair)


def _no_winner(evidence: Evidence, pair: Pair) -> str:
    """Say what was confirmed: that nothing is decided does not mean that nothing differs."""
    comparison = pair.comparisons[CONFIRMED]
    if comparison["outcome"] == Outcome.ALIKE:
        return "No difference in confirmed orders that matters"
    n = comparison["n"]
    runs = "one run each" if n == 1 else f"{n} runs each"
    counts = [(a.title, a.facts["metrics"][CONFIRMED]["value"]) for a in evidence.approaches]
    said = [
        f"{title} confirmed {numbers.number(value)} orders"
        for title, value in counts
        if value is not None
    ]
    return f"No winner after {runs}: {', '.join(said) or 'what was confirmed is not known'}"


def troubles(evidence: Evidence) -> list[str]:
    """Return what the audit found, what it could not see, and why a run is invalid."""
    problems = []
    for approach in evidence.approaches:
        for run in approach.runs:
            failed = [f for f in run.findings if f.verdict is Verdict.FAIL]
            unknown = [f for f in run.findings if f.verdict is Verdict.UNKNOWN]
            for finding in failed:
                failure = (
                    "audit FAILED"
                    if finding.category is Category.CORRECTNESS
                    else f"{finding.category} FAILED, which excludes nobody"
                )
                problems.append(
                    f"Run {run.index} ({approach.title}): {failure}. {finding.id}, "
                    f"{finding.title}: {finding.summary}"
                )
            if unknown or not run.findings:
                ids = ", ".join(f.id for f in unknown) or "everything"
                problems.append(
                    f"Run {run.index} ({approach.title}): not measured by the audit: {ids}."
                )
    for state in (run for entry in evidence.summary["approaches"] for run in entry["runs"]):
        if not state["valid"]:
            problems.append(f"Run {state['index']} is INVALID: {'; '.join(state['reasons'])}")
    return problems


def _not_ranked(evidence: Evidence) -> list[str]:
    unranked = [approach.title for approach in evidence.approaches if not approach.ranked]
    return [f"Not ranked: {', '.join(unranked)}."] if unranked else []


def _sold(evidence: Evidence, approach: Approach) -> str:
    """Say what an approach sold of what there was."""
    product = evidence.scenario["product"]
    estimate = approach.facts["metrics"][CONFIRMED]
    n = estimate["n"]
    if estimate["value"] is None:
        return f"{approach.title}: what was sold is not known."
    confirmed = numbers.number(estimate["value"])
    how = "in one run" if n == 1 else f"on average of {n} runs"
    time_s = approach.facts["metrics"]["time_to_all_confirmed_s"]["value"]
    when = f", the last after {numbers.number(time_s, 0)} s" if time_s is not None else ""
    return (
        f"{approach.title} sold {confirmed} of {product['stock']:,} × {product['name']} "
        f"{how}{when}{_sold_out(evidence, approach)}."
    )


def _sold_out(evidence: Evidence, approach: Approach) -> str:
    """Say at which load all was sold: what comes after is refusals, whatever the peak is."""
    metrics = approach.facts["metrics"]
    users = metrics.get("users_at_sold_out", {}).get("value")
    time_s = metrics.get("time_to_sold_out_s", {}).get("value")
    if users is None or time_s is None or not evidence.peak_users:
        return ""
    return (
        f"; all were spoken for at {numbers.number(time_s, 0)} s, when "
        f"{numbers.number(users)} of at most {evidence.peak_users:,} users were there"
    )


def _never_told(evidence: Evidence) -> list[str]:
    """Say how many buyers paid and were never told, where there were any."""
    sentences = []
    for approach in evidence.approaches:
        estimate = approach.facts["metrics"].get(NEVER_TOLD, {})
        if estimate.get("value"):
            shown = numbers.estimate(estimate, 0)
            sentences.append(
                f"{approach.title}: the buyers of {shown} confirmed orders of a run paid and were "
                "never told."
            )
    return sentences


def _audited(evidence: Evidence) -> str:
    runs = [run for approach in evidence.approaches for run in approach.runs]
    same = "run" if len(runs) == 1 else f"{len(runs)} runs"
    counts = " ".join(f"{words}: {_count(evidence, *of)}." for words, of in COUNTED)
    return f"{counts} Audited in the same {same} whose latency is reported."


def _count(evidence: Evidence, invariant: str, begin: str) -> str:
    """Return how many offences of one kind there were, or that nobody knows.

    What else breaks the invariant is another matter, and stands among the problems. An oversell
    shows in several histories of the same units, so within a run the largest of them counts.
    """
    total = 0
    for run in (run for approach in evidence.approaches for run in approach.runs):
        found = next((one for one in run.findings if one.id == invariant), None)
        if found is None or found.verdict is Verdict.UNKNOWN:
            return "not known"
        if found.verdict is Verdict.FAIL and not found.offences:
            return f"see {invariant}"  # an audit of an earlier version, which kept no kinds
        total += max((n for what, n in found.offences.items() if what.startswith(begin)), default=0)
    return numbers.number(float(total))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a comparison decided: who by what factor of at least one, and how it is printed."""

    winner: Approach | None
    loser: Approach | None
    factor: float
    shown: str


def _compared(evidence: Evidence) -> list[str]:
    sentences = []
    for pair in evidence.pairs:
        first, second = pair.both
        sentences.append(_more(pair))
        sentences += [_faster(evidence, pair, metric, words) for metric, words in COMPARED]
        if first.facts["acknowledges"] != second.facts["acknowledges"]:
            sentences.append(
                f"The acknowledgement of {first.title} is the {first.facts['acknowledges']}, that "
                f"of {second.title} the {second.facts['acknowledges']}: compare the total order "
                "time."
            )
    return sentences


def _more(pair: Pair) -> str:
    comparison = pair.comparisons[CONFIRMED]
    first, second = pair.both
    found = _decided(pair, CONFIRMED)
    if found.winner is not None and found.loser is not None:
        return (
            f"{found.winner.title} confirmed {numbers.times(found.factor)} as many orders as "
            f"{found.loser.title} ({found.shown})."
        )
    if comparison["factor"] == comparison["low"] == comparison["high"] == 1:
        return (
            f"{first.title} and {second.title} confirmed the same number of orders in every block "
            f"(n = {comparison['n']})."
        )
    return f"Confirmed orders, {second.title} compared with {first.title}: {found.shown}."


def _faster(evidence: Evidence, pair: Pair, metric: str, words: str) -> str:
    found = _decided(pair, metric)
    if found.winner is not None and found.loser is not None:
        return (
            f"{found.winner.title} has a {numbers.times(found.factor)} shorter {words} than "
            f"{found.loser.title} ({found.shown})."
        )
    values = " and ".join(_value(evidence, one, metric) for one in pair.both)
    return f"The {words} is {values}: {found.shown}."


def _value(evidence: Evidence, approach: Approach, metric: str) -> str:
    """Return a value of an approach, and if there is only a bound, why."""
    estimate = approach.facts["metrics"][metric]
    shown = numbers.estimate(estimate, evidence.summary["metrics"][metric]["digits"])
    why = ""
    if estimate["value"] is None and estimate["warnings"]:
        said = str(estimate["warnings"][0])
        # the bound itself is shown already
        why = f"; {said.partition(': ')[2] if said.startswith('at least ') else said}"
    return f"{shown} ({approach.title}{why})"


def _decided(pair: Pair, metric: str) -> _Decision:
    """Return what was decided; the summary's factor is second ÷ first and is turned to the winner.

    Without a winner the decision says why: in the word of the comparison, or not ranked.
    """
    comparison = pair.comparisons[metric]
    factor, low, high = comparison["factor"], comparison["low"], comparison["high"]
    n = f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{comparison['n']}"
    if factor is None:
        return _Decision(None, None, 1.0, "no ratio")
    winner = next((a for a in pair.both if a.name == comparison["winner"]), None)
    if winner is None:
        reason = comparison["outcome"] if pair.ranked else "not ranked"
        return _Decision(None, None, 1.0, f"{numbers.factor(factor, low, high)}, {n}, {reason}")
    if factor < 1:
        factor, low, high = 1 / factor, numbers.inverse(high), numbers.inverse(low)
    span = numbers.interval(low, high, numbers.factor_digits(factor))
    loser = pair.second if winner is pair.first else pair.first
    shown = f"95\N{NO-BREAK SPACE}% interval {span}, {n}" if span else n
    return _Decision(winner, loser, factor, shown)
