"""Faults as a scenario plans them: what breaks, when, and for how long."""

import random
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.scenario.fault_kinds import DELETE_ACCOUNT, FREEZE
from harness.scenario.schema import Count, Duration, Seconds, Table, Text

Kind = Literal[
    "kill",
    "stop",
    "restart",
    "drain",
    "pause",
    "wipe",
    "restore_old",
    "cut",
    "freeze",
    "refuse_writes",
    "delete_account",
    "unavailable",
    "hang",
    "slow",
]
GATEWAY_KINDS = ("unavailable", "hang", "slow")
PROCESS_KINDS = ("kill", "pause")
"""Kinds that may hit a single process of a replica."""

DEFAULT_FOR_S = 3.0
DEFAULT_FACTOR = 10.0
DEFAULT_AGE_S = 2.0
DEFAULT_ACCOUNTS = 5
_SETTING = re.compile(r"(?P<service>[\w-]+)\.(?P<key>\w+)")


class Fault(Table):
    """One fault of a service, or (without service) of the payment gateway or of accounts.

    kill: SIGKILL to the whole replica; stop: its stop signal. Both are started again after `for_s`.
    restart: its stop signal, and started again at once. drain: as stop, but it must end by itself
    within its grace, and answer all that it was asked. pause: SIGSTOP, and SIGCONT after `for_s`.
    wipe: as kill, and its data is deleted meanwhile. restore_old: as kill, and its data is replaced
    meanwhile by a copy that was taken `age_s` before the fault, as from a backup. cut: taken off
    its network, and put back after `for_s`; its processes run on. freeze: connections to a store
    stop without being closed, for good; new ones work after `for_s`. refuse_writes: the ledger
    answers reads and refuses writes. delete_account: `count` accounts of the fault's own are
    deleted from the ledger, and then buy with live tokens. unavailable, hang, slow: of the gateway.
    """

    kind: Kind
    service: Text | None = None
    replica: int | Literal["all"] = 1
    process: Literal["leader"] | None = None
    at_s: Duration | None = None
    at_stock: Annotated[int, Field(ge=0)] | None = None
    between_s: Annotated[tuple[Duration, Duration], Field(strict=False)] | None = None
    for_s: Seconds | None = None
    factor: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    age_s: Seconds | None = None
    count: Annotated[int, Field(ge=1, le=100)] | None = None

    @field_validator("replica", mode="plain")
    @classmethod
    def _is_replica(cls, value: object) -> int | Literal["all"]:
        if value == "all":
            return "all"
        if type(value) is int and value >= 1:
            return value
        raise ValueError('must be a whole number from 1, or "all"')

    @model_validator(mode="after")
    def _happens_once(self) -> Self:
        times = ("at_s", "at_stock", "between_s")
        stated = [name for name in times if getattr(self, name) is not None]
        if len(stated) != 1:
            found = "and ".join(f"{name} = {getattr(self, name)!r} " for name in stated) or "none "
            raise ValueError(f"{found}of {', '.join(times)}: a fault needs exactly one")
        if self.between_s is not None and self.between_s[1] < self.between_s[0]:
            raise ValueError(f"between_s = {list(self.between_s)} ends before it begins")
        return self

    @model_validator(mode="after")
    def _hits_something(self) -> Self:
        if self.hits_gateway:
            if self.service is not None:
                raise ValueError(
                    f'service = "{self.service}": {self.kind} is a fault of the payment gateway; '
                    "leave service out"
                )
        elif self.kind == DELETE_ACCOUNT:
            if self.service is not None:
                raise ValueError(
                    f'service = "{self.service}": {self.kind} hits accounts of its own; '
                    "leave service out"
                )
        elif self.service is None:
            raise ValueError(f"service is missing: what does {self.kind} hit?")
        if self.process is not None:
            self._check_process()
        return self

    def _check_process(self) -> None:
        if self.kind not in PROCESS_KINDS:
            raise ValueError(
                f'process = "{self.process}": a single process can only be hit by '
                f"{' or '.join(PROCESS_KINDS)}, not by {self.kind}"
            )
        if self.replica == "all":
            raise ValueError(f'process = "{self.process}": it is in one replica, not in "all"')

    @model_validator(mode="after")
    def _means_what_it_says(self) -> Self:
        if self.factor is not None and self.kind != "slow":
            raise ValueError(f"factor = {self.factor:g}: only slow has one, not {self.kind}")
        if self.for_s is not None and not self._waits:
            raise ValueError(f"for_s = {self.for_s:g}: {self.kind} is over as soon as it can be")
        if self.age_s is not None and self.kind != "restore_old":
            raise ValueError(f"age_s = {self.age_s:g}: only restore_old has one, not {self.kind}")
        if self.count is not None and self.kind != DELETE_ACCOUNT:
            raise ValueError(
                f"count = {self.count}: only {DELETE_ACCOUNT} has one, not {self.kind}"
            )
        return self

    @model_validator(mode="after")
    def _can_be_prepared(self) -> Self:
        if self.at_stock is not None and self.lead_s:
            raise ValueError(
                f"at_stock = {self.at_stock}: {self.kind} is prepared {self.lead_s:g} s before its "
                "moment, so it needs at_s or between_s"
            )
        if self.at_stock is None and self.earliest_s < self.lead_s:
            raise ValueError(
                f"{self.kind} at {self.earliest_s:g} s: its copy would be taken {self.lead_s:g} s "
                "before, when the load has not begun"
            )
        return self

    @property
    def _waits(self) -> bool:
        """Say whether the fault is undone after a time, not at once or by somebody else."""
        at_once = self.kind in ("restart", DELETE_ACCOUNT)
        return not (at_once or (self.kind == "kill" and self.process))

    @property
    def hits_gateway(self) -> bool:
        """Say whether this is a fault that the payment gateway makes on request."""
        return self.kind in GATEWAY_KINDS

    @property
    def lasts_s(self) -> float:
        """Return after how many seconds the fault is undone."""
        return (self.for_s or DEFAULT_FOR_S) if self._waits else 0.0

    @property
    def slowness(self) -> float | None:
        """Return the factor of slow; None of any other kind."""
        return (self.factor or DEFAULT_FACTOR) if self.kind == "slow" else None

    @property
    def accounts(self) -> int:
        """Return how many accounts the fault deletes."""
        return (self.count or DEFAULT_ACCOUNTS) if self.kind == DELETE_ACCOUNT else 0

    @property
    def lead_s(self) -> float:
        """Return how long before its moment the fault is prepared: the age of its copy."""
        return (self.age_s or DEFAULT_AGE_S) if self.kind == "restore_old" else 0.0

    @property
    def earliest_s(self) -> float:
        """Return when the fault happens at the earliest; 0 if that is up to the stock."""
        return self.between_s[0] if self.between_s is not None else self.at_s or 0.0

    @property
    def latest_s(self) -> float:
        """Return when the fault happens at the latest; 0 if that is up to the stock."""
        return self.between_s[1] if self.between_s is not None else self.at_s or 0.0

    def moment_s(self, draws: random.Random) -> float | None:
        """Return when the fault happens, drawn if need be; None if that is up to the stock."""
        if self.between_s is not None:
            return draws.uniform(*self.between_s)
        return self.at_s

    @property
    def target(self) -> str:
        """Return in words what is hit, such as ``payment-worker-1``."""
        if self.hits_gateway:
            return "gateway"
        if self.kind == DELETE_ACCOUNT:
            return f"of {self.accounts} buyers"
        if self.process is not None:
            return f"{self.process} in {self.service}-{self.replica}"
        return f"all {self.service}" if self.replica == "all" else f"{self.service}-{self.replica}"


def frozen_services(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return the services whose connections some fault freezes: each needs a proxy before it."""
    frozen = (fault.service for fault in faults if fault.kind == FREEZE)
    return tuple(dict.fromkeys(name for name in frozen if name is not None))


class Variation(Table):
    """How a system differs from its compose file: replicas, and ``"service.KEY"`` settings."""

    scale: dict[str, Count] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)

    @field_validator("settings")
    @classmethod
    def _name_service_and_key(cls, settings: dict[str, str]) -> dict[str, str]:
        for name in settings:
            if not _SETTING.fullmatch(name):
                raise ValueError(f'"{name}" is not of the form "SERVICE.KEY"')
        return settings

    @property
    def changes(self) -> Mapping[tuple[str, str], str]:
        """Return the settings by service and key."""
        return {
            (match["service"], match["key"]): value
            for name, value in self.settings.items()
            if (match := _SETTING.fullmatch(name))
        }


def check_faults(faults: tuple[Fault, ...], where: str, load_s: float, stock: int | None) -> None:
    """Raise ValueError for a fault that a load of `load_s` seconds would never meet."""
    for number, fault in enumerate(faults, start=1):
        place = f"{where}[{number}]"
        if fault.latest_s >= load_s:
            key = "at_s" if fault.at_s is not None else "between_s"
            raise ValueError(
                f"{place}.{key}: {fault.latest_s:g} s is not before the load ends, at {load_s:g} s"
            )
        if fault.at_stock is not None and stock is not None and fault.at_stock > stock:
            raise ValueError(f"{place}.at_stock = {fault.at_stock} is more than the stock, {stock}")
