"""What to see in a figure, in a sentence per approach, read off the thick lines that are drawn."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import pandas as pd

from report.charts import over_time as declared
from report.charts import percentile_curves
from report.charts.lines import bin_s, of_approach, peak_s, unanswered_pct
from report.charts.over_time import TimeKind
from report.charts.percentile_curves import WaitKind
from report.evidence import Approach, Evidence
from report.numbers import number, short


def over_time(kind: TimeKind, evidence: Evidence) -> str:
    """Return what a figure over time shows of each approach."""
    return _sentences(evidence, lambda approach: _SAY[kind.id](evidence, approach))


def distribution(kind: WaitKind, evidence: Evidence) -> str:
    """Return the percentiles that a figure of percentile curves shows."""
    unit = kind.unit.removesuffix(" (log)").rpartition(" ")[2]

    def said(approach: Approach) -> str:
        found = percentile_curves.percentiles(kind, approach)
        if not found:
            return "too few values for a curve"
        half = f"half within {short(found[50.0])} {unit}" if 50.0 in found else ""
        worst = max(found)
        most = f"{worst:g} % within {short(found[worst])} {unit}" if worst > 50.0 else ""
        return ", ".join(part for part in (half, most) if part)

    return _sentences(evidence, said)


def funnel(steps: Mapping[str, Sequence[Mapping[str, Any]]], evidence: Evidence) -> str:
    """Return how far attempts came, and at which step most of them ended."""

    def said(approach: Approach) -> str:
        rows = steps[approach.name]
        if not rows or not rows[0]["mean"]:
            return "no attempt"
        first, last = rows[0], rows[-1]
        share = 100 * last["mean"] / first["mean"]
        losses = [
            (before["mean"] - after["mean"], after["title"]) for before, after in pairwise(rows)
        ]
        most, where = max(losses, key=lambda loss: loss[0])
        text = f"of {number(first['mean'])} attempts {number(share, 1)} % ended as a sale"
        if not last["mean"]:
            text = f"none of {number(first['mean'])} attempts ended as a sale"
        return f"{text}; most were lost before “{where}” ({number(most)})" if most > 0 else text

    return _sentences(evidence, said)


def _sentences(evidence: Evidence, say: Callable[[Approach], str]) -> str:
    said = [f"{approach.named}: {say(approach)}." for approach in evidence.approaches]
    return " ".join(said)


def _line(evidence: Evidence, approach: Approach, column: str) -> "pd.Series[float] | None":
    """Return the thick line of a column without its gaps, or None if there is none."""
    line = of_approach(approach, column, bin_s(evidence))
    if line is None:
        return None
    line = line.dropna()
    return line if len(line) else None


def _latency(column: str, what: str, lacked: str) -> Callable[[Evidence, Approach], str]:
    def said(evidence: Evidence, approach: Approach) -> str:
        line = _line(evidence, approach, column)
        if line is None:
            return "nothing to show"
        usual, most = line.median(), line.max()
        text = f"{what} typically {short(usual)} ms, at most {short(most)} ms"
        text += f" ({short(peak_s(line))} s)"
        if missing := unanswered_pct(approach, column):
            text += f"; {short(missing)} % had no {lacked}"
        ended_s, load_s = float(line.index[-1]), evidence.stages[-1].end_s
        if ended_s + bin_s(evidence) < 0.9 * load_s:
            text += f"; none after {short(ended_s)} s"
        return text

    return said


def _throughput(evidence: Evidence, approach: Approach) -> str:
    line = _line(evidence, approach, "requests")
    if line is None:
        return "nothing to show"
    failed = [float(run.seconds["errors"].sum()) for run in approach.counted]
    mean = sum(failed) / len(failed)
    errors = f"{number(mean)} requests of a run had a 5xx or no answer" if mean else "no failure"
    most = "no answer"
    if line.max() > 0:
        most = f"at most {short(line.max())} answers per second ({short(peak_s(line))} s)"
    return f"{most}; {errors}"


def _users(evidence: Evidence, approach: Approach) -> str:
    planned, active = (_line(evidence, approach, name) for name in ("planned", "active"))
    if planned is None or active is None:
        return "nothing to show"
    apart = (active - planned).abs().max()
    return f"at most {short(active.max())} buyers, never more than {short(apart)} from the plan"


def _backlog(evidence: Evidence, approach: Approach) -> str:
    line = _line(evidence, approach, "open_orders")
    if line is None:
        return "nothing to show"
    said = "no open orders"
    if line.max() > 0:
        said = f"at most {short(line.max())} open orders ({short(peak_s(line))} s)"
    depth = _line(evidence, approach, "queue_depth")
    if depth is not None:
        said += f" and {short(depth.max()) if depth.max() else 'no'} entries in the streams"
    open_s = line[line > 0]
    if len(open_s):
        said += f"; the last is settled by {short(float(open_s.index[-1]))} s"
    return said


def _stock(evidence: Evidence, approach: Approach) -> str:
    line = _line(evidence, approach, "stock_left")
    if line is None:
        return "nothing to show"
    gone = line[line <= 0]
    if len(gone):
        return f"nothing left from {short(float(gone.index[0]))} s on" + (
            "" if line.iloc[-1] <= 0 else f", {short(line.iloc[-1])} given back at the end"
        )
    return f"{short(line.iloc[-1])} units left at the end"


def _confirmed(evidence: Evidence, approach: Approach) -> str:
    line = _line(evidence, approach, "confirmed")
    if line is None:
        return "nothing to show"
    finals = [float(run.seconds["confirmed"].max()) for run in approach.counted]
    if not any(finals):
        return "none was sold"
    text = f"{', '.join(map(short, finals))} confirmed in its runs"
    if line.max() > 0:
        half = line[line >= line.max() / 2]
        text += f", half of them by {short(half.index[0])} s"
    return text


_SAY: Final[Mapping[str, Callable[[Evidence, Approach], str]]] = {
    declared.LATENCY.id: _latency("api_p95_ms", "p95", "answer"),
    declared.PURCHASE.id: _latency("purchase_p50_ms", "median", "acknowledgement"),
    declared.THROUGHPUT.id: _throughput,
    declared.USERS.id: _users,
    declared.BACKLOG.id: _backlog,
    declared.STOCK.id: _stock,
    declared.CONFIRMED.id: _confirmed,
}
