"""The frame of a run: clean when it began, configured as claimed, and empty when it ended."""

from typing import Any

import pandas as pd

from harness.audit.facts import Facts, NotMeasuredError, frame_of
from harness.audit.invariant import Evidence, Scope, invariant
from harness.audit.password_hashes import costs_enough
from harness.results.findings import Category

DURABLE_POSTGRES = {
    "fsync": ("on",),
    "synchronous_commit": ("on", "local", "remote_write", "remote_apply"),
    "full_page_writes": ("on",),
}
DURABLE_REDIS = {
    "appendonly": ("yes",),
    "appendfsync": ("always",),
    "maxmemory-policy": ("noeviction",),
}


@invariant("I11", "Queues are drained and nothing was given up", scope=Scope.DEPLOYMENT)
def queues_drained(facts: Facts, evidence: Evidence) -> str:
    """Streams are empty, no entry is pending, and no entry was moved to the dead letters.

    Catches work that is never acknowledged, entries of a dead worker that nobody claims, and
    poisoned entries that would otherwise disappear from every other count. A dead letter of an
    order whose account a fault had deleted is excused: it is the alarm that there should be.
    """
    if not facts.has_redis:
        return "no queue: this approach keeps none"
    redis = facts.recorded("store", "redis")
    if not redis.streams:
        raise NotMeasuredError("run.json has no store.redis.streams")
    streams = pd.DataFrame([{"stream": name, **sizes} for name, sizes in redis.streams.items()])
    evidence.offence("streams with entries left", streams, streams["length"] > 0)
    evidence.offence("streams with entries pending", streams, streams["pending"] > 0)
    excused = _excused_letters(facts)
    dead = facts.recorded("store", "redis", "dead_letters") - excused
    evidence.offence(
        "streams of dead letters that are not empty",
        pd.DataFrame([{"dead_letters": dead}] if dead else []),
    )
    letters = f"{excused} dead letters, each excused by a fault" if excused else "no dead letter"
    return f"{len(streams)} streams empty, nothing pending, {letters}"


def _excused_letters(facts: Facts) -> int:
    """Count the dead letters that name an order which was cancelled because of a fault.

    Which field has the order's id is the approach's own business.
    """
    cancelled = facts.cancelled
    ids = set(cancelled.loc[cancelled["excused"], "order_id"])
    letters = facts.recorded("store", "redis").dead_letter_entries
    return sum(not ids.isdisjoint(letter.values()) for letter in letters)


@invariant("I20", "What no load asks is answered as the contract says", scope=Scope.DEPLOYMENT)
def answers_a_prober(facts: Facts, evidence: Evidence) -> str:
    """Beside the load, keys, order ids and sessions hold whenever somebody tries them.

    Catches ids of orders that collide when one buyer places several at once, a key that takes
    another body or makes a second order, and orders that are shown, or sold, to those who are not
    logged in as their buyer. A load asks none of that; a scenario with a `[prober]` does.
    """
    facts.recorded("scenario", "load")
    prober = facts.run.record.prober
    if prober is None:
        return "nobody probes in this scenario"
    for probe in prober.probes:
        rows = pd.DataFrame({"answered": probe.examples})
        times = f" ({probe.violated} of {probe.asked} times)"
        evidence.offence(f"violated{times}: {probe.title}", rows)
    open_ = [probe.title for probe in prober.probes if probe.asked == probe.undecided]
    evidence.doubt("questions that were never answered", pd.DataFrame({"probe": open_}))
    asked = sum(probe.asked for probe in prober.probes)
    return f"{asked} questions, {sum(probe.undecided for probe in prober.probes)} left open"


@invariant("I15", "The run began clean")
def began_clean(facts: Facts, evidence: Evidence) -> str:
    """Every store was empty and the stock was the seeded one before the first request.

    Catches leftovers of an earlier run, which would show as sales or refusals that nobody caused.
    """
    proof = facts.recorded("reset_proof")
    stock = facts.seeded_stock
    rows = {**facts.recorded("reset_proof", "rows")}
    rows.pop("products", None)
    expected: dict[str, Any] = {f"rows in {name}": (count, 0) for name, count in rows.items()}
    product = facts.recorded("reset_proof", "product")
    expected |= {
        "initial stock": (product.initial_stock, stock),
        "reserved": (product.reserved, 0),
        "sold": (product.sold, 0),
        "stock that the shop offered": (proof.stock_over_http, stock),
    }
    if facts.has_redis:
        redis = facts.recorded("reset_proof", "redis")
        lengths = facts.recorded("reset_proof", "redis", "stream_lengths")
        expected |= {f"entries in {name}": (length, 0) for name, length in lengths.items()}
        expected |= {
            "stock in Redis": (redis.stock, stock),
            "dead letters": (redis.dead_letters, 0),
        }
    _compare(evidence, "conditions that were not clean", expected)
    return f"{len(expected)} conditions proved before the load"


@invariant(
    "I16",
    "Stores were as durable, and passwords as costly, as claimed",
    Category.SET_UP,
    Scope.DEPLOYMENT,
    reads=("password_hashes",),
)
def configured_honestly(facts: Facts, evidence: Evidence) -> str:
    """The running stores confirmed nothing before it was on disk; no password was hashed cheaply.

    Catches a benchmark that is won by `appendfsync everysec`, `synchronous_commit off` (of the
    server, or of one role) or a hash that costs nothing: asked of the servers, and read from the
    stored hashes, never from configuration files.
    """
    settings = facts.recorded("reset_proof", "postgres")
    expected: dict[str, Any] = {
        f"postgres {name}": (settings.get(name), allowed)
        for name, allowed in DURABLE_POSTGRES.items()
    }
    # campaigns of before roles had settings of their own recorded do not have them
    for role, own in facts.recorded("reset_proof").postgres_roles.items():
        expected |= {
            f"postgres {name} of {role}": (value, DURABLE_POSTGRES[name])
            for name, value in own.items()
        }
    if facts.has_redis:
        settings = facts.recorded("reset_proof", "redis", "configuration")
        expected |= {
            f"redis {name}": (settings.get(name), allowed)
            for name, allowed in DURABLE_REDIS.items()
        }
    _compare(evidence, "settings that are not durable", expected)
    if not facts.yields("password_hashes"):
        raise NotMeasuredError("the ledger yields no password_hashes")
    hashes = frame_of(facts.recorded("store", "passwords"), "parameters", "count")
    costly = [costs_enough(str(parameters)) for parameters in hashes["parameters"]]
    cheap = ~pd.Series(costly, index=hashes.index, dtype=bool)
    evidence.offence("password hashes below the OWASP minimum", hashes, cheap)
    stores = ", ".join(f"{name} {value}" for name, (value, _) in expected.items())
    return f"{stores}; passwords {', '.join(hashes['parameters'])}"


def _compare(evidence: Evidence, what: str, expected: dict[str, Any]) -> None:
    """Add what differs as an offence, and what is null as a doubt: it was not measured."""
    rows = [
        {"fact": name, "found": found, "expected": wanted}
        for name, (found, wanted) in expected.items()
        if found is None or (found not in wanted if isinstance(wanted, tuple) else found != wanted)
    ]
    frame = pd.DataFrame(rows, columns=["fact", "found", "expected"], dtype=object)
    unknown = frame["found"].isna()
    evidence.offence(what, frame, ~unknown)
    evidence.doubt("conditions that were not measured", frame, unknown)
