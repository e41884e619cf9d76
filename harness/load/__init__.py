"""The load: buyers in processes of their own, and the log of every request they made.

`start` brings the generators up, `LoadProcess` follows them, `collect` reads what they wrote. The
generators import this package too, so nothing heavy is imported here.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.load.generator_processes import LoadProcess, Progress
from harness.load.load_plan import AnyPlan, ContentionPlan, LoadPlan, sale_plan
from harness.load.load_workers import LoadWorkers

if TYPE_CHECKING:
    from harness.load.load_result import LoadResult

__all__ = [
    "AnyPlan",
    "ContentionPlan",
    "LoadPlan",
    "LoadProcess",
    "LoadWorkers",
    "Progress",
    "collect",
    "sale_plan",
    "start",
]


def start(plan: AnyPlan, out_dir: Path, workers: LoadWorkers | None = None) -> LoadProcess:
    """Start the generators of a load; the load begins with `LoadProcess.begin`.

    `workers` are those of its processes that run on other machines.

    Raises InfrastructureError if a process cannot be started.
    """
    return LoadProcess(plan, out_dir, workers)


def collect(out_dir: Path) -> "LoadResult":
    """Read the logs of a load that is over; raise InfrastructureError if one is incomplete."""
    from harness.load import load_result  # noqa: PLC0415 - pandas is not for the generators

    return load_result.collect(out_dir)
