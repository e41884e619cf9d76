"""What was attained of each goal: one function per goal, from the medians of its subject.

A figure that was not measured is a dash, never a guess.
"""

from collections.abc import Callable, Mapping

from benchmarks.drain import OURS, PEERS_BY_NAME

Medians = Mapping[str, Mapping[str, float]]
DASH = "–"


def figure(value: float | None, unit: str = "") -> str:
    """Return a number to three digits with its unit, or a dash."""
    if value is None:
        return DASH
    shown = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
    return f"{shown}{unit}" if unit.startswith("/") else f"{shown} {unit}".rstrip()


def of(medians: Medians, what: str, number: str) -> float | None:
    """Return a median, or None if it was not measured."""
    return medians.get(what, {}).get(number)


def ratio(one: float | None, other: float | None) -> float | None:
    """Return one divided by the other; None if either was not measured."""
    return None if one is None or not other else one / other


def _accept(peer: str) -> Callable[[Medians], list[str]]:
    number = "requests_per_api_cpu_s"
    return lambda medians: [
        figure(ratio(of(medians, OURS, number), of(medians, peer, number))),
    ]


def _drain(medians: Medians) -> list[str]:
    fast = [name for name, peer in PEERS_BY_NAME.items() if peer.client == "aiohttp"]
    rates = [rate for name in fast if (rate := of(medians, name, "orders_per_s")) is not None]
    ours = of(medians, OURS, "orders_per_s")
    return [figure(ratio(ours, max(rates, default=None)))]


def _drain_cpu(medians: Medians) -> list[str]:
    return [figure(of(medians, OURS, "cpu_ms_per_order"), "ms")]


def _sale(medians: Medians) -> list[str]:
    return [
        figure(of(medians, "queue", "purchase_p95_ms"), "ms"),
        figure(of(medians, "queue", "cpu_s_per_confirmed"), "s"),
        figure(of(medians, "queue", "cpu_ms_per_refusal"), "ms"),
        figure(of(medians, "queue", "peak_memory_gb"), "GB"),
    ]


def _generator(medians: Medians) -> list[str]:
    return [
        figure(of(medians, "harness", "us_per_request"), "µs"),
        figure(of(medians, "harness", "log_us_per_request"), "µs"),
    ]


def _open_load(medians: Medians) -> list[str]:
    return [figure(of(medians, "highest valid", "arrivals_per_s"), "/s")]


def _events(medians: Medians) -> list[str]:
    opened = [one["opened"] for one in medians.values() if "opened" in one]
    most = "10000 watchers"
    per_watcher = of(medians, most, "bytes_per_watcher")
    return [
        figure(max(opened, default=None)),
        figure(None if per_watcher is None else per_watcher / 1e3, "kB"),
        figure(of(medians, most, "settle_to_event_p95_s"), "s"),
    ]


def _growth(medians: Medians) -> list[str]:
    few, many, number = "1000 orders", "1000000 orders", "cpu_ms_per_order"
    on_sale_s = of(medians, many, "on_sale_again_s")
    watched_s = of(medians, many, "watched_s")
    never = DASH if watched_s is None else f"not within {watched_s:.0f} s"
    return [
        figure(ratio(of(medians, many, number), of(medians, few, number))),
        figure(of(medians, many, "redis_bytes_per_order_lasting"), "bytes"),
        never if on_sale_s is None else figure(on_sale_s, "s"),
        figure(of(medians, many, "terms")),
    ]


def _start(medians: Medians) -> list[str]:
    return [
        figure(of(medians, "report", "cpu_s"), "CPU-s"),
        figure(of(medians, "help", "wall_s"), "s"),
        figure(of(medians, "bring-up", "wall_s"), "s"),
        figure(of(medians, "quick", "ratio")),
    ]


ATTAINED: Mapping[str, Callable[[Medians], list[str]]] = {
    "P1": _accept("raw"),
    "P1b": _accept("idiomatic"),
    "P2": _drain,
    "P2b": _drain_cpu,
    "P3": _sale,
    "P4": _generator,
    "P6": _open_load,
    "P6b": _events,
    "P7": _growth,
    "P8": _start,
}
