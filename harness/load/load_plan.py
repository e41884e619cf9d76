"""What the generators do: one frozen plan, handed to them as JSON.

A load in stages, a contention test and an open load are three kinds of plan; the sale and the
warm-up differ in nothing but their plan. The start is not part of it: it is agreed when all
generators are ready, because importing Locust takes a second or two.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from harness.contract import Contract
from harness.scenario.arrivals import account_of, arrivals_ns
from harness.scenario.load_profile import Schedule
from harness.scenario.sales import Sale

if TYPE_CHECKING:
    # Generators read plans too, and must not pay for pydantic.
    from harness.scenario.model import LoadSettings, Scenario

WARM_UP_PRODUCT = 2
WARM_UP_USER_OFFSET = 1_000_000
"""Added to the numbers of the warm-up's buyers in their e-mail addresses: both loads register."""

RETRY_AFTER_LIMIT_S = 5.0
"""The longest that a buyer waits before a retry, whatever the server's Retry-After asks for."""

ACCOUNT_LIMIT_S = 0.5
"""How long a busy machine may take to open one account of an open load."""

ENDING_GRACE_S = 5.0
"""How much longer than its longest action a buyer is waited for before it is given up."""

CLOCK_TICK_S = 0.1
"""How often a driver compares the planned with the active buyers."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """A ramp to `users` in `seconds`; at most `spawn_rate` users per second come or go."""

    name: str
    users: int
    seconds: float
    spawn_rate: float


@dataclass(frozen=True, slots=True)
class ArrivalStage:
    """`buyers` arrive in `seconds`, each of them once."""

    name: str
    buyers: int
    seconds: float

    @property
    def users(self) -> int:
        """Return 0: an open load plans who comes, not who is there."""
        return 0


@dataclass(frozen=True)
class Plan:
    """What every load says of its buyers: where they buy, under which keys, how they behave."""

    address: str
    seed: int
    key_prefix: str
    user_offset: int
    load: "LoadSettings"
    """All that the scenario says in `[load]`, whoever reads it; in a generator a plain object."""
    contract: Mapping[str, Any] = field(default_factory=dict, kw_only=True)
    """How the shop's HTTP API differs from ours; {}: in nothing."""

    @cached_property
    def api(self) -> Contract:
        """Return how requests are written, and answers read."""
        return Contract(self.contract)

    def to_json(self) -> str:
        """Return the plan as JSON."""
        return json.dumps(asdict(self) | {"load": vars(self.load)}, indent=2)

    @property
    def preparation_s(self) -> float:
        """Return how long a generator may prepare itself beyond starting, in seconds."""
        return 0.0

    @property
    def longest_purchase_s(self) -> float:
        """Return how long one attempt may take, in seconds: every try times out but the last."""
        return (self.load.retries + 1) * (self.load.request_timeout_s + RETRY_AFTER_LIMIT_S)

    @property
    def longest_action_s(self) -> float:
        """Return how long a buyer may still be busy after it was asked to leave, in seconds.

        The longest action is to buy, and then to watch.
        """
        return self.longest_purchase_s + self.load.watch_limit_s

    @property
    def places(self) -> int:
        """Return how many buyers can be there at the same time, in all processes together."""
        raise NotImplementedError

    def share_of(self, process: int, count: int) -> int:
        """Return how many of the first `count` things are a process's: every `processes`-th."""
        return len(range(process, count, self.load.processes))

    def buyer_number(self, place: int, turn: int) -> int:
        """Return the number of the buyer who comes to a place after `turn` others have left it.

        Places count from 0, and every `processes`-th is a process's; the number, and with it the
        buyer's keys and draws, is the same whatever process that is.
        """
        return place + turn * self.places


@dataclass(frozen=True)
class _StagedPlan(Plan):
    """A load of one product in stages that follow each other."""

    product_id: int
    stages: tuple[Any, ...]

    @cached_property
    def schedule(self) -> Schedule:
        """Return when the stages begin and end, and the users that they plan."""
        return Schedule.of(self.stages)

    @property
    def places(self) -> int:
        """Return the most users that are ever planned."""
        return self.schedule.peak_users

    def stage_name(self, t_s: float) -> str:
        """Return the name of the stage at `t_s` seconds, or what is before and after them all."""
        number = self.schedule.stage_at(t_s)
        if number == 0:
            return "not begun"
        name: str = self.stages[number - 1].name if number <= len(self.stages) else "leaving"
        return name


@dataclass(frozen=True)
class LoadPlan(_StagedPlan):
    """A load in stages: what is bought, and how many buyers there are when."""

    stages: tuple[PlannedStage, ...]

    @classmethod
    def for_warm_up(
        cls,
        scenario: "Scenario",
        address: str,
        *,
        seed: int,
        contract: Mapping[str, Any] | None = None,
    ) -> "LoadPlan":
        """Return the plan of a scenario's warm-up; its keys are ``<seed>-w<user>-<n>``.

        The buyers arrive in the first third of the warm-up and leave at its end. There are few of
        them, so they are in one process, on the machine of the harness.
        """
        users, seconds = scenario.warm_up.users, scenario.warm_up.seconds
        ramp_s = seconds / 3
        return cls(
            address=address,
            product_id=WARM_UP_PRODUCT,
            seed=seed,
            key_prefix=f"{seed}-w",
            user_offset=WARM_UP_USER_OFFSET,
            stages=(
                PlannedStage("arrive", users, ramp_s, users / ramp_s),
                PlannedStage("stay", users, seconds - ramp_s, users / ramp_s),
            ),
            load=_plain(scenario.load.model_dump() | {"processes": 1}),
            contract=contract or {},
        )

    def spawn_rate_at(self, t_s: float) -> float:
        """Return how many users per second may come or go at `t_s`."""
        number = min(max(self.schedule.stage_at(t_s), 1), len(self.stages))
        return self.stages[number - 1].spawn_rate


@dataclass(frozen=True)
class ContentionPlan(Plan):
    """A contention test: sales in a row, and in each of them every buyer tries once."""

    sales: tuple[Sale, ...]
    buyers: int

    @property
    def places(self) -> int:
        """Return the buyers of each sale: they stay for all of them."""
        return self.buyers

    @property
    def longest_action_s(self) -> float:
        """Return how long a buyer may still be busy, in seconds: it watches no order."""
        return self.longest_purchase_s


@dataclass(frozen=True)
class OpenPlan(_StagedPlan):
    """An open load: who arrives when, whatever the shop answers to those before them."""

    stages: tuple[ArrivalStage, ...]
    spread: str
    accounts: int
    at_once: int

    @property
    def preparation_s(self) -> float:
        """Return how long opening the accounts may take: two passwords are hashed for each."""
        return self.accounts * ACCOUNT_LIMIT_S

    def accounts_of(self, process: int) -> range:
        """Return the accounts that a process opens: every `processes`-th."""
        return range(process, self.accounts, self.load.processes)

    def arrivals_of(self, process: int) -> list[tuple[int, int]]:
        """Return number and time of arrival (ns) of a process' buyers: those of its accounts."""
        times_ns = arrivals_ns(self.stages, self.spread, self.seed)
        opened = self.accounts_of(process)
        return [
            (number, due_ns)
            for number, due_ns in enumerate(times_ns)
            if account_of(number, self.accounts) in opened
        ]


AnyPlan = LoadPlan | ContentionPlan | OpenPlan


def sale_plan(
    scenario: "Scenario",
    address: str,
    *,
    seed: int,
    sales: Sequence[Sale],
    contract: Mapping[str, Any] | None = None,
) -> AnyPlan:
    """Return the plan of a scenario's measured load: stages, a contention test, or arrivals.

    The idempotency keys of its buyers are ``<seed>-<user>-<n>``, ``<seed>-<sale>-<user>`` and
    ``<seed>-<buyer>``.
    """
    shared: dict[str, Any] = {
        "address": address,
        "seed": seed,
        "key_prefix": f"{seed}-",
        "user_offset": 0,
        "load": _plain(scenario.load.model_dump()),
        "contract": contract or {},
    }
    if scenario.contention is not None:
        return ContentionPlan(sales=tuple(sales), buyers=scenario.contention.buyers, **shared)
    product_id = sales[0].product_id
    if scenario.open is not None:
        load = scenario.open
        return OpenPlan(
            product_id=product_id,
            stages=tuple(ArrivalStage(s.name, s.buyers, s.seconds) for s in load.stages),
            spread=load.spread,
            accounts=load.accounts,
            at_once=load.at_once,
            **shared,
        )
    stages = tuple(
        PlannedStage(stage.name, stage.users, stage.seconds, stage.spawn_rate)
        for stage in scenario.stages
    )
    return LoadPlan(product_id=product_id, stages=stages, **shared)


def plan_from_json(text: str) -> AnyPlan:
    """Return the plan that `to_json` wrote."""
    fields = json.loads(text)
    fields["load"] = _plain(fields["load"])
    if "sales" in fields:
        return ContentionPlan(sales=tuple(Sale(**sale) for sale in fields.pop("sales")), **fields)
    stages = fields.pop("stages")
    if "spread" in fields:
        return OpenPlan(stages=tuple(ArrivalStage(**stage) for stage in stages), **fields)
    return LoadPlan(stages=tuple(PlannedStage(**stage) for stage in stages), **fields)


def _plain(settings: Mapping[str, Any]) -> "LoadSettings":
    """Return the settings without their model, which generators do not import."""
    return cast("LoadSettings", SimpleNamespace(**settings))
