"""The eight steps of a run, in order: what is printed while they last, and how long they took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Step:
    """A step by its name among the durations of a run, in a few words, and in full."""

    name: str
    words: str
    what: str


STEPS: Final = (
    Step("up", "bring up", "bring the topology up, until every service is ready"),
    Step("reset", "reset and seed", "empty the stores, seed the stock, and prove both"),
    Step("warm_up", "warm up", "warm up on another product, and wait for its orders"),
    Step(
        "settle",
        "settle the stores",
        "VACUUM ANALYZE; CHECKPOINT: the same physical state before every load",
    ),
    Step(
        "load",
        "load",
        "send the load, sample telemetry each second, and inject the faults of the scenario",
    ),
    Step(
        "drain",
        "drain",
        "let requests finish and what was broken recover, and wait for the backlog",
    ),
    Step(
        "collect",
        "collect, audit, save",
        "collect ledger, stores, gateway log and logs; check the laws; audit; save",
    ),
    Step("down", "tear down", "tear down: nothing of the deployment is left"),
)
"""`execute_run` goes through them in this order."""

_BY_NAME = {step.name: step for step in STEPS}


class StepTimer:
    """Announces each step of a run, and measures how long it takes."""

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._ended_s: dict[str, float] = {}
        self._now: tuple[str, float] | None = None

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Announce a step, and measure it until the block is left."""
        self._on_step(_BY_NAME[name])
        self._now = name, time.monotonic()
        try:
            yield
        finally:
            self._ended_s, self._now = self.durations_s(), None

    def durations_s(self) -> dict[str, float]:
        """Return how long each step took, in s; the present one so far."""
        if self._now is None:
            return self._ended_s
        name, begun_s = self._now
        return self._ended_s | {name: round(time.monotonic() - begun_s, 3)}
