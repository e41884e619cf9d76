"""What the kernel says of the processors: how many this process may use, and who had to wait."""

import os
import re
from pathlib import Path

from harness.host import cgroups

PRESSURE = Path("/proc/pressure/cpu")


def allowed() -> float:
    """Return how many processors this process and its children may use: affinity and quota."""
    quota = cgroups.limits()["cpus"]
    affinity = float(len(os.sched_getaffinity(0)))
    return affinity if quota is None else min(affinity, float(quota))


def waited_s(pressure: Path = PRESSURE) -> float | None:
    """Return for how long some process waited for a processor since the machine began, in s.

    None: the kernel does not count it (PSI, Documentation/accounting/psi.rst).
    """
    try:
        found = re.search(r"^some .*total=(\d+)", pressure.read_text(encoding="ascii"), re.M)
    except OSError:
        return None
    return int(found[1]) / 1e6 if found else None
