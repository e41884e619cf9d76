"""What the audit of a stored run costs, measured in a process of its own: CPU time and memory.

python -m tests.support.audit_cost [REQUESTS]    simulates a run of about so many requests, and says
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from harness.audit import audit, verdict
from harness.results.store import Campaign, load_run
from tests.support.histories import make_run

REQUESTS_PER_BUYER = 80
"""What a simulated buyer asks in a sale of 60 s."""
MB = 1_000_000


def measure(requests: int, folder: Path) -> dict[str, Any]:
    """Simulate a run of about `requests` requests, and audit it in a process of its own."""
    users = max(1, requests // REQUESTS_PER_BUYER)
    run = make_run("queue", users=users, stock=8 * users, seconds=60)
    stored = Campaign.create(folder, {}).save_run(run, [], {})
    command = [sys.executable, "-m", "tests.support.audit_cost", str(stored)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def cost(stored: Path) -> dict[str, Any]:
    """Audit a stored run, once to import everything and once to measure.

    `memory_mb` is what the process held at its worst beyond what it held with the run loaded.
    """
    run = load_run(stored)
    held = psutil.Process().memory_info().rss
    first_s = time.process_time()
    found = audit(run)
    begun_s = time.process_time()
    audit(run)
    worst = _peak_bytes()
    return {
        "requests": len(run.requests),
        "orders": len(run.orders),
        "verdict": verdict(found),
        "first_cpu_s": round(begun_s - first_s, 3),
        "cpu_s": round(time.process_time() - begun_s, 3),
        "memory_mb": round((worst - held) / MB, 1),
        "process_mb": round(worst / MB, 1),
    }


def _peak_bytes() -> int:
    """Return the most memory that this program held; `ru_maxrss` would count its parent's, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return int(peak) * 1024


if __name__ == "__main__":
    asked = sys.argv[1] if len(sys.argv) > 1 else "100000"
    if asked.isdigit():
        with tempfile.TemporaryDirectory() as scratch:
            print(measure(int(asked), Path(scratch)))
    else:
        print(json.dumps(cost(Path(asked))))
