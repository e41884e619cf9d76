"""How much processor and memory each replica of a service may use.

Stated under ``deploy.resources.limits``, and changed as the settings ``cpus`` and ``memory`` of the
service. A runtime that cannot enforce them says so in what it records of a deployment.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

LIMIT_KEYS: Final = ("cpus", "memory")
"""The keys of a limit, in the compose file and as settings; never names of the environment."""

_CPUS_FORM = "a number of processors from 0.01, such as 1.5"
_MEMORY_FORM = "a size from 6M (Docker's least), such as 512M or 1.5G"
_LEAST_CPUS = 0.01
_LEAST_BYTES = 6 * 2**20
_CPUS = re.compile(r"\d+(\.\d+)?|\.\d+")
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?) ?(?P<unit>[kmgtp]?)i?b?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one replica may use at most; None is as much as there is."""

    cpus: float | None = None
    memory_bytes: int | None = None

    def changed(self, key: str, text: str) -> "Limits":
        """Return the limits with another `cpus` or `memory`, as Compose writes them.

        Raises ValueError, with the form that is expected, for a text that is none.
        """
        if key == "cpus":
            return replace(self, cpus=_cpus(text))
        return replace(self, memory_bytes=_bytes(text))


def _cpus(text: str) -> float:
    if not _CPUS.fullmatch(text) or float(text) < _LEAST_CPUS:
        raise ValueError(_CPUS_FORM)
    return float(text)


def _bytes(text: str) -> int:
    """Return a size in Compose's units, of which each is 1,024 times the one before it."""
    match = _SIZE.fullmatch(text)
    unit = match["unit"].lower() if match else ""
    size = float(match["number"]) * 1024 ** " kmgtp".index(unit or " ") if match else 0.0
    if size < _LEAST_BYTES:
        raise ValueError(_MEMORY_FORM)
    return int(size)
