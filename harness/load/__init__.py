"""The load: buyers in processes of their own, and the ledger of everything they did.

`start` brings the generators up, `LoadProcess` follows them, `collect` reads what they wrote. The
generators import this package too, so nothing heavy is imported here.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from harness.load.plan import AnyPlan, ContentionPlan, LoadPlan, sale_plan
from harness.load.process import LoadProcess, Progress

if TYPE_CHECKING:
    from harness.load.result import LoadResult

__all__ = [
    "AnyPlan",
    "ContentionPlan",
    "LoadPlan",
    "LoadProcess",
    "Progress",
    "collect",
    "sale_plan",
    "start",
]


def start(plan: AnyPlan, out_dir: Path) -> LoadProcess:
    """Start the generators of a load; it begins when they are told to (`LoadProcess.begin`).

    Raises InfrastructureError if a process cannot be started.
    """
    return LoadProcess(plan, out_dir)


def collect(out_dir: Path) -> "LoadResult":
    """Read the ledgers of a load that is over; raise InfrastructureError if one is incomplete."""
    from harness.load import result  # noqa: PLC0415 - pandas is not for the generators

    return result.collect(out_dir)
