"""Writes `docs/performance.md` from `benchmarks/results/*.json` and `benchmarks/goals.toml`.

No figure of that document is typed by hand. `--check` writes nothing, and fails if the document is
not what it would write.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from benchmarks.attained import ATTAINED, DASH, figure
from benchmarks.measuring import RESULTS, ROOT

DOCUMENT = ROOT / "docs/performance.md"
GOALS = ROOT / "benchmarks/goals.toml"
FLAMES = ROOT / "docs/performance"
SERVICES = ("api", "order-worker", "payment-worker")

HEAD = """# Performance

How fast the shop, the load generator and the harness are, against what does the same work. Written
by `python -m benchmarks.document` from `benchmarks/results/`: every figure is the median of the
turns of one run, in which everything that is compared was measured in turns on one machine. Only
*before* is older: it was measured when the work on speed began, and not by these commands. How each
is measured is in [benchmarks/README.md](../benchmarks/README.md); `make bench` measures all of
them again.

CPU is process time (user and system) of whole process trees.
"""

LABELS = {
    "raw": "no-op, raw ASGI",
    "starlette": "no-op, Starlette",
    "fastapi_raw": "no-op, FastAPI, raw body",
    "fastapi_body": "no-op, FastAPI, pydantic body",
    "raw_lua": "raw ASGI + one Lua call by redis-py",
    "idiomatic": "idiomatic FastAPI + Lua by redis-py",
    "taskiq": "taskiq (httpx)",
    "taskiq aiohttp": "taskiq (aiohttp)",
}
"""How the document names what the results name shorter."""

SUBJECTS: dict[str, tuple[str, dict[str, str]]] = {
    "accept": (
        "Accepting a purchase",
        {
            "requests_per_api_cpu_s": "requests per API CPU-second",
            "requests_per_api_and_redis_cpu_s": "with Redis' CPU",
            "api_us_per_request": "API µs per request",
            "redis_us_per_request": "Redis µs per request",
            "requests_per_s": "requests/s",
            "p95_ms": "p95 ms",
        },
    ),
    "drain": (
        "From accepted to confirmed",
        {
            "orders_per_s": "orders/s",
            "cpu_ms_per_order": "CPU ms per order",
            "workers_ms_per_order": "of it workers",
            "redis_ms_per_order": "Redis",
            "postgres_ms_per_order": "PostgreSQL",
        },
    ),
    "sale": (
        "The flash sale",
        {
            "purchase_p95_ms": "purchase p95 ms",
            "cpu_s_per_confirmed": "CPU s per confirmed order while selling",
            "cpu_ms_per_refusal": "CPU ms per refusal after the sale",
            "peak_memory_gb": "memory at the peak GB",
            "confirmed": "confirmed",
        },
    ),
    "events": (
        "The event stream",
        {
            "opened": "streams opened",
            "opens_per_s": "opens/s",
            "bytes_per_watcher": "bytes per watcher",
            "nginx_bytes_per_watcher": "in nginx",
            "settle_to_event_p50_s": "settle → event p50 s",
            "settle_to_event_p95_s": "p95 s",
            "event_us_of_cpu": "CPU µs per event",
        },
    ),
    "open_load": (
        "Open load",
        {
            "arrivals_per_s": "arrivals/s",
            "buyers": "buyers",
            "confirmed": "confirmed",
            "valid": "valid (1: yes)",
        },
    ),
    "growth": (
        "What grows",
        {
            "cpu_ms_per_order": "CPU ms per order",
            "workers_ms_per_order": "of it workers",
            "redis_ms_per_order": "Redis",
            "postgres_ms_per_order": "PostgreSQL",
            "idle_cores": "cores when idle",
            "redis_bytes_per_order_at_once": "Redis bytes per order at once",
            "redis_bytes_per_order_lasting": "lasting",
            "on_sale_again_s": "on sale again s",
            "keys_back_s": "all keys back s",
            "terms": "terms of leadership",
            "order_worker_cores": "cores of the order workers",
            "store_cores": "of the stores",
        },
    ),
    "generator": (
        "The load generator",
        {
            "us_per_request": "CPU µs per request",
            "log_us_per_request": "of it the request log",
            "requests": "requests",
        },
    ),
    "start": (
        "Commands",
        {
            "wall_s": "wall s",
            "cpu_s": "CPU s",
            "down_wall_s": "taking down s",
            "ratio": "÷ load and drain",
        },
    ),
}


def read_results() -> dict[str, dict[str, Any]]:
    """Return the final results of every subject that has some; others are nobody's figures."""
    found = {
        name: json.loads(file.read_text(encoding="utf-8"))
        for name in SUBJECTS
        if (file := RESULTS / f"{name}.json").exists()
    }
    return {name: result for name, result in found.items() if result["final"]}


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def goals(found: dict[str, dict[str, Any]]) -> str:
    """Return the table of the goals, and what was attained."""
    rows = []
    for goal in tomllib.loads(GOALS.read_text(encoding="utf-8"))["goal"]:
        result = found.get(goal["subject"])
        attained = [DASH] if result is None else ATTAINED[goal["id"]](result["medians"])
        after = "; ".join(attained)
        command = f"`python -m benchmarks.{goal['subject']}`"
        stated = [goal[name] for name in ("id", "what", "before", "must", "stretch")]
        rows.append([*stated, after, command])
    return table(["#", "what", "before", "must", "stretch", "after", "command"], rows)


def speed(found: dict[str, dict[str, Any]]) -> str:
    """Return how fast this machine is, compared with that of *before*."""
    before = tomllib.loads(GOALS.read_text(encoding="utf-8"))["before"]["no_op_per_cpu_s"]
    here = found.get("accept", {}).get("medians", {}).get("raw", {}).get("requests_per_api_cpu_s")
    if here is None:
        return ""
    return (
        f"\n*Before* was measured on a machine that answered {before:,} no-op requests (raw ASGI) "
        f"per CPU-second;\nthis one answers {here:,.0f}. So seconds of CPU are to be read with the "
        f"factor {figure(here / before)}, ratios as\nthey stand. "
        "It is a virtual machine, whose speed varies by the hour.\n"
    )


def notes() -> str:
    """Return what is to be said of the goals besides their figures."""
    stated = tomllib.loads(GOALS.read_text(encoding="utf-8"))["goal"]
    return "".join(f"\n- **{one['id']}**: {one['note']}" for one in stated if "note" in one) + "\n"


def section(name: str, result: dict[str, Any]) -> str:
    """Return the figures of one subject, and under which conditions they were measured."""
    title, columns = SUBJECTS[name]
    rows = [
        [LABELS.get(of, of), *(figure(numbers.get(column)) for column in columns)]
        for of, numbers in result["medians"].items()
    ]
    machine = result["machine"]
    revision = (machine["git"] or {}).get("revision", "unknown")[:12]
    conditions = (
        f"`{result['command']}`, {result['began_at'][:10]}, revision {revision}, "
        f"{machine['cores']} cores ({machine['cpu_model']}), Python {machine['python']}, "
        f"turns: {result['repeats']}."
    )
    return f"## {title}\n\n{conditions}\n\n{table(['', *columns.values()], rows)}"


def peers(result: dict[str, Any]) -> str:
    """Return the versions of the peers."""
    names = ("rq", "arq", "celery", "taskiq", "taskiq-redis", "dramatiq", "aiohttp", "urllib3")
    versions = result["settings"].get("peers", {})
    shown = ", ".join(f"{name} {versions[name]}" for name in names if name in versions)
    return f"\nPeers: {shown} (`benchmarks/peers/uv.lock`).\n"


def flames() -> str:
    """Return links to the flame graphs that there are."""
    rows = []
    for service in SERVICES:
        links = []
        for moment in ("before", "after"):
            file = FLAMES / f"{moment}-{service}.svg"
            links.append(f"[{moment}](performance/{file.name})" if file.exists() else DASH)
        rows.append([service, *links])
    return "## Flame graphs\n\n`python -m benchmarks.flames --as after`, by py-spy.\n\n" + table(
        ["", "before", "after"], rows
    )


def document(found: dict[str, dict[str, Any]]) -> str:
    """Return the whole document."""
    parts = [HEAD, f"## Goals\n\n{goals(found)}{speed(found)}{notes()}"]
    for name, result in found.items():
        parts.append(section(name, result) + (peers(result) if name == "drain" else ""))
    return "\n".join([*parts, flames()])


def main(arguments: list[str]) -> int:
    """Write the document, or check that it is up to date."""
    text = document(read_results())
    if "--check" in arguments:
        there = DOCUMENT.read_text(encoding="utf-8") if DOCUMENT.exists() else ""
        if text != there:
            print(f"error: {Path(DOCUMENT).relative_to(ROOT)} is not what the results say")
            print("hint: python -m benchmarks.document")
            return 1
        return 0
    DOCUMENT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
