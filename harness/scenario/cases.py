"""The cases of a scenario: runs with faults or settings of their own.

A scenario with cases makes one run of each, of every variant that has what its faults hit.
"""

from collections.abc import Collection
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.scenario.faults import Fault, Variation
from harness.scenario.random_faults import RandomFaults
from harness.scenario.schema import Text


class Case(Variation):
    """A run with faults or settings of its own; made of `approaches`, or of all that can.

    An approach has those of the random faults whose service it has.
    """

    name: Text
    approaches: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """The approaches that have this case; left out, all that have what its faults hit."""
    faults: Annotated[tuple[Fault, ...], Field(strict=False)] = ()
    random_faults: RandomFaults | None = None

    @model_validator(mode="after")
    def _plans_or_draws(self) -> Self:
        if self.faults and self.random_faults is not None:
            raise ValueError("faults and random_faults exclude each other: make two cases of them")
        return self

    @property
    def listed_faults(self) -> tuple[Fault, ...]:
        """Return the faults of the case; of random ones, all that may be drawn."""
        return self.faults if self.random_faults is None else self.random_faults.draw_from

    def can_be_of(self, services: Collection[str]) -> bool:
        """Return True if a topology with these services can have the faults of the case."""
        if self.random_faults is not None:
            return bool(self.random_faults.possible(services))
        return all(fault.service in (None, *services) for fault in self.faults)
