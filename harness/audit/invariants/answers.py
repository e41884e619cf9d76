"""What buyers saw: no status goes back, no "sold out" is false, and every answer was counted."""

from collections import Counter

import numpy as np
import pandas as pd

from harness.audit.excuses import no_sooner_than, under_way
from harness.audit.facts import (
    ENDS,
    LEDGER_ORDER_NS,
    RECOVERY_NS,
    RELAY_NS,
    SHOWN_NS,
    SOLD_OUT_CACHE_NS,
    Facts,
    NotMeasuredError,
    among,
    frame_of,
)
from harness.audit.invariant import COUNTERS, Evidence, Scope, invariant
from harness.results.outages import Outage, drains, lost_response_windows
from harness.results.routes import ROUTES

PROXY_STATUSES = (502, 504)
"""Answers of a proxy, if there is one, for a server that did not answer it: none counts them."""


@invariant(
    "I12",
    "The status that buyers see never goes back",
    scope=Scope.ORDER,
    reads=("orders", "order_events"),
)
def never_regresses(facts: Facts, evidence: Evidence) -> str:
    """What a buyer sees of an order only moves forward, is in its history, and ends as the ledger.

    Catches a stale cache, a read-modify-write that revives an old state, an answer such as
    "confirmed" that the ledger does not confirm, and an end that its buyer is never shown.
    """
    columns = ("user", "sent_ns", "done_ns", "outcome", "order_id", "order_status", "version")
    answers = facts.requests(*columns)
    answers = answers[answers["order_id"] != ""]
    seen = answers[answers["version"] > 0].sort_values(["done_ns", "sent_ns"])
    shown = ["order_id", "user", "done_ns", "version", "order_status"]
    back = seen.groupby("order_id")["version"].diff() < 0
    evidence.offence("answers that went back", seen, back, shown)
    ends = answers["outcome"].where(answers["outcome"].isin(ENDS), answers["order_status"])
    final = answers.assign(end=ends)[ends.isin(ENDS)]
    final = final.assign(ledger=facts.of_order(final["order_id"], "status")["status"])
    wrong = final["ledger"].notna() & (final["ledger"] != final["end"])
    evidence.offence(
        "final answers that the ledger contradicts", final, wrong, [*shown, "end", "ledger"]
    )
    evidence.offence(
        "answers that hide an end", answers, _hiding(facts, answers), shown, by_the_clock=True
    )
    events = facts.table("order_events", "order_id", "version", "status")
    history = events.drop_duplicates(["order_id", "version"]).rename(columns={"status": "ledger"})
    compared = seen.merge(history, on=["order_id", "version"], how="left")
    known = among(compared["order_id"], facts.order_of.index)
    evidence.at_rest(
        "answers with a state that the order was never in",
        compared,
        known & (compared["ledger"] != compared["order_status"]),
        [*shown, "ledger"],
    )
    watched, ended = answers["order_id"].nunique(), final["order_id"].nunique()
    return f"{len(seen)} answers about {watched} orders, {ended} seen to their end"


def _hiding(facts: Facts, answers: pd.DataFrame) -> "pd.Series[bool]":
    """Return which answers show an order as under way long after the ledger finished it."""
    finished = facts.table("orders", "order_id", "settled_ns")
    finished = finished[finished["settled_ns"] > 0].drop_duplicates("order_id")
    ended_ns = finished["settled_ns"].to_numpy(dtype=np.int64) - int(facts.recorded("t0_wall_ns"))
    known_ns = no_sooner_than(ended_ns, SHOWN_NS, RECOVERY_NS, facts.outages)
    open_ = (answers["order_status"] != "") & ~answers["order_status"].isin(ENDS)
    return open_ & (
        answers["sent_ns"]
        > answers["order_id"].map(pd.Series(known_ns, index=finished["order_id"]))
    )


@invariant(
    "I18", "Every event stream shows the end of its order", scope=Scope.ORDER, reads=("orders",)
)
def streams_end(facts: Facts, evidence: Evidence) -> str:
    """No event stream was open, long after its order was finished, without having shown the end.

    Catches a change that is settled and not published, a subscription that died unnoticed, and a
    stream that is opened between the snapshot of its order and the subscription. How long a stream
    may take counts from the ledger's commit, or from the request if the order had ended before it;
    what a fault excuses is excused here too. A stream that broke counts for the time it was open.
    """
    columns = ("endpoint", "status", "sent_ns", "done_ns", "order_id", "order_status", "version")
    asked = facts.requests(*columns, "user", "error")
    streams = asked[(asked["endpoint"] == "events") & (asked["status"] == 200)]
    endless = streams[~streams["order_status"].isin(ENDS)]
    finished = facts.table("orders", "order_id", "settled_ns")
    finished = finished[finished["settled_ns"] > 0].drop_duplicates("order_id")
    settled_ns = finished.set_index("order_id")["settled_ns"] - int(facts.recorded("t0_wall_ns"))
    endless = endless[among(endless["order_id"], settled_ns.index)]
    ended_ns = endless["order_id"].map(settled_ns).to_numpy(dtype=np.int64)
    known_ns = np.maximum(ended_ns, endless["sent_ns"].to_numpy(dtype=np.int64))
    due_ns = no_sooner_than(known_ns, SHOWN_NS, RECOVERY_NS, facts.outages)
    evidence.offence(
        "event streams without an end",
        endless.assign(settled_ns=ended_ns),
        endless["done_ns"] > due_ns,
        ["order_id", "user", "sent_ns", "done_ns", "settled_ns", "order_status", "error"],
        by_the_clock=True,
    )
    return f"{len(streams)} event streams, {len(streams) - len(endless)} showed the end"


@invariant("I13", 'No "sold out" while stock was free', reads=("orders", "stock_moves"))
def sold_out_only_if_so(facts: Facts, evidence: Evidence) -> str:
    """No buyer was refused while a unit was free during the whole of the request.

    Catches units that vanish from the counter that accepts orders (undersell), during the sale and
    at its end: stock that is left although buyers were refused after the last release.

    Free stock is a step function bounded from below, so that a refusal is an offence whatever the
    clocks and the batching of writes did: a unit counts as taken `clock_ns` before the earliest
    stamp of its reservation (its order's acceptance, its stock move, or the answer to its buyer:
    the ledger of a queue learns of it later), and as free again only when every process must have
    learnt of its release (commit, relay to Redis, and the cache of "sold out"; while a fault lasts
    nobody needs to learn anything).
    """
    refused = facts.purchases[facts.purchases["outcome"] == "sold_out"]
    times, free = _free_at_least(facts)
    needed = max(1, int(facts.orders["quantity"].max())) if len(facts.orders) else 1
    scarce_at = np.where(free < needed, times, np.iinfo(np.int64).max)
    next_scarce = np.minimum.accumulate(scarce_at[::-1])[::-1]
    sent, done = refused["sent_ns"].to_numpy(), refused["done_ns"].to_numpy()
    step = np.searchsorted(times, sent, side="right") - 1
    following = np.append(next_scarce, np.iinfo(np.int64).max)[step + 1]
    wrong = (free[step] >= needed) & (following > done)
    evidence.at_rest(
        "refusals while stock was free",
        refused[wrong].assign(at_least_free=free[step][wrong])[
            ["user", "key", "sent_ns", "done_ns", "at_least_free"]
        ],
        by_the_clock=True,
    )
    return f'{len(refused)} times "sold out", never with stock free throughout the request'


@invariant(
    "I14",
    "Clients and servers counted the same requests",
    scope=Scope.DEPLOYMENT,
    reads=(COUNTERS,),
)
def counted_alike(facts: Facts, evidence: Evidence) -> str:
    """Every answer that a client got was counted by a server, and the servers counted no more.

    Catches a ledger that dropped requests, load from somewhere else, counters that lost a process,
    and answers by an intermediary. A server may exceed the clients by the requests of that route
    that stayed without an answer, those that a proxy answered in its stead, and event streams
    that broke, which may or may not have been counted.

    Counters outlive their process. But when one is killed or partitioned, a proxy asks another
    server for what that one, which may have counted it, did not answer (never for a POST, which is
    not safe to repeat); and a fault that wipes the data of a service takes its counters along. A
    drain of one replica of several excuses nothing: each request under way gets an answer.
    """
    counts = facts.recorded("server_counts")
    if not counts:
        raise NotMeasuredError("run.json has no server_counts")
    asked = facts.requests("endpoint", "status", "outcome", "sent_ns", "done_ns")
    routes = {endpoint: f"{method} {route}" for endpoint, (method, route) in ROUTES.items()}
    asked = asked.assign(route=asked["endpoint"].map(routes), status=asked["status"].astype(int))
    served = frame_of(counts, "method", "route", "status", "count")
    served["route"] = served["method"] + " " + served["route"]
    served = served[served["route"].isin(routes.values())]
    broken = (asked["endpoint"] == "events") & (asked["outcome"] == "indeterminate")
    topology = facts.recorded("topology")
    has_proxy = topology.get("entry") not in topology.get("counters", ())
    by_proxy = asked["status"].isin(PROXY_STATUSES if has_proxy else ())
    unanswered = (asked["status"] == 0) | by_proxy | broken
    both = pd.DataFrame(
        {
            "client": asked[~unanswered].groupby(["route", "status"]).size(),
            "server": served.groupby(["route", "status"])["count"].sum(),
        }
    )
    both = both.fillna(0).astype("int64").rename_axis(["route", "status"]).reset_index()
    windows = lost_response_windows(facts.outages, topology)
    if not any(outage.declared.loses_data for outage in windows):
        evidence.offence("statuses that no server counted", both, both["client"] > both["server"])
    surplus = both.assign(surplus=(both["server"] - both["client"]).clip(lower=0))
    per_route = surplus.groupby("route")[["client", "server", "surplus"]].sum().reset_index()
    again = asked["route"].str.startswith("GET") & under_way(asked, windows)
    allowed = per_route["route"].map(asked[unanswered | again].groupby("route").size()).fillna(0)
    allowed += per_route["route"].map(_unanswered_probes(facts)).fillna(0)
    per_route["unanswered"] = allowed.astype("int64")
    evidence.offence(
        "routes with requests that no client sent",
        per_route,
        per_route["surplus"] > per_route["unanswered"],
    )
    evidence.offence(
        "requests that failed while a replica was drained",
        asked,
        _failed_in(facts, asked, drains(facts.outages, topology)),
        ["route", "status", "sent_ns", "done_ns"],
    )
    client, server = int(both["client"].sum()), int(both["server"].sum())
    return f"{client} answers, {server} counted by servers, {int(unanswered.sum())} unanswered"


def _unanswered_probes(facts: Facts) -> dict[str, int]:
    """Return by route the requests of the prober that a server may have counted, or may not."""
    prober = facts.run.record.prober
    found: Counter[str] = Counter()
    for row in prober.requests if prober else ():
        if row.status == 0 or row.status in PROXY_STATUSES:
            found[f"{row.method} {row.route}"] += row.count
    return found


def _failed_in(facts: Facts, asked: pd.DataFrame, drained: tuple[Outage, ...]) -> "pd.Series[bool]":
    """Return which requests failed while a replica was drained, and nothing else was broken.

    An endpoint at which buyers had already given up waiting before the first drain is overloaded:
    that they give up there later, too, is not the drain's doing. Cut connections always count.
    """
    failed = (asked["status"] == 0) | (asked["status"] >= 500)
    during = failed & under_way(asked, drained)
    if not during.any():
        return during
    others = tuple(fault for fault in facts.outages if fault not in drained)
    limit_ns = float(facts.recorded("scenario", "load", "request_timeout_s")) * 1e9
    gave_up = (asked["status"] == 0) & (asked["done_ns"] - asked["sent_ns"] >= limit_ns)
    before = asked["sent_ns"] < min(outage.begun_ns for outage in drained)
    overloaded = asked["endpoint"].isin(asked.loc[gave_up & before, "endpoint"])
    return during & ~(gave_up & overloaded) & ~under_way(asked, others)


def _free_at_least(facts: Facts) -> tuple["np.ndarray", "np.ndarray"]:
    """Return times, in ns from the start of the load, and the stock surely free from then on."""
    t0_ns = int(facts.recorded("t0_wall_ns"))
    moves, ledger = facts.stock_moves, facts.order_of
    acked = facts.acknowledgements
    stamps = pd.concat(
        [
            ledger["accepted_ns"] - t0_ns,
            moves[moves["kind"] == "reserve"].set_index("order_id")["at_ns"] - t0_ns,
            acked[acked["order_id"] != ""].set_index("order_id")["done_ns"],
        ]
    )
    taken_ns = stamps.astype("int64").groupby(level=0).min() - facts.clock_ns
    quantities = ledger["quantity"]
    taken = quantities.reindex(taken_ns.index).fillna(1).astype("int64")
    releases = moves[moves["kind"] == "release"].drop_duplicates("order_id")
    delay_ns = SOLD_OUT_CACHE_NS + LEDGER_ORDER_NS + (RELAY_NS if facts.has_redis else 0)
    released_ns = releases["at_ns"].to_numpy(dtype=np.int64) - t0_ns
    free_ns = no_sooner_than(released_ns, delay_ns, RECOVERY_NS, facts.outages)
    times = np.concatenate([taken_ns.to_numpy(), free_ns])
    given = releases["ordered"].fillna(releases["quantity"]).astype("int64")
    change = np.concatenate([-taken.to_numpy(), given.to_numpy()])
    order = np.argsort(times, kind="stable")
    free = facts.seeded_stock + np.cumsum(change[order])
    start = np.iinfo(np.int64).min
    return np.append(start, times[order]), np.append(facts.seeded_stock, free)
