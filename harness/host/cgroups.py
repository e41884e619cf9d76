"""What the harness itself is held to by its control group, of version 2 or 1.

The limit that counts is the least on the way from the group up to the root. Files: cgroups(7),
cgroup-v2 of the kernel's documentation.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
UNLIMITED_BYTES = 2**60
"""Version 1 has no word for "no limit": it has the largest multiple of a page."""


def limits(membership: Path = MEMBERSHIP, root: Path = ROOT) -> dict[str, Any]:
    """Return the version, and the processors and bytes allowed; None where there is no limit."""
    groups = dict(_groups(membership))
    if "" in groups and (root / "cgroup.controllers").exists():
        folders = list(_upwards(root, groups[""]))
        return {
            "version": 2,
            "cpus": _least(_cpus_v2(folder / "cpu.max") for folder in folders),
            "memory_bytes": _least(_bytes(folder / "memory.max") for folder in folders),
        }
    cpu = list(_upwards(root / "cpu", groups.get("cpu", "/")))
    memory = list(_upwards(root / "memory", groups.get("memory", "/")))
    return {
        "version": 1 if groups else None,
        "cpus": _least(_cpus_v1(folder) for folder in cpu),
        "memory_bytes": _least(_bytes(folder / "memory.limit_in_bytes") for folder in memory),
    }


def throttled_s(membership: Path = MEMBERSHIP, root: Path = ROOT) -> float | None:
    """Return for how long the group, or one above it, was kept off the processors, in s.

    It is counted since the group was made. None: the kernel does not say.
    """
    groups = dict(_groups(membership))
    unified = _upwards(root, groups.get("", "/"))
    cpu = _upwards(root / "cpu", groups.get("cpu", "/"))
    counted = [
        *(_stat(folder / "cpu.stat", "throttled_usec", 1e6) for folder in unified),
        *(_stat(folder / "cpu.stat", "throttled_time", 1e9) for folder in cpu),
    ]
    return max((seconds for seconds in counted if seconds is not None), default=None)


def _groups(membership: Path) -> Iterator[tuple[str, str]]:
    """Yield each controller with the path of our group; that of version 2 has no name."""
    for line in _read(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Yield a group's folder and those above it, up to the mount.

    In a container our path may be that of the host, and the mount our own group already.
    """
    folder = mount / path.lstrip("/")
    if not folder.is_dir():
        folder = mount
    yield from (each for each in (folder, *folder.parents) if each.is_relative_to(mount))


def _least(found: Iterator[float | int | None]) -> float | int | None:
    return min((limit for limit in found if limit is not None), default=None)


def _cpus_v2(file: Path) -> float | None:
    quota, _, period = _read(file).partition(" ")
    return int(quota) / int(period) if quota.isdecimal() else None


def _cpus_v1(folder: Path) -> float | None:
    quota, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdecimal() and period else None  # -1: no limit


def _stat(file: Path, key: str, per_s: float) -> float | None:
    """Return a counter of a file of lines such as ``throttled_usec 12000``, in s."""
    counters = dict(line.split(" ", 1) for line in _read(file).splitlines() if " " in line)
    return float(counters[key]) / per_s if key in counters else None


def _bytes(file: Path) -> int | None:
    text = _read(file)
    return int(text) if text.isdecimal() and int(text) < UNLIMITED_BYTES else None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        return ""
