"""When a campaign will be over, judged by its own runs."""

import time

OVERHEAD_GUESS_S = 25.0
"""Guess of what a run takes beside its load, until the first run has shown it."""


class EtaEstimator:
    """Times the runs of a campaign as they come."""

    def __init__(self, runs_left: int, load_s: float) -> None:
        self._runs_left = runs_left
        self._guess_s = load_s + OVERHEAD_GUESS_S
        self._durations_s: list[float] = []
        self._run_begun_s: float | None = None

    def run_begins(self) -> None:
        """Time a run from here."""
        self._run_begun_s = time.monotonic()

    def run_ends(self) -> None:
        """Count a run as made."""
        if self._run_begun_s is not None:
            self._durations_s.append(time.monotonic() - self._run_begun_s)
        self._run_begun_s = None
        self._runs_left -= 1

    def left_s(self) -> float:
        """Return in how many seconds the last run will have ended, if all go on like those made."""
        return self._runs_left * self._each_s() - self._spent_s()

    def part_of_run(self) -> float:
        """Return how much of the present run is over, from 0 to 1; 0 if there is none."""
        spent_s = self._spent_s()
        return spent_s / self._each_s() if spent_s else 0.0

    def _each_s(self) -> float:
        known = self._durations_s
        return sum(known) / len(known) if known else self._guess_s

    def _spent_s(self) -> float:
        """Return how long the present run goes on, in s; at most what a run takes."""
        begun_s = self._run_begun_s
        return 0.0 if begun_s is None else min(self._each_s(), time.monotonic() - begun_s)

    @property
    def words(self) -> str:
        """How much time is left."""
        left_s = self.left_s()
        return f"about {left_s / 60:.0f} min left" if left_s >= 90 else f"about {left_s:.0f} s left"
