"""Random faults: one after the other for as long as a load lasts, drawn from the run's seed.

The load is divided into slots of `every_s` seconds. The first slot has no fault; each later one has
one, at a drawn moment that leaves it time to be undone and recovered from. What is injected is
drawn like cards from a shuffled pack, so that a short load meets different faults and a long one
meets all of them equally often.
"""

import random
from collections.abc import Collection, Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.scenario.faults import Fault
from harness.scenario.schema import SchemaModel, Seconds

RECOVERY_S = 5.0
"""How long each fault is given to be recovered from before the next slot begins."""


class FaultTemplate(Fault):
    """A fault without a moment: that is drawn."""

    @model_validator(mode="after")
    def _happens_once(self) -> Self:
        if stated := self.stated_moments:
            raise ValueError(f"{stated[0]}: the moment of a random fault is drawn; leave it out")
        return self

    def at(self, moment_s: float) -> Fault:
        """Return the fault at a moment of the load, in seconds."""
        return Fault(**self.model_dump(exclude_none=True), at_s=moment_s)


class RandomFaults(SchemaModel):
    """Faults that follow each other every `every_s` seconds, drawn from templates."""

    every_s: Seconds
    """The length of a slot; each slot but the first has one fault."""
    draw_from: Annotated[tuple[FaultTemplate, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _is_over_in_time(self) -> Self:
        for number, fault in enumerate(self.draw_from, start=1):
            if fault.lasts_s + RECOVERY_S > self.every_s:
                raise ValueError(
                    f"draw_from[{number}] lasts {fault.lasts_s:g} s, and {RECOVERY_S:g} s are for "
                    f"the recovery: that is more than every_s = {self.every_s:g}"
                )
        return self

    def check(self, where: str, load_s: float) -> None:
        """Raise ValueError if a load of `load_s` seconds would be over before the first fault."""
        if load_s < 2 * self.every_s:
            raise ValueError(
                f"{where}.every_s = {self.every_s:g}: the first fault comes in the second slot, "
                f"and the load ends at {load_s:g} s"
            )

    def possible(self, services: Collection[str]) -> tuple[FaultTemplate, ...]:
        """Return the templates that a topology with these services can have."""
        return tuple(fault for fault in self.draw_from if fault.service in (None, *services))

    def draw(self, services: Collection[str], load_s: float, seed: str) -> tuple[Fault, ...]:
        """Return the faults of a load, in the order of their moments; no two overlap.

        None if the services can have none of them.
        """
        possible = self.possible(services)
        if not possible:
            return ()
        draws = random.Random(seed)  # noqa: S311 - reproducible moments, not a secret
        pack = _dealt(possible, draws)
        drawn = []
        for slot in range(1, int(load_s // self.every_s)):
            fault = next(pack)
            slack_s = self.every_s - fault.lasts_s - RECOVERY_S
            drawn.append(fault.at(slot * self.every_s + draws.uniform(0, slack_s)))
        return tuple(drawn)


def _dealt(faults: tuple[FaultTemplate, ...], draws: random.Random) -> Iterator[FaultTemplate]:
    """Yield all faults in a drawn order, and again in another, without end."""
    while True:
        yield from draws.sample(faults, len(faults))
