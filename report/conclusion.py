"""The verdict in words: first what is wrong with the measurement, then what was measured.

Nothing is claimed here that the summary does not decide: a winner is named only where the summary
names one, and a variant that is not ranked is never praised.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.outcomes import Outcome
from harness.results.findings import Category, Verdict, correctness
from report import numbers
from report.evidence import Evidence, Pair, Run, Variant

NO_OVERSELL = "I1"
COUNTED = (
    ("Oversold", (NO_OVERSELL, "")),
    ("Acknowledged orders lost", ("I3", "acknowledged orders lost")),
    ("Unfinished after the drain", ("I3", "acknowledged orders not finished")),
)
"""What the headline counts: words, invariant, and how the audit's kind of offence begins."""
CONFIRMED = "confirmed_orders"
NEVER_SHOWN = "confirmed_never_shown"
COMPARED = (
    ("order_time_p95_s", "p95 total order time"),
    ("purchase_latency_p95_ms", "p95 purchase latency"),
)

TITLES = (
    (CONFIRMED, "confirmed", "as many orders", "as"),
    ("order_time_p95_s", "settled orders", "faster", "than"),
    ("order_time_p50_s", "settled orders", "faster", "than"),
    ("purchase_latency_p95_ms", "acknowledged purchases", "faster", "than"),
)
"""What the title says: of the first metric that has a winner, in words around the factor."""
MOST_NAMED = 3
"""The most contenders that a title names one by one."""
REPLIES = {"outcome": "after payment", "acceptance": "on acceptance"}


@dataclass(frozen=True, slots=True)
class Headline:
    """The report's first words."""

    title: str
    problems: tuple[str, ...]
    sentences: tuple[str, ...]


def headline(evidence: Evidence) -> Headline:
    """Return in words what the campaign found."""
    unranked = ", ".join(variant.title for variant in evidence.variants if not variant.ranked)
    return Headline(
        title=_title(evidence),
        problems=(*troubles(evidence), *([f"Not ranked: {unranked}."] if unranked else [])),
        sentences=(
            *(_sold(evidence, variant) for variant in evidence.variants),
            *_never_shown(evidence),
            _audited(evidence),
            *_compared(evidence),
        ),
    )


def _title(evidence: Evidence) -> str:
    findings = [finding for run in evidence.runs for finding in run.findings]
    if correctness(findings) is Verdict.FAIL:
        return "The audit failed"
    if not all(variant.ranked for variant in evidence.variants):
        return "No ranking: a run is invalid or unaudited"
    if len(evidence.variants) == 1:
        return f"{evidence.variants[0].title}, measured and audited"
    for metric, did, how, than in TITLES:
        decided = [_decided(pair, metric) for pair in evidence.pairs]
        if any(one.winner for one in decided):
            return _who_won(evidence, decided, did, how, than)
    return _no_winner(evidence)


def _who_won(
    evidence: Evidence, decided: Sequence["_Decision"], did: str, how: str, than: str
) -> str:
    """Return who won against the baseline, by how much, and against whom the baseline won."""
    baseline = evidence.variants[0]
    better = [one for one in decided if one.winner not in (None, baseline)]
    worse = [one for one in decided if one.winner is baseline]
    if len(evidence.variants) == 2:
        (one,) = better or worse
        return f"{one.won_by} {did} {numbers.times(one.factor)} {how}"
    parts = []
    if len(better) > MOST_NAMED:
        best = max(better, key=lambda one: one.factor)
        parts.append(
            f"{len(better)} of {len(decided)} variants {did} up to {numbers.times(best.factor)} "
            f"{how} {than} {baseline.title} ({best.won_by})"
        )
    elif better:
        texts = [f"{one.won_by} {numbers.times(one.factor)}" for one in better]
        texts[0] = f"{better[0].won_by} {did} {numbers.times(better[0].factor)}"
        parts.append(f"{', '.join(texts)} {how} {than} {baseline.title}")
    if worse:
        most = max(worse, key=lambda one: one.factor)
        up_to = "" if len(worse) == 1 else "up to "
        named = " and ".join(one.lost_by for one in worse)
        lost = named if len(worse) <= MOST_NAMED else f"{len(worse)} of {len(decided)} others"
        factor = f"{up_to}{numbers.times(most.factor)}"
        parts.append(f"{baseline.title} {did} {factor} {how} {than} {lost}")
    return "; ".join(parts)


def _no_winner(evidence: Evidence) -> str:
    """Return what was confirmed: that nothing is decided does not mean that nothing differs."""
    found = [pair.comparisons[CONFIRMED] for pair in evidence.pairs]
    if all(one["outcome"] == Outcome.ALIKE for one in found):
        return "No difference in confirmed orders that matters"
    n = min(one["n"] for one in found)
    runs = "one run each" if n == 1 else f"{n} runs each"
    known = [(one.title, one.value(CONFIRMED)) for one in evidence.variants]
    said = [
        f"{title} confirmed {numbers.number(value)} orders"
        for title, value in known
        if value is not None
    ]
    if len(said) > MOST_NAMED:
        values = [value for _, value in known if value is not None]
        least, most = numbers.number(min(values)), numbers.number(max(values))
        said = [f"the variants confirmed {least} to {most} orders"]
    return f"No winner after {runs}: {', '.join(said) or 'what was confirmed is not known'}"


def troubles(evidence: Evidence) -> list[str]:
    """Return what the audit found, what it could not see, and why a run is invalid."""
    problems = [
        problem
        for variant in evidence.variants
        for run in variant.runs
        for problem in _found(run, f"Run {run.index} ({variant.title})")
    ]
    for state in (run for entry in evidence.summary["variants"] for run in entry["runs"]):
        if not state["valid"]:
            problems.append(f"Run {state['index']} is INVALID: {'; '.join(state['reasons'])}")
    return problems


def _found(run: Run, where: str) -> Iterator[str]:
    """Yield what the audit of a run found, and what it could not see."""
    for finding in run.findings:
        if finding.verdict is Verdict.FAIL:
            failure = (
                "audit FAILED"
                if finding.category is Category.CORRECTNESS
                else f"{finding.category} FAILED, which excludes nobody"
            )
            yield f"{where}: {failure}. {finding.id}, {finding.title}: {finding.summary}"
    unknown = [finding.id for finding in run.findings if finding.verdict is Verdict.UNKNOWN]
    if unknown or not run.findings:
        yield f"{where}: not measured by the audit: {', '.join(unknown) or 'everything'}."


def _sold(evidence: Evidence, variant: Variant) -> str:
    """Return what a variant sold of what there was."""
    product = evidence.scenario["product"]
    estimate = variant.estimate(CONFIRMED)
    n = estimate["n"]
    if estimate["value"] is None:
        return f"{variant.title}: what was sold is not known."
    confirmed = numbers.number(estimate["value"])
    how = "in one run" if n == 1 else f"on average of {n} runs"
    time_s = variant.value("time_to_all_confirmed_s")
    when = f", the last after {numbers.number(time_s, 0)} s" if time_s is not None else ""
    return (
        f"{variant.title} sold {confirmed} of {product['stock']:,} × {product['name']} "
        f"{how}{when}{_sold_out(evidence, variant)}."
    )


def _sold_out(evidence: Evidence, variant: Variant) -> str:
    """Return at which load all was sold: what comes after is refusals, whatever the peak is."""
    users, time_s = variant.value("users_at_sold_out"), variant.value("time_to_sold_out_s")
    if users is None or time_s is None or not evidence.peak_users:
        return ""
    return (
        f"; all were reserved or sold at {numbers.number(time_s, 0)} s, when "
        f"{numbers.number(users)} of at most {evidence.peak_users:,} users were there"
    )


def _never_shown(evidence: Evidence) -> list[str]:
    """Return how many buyers paid and never saw the outcome, where there were any."""
    sentences = []
    for variant in evidence.variants:
        if variant.value(NEVER_SHOWN):
            shown = numbers.estimate(variant.estimate(NEVER_SHOWN), 0)
            sentences.append(
                f"{variant.title}: the buyers of {shown} confirmed orders of a run paid and never "
                "saw the outcome."
            )
    return sentences


def _audited(evidence: Evidence) -> str:
    runs = evidence.runs
    same = "run" if len(runs) == 1 else f"{len(runs)} runs"
    counts = " ".join(f"{words}: {_count(evidence, *of)}." for words, of in COUNTED)
    return f"{counts} Checked in the {same} that the latencies come from."


def _count(evidence: Evidence, invariant: str, begin: str) -> str:
    """Return how many offences of one kind there were, or that nobody knows.

    What else breaks the invariant is another matter, and stands among the problems. An oversell
    shows in several histories of the same units, so within a run the largest of them counts.
    """
    total = 0
    for run in evidence.runs:
        found = next((one for one in run.findings if one.id == invariant), None)
        if found is None or found.verdict is Verdict.UNKNOWN:
            return "not known"
        if found.verdict is Verdict.FAIL and not found.offences:
            return f"see {invariant}"  # an audit of an earlier version, which kept no kinds
        counts = [n for what, n in found.offences.items() if what.startswith(begin)]
        total += max(counts, default=0) if invariant == NO_OVERSELL else sum(counts)
    return numbers.number(float(total))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a comparison decided: who by what factor of at least one, and how it is printed.

    `won_by` and `lost_by` are titles, and empty if nobody has won.
    """

    shown: str
    winner: Variant | None = None
    won_by: str = ""
    lost_by: str = ""
    factor: float = 1.0


def _compared(evidence: Evidence) -> Iterator[str]:
    """Yield how each contender compares with the baseline."""
    for pair in evidence.pairs:
        first, second = pair.both
        sentences = [_more(pair), *(_faster(evidence, pair, *one) for one in COMPARED)]
        replies = [REPLIES[one.facts["acknowledges"]] for one in pair.both]
        if replies[0] != replies[1]:
            sentences.append(
                f"{first.title} replies {replies[0]}, {second.title} {replies[1]}: compare the "
                "total order time."
            )
        if len(evidence.pairs) > 1:
            yield " ".join(sentences)
        else:
            yield from sentences


def _more(pair: Pair) -> str:
    comparison = pair.comparisons[CONFIRMED]
    first, second = pair.both
    found = _decided(pair, CONFIRMED)
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
    found = _decided(pair, metric)
    if found.winner and found.factor < numbers.FARTHEST:
        return (
            f"{found.won_by} has a {numbers.times(found.factor)} shorter {words} than "
            f"{found.lost_by} ({found.shown})."
        )
    values = " and ".join(_value(evidence, one, metric) for one in pair.both)
    decided = f"{found.won_by} is better, {found.shown}" if found.winner else found.shown
    return f"The {words} is {values}: {decided}."


def _value(evidence: Evidence, variant: Variant, metric: str) -> str:
    """Return a value of a variant, and if there is only a bound, why."""
    estimate = variant.estimate(metric)
    shown = numbers.estimate(estimate, evidence.summary["metrics"][metric]["digits"])
    why = ""
    if estimate["value"] is None and estimate["warnings"]:
        said = str(estimate["warnings"][0])
        # the bound itself is shown already
        why = f"; {said.partition(': ')[2] if said.startswith('at least ') else said}"
    return f"{shown} ({variant.title}{why})"


def _decided(pair: Pair, metric: str) -> _Decision:
    """Return what was decided; the summary's factor is turned to the winner.

    Without a winner the decision says why: in the word of the comparison, or not ranked.
    """
    comparison = pair.comparisons[metric]
    factor, low, high = comparison["factor"], comparison["low"], comparison["high"]
    n = f"n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{comparison['n']}"
    if factor is None:
        return _Decision("no ratio")
    winner = next((a for a in pair.both if a.name == comparison["winner"]), None)
    if winner is None:
        reason = comparison["outcome"] if pair.ranked else "not ranked"
        return _Decision(f"{numbers.factor(factor, low, high)}, {n}, {reason}")
    if factor < 1:
        factor, low, high = 1 / factor, numbers.inverse(high), numbers.inverse(low)
    span = numbers.interval(low, high, numbers.factor_digits(factor))
    if factor >= numbers.FARTHEST:  # the two values are printed instead
        span = ""
    loser = pair.contender if winner is pair.baseline else pair.baseline
    shown = f"95\N{NO-BREAK SPACE}% interval {span}, {n}" if span else n
    return _Decision(shown, winner, winner.title, loser.title, factor)
