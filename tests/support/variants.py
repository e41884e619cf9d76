"""Campaigns of any number of variants, from simulated runs: some are one approach varied."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.results.store import Campaign, RunData
from tests.golden.campaigns import store
from tests.support.histories import make_run

VARIANTS = ("sync", "queue", "sync-300", "queue-slim", "sync-8", "queue-wide")
"""Names of variants of the two approaches; the first is the baseline."""
ABLATED = {"queue-slim": {"ablated": ["api.RESERVATION=lock"]}}
"""What the topologies of variants state beyond that of their approach, by name."""


def runs_of(names: Sequence[str], blocks: int = 3, **load: Any) -> list[RunData]:
    """Return runs of variants, which are those of their approaches under other draws."""
    found: list[RunData] = []
    for block in range(1, blocks + 1):
        for position, name in enumerate(names):
            approach = name.partition("-")[0]
            seed = block + 10 * (position // 2)
            run = make_run(approach, index=len(found) + 1, block=block, seed=seed, **load)
            title = f"{run.record.topology['title']} ({name})" if "-" in name else None
            own = {**({"title": title} if title else {}), **ABLATED.get(name, {})}
            topology = {**run.record.topology, **own}
            record = run.record.model_copy(update={"variant": name, "topology": topology})
            found.append(replace(run, record=record))
    return found


def stored_variants(path: Path, n: int, blocks: int = 3, **load: Any) -> Campaign:
    """Save a campaign of the first variants, up to six."""
    return store(path, runs_of(VARIANTS[:n], blocks, **load))
