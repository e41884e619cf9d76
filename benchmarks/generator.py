"""CPU per request of the load generator, of a plain Locust user, and of wrk.

Each sends purchases, as fast as they are answered, to a shop that does nothing. What our request
log takes of it is measured apart, by writing the rows of the very load again.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accept import REQUESTS
from benchmarks.measuring import Plan, Results
from harness import load
from harness.load.request_log import REQUEST_TYPES, RequestLog
from harness.scenario.model import LoadSettings, Product, Scenario, Stage
from harness.selftest.null_shop import NullShop, null_shop

USERS = 32
ROWS = 100_000
PLAIN_USER = Path(__file__).parent / "generating/plain_user.py"


def scenario(seconds: float) -> Scenario:
    """Return a closed load of buyers who never think."""
    behaviour = LoadSettings(
        buyer="polling",
        think_min_s=0.0,
        think_max_s=0.0,
        request_timeout_s=10,
        watch_limit_s=1,
        retries=0,
    )
    return Scenario(
        title="Null shop",
        product=Product(name="nothing", price_cents=1, stock=1),
        load=behaviour,
        stages=(Stage(name="load", users=USERS, seconds=seconds, spawn_rate=USERS),),
    )


def of_harness(null: NullShop, seconds: float, place: Path) -> dict[str, Any]:
    """Measure our generator, and then its request log."""
    wanted = scenario(seconds)
    plan = load.sale_plan(wanted, null.address, seed=42, sales=wanted.sales(42))
    generator = load.start(plan, place)
    try:
        generator.wait_ready()
        before_s = generator.cpu_s()
        generator.begin(time.monotonic_ns())
        generator.wait()
        cpu_s = generator.cpu_s() - before_s
    finally:
        generator.stop()
    requests = load.collect(place).requests
    rows = [tuple(row) for row in requests[list(REQUEST_TYPES)].head(1_000).astype(object).values]
    return {
        "requests": len(requests),
        "us_per_request": cpu_s / len(requests) * 1e6,
        "log_us_per_request": log_us([_plain(row) for row in rows], place / "again"),
    }


def _plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(one.item() if hasattr(one, "item") else one for one in row)


def log_us(rows: list[tuple[Any, ...]], place: Path) -> float:
    """Return the CPU of recording a row, in µs."""
    place.mkdir()
    with RequestLog(place, 0) as log:
        began_s = time.process_time()
        for number in range(ROWS):
            log.request(rows[number % len(rows)])
        log.flush()
        return (time.process_time() - began_s) / ROWS * 1e6


def of_plain_locust(null: NullShop, seconds: float) -> dict[str, Any]:
    """Measure a plain FastHttpUser; it says itself what it used."""
    argv = [sys.executable, "-m", "locust", "-f", str(PLAIN_USER), "--headless", "--only-summary"]
    argv += ["-u", str(USERS), "-r", str(USERS), "-t", f"{seconds:g}s", "--host", null.address]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith('{"cpu_s"'))
    counted = json.loads(line)
    requests = int(counted["requests"])
    return {"requests": requests, "us_per_request": counted["cpu_s"] / requests * 1e6}


def of_wrk(null: NullShop, seconds: float, place: Path) -> dict[str, Any]:
    """Measure wrk."""
    place.mkdir()
    senders = place / "senders"
    senders.write_text("null\n", encoding="utf-8")
    argv = ["wrk", "-t1", f"-c{USERS}", f"-d{seconds:g}s", "-s", str(REQUESTS), null.address]
    argv += ["--", "buy", "1", os.urandom(4).hex(), str(senders)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("JSON "))
    requests = json.loads(line.removeprefix("JSON "))["requests"]
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"requests": requests, "us_per_request": cpu_s / requests * 1e6}


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("generator")
    seconds = 3.0 if plan.short else 10.0
    results = Results(plan, {"users": USERS, "seconds": seconds, "rows": ROWS})
    with tempfile.TemporaryDirectory() as folder, null_shop() as null:
        for turn in range(plan.repeats):
            place = Path(folder) / str(turn)
            place.mkdir()
            for name in plan.choose(("harness", "plain FastHttpUser", "wrk")):
                if name == "harness":
                    sample = of_harness(null, seconds, place / "load")
                elif name == "wrk":
                    sample = of_wrk(null, seconds, place / "wrk")
                else:
                    sample = of_plain_locust(null, seconds)
                results.add(name, turn=turn, **sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
