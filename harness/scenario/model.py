"""A scenario: a workload and its protocol, one TOML file in `scenarios/`.

Everything a run depends on stands in the file, and a mistake in it stops before anything is
deployed, with the file, the key and the value. Locust silently skips a stage that its spawn rate
cannot reach (`shape_worker` in locust/runners.py says so itself), so such a stage is an error here.
"""

import pkgutil
from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, field_validator, model_validator

import scenarios.buyers
from harness.scenario.cases import Case
from harness.scenario.expectations import Expectation, check_expectations
from harness.scenario.faults import Fault, Variation, check_faults
from harness.scenario.load_profile import Schedule
from harness.scenario.names import find_scenario, list_known
from harness.scenario.open_load import OpenLoad
from harness.scenario.sales import SALE_PRODUCT, Sale, contention_sales
from harness.scenario.schema import (
    Count,
    Duration,
    SchemaModel,
    Seconds,
    Text,
    check_names,
    read_table,
)
from harness.scenario.sweeps import Sweeps
from harness.scenario.variant_tables import VariantTable

SALE_GUESS_S = 0.5
"""The assumed duration of one sale of a contention test: only to estimate when a campaign ends."""


class Product(SchemaModel):
    """What is on sale; the sales of a contention test draw their own stock."""

    name: Text
    """What reports call it."""
    price_cents: Count
    stock: Count | None = None
    """Units on sale. A contention test draws its own; every other scenario must say it."""
    per_user_limit: Count | None = None
    """Units that one buyer may hold; without it there is no limit."""


class Payment(SchemaModel):
    """How the simulated gateway behaves; latencies in seconds, log-normal with shape `sigma`."""

    model: Literal["lognormal", "fixed"] = "lognormal"
    """Whether latencies are drawn, or all alike."""
    mean_s: Seconds = 2.5
    """Mean latency of a charge."""
    sigma: Annotated[float, Field(gt=0, le=3, allow_inf_nan=False)] = 0.5
    decline_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1
    """The share of charges that are declined."""


class LoadSettings(SchemaModel):
    """How buyers behave; thinking is uniform between its bounds."""

    buyer: str
    """The buyer that acts the load out: a module in `scenarios/buyers/`."""
    think_min_s: Duration = 0.5
    think_max_s: Duration = 1.5
    poll_interval_s: Seconds = 0.5
    """How often a polling buyer asks how its order is doing."""
    request_timeout_s: Seconds = 30
    """How long a buyer waits for an answer; a request that takes longer has none."""
    watch_limit_s: Seconds = 60
    """How long a buyer watches one order before it gives up."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Processes of the load generator, here or on other machines; the buyers are dealt out among
    them, and are the same whatever their number is."""
    retries: Annotated[int, Field(ge=0, le=20)] = 3
    """How often a buyer repeats a POST whose outcome is open, under the same key."""

    @field_validator("buyer")
    @classmethod
    def _is_known(cls, buyer: str) -> str:
        known = known_buyers()
        if buyer not in known:
            raise ValueError(f"there is no such buyer; known buyers: {', '.join(known)}")
        return buyer

    @model_validator(mode="after")
    def _thinks_in_order(self) -> Self:
        if self.think_max_s < self.think_min_s:
            raise ValueError(
                f"think_max_s = {self.think_max_s:g} is less than "
                f"think_min_s = {self.think_min_s:g}"
            )
        return self


class WarmUp(SchemaModel):
    """The load before the load, on another product."""

    users: Count = 10
    seconds: Seconds = 3


class Drain(SchemaModel):
    """How long the backlog may take after the load."""

    limit_s: Seconds = 60
    """How long it is waited for; an order that is open after that is a finding of the audit."""


class Prober(SchemaModel):
    """Asks beside the load what no load asks, of the product of the warm-up."""

    every_s: Seconds = 10
    """The time between two questions; each is a few requests and buys once or twice."""


class Stage(SchemaModel):
    """A straight ramp to `users`; at most `spawn_rate` users per second may come or go."""

    name: Text
    users: Annotated[int, Field(ge=0)]
    """Active users at the end of the stage."""
    seconds: Seconds
    """Length of the stage."""
    spawn_rate: Seconds
    """Users per second; a stage that this rate cannot reach is an error."""


class ContentionTest(SchemaModel):
    """Many short sales in place of stages: few units, and every buyer tries once, all at once."""

    sales: Annotated[int, Field(ge=1, le=10_000)]
    stock_min: Count
    """The fewest units of a sale; how many each has is drawn from the seed."""
    stock_max: Count
    buyers: Count
    """Buyers of each sale."""

    @model_validator(mode="after")
    def _stocks_in_order(self) -> Self:
        if self.stock_max < self.stock_min:
            raise ValueError(
                f"stock_max = {self.stock_max} is less than stock_min = {self.stock_min}"
            )
        return self


class Scenario(SchemaModel):
    """A scenario as resolved, with every default filled in."""

    title: Text
    """What reports call the scenario."""
    description: str = ""
    hypothesis: Text | None = None
    """What the measurement is to support or to contradict; the report begins with it."""
    expectations: Annotated[tuple[Expectation, ...], Field(strict=False)] = ()
    """What is measured if the hypothesis is true."""
    runs: Count = 3
    """Runs of each variant and case, that is: blocks. `--runs` outranks it."""
    seed: Annotated[int, Field(ge=0)] = 42
    """The seed of the first block; each next block has one more."""
    product: Product
    payment: Payment = Payment()
    load: LoadSettings
    warm_up: WarmUp = WarmUp()
    drain: Drain = Drain()
    prober: Prober | None = None
    contention: ContentionTest | None = Field(
        default=None,
        validation_alias=AliasChoices("contention", "contest"),  # the second is the old name
    )
    open: OpenLoad | None = None
    stages: Annotated[tuple[Stage, ...], Field(strict=False)] = ()
    faults: Annotated[tuple[Fault, ...], Field(strict=False)] = ()
    cases: Annotated[tuple[Case, ...], Field(strict=False)] = ()
    approach: dict[str, Variation] = Field(default_factory=dict)
    """Replicas and settings of an approach in this scenario, by its name."""
    variants: Annotated[tuple[VariantTable, ...], Field(strict=False)] = ()
    sweep: Sweeps = ()
    """Keys whose values are measured in turn: one, or two that make a grid."""

    @model_validator(mode="after")
    def _has_one_load(self) -> Self:
        tables = {"stages": self.stages, "contention": self.contention, "open": self.open}
        given = [name for name, table in tables.items() if table]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: keep one of them")
        if not given:
            said = "stages = []: must not be empty" if "stages" in self.model_fields_set else ""
            raise ValueError(
                said
                or "stages is missing: a scenario has [[stages]], a [contention] or an [open] load"
            )
        if self.contention is not None:
            return self._check_contention()
        if self.product.stock is None:
            raise ValueError("product.stock is missing")
        if self.open is not None and self.open.accounts < self.load.processes:
            raise ValueError(
                f"open.accounts = {self.open.accounts} and load.processes = "
                f"{self.load.processes}: every process needs an account of its own"
            )
        if self.open is not None and self.product.per_user_limit is not None:
            raise ValueError(
                f"product.per_user_limit = {self.product.per_user_limit}: the buyers of an open "
                "load share their accounts, so no account has a limit"
            )
        return self

    def _check_contention(self) -> Self:
        if self.product.stock is not None:
            raise ValueError(
                f"product.stock = {self.product.stock}: the sales of a contention test draw their "
                "own; set contention.stock_min and contention.stock_max instead"
            )
        if self.load.processes > 1:
            raise ValueError(
                f"load.processes = {self.load.processes}: all buyers of a contention test start at "
                "once, so they are in one process"
            )
        if self.prober is not None:
            raise ValueError("prober and contention exclude each other: leave one of them out")
        return self

    @model_validator(mode="after")
    def _stages_can_be_reached(self) -> Self:
        if not self.stages:
            return self
        before = 0
        for number, stage in enumerate(self.stages, start=1):
            needed = abs(stage.users - before) / stage.seconds
            if needed > stage.spawn_rate * (1 + 1e-9):
                raise ValueError(
                    f"stages[{number}].spawn_rate = {stage.spawn_rate:g} cannot reach stage "
                    f'"{stage.name}": from {before} to {stage.users} users in {stage.seconds:g} s '
                    f"takes {needed:g} users per second"
                )
            before = stage.users
        if self.schedule.peak_users == 0:
            raise ValueError("stages[1].users = 0 and no other stage has users: nobody would buy")
        return self

    @model_validator(mode="after")
    def _have_names_of_their_own(self) -> Self:
        check_names("stages", self.stages)
        check_names("cases", self.cases)
        check_names("variants", self.variants)
        return self

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        check_expectations(
            self.expectations,
            hypothesis=self.hypothesis,
            has_cases=bool(self.cases),
            is_contention_test=self.contention is not None,
        )
        return self

    @model_validator(mode="after")
    def _faults_can_happen(self) -> Self:
        if self.faults and self.cases:
            raise ValueError("faults and cases exclude each other: put the faults into the cases")
        given = {"faults": self.faults} | {
            f"cases[{number}].{key}": getattr(case, key)
            for number, case in enumerate(self.cases, 1)
            for key in ("faults", "random_faults")
        }
        for where, faults in given.items():
            if faults and self.contention is not None:
                raise ValueError(
                    f"{where} and contention exclude each other: a contention test has no time"
                )
        check_faults(self.faults, "faults", self.load_s, self.product.stock)
        for number, case in enumerate(self.cases, 1):
            where = f"cases[{number}].faults"
            check_faults(case.faults, where, self.load_s, self.product.stock)
            if case.random_faults is not None:
                case.random_faults.check(f"cases[{number}].random_faults", self.load_s)
        return self

    @cached_property
    def schedule(self) -> Schedule:
        """Return the planned users over time; an open load has stages and plans no users."""
        return Schedule.of(self.open.stages if self.open is not None else self.stages)

    @property
    def load_s(self) -> float:
        """Return how long all stages take, in seconds; for a contention test, an estimate."""
        if self.contention is not None:
            return self.contention.sales * SALE_GUESS_S
        return self.schedule.load_s

    @property
    def peak_users(self) -> int:
        """Return the most users that are ever planned."""
        return self.contention.buyers if self.contention is not None else self.schedule.peak_users

    @property
    def workload(self) -> str:
        """Return in a few words what is sold to how many."""
        if (contention := self.contention) is not None:
            units = f"{contention.stock_min} to {contention.stock_max} units"
            return f"{contention.sales} sales of {units}, {contention.buyers} buyers at once"
        if self.open is not None:
            return (
                f"{self.load_s:g} s, {self.open.buyers} buyers arrive, at most "
                f"{self.open.peak_per_s:g} per second, {self.product.stock} units"
            )
        return f"{self.load_s:g} s, {self.peak_users} users at the peak, {self.product.stock} units"

    def sales(self, seed: int) -> tuple[Sale, ...]:
        """Return what is put on sale: the one product, or every sale of the contention test."""
        if (contention := self.contention) is not None:
            return contention_sales(
                contention.sales, contention.stock_min, contention.stock_max, seed
            )
        return (Sale(1, SALE_PRODUCT, self.product.stock or 0),)

    def case(self, name: str) -> Case | None:
        """Return a case by its name; None of the nameless one of a scenario without cases."""
        return next((case for case in self.cases if case.name == name), None)

    def faults_of(self, case: str) -> tuple[Fault, ...]:
        """Return the faults that a case lists; the scenario's own if it has no cases.

        Of random faults these are all that may be drawn, without their moments.
        """
        found = self.case(case)
        return self.faults if found is None else found.listed_faults

    def faults_of_run(self, case: str, services: Collection[str], seed: str) -> tuple[Fault, ...]:
        """Return the faults of a run; random ones are drawn of those that `services` can have."""
        found = self.case(case)
        if found is None or found.random_faults is None:
            return self.faults_of(case)
        return found.random_faults.draw(services, self.load_s, seed)


def known_buyers() -> list[str]:
    """Return the names of the buyers in `scenarios/buyers`."""
    return sorted(module.name for module in pkgutil.iter_modules(scenarios.buyers.__path__))


def load_scenario(name_or_path: str, root: Path) -> Scenario:
    """Read a scenario of the project in `root` by its name, or from a TOML file.

    An experiment is known by its short name as well, and what the project does not have is that of
    the package. Raises UsageError that names the file, the key and the value.
    """
    return read_table(find_scenario(name_or_path, root), Scenario, list_known(root))
