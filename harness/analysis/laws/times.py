"""Laws about durations: of the backlog, and of the two clocks that measure them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.analysis.columns import Floats, floats, integers, is_in
from harness.analysis.laws.judging import Sides, judge, unknown
from harness.analysis.run_facts import NANOSECONDS, TERMINAL, RunFacts
from harness.results.findings import Law
from harness.results.nodes import CLOCK_TOLERANCE_S
from harness.results.outages import outages

BACKLOG = "L = λW of the backlog"
CLOCKS = "wall clock = monotonic clock"
LOAD_CLOCKS = "clocks of the load's machines"

LONGEST_GAP_S = 5.0
"""Two samples further apart say nothing of what lay between them."""
FEWEST_INTERVALS = 10
STAMP_LAG_S = 0.05
"""How much later a transaction is seen than the time that it wrote into its rows."""
STANDARD_ERRORS = 4.0
LOAD_CLOCK_ERROR_S = 0.01
"""A fifth of what the clock of the stores and that of the load may differ by."""


def backlog_is_arrivals_times_stay(facts: RunFacts) -> Iterator[Law]:
    """L = λW (Little 1961): mean open units as sampled = units per second × mean time of one.

    The left side is the ledger's counter, read each second; the right side follows from the times
    of its stock moves, clipped to the same seconds, and is exact. So the residual is the error of
    sampling: between two samples with e changes and a net change d, the trapezoid is off by a
    random amount of variance (e + d²)/12 of an interval. Four standard errors are allowed, and what
    changes within 50 ms. Seconds in which a fault was on are left out: a transaction that was
    paused commits under an old stamp.
    """
    begins_s, ends_s, held = _sampled_intervals(facts)
    if len(begins_s) < FEWEST_INTERVALS:
        yield unknown(BACKLOG, 0.0, "the open units were not sampled")
        return
    widths_s = ends_s - begins_s
    observed_s = float(widths_s.sum())
    sampled = float((held.mean(axis=0) * widths_s).sum()) / observed_s
    opened_s, closed_s, units = _stays(facts)
    inside_s, changes = _clipped(opened_s, closed_s, units, begins_s, ends_s)
    timed = inside_s / observed_s
    net = held[1] - held[0]
    error = float(np.sqrt((widths_s**2 * (changes + net**2) / 12).sum())) / observed_s
    rate_per_s = float(changes.sum()) / 2 / observed_s
    tolerance = STANDARD_ERRORS * error + STAMP_LAG_S * rate_per_s
    stay_s = timed / rate_per_s if rate_per_s else 0.0
    detail = (
        f"{sampled:.3f} open units as sampled; {rate_per_s:.3f} a second stay {stay_s:.3f} s each: "
        f"{timed:.3f}"
    )
    sides = Sides(sampled, timed, "open units")
    yield judge(BACKLOG, sides, sampled - timed, tolerance, detail)


def _sampled_intervals(facts: RunFacts) -> tuple[Floats, Floats, Floats]:
    """Return begin, end (s since t0) and the two readings of every undisturbed interval."""
    sampled = facts.telemetry("reserved")
    if "postgres" not in sampled:
        return np.empty(0), np.empty(0), np.empty((2, 0))
    readings = sampled["postgres"].dropna()
    at_s, held = readings.index.to_numpy(dtype=np.float64), readings.to_numpy(dtype=np.float64)
    begins_s, ends_s = at_s[:-1], at_s[1:]
    kept = ends_s - begins_s <= LONGEST_GAP_S
    for fault in outages(facts.record):
        over_s, begun_s = fault.over_ns / NANOSECONDS, fault.begun_ns / NANOSECONDS
        kept &= (begins_s > over_s) | (ends_s < begun_s)
    return begins_s[kept], ends_s[kept], np.stack([held[:-1], held[1:]])[:, kept]


def _stays(facts: RunFacts) -> tuple[Floats, Floats, Floats]:
    """Return when units began and ceased to be held (s since t0), and how many they are.

    A reservation is stamped when its order was accepted. Where that is before the ledger has it, as
    in a queue whose ledger was away, the counter has it from the order's second event on.
    """
    moves = facts.stock_moves
    opened = moves[is_in(moves, "kind", ["reserve"])]
    events = facts.run.order_events
    recorded = events[events["version"] == 2].groupby("order_id")["at_ns"].min()
    recorded_ns = (recorded - facts.t0_wall_ns).reindex(opened["order_id"]).to_numpy(np.float64)
    closed = moves[~is_in(moves, "kind", ["reserve"])].groupby("order_id")["at_rel_ns"].min()
    closed_ns = closed.reindex(opened["order_id"]).fillna(np.inf).to_numpy(dtype=np.float64)
    opened_s = np.fmax(floats(opened, "at_rel_ns"), recorded_ns) / NANOSECONDS
    return opened_s, closed_ns / NANOSECONDS, floats(opened, "quantity")


def _clipped(
    opened_s: Floats, closed_s: Floats, units: Floats, begins_s: Floats, ends_s: Floats
) -> tuple[float, Floats]:
    """Return the unit-seconds that lie in some intervals, and the units that changed in each."""
    edges_s = np.stack([begins_s, ends_s]).T.ravel()
    covered_s = np.append(0.0, np.cumsum(ends_s - begins_s))

    def covered_until(at_s: Floats) -> Floats:
        """Return how much of the intervals lies before each of some instants."""
        position = np.searchsorted(begins_s, at_s, side="right")
        last = np.maximum(position - 1, 0)
        within_s = np.clip(at_s, begins_s[last], ends_s[last]) - begins_s[last]
        so_far: Floats = np.where(position > 0, covered_s[last] + within_s, 0.0)
        return so_far

    inside_s = float((units * (covered_until(closed_s) - covered_until(opened_s))).sum())
    place = np.searchsorted(edges_s, np.append(opened_s, closed_s), side="right")
    is_inside = place % 2 == 1
    changes = np.bincount(
        place[is_inside] // 2, weights=np.append(units, units)[is_inside], minlength=len(begins_s)
    ).astype(np.float64)
    return inside_s, changes


def clocks_agree(facts: RunFacts) -> Iterator[Law]:
    """The wall clock, by which the stores write, was not set while the client's clock ran.

    Each second both clocks are read. And causes come before their effects on either clock: an order
    is accepted after it was first sent for, and before the buyer got its number; it is settled
    before the buyer saw it; a charge takes no less than the gateway drew for it. The residual is
    the worst of these, in s.
    """
    pairs = [*_clock_readings(facts), *_causes(facts)]
    if not pairs:
        yield unknown(CLOCKS, CLOCK_TOLERANCE_S, "no time is known by both clocks")
        return
    residual, sides, what = max(pairs, key=lambda pair: pair[0])
    detail = f"{1000 * residual:.1f} ms apart at most: {what}" if residual else "never apart"
    yield judge(CLOCKS, sides, residual, CLOCK_TOLERANCE_S, detail)


def load_clocks_are_known(facts: RunFacts) -> Iterator[Law]:
    """Times that were measured on other machines are right to 10 ms on the harness's clock.

    How far the clocks are apart was measured before the load and after it. The residual is how far
    off a time may be at worst, in s: half the round trip of the question, and what the clocks
    drifted apart in between. No latency depends on it: each is measured by one clock.
    """
    worst = max(facts.record.load_workers, key=lambda one: one.clock_error_ms)
    error_s = worst.clock_error_ms / 1000
    detail = f"process {worst.process} on {worst.host}: to {worst.clock_error_ms:.2f} ms"
    sides = Sides(error_s, LOAD_CLOCK_ERROR_S, "s")
    yield judge(LOAD_CLOCKS, sides, error_s, LOAD_CLOCK_ERROR_S, detail)


Pair = tuple[float, Sides, str]
"""How much two instants contradict each other (s), the instants, and what they are."""


def _clock_readings(facts: RunFacts) -> Iterator[Pair]:
    steps_s = facts.telemetry("clock_step_s")
    if "machine" in steps_s:
        column = steps_s["machine"].dropna()
        worst = int(column.abs().to_numpy().argmax())
        at_s, step_s = float(column.index.to_numpy()[worst]), float(column.iloc[worst])
        yield abs(step_s), Sides(at_s + step_s, at_s, "s since t0"), "both clocks, read together"


def _causes(facts: RunFacts) -> Iterator[Pair]:
    """Yield the worst contradiction of each kind between the ledger's times and the client's."""
    orders, requests = facts.orders.set_index("order_id"), facts.requests
    named = requests[requests["order_id"] != ""]
    ended = is_in(named, "order_status", TERMINAL) | is_in(named, "outcome", TERMINAL)
    settled = orders[orders["settled"].to_numpy(dtype=np.bool_)]
    yield from _order(
        orders["first_sent_ns"], orders["accepted_rel_ns"], "an order sent for, and accepted"
    )
    yield from _order(
        orders["accepted_rel_ns"],
        named.groupby("order_id")["done_ns"].min(),
        "an order accepted, and seen by its buyer",
    )
    yield from _order(
        settled["settled_rel_ns"],
        named[ended].groupby("order_id")["done_ns"].min(),
        "an order settled, and seen by its buyer",
    )
    charges = facts.charges
    drawn_ns = pd.Series(integers(charges, "started_ns") - facts.t0_wall_ns).add(
        1e6 * floats(charges, "latency_ms")
    )
    finished_ns = pd.Series(integers(charges, "finished_ns") - facts.t0_wall_ns)
    yield from _order(drawn_ns, finished_ns, "a charge due, and finished")


def _order(
    causes_ns: "pd.Series[float]", effects_ns: "pd.Series[float]", what: str
) -> Iterator[Pair]:
    """Yield by how much the worst effect came before its cause; 0 if none did."""
    both = pd.DataFrame({"cause": causes_ns, "effect": effects_ns}).dropna() / NANOSECONDS
    if len(both):
        early_s = floats(both, "cause") - floats(both, "effect")
        worst = int(early_s.argmax())
        sides = Sides(both["effect"].iloc[worst], both["cause"].iloc[worst], "s since t0")
        yield max(0.0, float(early_s[worst])), sides, what
