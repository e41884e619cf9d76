"""Laws that the numbers of one run must obey: if one is broken, the run measured something else.

Each law is computed from facts that were recorded independently of each other, and has a residual
and a tolerance; FAIL if the residual exceeds it, UNKNOWN if the facts are not there. The strongest
is the interactive response-time law N = X(R + Z) (Denning and Buzen 1978): in a closed load every
buyer is always either waiting for an answer or thinking, so user-seconds equal request-seconds plus
think-seconds. A saturated load generator breaks it long before its own CPU figure shows anything.

A fault of the scenario's excuses little: the load generator is not hit, so the laws about buyers,
about the ledger of requests and about the generator stay as they are. What is excused is said at
the two laws about what the approach itself counts: requests, and payment slots.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from harness.analysis.facts import (
    NANOSECONDS,
    Integers,
    RunFacts,
    Stage,
    integers,
    overlap_s,
    steps,
)
from harness.analysis.series import per_second
from harness.findings import Law, Verdict
from harness.outages import WIPE, Outage, outages, silences
from harness.store import RunData

INTERACTIVE_TOLERANCE = 0.05
USERS_TOLERANCE = 0.02
CLOCK_LAG_S = 0.2
UTILISATION_TOLERANCE = 0.02
"""CPU counters advance in ticks and are sampled near, not at, the edges of the load."""
GENERATOR_CPU_LIMIT = 0.90
LATENESS_P99_LIMIT_MS = 250.0
LATENESS_MEAN_LIMIT = 0.05

ROUTES = {
    "register": ("POST", "/auth/register"),
    "login": ("POST", "/auth/login"),
    "product": ("GET", "/products/{id}"),
    "buy": ("POST", "/orders"),
    "status": ("GET", "/orders/{id}"),
    "events": ("GET", "/orders/{id}/events"),
}
PROXY_STATUSES = (502, 503, 504)
"""Statuses that a proxy before the counting services may answer by itself."""


Laws = Sequence[tuple[str, Callable[[RunFacts], list[Law]]]]


def check_laws(run: RunData, applicable: Laws | None = None) -> list[Law]:
    """Check every law on a run, or those that apply to it.

    A law that crashes is UNKNOWN and says with what error.
    """
    facts = RunFacts(run)
    laws: list[Law] = []
    for name, law in LAWS if applicable is None else applicable:
        try:
            laws += law(facts)
        except Exception as error:  # a broken fact must not hide what the other laws find
            detail = f"could not be checked: {type(error).__name__}: {error}"
            laws.append(Law(name, Verdict.UNKNOWN, None, 0.0, detail))
    return laws


def _law(
    name: str, residual: float, tolerance: float, detail: str, stage: str | None = None
) -> Law:
    verdict = Verdict.PASS if abs(residual) <= tolerance else Verdict.FAIL
    return Law(name, verdict, float(residual), tolerance, detail, stage)


def _unknown(name: str, tolerance: float, why: str, stage: str | None = None) -> list[Law]:
    return [Law(name, Verdict.UNKNOWN, None, tolerance, why, stage)]


def interactive_response_time(facts: RunFacts) -> list[Law]:
    """N = X(R + Z) in each stage: the share of user-seconds that no request or think accounts for.

    Every interval is clipped to the stage, so the law is exact also where users come and go.
    """
    begun_ns, ended_ns = _accounted(facts)
    buyers = facts.run.buyers
    born_ns, left_ns = integers(buyers, "born_ns"), integers(buyers, "left_ns")
    still_there = round(facts.end_s * NANOSECONDS)
    left_ns = np.where(left_ns < 0, still_there, left_ns)
    laws = []
    for stage in facts.stages:
        lived_s = overlap_s(born_ns, left_ns, stage)
        accounted_s = overlap_s(begun_ns, ended_ns, stage)
        if max(lived_s, accounted_s) == 0:
            laws += _unknown(INTERACTIVE, INTERACTIVE_TOLERANCE, "no buyer was there", stage.name)
            continue
        residual = (lived_s - accounted_s) / max(lived_s, accounted_s)
        detail = (
            f"{lived_s:.1f} user-seconds, {accounted_s:.1f} s of requests and thinking: "
            f"{100 * residual:+.2f} % unaccounted for"
        )
        laws.append(_law(INTERACTIVE, residual, INTERACTIVE_TOLERANCE, detail, stage.name))
    return laws


def _accounted(facts: RunFacts) -> tuple[Integers, Integers]:
    """Return begin and end (ns since t0) of every request, think time and parting think time."""
    requests = facts.run.requests
    intended_ns, think_ns = integers(requests, "intended_ns"), integers(requests, "think_ns")
    parting = _parting_thinks(facts)
    begins = [integers(requests, "sent_ns"), intended_ns - think_ns, parting[0]]
    ends = [integers(requests, "done_ns"), intended_ns, parting[1]]
    return np.concatenate(begins), np.concatenate(ends)


def _parting_thinks(facts: RunFacts) -> tuple[Integers, Integers]:
    """Return the think times after which a buyer left instead of sending another request.

    No request records them; they are the time from a buyer's last answer until it left, if that
    is not longer than a buyer may think.
    """
    buyers = facts.run.buyers.set_index(["process", "user"])
    last_done = facts.run.requests.groupby(["process", "user"])["done_ns"].max()
    both = buyers.assign(done_ns=last_done.reindex(buyers.index)).dropna(subset=["done_ns"])
    begun_ns, left_ns = integers(both, "done_ns"), integers(both, "left_ns")
    load = facts.scenario["load"]
    longest_s = max(float(load["think_max_s"]), float(load["poll_interval_s"]))
    gap_ns = left_ns - begun_ns
    thought = (gap_ns > 0) & (gap_ns <= 1.05 * longest_s * NANOSECONDS)
    return begun_ns[thought], left_ns[thought]


def client_counts_equal_server_counts(facts: RunFacts) -> list[Law]:
    """Every answer the client recorded was counted by a server, and the other way round.

    A server may have counted more: requests whose answer never reached the client. A client may
    have recorded more if a proxy stands before the services that count: its own 502, 503 and 504.

    Counters outlive their process. But after a kill or a cut a proxy repeats a GET that the server
    did not answer, though it may have counted it; and a fault that wipes a service's data takes its
    counters along.
    """
    if not facts.record["server_counts"]:
        return _unknown(CLIENT_SERVER, 0.0, "the services counted no request")
    server: Counter[tuple[str, str, int]] = Counter()
    for row in facts.record["server_counts"]:
        server[row["method"], row["route"], int(row["status"])] += int(row["count"])
    requests = facts.run.requests
    client: Counter[tuple[str, int]] = Counter(
        zip(requests["endpoint"].tolist(), requests["status"].tolist(), strict=True)
    )
    has_proxy = facts.topology.get("entry") not in facts.topology.get("counters", ())
    forgiven = PROXY_STATUSES if has_proxy else ()
    silent = silences(outages(facts.record), facts.topology)
    repeated = _under_way(facts, silent) if has_proxy else Counter()
    wrong = {}
    for endpoint, route in ROUTES.items():
        counted = {status: n for (*asked, status), n in server.items() if (*asked,) == route}
        seen = {status: n for (asked, status), n in client.items() if asked == endpoint}
        uncounted, surplus = _mismatch(seen, counted, forgiven)
        if any(outage.kind == WIPE for outage in silent):
            uncounted = 0
        if route[0] == "GET":
            surplus = max(surplus - repeated[endpoint], 0)
        wrong[endpoint] = uncounted + surplus
    answered = sum(n for (_, status), n in client.items() if status)
    detail = f"{answered} answers at the client; {client.total() - answered} requests unanswered"
    offenders = [f"{endpoint} by {n}" for endpoint, n in wrong.items() if n]
    if offenders:
        detail += f"; the servers counted otherwise: {', '.join(offenders)}"
    return [_law(CLIENT_SERVER, sum(wrong.values()) / max(answered, 1), 0.0, detail)]


def _under_way(facts: RunFacts, faults: Sequence[Outage]) -> Counter[str]:
    """Count the requests to each endpoint that were under way at some moment of a fault."""
    requests = facts.run.requests
    sent_ns, done_ns = integers(requests, "sent_ns"), integers(requests, "done_ns")
    hit = np.zeros(len(requests), dtype=np.bool_)
    for fault in faults:
        hit |= (sent_ns <= fault.over_ns) & (done_ns >= fault.begun_ns)
    return Counter(requests["endpoint"][hit].tolist())


def _mismatch(
    seen: dict[int, int], counted: dict[int, int], forgiven: tuple[int, ...]
) -> tuple[int, int]:
    """Return how many answers no server counted, and how many more they did than were lost."""
    statuses = (set(seen) | set(counted)) - {0}
    excess = {status: counted.get(status, 0) - seen.get(status, 0) for status in statuses}
    lost = sum(n for n in excess.values() if n > 0)
    # where the proxy answered itself, the server may have counted an answer that it could not give
    by_proxy = -sum(n for status, n in excess.items() if n < 0 and status in forgiven)
    unanswered = seen.get(0, 0) + by_proxy
    uncounted = -sum(n for status, n in excess.items() if n < 0 and status not in forgiven)
    return uncounted, max(lost - unanswered, 0)


def per_second_sums_equal_totals(facts: RunFacts) -> list[Law]:
    """The per-second series, added up, is the number of requests and of confirmed orders.

    Every request must have been sent in the stage that it is labelled with, to a second.
    """
    table = per_second(facts)
    done, total = int(table["done"].sum()), len(facts.requests)
    confirmed = int(table["confirmed"].iloc[-1])
    mislabelled = sum(_sent_elsewhere(facts, stage) for stage in facts.stages)
    wrong = abs(total - done) + abs(len(facts.confirmed) - confirmed) + mislabelled
    detail = f"{done} of {total} requests, {confirmed} of {len(facts.confirmed)} confirmed orders"
    if mislabelled:
        detail += f"; {mislabelled} requests were not sent in the stage they are labelled with"
    return [_law(SUMS, wrong / max(total, 1), 0.0, detail)]


def _sent_elsewhere(facts: RunFacts, stage: Stage) -> int:
    start_ns, end_ns = stage.window_ns
    labelled = integers(facts.requests, "stage") == stage.number
    sent_ns = integers(facts.requests, "sent_ns")[labelled]
    outside = (sent_ns < start_ns - NANOSECONDS) | (sent_ns > end_ns + NANOSECONDS)
    return int(np.count_nonzero(outside))


def recorded_equals_locust(facts: RunFacts) -> list[Law]:
    """The ledger holds as many requests as Locust counted by itself."""
    recorded = int(facts.record["recorded"]["recorded"])
    locust = int(facts.record["recorded"]["locust"])
    stored = len(facts.run.requests)
    wrong = max(abs(recorded - locust), abs(recorded - stored))
    detail = f"{recorded} recorded, {locust} seen by Locust, {stored} stored"
    return [_law(RECORDED, wrong / max(locust, 1), 0.0, detail)]


def utilisation_at_most_one(facts: RunFacts) -> list[Law]:
    """All services and the load generator together used no more CPU than the machine has."""
    sources = [*facts.topology["services"], "load"]
    used = [facts.cpu_s(source, 0.0, facts.load_s) for source in sources]
    known = [seconds for seconds in used if seconds is not None]
    if len(known) < len(facts.approach_services) + 1:
        return _unknown(UTILISATION, UTILISATION_TOLERANCE, "CPU time was not sampled")
    share = sum(known) / (facts.load_s * facts.cores)
    detail = f"{sum(known):.1f} CPU-seconds in {facts.load_s:g} s on {facts.cores} cores"
    detail += f": {100 * share:.1f} %"
    return [_law(UTILISATION, max(0.0, share - 1), UTILISATION_TOLERANCE, detail)]


def slots_cover_charges(facts: RunFacts) -> list[Law]:
    """At no instant were more charges in flight than the approach has payment slots.

    A worker that is killed, or gives a slow gateway up, leaves its charge behind: it goes on at the
    gateway while the slot is free for the next. So charges under way during a fault are left out.
    """
    charges, slots = _undisturbed(facts), int(facts.topology["payment_slots"])
    if charges.empty:
        return _unknown(SLOTS, 0.0, "no charge was executed")
    _, in_flight = steps(integers(charges, "started_ns"), integers(charges, "finished_ns"))
    most = int(in_flight.max())
    detail = f"at most {most} charges in flight, {slots} slots"
    return [_law(SLOTS, max(0, most - slots) / slots, 0.0, detail)]


def _undisturbed(facts: RunFacts) -> pd.DataFrame:
    """Return the charges that were not in flight at any moment of a fault."""
    charges = facts.run.charges
    started_ns = integers(charges, "started_ns") - facts.t0_wall_ns
    finished_ns = integers(charges, "finished_ns") - facts.t0_wall_ns
    hit = np.zeros(len(charges), dtype=np.bool_)
    for fault in outages(facts.record):
        hit |= (started_ns <= fault.over_ns) & (finished_ns >= fault.begun_ns)
    return charges[~hit]


def planned_users_achieved(facts: RunFacts) -> list[Law]:
    """At the end of each stage as many buyers were active as planned, to 2 %.

    One buyer more or less is allowed, and what the plan changes in two ticks of the stage clock.
    """
    laws = []
    before = 0
    for stage in facts.stages:
        reading = facts.users_at_end(stage)
        slack = 1 + CLOCK_LAG_S * abs(stage.users - before) / stage.seconds
        before = stage.users
        if reading is None:
            why = "the users at the end of the stage were not recorded"
            laws += _unknown(USERS, USERS_TOLERANCE, why, stage.name)
            continue
        t_s, active = reading
        planned = facts.schedule.planned_users(t_s)
        residual = max(abs(active - planned) - slack, 0.0) / max(planned, 1.0)
        detail = f"{active:g} of {planned:.4g} planned users were active at {t_s:.1f} s"
        laws.append(_law(USERS, residual, USERS_TOLERANCE, detail, stage.name))
    return laws


def generator_has_cpu_to_spare(facts: RunFacts) -> list[Law]:
    """In no stage did the load generator use 90 % of one core per process (Python's GIL)."""
    processes = int(facts.scenario["load"]["processes"])
    shares = []
    for stage in facts.stages:
        used_s = facts.cpu_s("load", stage.start_s, stage.end_s)
        if used_s is None:
            return _unknown(GENERATOR_CPU, GENERATOR_CPU_LIMIT, "CPU time was not sampled")
        shares.append((used_s / (stage.seconds * processes), stage.name))
    share, name = max(shares)
    detail = f"{100 * share:.1f} % of a core per process in stage {name}, the most of all stages"
    return [_law(GENERATOR_CPU, share, GENERATOR_CPU_LIMIT, detail)]


def generator_is_punctual(facts: RunFacts) -> list[Law]:
    """Requests are sent when they were intended: p99 to 250 ms, or the mean to 5 % of a think.

    Both must be exceeded to fail: a rare hiccup does not distort a load, and neither does a delay
    that is small beside what a buyer thinks. The residual is the lesser of the two excesses.
    """
    requests = facts.requests
    if requests.empty:
        return _unknown(GENERATOR_LATE, 1.0, "no request was sent")
    late_ms = (integers(requests, "sent_ns") - integers(requests, "intended_ns")) / 1e6
    think_ns = integers(requests, "think_ns")
    p99_ms, mean_ms = float(np.quantile(late_ms, 0.99)), float(late_ms.mean())
    detail = f"sent {mean_ms:.1f} ms late on average, p99 {p99_ms:.1f} ms"
    excess = p99_ms / LATENESS_P99_LIMIT_MS
    if (think_ns > 0).any():
        think_ms = float(think_ns[think_ns > 0].mean()) / 1e6
        excess = min(excess, mean_ms / (LATENESS_MEAN_LIMIT * think_ms))
        detail += f"; buyers think {think_ms:.0f} ms on average"
    return [_law(GENERATOR_LATE, max(excess, 0.0), 1.0, detail)]


INTERACTIVE = "interactive response-time law"
CLIENT_SERVER = "client counts = server counts"
SUMS = "per-second sums = totals"
RECORDED = "recorded = seen by Locust"
UTILISATION = "utilisation <= 1"
SLOTS = "payment slots >= charges in flight"
USERS = "planned users achieved"
GENERATOR_CPU = "generator CPU"
GENERATOR_LATE = "generator punctuality"

LAWS: Laws = (
    (INTERACTIVE, interactive_response_time),
    (CLIENT_SERVER, client_counts_equal_server_counts),
    (SUMS, per_second_sums_equal_totals),
    (RECORDED, recorded_equals_locust),
    (UTILISATION, utilisation_at_most_one),
    (SLOTS, slots_cover_charges),
    (USERS, planned_users_achieved),
    (GENERATOR_CPU, generator_has_cpu_to_spare),
    (GENERATOR_LATE, generator_is_punctual),
)
