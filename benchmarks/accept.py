"""Requests per CPU-second of the API process: POST /orders, against applications that do less.

Each application is one uvicorn process (uvloop, httptools) on the product's own Redis, whose AOF is
flushed with every write, as in production. wrk sends purchases, each under a key of its own. All
are up at once and measured in turns; those that are not being asked use no CPU. The CPU of Redis is
counted apart. The shop's own answers to GET /orders/{id}, and after the sale, follow.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import shop
from benchmarks.measuring import Plan, Results, cpu_s, free_port, running

REQUESTS = Path(__file__).parent / "accepting/requests.lua"
USERS = 1_000
CONNECTIONS = 64
WARM_UP_S = 1
MOST_UNMEANT = 0.01
"""The share of answers that may be 503 (a store was slow): more, and something is broken."""
PEERS = ("raw", "starlette", "fastapi_raw", "fastapi_body", "raw_lua", "idiomatic")
OURS, STATUS, REFUSAL = "ours", "ours: GET /orders/{id}", "ours: 409 after the sale"
SEEDS = (f"{{b}}:stock:{shop.PRODUCT_ID}",)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is asked, and whose CPU counts."""

    name: str
    url: str
    cpu_s: Callable[[], float]
    kind: str = "buy"
    product_id: int = shop.PRODUCT_ID


def wrk(
    subject: Subject,
    senders: Path,
    prefix: str,
    duration_s: int,
    *,
    most_unmeant: float = MOST_UNMEANT,
) -> dict[str, Any]:
    """Send requests for so long, and return what wrk counted (RuntimeError: other answers)."""
    argv = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{duration_s}s",
        "--timeout",
        "20s",
        "-s",
        str(REQUESTS),
        subject.url,
    ]
    argv += ["--", subject.kind, str(subject.product_id), prefix, str(senders)]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("JSON "))
    counted: dict[str, Any] = json.loads(line.removeprefix("JSON "))
    requests = counted["requests"]
    if counted["broken"]:
        raise RuntimeError(f"{subject.name}: {counted['broken']} requests without an answer")
    as_meant = counted["refused"] if subject.name == REFUSAL else requests - counted["refused"]
    if as_meant < requests * (1 - most_unmeant):
        raise RuntimeError(f"{subject.name}: {counted['refused']} of {requests} refused")
    return counted


@contextmanager
def peers(up: shop.Shop, names: list[str], place: Path) -> Iterator[list[Subject]]:
    """Run the applications of `accepting.apps`, one process each."""
    env = {"REDIS_URL": up.redis_url, "SECRET_KEY": shop.SECRET}
    with ExitStack() as stack, up.redis() as store:
        for key in SEEDS:
            store.set(key, shop.UNITS)
        subjects = []
        for name in names:
            url = f"http://127.0.0.1:{(port := free_port())}"
            argv = [sys.executable, "-m", "uvicorn", f"benchmarks.accepting.apps:{name}"]
            argv += ["--port", str(port), "--loop", "uvloop", "--http", "httptools"]
            argv += ["--no-access-log", "--log-level", "warning", "--lifespan", "off"]
            process = stack.enter_context(
                running(argv, log=place / f"{name}.log", env=env, url=f"{url}/healthz")
            )
            subjects.append(Subject(name, url, lambda pid=process.pid: cpu_s(pid)))  # type: ignore[misc]
        yield subjects


def prepare(up: shop.Shop, place: Path, orders: int) -> Path:
    """Sell one product out, buy the orders that will be looked at; return the file for wrk."""
    owners = shop.tokens(USERS)
    up.buy(owners[0], "the-last-one", shop.SOLD_OUT_PRODUCT_ID)
    status, answer = up.buy(owners[0], "too-late", shop.SOLD_OUT_PRODUCT_ID)
    if (status, answer["code"]) != (409, "sold_out"):
        raise RuntimeError(f"it should be sold out: {status} {answer}")
    lines = []
    for number, token in enumerate(owners[:orders]):
        status, answer = up.buy(token, f"looked-at-{number}")
        if status != 202:
            raise RuntimeError(f"not accepted: {status} {answer}")
        lines.append(f"{token} {answer['order_id']}\n")
    senders = place / "senders"
    senders.write_text("".join(lines), encoding="utf-8")
    return senders


def measure(
    up: shop.Shop, subject: Subject, senders: Path, prefix: str, duration_s: int
) -> dict[str, Any]:
    """Warm the application up, load it, and return what its requests cost."""
    wrk(subject, senders, f"{prefix}-w", WARM_UP_S)
    api_s, redis_s = subject.cpu_s(), up.cpu_s("redis")
    counted = wrk(subject, senders, prefix, duration_s)
    api_s, redis_s = subject.cpu_s() - api_s, up.cpu_s("redis") - redis_s
    requests = counted["requests"]
    return {
        "requests": requests,
        "requests_per_s": requests / counted["duration_s"],
        "requests_per_api_cpu_s": requests / api_s,
        "requests_per_api_and_redis_cpu_s": requests / (api_s + redis_s),
        "api_us_per_request": api_s / requests * 1e6,
        "redis_us_per_request": redis_s / requests * 1e6,
        "refused": counted["refused"],
        "p50_ms": counted["p50_ms"],
        "p95_ms": counted["p95_ms"],
    }


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("accept", repeats=7)
    if shutil.which("wrk") is None:
        sys.exit("error: there is no wrk\nhint: apt install wrk")
    duration_s = 2 if plan.short else 8
    results = Results(plan, {"duration_s": duration_s, "connections": CONNECTIONS, "users": USERS})
    services = ("api", "order-worker")
    settings = {("api", "PROCESSES"): 1, ("order-worker", "PROCESSES"): 1}
    with (
        tempfile.TemporaryDirectory() as name,
        shop.deployed(services, settings, {"api": 1}) as up,
    ):
        place = Path(name)
        up.seed(USERS)
        up.wait_on_sale()
        shop.stop(up, "order-worker")  # accepting alone is measured
        senders = prepare(up, place, 100 if plan.short else USERS)
        with peers(up, plan.choose(PEERS), place) as subjects:
            own = (up.url("api"), lambda: up.cpu_s("api"))
            subjects.append(Subject(OURS, *own))
            subjects.append(Subject(STATUS, *own, kind="order"))
            subjects.append(Subject(REFUSAL, *own, product_id=shop.SOLD_OUT_PRODUCT_ID))
            chosen = set(plan.choose(subject.name for subject in subjects))
            for turn in range(plan.repeats):
                for subject in subjects:
                    if subject.name in chosen:
                        sample = measure(
                            up, subject, senders, f"t{turn}-{subject.name[:5]}", duration_s
                        )
                        results.add(subject.name, turn=turn, **sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
