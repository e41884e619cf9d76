"""The verdict in words: first what is wrong with the measurement, then what was measured.

Nothing is claimed here that the summary does not decide: a winner is named only where the summary
names one, and a variant that is not ranked is never praised.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analysis.outcomes import Outcome
from harness.results.findings import Category, Finding, Verdict, correctness
from report import decisions, numbers
from report.decisions import CONFIRMED, Decision
from report.evidence import Evidence, Run, Variant

NO_OVERSELL = "I1"
COUNTED = (
    ("Oversold", (NO_OVERSELL, "")),
    ("Acknowledged orders lost", ("I3", "acknowledged orders lost")),
    ("Cancelled", ("I3", "acknowledged orders cancelled")),
    ("Unfinished after the drain", ("I3", "acknowledged orders not finished")),
)
"""What the headline counts: words, invariant, and how the audit's kind of offence begins."""
NEVER_SHOWN = "confirmed_never_shown"

TITLES = (
    (CONFIRMED, "confirmed", "as many orders", "as"),
    ("order_time_p95_s", "settled orders", "faster", "than"),
    ("order_time_p50_s", "settled orders", "faster", "than"),
    ("purchase_latency_p95_ms", "acknowledged purchases", "faster", "than"),
)
"""What the title says: of the first metric that has a winner, in words around the factor."""
MOST_NAMED = 3
"""The most contenders that a title names one by one."""


@dataclass(frozen=True, slots=True)
class Headline:
    """The report's first words; `uncertainty` is that of what the title says."""

    title: str
    problems: tuple[str, ...]
    sentences: tuple[str, ...]
    uncertainty: str = ""

    @property
    def in_a_line(self) -> str:
        """Return the answer, with how sure it is."""
        return f"{self.title} ({self.uncertainty})" if self.uncertainty else self.title


def headline(evidence: Evidence) -> Headline:
    """Return in words what the campaign found."""
    unranked = ", ".join(variant.title for variant in evidence.variants if not variant.ranked)
    title, uncertainty = _answer(evidence)
    few = evidence.variants if len(evidence.variants) <= 2 else ()  # of more, a comparison says it
    return Headline(
        title=title,
        problems=(*troubles(evidence), *([f"Not ranked: {unranked}."] if unranked else [])),
        sentences=(
            *(_sold(evidence, variant) for variant in few),
            *_never_shown(evidence),
            _audited(evidence),
            *decisions.sentences(evidence),
        ),
        uncertainty=uncertainty,
    )


def _answer(evidence: Evidence) -> tuple[str, str]:
    """Return the answer in a sentence, and how sure it is."""
    findings = [finding for run in evidence.runs for finding in run.findings]
    if correctness(findings) is Verdict.FAIL:
        return "The audit failed", ""
    if not all(variant.ranked for variant in evidence.variants):
        return "No ranking: a run is invalid or unaudited", ""
    if len(evidence.variants) == 1:
        return f"{evidence.variants[0].title}, measured and audited", ""
    for metric, did, how, than in TITLES:
        found = [decisions.decided(pair, metric) for pair in evidence.pairs]
        if any(one.winner for one in found):
            return _who_won(evidence, found, did, how, than), decisions.uncertainty(found)
    undecided = [decisions.decided(pair, CONFIRMED) for pair in evidence.pairs]
    return _no_winner(evidence), decisions.uncertainty(undecided)


def _who_won(evidence: Evidence, decided: Sequence[Decision], did: str, how: str, than: str) -> str:
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
    problems = [*audit_failures(evidence), *_not_measured(_each(evidence))]
    for state in (run for entry in evidence.summary["variants"] for run in entry["runs"]):
        if not state["valid"]:
            problems.append(f"Run {state['index']} is INVALID: {'; '.join(state['reasons'])}")
    return problems


def audit_failures(evidence: Evidence) -> list[str]:
    """Return what the audit found, once for all runs of a variant that break an invariant."""
    return [problem for variant in evidence.variants for problem in _failures(variant)]


def _each(evidence: Evidence) -> list[tuple[str, Run]]:
    """Return every run with what it is called, variant by variant."""
    return [
        (f"Run {run.index} ({variant.title})", run)
        for variant in evidence.variants
        for run in variant.runs
    ]


def _failures(variant: Variant) -> Iterator[str]:
    """Yield what the audit of a variant's runs found, invariant by invariant."""
    broken: dict[str, list[tuple[int, Finding]]] = {}
    for run in variant.runs:
        for finding in run.findings:
            if finding.verdict is Verdict.FAIL:
                broken.setdefault(finding.id, []).append((run.index, finding))
    for found in broken.values():
        indices = ", ".join(str(index) for index, _ in found)
        where = f"Run{'s' if len(found) > 1 else ''} {indices} ({variant.title})"
        findings = [finding for _, finding in found]
        failure = (
            "audit FAILED"
            if findings[0].category is Category.CORRECTNESS
            else f"{findings[0].category} FAILED, which excludes nobody"
        )
        yield f"{where}: {failure}. {findings[0].id}, {findings[0].title}: {_summed(findings)}"


def _summed(findings: Sequence[Finding]) -> str:
    """Return what broke an invariant in one run, or in all of some runs together."""
    if len(findings) == 1 or not all(finding.offences for finding in findings):
        return "; ".join(dict.fromkeys(finding.summary for finding in findings))
    total: Counter[str] = Counter()
    for finding in findings:
        total.update(finding.offences)
    return "; ".join(f"{what}: {numbers.number(float(n))}" for what, n in total.items())


def _not_measured(each: Sequence[tuple[str, Run]]) -> Iterator[str]:
    """Yield what the audit could not see, once for all runs of which that is the same."""
    runs: dict[str, list[str]] = {}
    for where, run in each:
        unknown = [finding.id for finding in run.findings if finding.verdict is Verdict.UNKNOWN]
        if unknown or not run.findings:
            runs.setdefault(", ".join(unknown) or "everything", []).append(where)
    for what, found in runs.items():
        where = ", ".join(found) if len(found) < len(each) or len(each) == 1 else "Every run"
        yield f"{where}: not measured by the audit: {what}."


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
        f"{numbers.number(users)} of at most {evidence.peak_users:,} users were active"
    )


def _never_shown(evidence: Evidence) -> Iterator[str]:
    """Yield how many buyers paid and never saw the outcome, where there were any."""
    found = [
        f"{variant.title} {numbers.estimate(variant.estimate(NEVER_SHOWN), 0)}"
        for variant in evidence.variants
        if variant.value(NEVER_SHOWN)
    ]
    if found:
        yield f"Confirmed orders per run whose buyer never saw the outcome: {', '.join(found)}."


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
