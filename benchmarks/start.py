"""What every command costs before and after the measurement: start, bring-up, report.

CPU seconds of `harness --help`, `harness list` and `harness report` of the reference campaign, of
whole process trees; wall seconds of bringing the queue up and taking it down; and the duration of a
campaign of `quick` divided by that of its loads and drains.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measuring import ROOT, Plan, Results

HARNESS = Path(sys.executable).parent / "harness"
REFERENCE = ROOT / "results/reference"


def timed(*words: object, may_fail: bool = False) -> dict[str, Any]:
    """Run a command of the harness, and return its seconds, of wall and of CPU."""
    before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    argv = [str(HARNESS), *map(str, words)]
    done = subprocess.run(argv, check=False, cwd=ROOT, capture_output=True, text=True)
    wall_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not may_fail and done.returncode != 0:
        raise RuntimeError(f"harness {words}: exit {done.returncode}\n{done.stderr[-2000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s}


def of_report() -> dict[str, Any]:
    """Measure `harness report` on a copy of the reference campaign."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "reference"
        shutil.copytree(REFERENCE, copy)
        return timed("report", copy)


def of_bring_up() -> dict[str, Any]:
    """Measure how long the queue takes to come up, and to be taken down."""
    up = timed("up", "queue", "--detach", "--port", 0)
    down = timed("down", "queue", may_fail=True)
    return {"wall_s": up["wall_s"], "cpu_s": up["cpu_s"], "down_wall_s": down["wall_s"]}


def of_quick() -> dict[str, Any]:
    """Measure a campaign of `quick`, both approaches, against its loads and drains."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "quick"
        whole = timed("run", "quick", "--out", out, may_fail=True)
        records = [json.loads(file.read_bytes()) for file in sorted(out.glob("runs/*/run.json"))]
    durations = [record["durations_s"] for record in records]
    busy_s = sum(one["load"] + one["drain"] for one in durations)
    return {
        "wall_s": whole["wall_s"],
        "cpu_s": whole["cpu_s"],
        "load_and_drain_s": busy_s,
        "ratio": whole["wall_s"] / busy_s,
        "runs": len(records),
        "durations_s": durations,
    }


SUBJECTS: dict[str, Callable[[], dict[str, Any]]] = {
    "help": lambda: timed("--help"),
    "list": lambda: timed("list"),
    "report": of_report,
    "bring-up": of_bring_up,
    "quick": of_quick,
}
SHORT: Sequence[str] = ("help", "list", "bring-up")


def main() -> int:
    """Measure, and write the results."""
    plan = Plan.from_arguments("start")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as an installed program has its bytecode
    results = Results(plan, {"campaign": "results/reference", "scenario": "quick"})
    for name in plan.choose(SUBJECTS):
        if name == "quick" and plan.repeats > 1 and not plan.short:
            results.add(name, turn=0, **SUBJECTS[name]())  # minutes each, and steady
            continue
        if plan.short and name not in SHORT and not plan.only:
            continue
        for turn in range(plan.repeats):
            results.add(name, turn=turn, **SUBJECTS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
