"""An experiment in words: the answer to its hypothesis, and to each of its expectations."""

from collections.abc import Mapping
from typing import Any

from harness.analysis import METRICS
from report import numbers
from report.conclusion import Headline

Expectation = Mapping[str, Any]
"""An expectation as the summary has it: what was stated, what was measured, and the answer."""

NOT_MEASURED = "not measured"


def headline(experiment: Mapping[str, Any], otherwise: Headline) -> Headline:
    """Return the first words of an experiment; `otherwise` are those of the campaign without it."""
    hypothesis = str(experiment["hypothesis"]).removesuffix(".")
    return Headline(
        title=f"{str(experiment['answer']).capitalize()}: {hypothesis}",
        problems=otherwise.problems,
        sentences=(*map(sentence, experiment["expectations"]), *otherwise.sentences),
        uncertainty=measured(deciding(experiment)),
    )


def deciding(experiment: Mapping[str, Any]) -> Expectation:
    """Return the first expectation whose answer is that to the whole."""
    expectations: list[Expectation] = experiment["expectations"]
    return next(one for one in expectations if one["answer"] == experiment["answer"])


def sentence(one: Expectation) -> str:
    """Return the answer to an expectation, with its numbers."""
    why = f" ({one['why']})" if one["why"] and one["value"] is None else ""
    return (
        f"{str(one['answer']).capitalize()}: {one['says']}. "
        f"Measured: {number(one)}{why}; expected: {expected(one)}; n = {one['n']}."
    )


def measured(one: Expectation) -> str:
    """Return an expectation with what was measured, in a few words."""
    return f"expected: {one['says']}; measured: {number(one)}"


def number(one: Expectation) -> str:
    """Return what was measured, with its interval."""
    value, low, high = one["value"], one["low"], one["high"]
    if one["audit"] is not None:
        if value is None:
            return NOT_MEASURED
        least = "" if high is not None else "at least "
        runs = numbers.counted(one["n"], "run")
        return f"{least}{numbers.counted(value, 'offence')} against {one['audit']} in {runs}"
    if one["over"] is not None:
        if value is None:
            return NOT_MEASURED
        digits = ratio_digits(value)
        span = numbers.interval(low, high, digits)
        return f"{numbers.number(value, digits)}× {span}".rstrip()
    metric = METRICS[one["metric"]]
    found = {"value": value, "low": low, "high": high, "unit": metric.unit}
    text = numbers.estimate(found, metric.digits)
    return NOT_MEASURED if text == numbers.NOTHING else text


def expected(one: Expectation) -> str:
    """Return the range that is expected."""
    least, most = one["at_least"], one["at_most"]
    unit = _unit(one)
    if least is not None and most is not None:
        span = f"{least:g}" if least == most else f"{least:g} to {most:g}"
        return f"{span}{unit}"
    return f"at least {least:g}{unit}" if least is not None else f"at most {most:g}{unit}"


def ratio_digits(value: float) -> int:
    """Return how many decimals show a ratio, however small it is."""
    return numbers.factor_digits(value) if value >= 0.1 else 3 if value >= 0.01 else 5


def _unit(one: Expectation) -> str:
    if one["over"] is not None:
        return "×"
    unit = METRICS[one["metric"]].unit if one["metric"] is not None else ""
    return f"\N{NO-BREAK SPACE}{unit}" if unit else ""
