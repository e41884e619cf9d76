"""Flame graphs of the API, the order worker and the payment worker under load, by py-spy.

`python -m benchmarks.flames --as before` writes `docs/performance/before-<service>.svg`. The API is
sampled while wrk buys, the workers while they drain the queue that this left.
"""

import argparse
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import accept, shop
from benchmarks.drain import SETTINGS, charges, gateway, send_to_all, worker_pids
from benchmarks.measuring import ROOT, end_as_by_ctrl_c, wait_for
from benchmarks.peer_environment import peer_program

FLAMES = ROOT / "docs/performance"
RATE_PER_S = 200


def sampled(pid: int, seconds: int, file: Path) -> "subprocess.Popen[bytes]":
    """Begin to sample a process and its children for so long."""
    argv = [
        str(peer_program("py-spy")),
        "record",
        "--pid",
        str(pid),
        "--subprocesses",
        "--nonblocking",
    ]
    argv += ["--rate", str(RATE_PER_S), "--duration", str(seconds), "--output", str(file)]
    argv += ["--format", "flamegraph"]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def first_pid(up: shop.Shop, service: str) -> int:
    """Return the process of the first replica of a service."""
    (replica, *_) = up.deployment.replicas_of(service)
    return int(replica.pid or 0)


def main() -> int:
    """Record the three graphs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flames")
    parser.add_argument("--as", dest="name", required=True, help="before, after: of the files")
    parser.add_argument("--seconds", type=int, default=20)
    given = parser.parse_args()
    end_as_by_ctrl_c()
    FLAMES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, gateway(place := Path(folder)) as url:
        changed = {**SETTINGS, ("payment-worker", "GATEWAY_URL"): url}
        services = ("api", "order-worker", "payment-worker")
        with shop.deployed(services, changed, {"api": 1, "payment-worker": 1}) as up:
            up.seed(accept.USERS)
            up.wait_on_sale()
            record(up, given.name, given.seconds, place, url)
    without_paths(given.name)
    return 0


def record(up: shop.Shop, name: str, seconds: int, place: Path, gateway_url: str) -> None:
    """Sample the API while it accepts, then both workers while they drain."""
    senders = place / "senders"
    senders.write_text("".join(f"{token}\n" for token in shop.tokens(accept.USERS)))
    buying = accept.Subject("ours", up.url("api"), lambda: 0.0)
    accept.wrk(buying, senders, "warm-up", 1)
    wait_for(lambda: charges(gateway_url) > 0)
    workers = worker_pids(up)
    send_to_all(workers, signal.SIGSTOP)
    graph = sampled(first_pid(up, "api"), seconds, FLAMES / f"{name}-api.svg")
    accept.wrk(buying, senders, "flames", seconds, most_unmeant=0.5)  # py-spy slows it
    finish(graph)
    send_to_all(workers, signal.SIGCONT)
    graphs = [
        sampled(first_pid(up, service), seconds, FLAMES / f"{name}-{service}.svg")
        for service in ("order-worker", "payment-worker")
    ]
    for graph in graphs:
        finish(graph)


def finish(graph: "subprocess.Popen[bytes]") -> None:
    """Wait for a graph (RuntimeError: py-spy failed)."""
    _, error = graph.communicate()
    if graph.returncode != 0:
        raise RuntimeError(f"py-spy: {error.decode(errors='replace')[-1000:]}")


def without_paths(name: str) -> None:
    """Remove from the graphs where this checkout lies."""
    for file in FLAMES.glob(f"{name}-*.svg"):
        text = file.read_text(encoding="utf-8").replace(f"{ROOT}/", "")
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
