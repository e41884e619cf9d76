"""An open load: buyers who come by a schedule, whatever the shop answers to those before them.

In a closed load a slow shop is asked less, because its buyers wait; here it is asked as often as
ever (Schroeder, Wierman and Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006).
When each buyer comes follows from the seed alone (harness/scenario/arrivals.py).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from harness.scenario.schema import Count, SchemaModel, Seconds, Text

Spread = Literal["poisson", "even"]


class ArrivalStage(SchemaModel):
    """`buyers` arrive in `seconds`, each of them once."""

    name: Text
    buyers: Annotated[int, Field(ge=0)]
    seconds: Seconds
    """Length of the stage."""

    @property
    def users(self) -> int:
        """Return 0: an open load plans who comes, not who is there."""
        return 0


class OpenLoad(SchemaModel):
    """One-shot buyers, in place of stages of users: each comes, tries to buy once, and goes.

    They buy under `accounts`, opened before the first arrives, so that hashing passwords is not
    what is measured. A buyer who arrives while `at_once` buyers are there is dropped, and counted.
    """

    spread: Spread = "poisson"
    """How the arrivals of a stage are spread over it."""
    accounts: Count = 100
    at_once: Count = 2000
    """The most buyers who may be there at the same time."""
    stages: Annotated[tuple[ArrivalStage, ...], Field(strict=False, min_length=1)]

    @model_validator(mode="after")
    def _somebody_comes(self) -> Self:
        if self.buyers == 0:
            raise ValueError("stages[1].buyers = 0 and no other stage has buyers: nobody would buy")
        return self

    @property
    def buyers(self) -> int:
        """Return how many buyers arrive in all."""
        return sum(stage.buyers for stage in self.stages)

    @property
    def peak_per_s(self) -> float:
        """Return the most arrivals per second that a stage plans."""
        return max(stage.buyers / stage.seconds for stage in self.stages)
