"""What a sweep found, in words: of each curve and metric, and of all of it."""

from collections.abc import Iterator

from harness.analysis.knee import Shape
from harness.analysis.metrics import METRICS
from harness.results.findings import Verdict, correctness
from report import numbers
from report.conclusion import Headline, troubles
from report.sweep.swept import Curve, Knee, Swept

SEEN = (Shape.KNEE, Shape.OPEN, Shape.RISES, Shape.FALLS)
MOST_SAID = 3
"""The most curves that the title names one by one."""


def headline(swept: Swept) -> Headline:
    """Return in words what the sweep found."""
    evidence = swept.evidence
    unranked = ", ".join(variant.title for variant in evidence.variants if not variant.ranked)
    return Headline(
        title=_title(swept),
        problems=(*troubles(evidence), *([f"Not ranked: {unranked}."] if unranked else [])),
        sentences=tuple(_sentences(swept)),
    )


def knee_words(metric: str, knee: Knee) -> str:
    """Return what a metric does along a curve."""
    shape = Shape(knee["shape"])
    than = "than at" if knee["kind"] == "ratio" else "from that at"
    last = f"{change_words(metric, knee)} {than} {value_words(knee['first'])}"
    match shape:
        case Shape.KNEE | Shape.OPEN:
            least = " at least" if shape is Shape.OPEN else ""
            text = f"gains up to {value_words(knee['knee'])}{least} ({last}); "
            text += _further(metric, knee)
            if knee["worse_from"] is not None:
                text += f"; worse again from {value_words(knee['worse_from'])} on"
        case Shape.RISES:
            text = f"still gains at the last value ({last}): the knee lies beyond it, if anywhere"
        case Shape.FALLS:
            text = f"worse from {value_words(knee['worse_from'])} on (at the last value {last})"
        case Shape.SAME:
            text = f"no effect: any two values differ by less than {delta_words(metric, knee)}"
        case Shape.NOTHING:
            text = "no effect is seen; one may be there, the runs vary too much to exclude it"
        case Shape.UNJUDGED:
            text = f"not judged: {knee['warnings'][0]}"
    return text


def change_words(metric: str, knee: Knee) -> str:
    """Return the change from the first value on, with its interval."""
    change, low, high = knee["change"], knee["low"], knee["high"]
    if change is None:
        return numbers.NOTHING
    if low is None or high is None:
        return _one_sided(low, high) if knee["kind"] == "ratio" else numbers.NOTHING
    if knee["kind"] == "ratio":
        return numbers.factor(change, low, high)
    declared = METRICS[metric]
    return numbers.difference(change, declared.digits, declared.unit, low, high)


def _one_sided(low: float | None, high: float | None) -> str:
    """Return a ratio of which one end is known, because the other value is only a bound."""
    known = low if high is None else high
    is_certain = known is not None and (known > 1 if high is None else 0 < known < 1)
    return f"at least {numbers.factor(known, None, None)}" if is_certain else numbers.NOTHING


def delta_words(metric: str, knee: Knee) -> str:
    """Return δ of a metric, as it was applied."""
    margin = METRICS[metric].margin
    if knee["kind"] == "ratio":
        return f"{100 * margin.share:g}\N{NO-BREAK SPACE}%"
    return numbers.with_unit(f"{margin.absolute:g}", METRICS[metric].unit)


def value_words(value: float | str | None) -> str:
    """Return a swept value as it was stated."""
    if value is None:
        return numbers.NOTHING
    return value if isinstance(value, str) else f"{value:g}" if value < 1e6 else f"{value:,.0f}"


def _further(metric: str, knee: Knee) -> str:
    """Return whether more gain beyond the knee is excluded, and from where on."""
    delta, settled = delta_words(metric, knee), knee["settled_from"]
    if settled is None:
        return f"a further gain beyond {delta} is neither seen nor excluded"
    where = "" if settled == knee["knee"] else f" from {value_words(settled)} on"
    return f"a further gain beyond {delta} is excluded{where}"


def _title(swept: Swept) -> str:
    findings = [finding for run in swept.evidence.runs for finding in run.findings]
    keys = " and ".join(swept.keys)
    if correctness(findings) is Verdict.FAIL:
        return "The audit failed"
    every = [knee for curve in swept.curves for knee in curve.knees.values()]
    if all(knee["shape"] == Shape.UNJUDGED for knee in every):
        return f"{keys}: nothing is judged; {every[0]['warnings'][0]}" if every else keys
    found = [said for curve in swept.curves if (said := _first_effect(swept, curve))]
    if not found:
        judged = [knee for knee in every if knee["shape"] != Shape.UNJUDGED]
        if all(knee["shape"] == Shape.SAME for knee in judged):
            return f"No effect of {keys}"
        runs = numbers.counted(max(knee["n"] for knee in judged), "run")
        return f"No effect of {keys} is seen, nor excluded, by {runs} of each value"
    more = len(found) - MOST_SAID
    return "; ".join(found[:MOST_SAID]) + (f"; and {more} more" if more > 0 else "")


def _first_effect(swept: Swept, curve: Curve) -> str:
    """Return the first metric of a curve on which an effect is seen; nothing if there is none."""
    for metric, about in swept.metrics.items():
        knee = curve.knees[metric]
        title = about["title"]
        match Shape(knee["shape"]):
            case Shape.KNEE:
                said = f"knee at {curve.key} = {value_words(knee['knee'])}"
            case Shape.OPEN:
                said = f"gains up to {curve.key} = {value_words(knee['knee'])} at least"
            case Shape.RISES:
                said = f"still better at {curve.key} = {_last(curve)}, the last value"
            case Shape.FALLS:
                said = f"worse from {curve.key} = {value_words(knee['worse_from'])} on"
            case _:
                continue
        return f"{curve.named}: {said} ({title})"
    return ""


def _last(curve: Curve) -> str:
    return value_words(curve.points[-1].value)


def _sentences(swept: Swept) -> Iterator[str]:
    """Yield a sentence per curve and metric with an effect, and one for all that have none."""
    for curve in swept.curves:
        titles: dict[Shape, list[str]] = {}
        for metric, about in swept.metrics.items():
            knee = curve.knees[metric]
            titles.setdefault(Shape(knee["shape"]), []).append(str(about["title"]))
            if knee["shape"] in SEEN:
                said = knee_words(metric, knee)
                yield f"{curve.named}, {about['title']} along {curve.key}: {said}."
        if same := titles.get(Shape.SAME):
            yield f"{curve.named}: no effect of {curve.key} on {', '.join(same)}."
        if unseen := titles.get(Shape.NOTHING):
            yield (
                f"{curve.named}: an effect of {curve.key} on {', '.join(unseen)} is neither seen "
                "nor excluded."
            )
