"""Faults as a scenario plans them: what breaks, when, and for how long."""

import random
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from harness.scenario.fault_kinds import (
    FAULT_KINDS,
    OLD_NAMES,
    FaultKind,
    Hits,
    OfProcess,
    kinds_with,
    listed,
)
from harness.scenario.schema import Count, Duration, SchemaModel, Seconds, Text

MOMENTS = ("at_s", "at_stock", "between_s")
"""The keys of which exactly one says when a fault happens."""

_SETTING = re.compile(r"(?P<service>[\w-]+)\.(?P<key>\w+)")


class Fault(SchemaModel):
    """One fault of a service or a node, or (without either) of the payment gateway or accounts.

    What each kind means and which options it takes stands in `harness/scenario/fault_kinds.py`.
    """

    kind: str
    """One of the kinds of faults."""
    service: Text | None = None
    """The service of the compose file that is hit, where a kind hits one."""
    node: Text | None = None
    """The machine that is hit, where a kind hits one: a name of the file that `--nodes` names."""
    replica: int | Literal["all"] = 1
    """A number from 1, or `"all"`."""
    process: Literal["leader"] | None = None
    """Hit only the process that holds the leader's lock."""
    at_s: Duration | None = None
    """The moment of the load at which it happens. Give exactly one of these three keys."""
    at_stock: Annotated[int, Field(ge=0)] | None = None
    """It happens as soon as the ledger has no more free units than these."""
    between_s: Annotated[tuple[Duration, Duration], Field(strict=False)] | None = None
    """It happens at a moment between these two, drawn from the seed."""
    for_s: Seconds | None = None
    """After how long it is undone."""
    factor: Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)] | None = None
    """How many times as long latencies take, or whatever a throttled replica does."""
    age_s: Seconds | None = None
    """How old the copy is that takes the place of the data."""
    count: Annotated[int, Field(ge=1, le=100)] | None = None
    """How many accounts are deleted."""

    @field_validator("kind")
    @classmethod
    def _is_kind(cls, value: str) -> str:
        name = OLD_NAMES.get(value, value)
        if name not in FAULT_KINDS:
            raise ValueError(f"must be {listed(repr(known) for known in FAULT_KINDS)}")
        return name

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
        stated = self.stated_moments
        if len(stated) != 1:
            found = "and ".join(f"{name} = {getattr(self, name)!r} " for name in stated) or "none "
            raise ValueError(f"{found}of {', '.join(MOMENTS)}: a fault needs exactly one")
        if self.between_s is not None and self.between_s[1] < self.between_s[0]:
            raise ValueError(f"between_s = {list(self.between_s)} ends before it begins")
        return self

    @model_validator(mode="after")
    def _hits_something(self) -> Self:
        if self.declared.needs_service:
            if self.service is None:
                raise ValueError(f"service is missing: what does {self.kind} hit?")
        elif self.service is not None:
            what = {
                Hits.GATEWAY: "is a fault of the payment gateway",
                Hits.ACCOUNTS: "hits accounts of its own",
                Hits.NODE: "hits a node",
            }[self.declared.hits]
            raise ValueError(f'service = "{self.service}": {self.kind} {what}; leave service out')
        if self.declared.hits is Hits.NODE:
            if self.node is None:
                raise ValueError(f"node is missing: which machine does {self.kind} hit?")
            if "replica" in self.model_fields_set:
                raise ValueError(f"replica = {self.replica}: {self.kind} hits all of a node")
        if self.declared.hits is not Hits.NODE and self.node is not None:
            raise ValueError(f'node = "{self.node}": {self.kind} hits no node; leave node out')
        if self.process is not None:
            self._check_process()
        return self

    def _check_process(self) -> None:
        if self.declared.of_process is None:
            able = listed(kind.name for kind in FAULT_KINDS.values() if kind.of_process)
            raise ValueError(
                f'process = "{self.process}": a single process can only be hit by '
                f"{able}, not by {self.kind}"
            )
        if self.replica == "all":
            raise ValueError(f'process = "{self.process}": it is in one replica, not in "all"')

    @model_validator(mode="after")
    def _takes_its_options(self) -> Self:
        if self.for_s is not None and not self._waits:
            raise ValueError(f"for_s = {self.for_s:g}: {self.kind} is over as soon as it can be")
        for name in ("factor", "age_s", "count"):
            value = getattr(self, name)
            if value is not None and name not in self.declared.options:
                raise ValueError(
                    f"{name} = {value:g}: only {kinds_with(name)} has one, not {self.kind}"
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
    def declared(self) -> FaultKind:
        """Return the declaration of its kind."""
        return FAULT_KINDS[self.kind]

    @property
    def stated_moments(self) -> list[str]:
        """Return which of the keys that say when it happens are given."""
        return [name for name in MOMENTS if getattr(self, name) is not None]

    @property
    def _waits(self) -> bool:
        """Return True if the fault is undone after a time, not at once or by somebody else."""
        is_replaced = self.process and self.declared.of_process is OfProcess.IS_REPLACED
        return "for_s" in self.declared.options and not is_replaced

    def _option(self, name: str) -> float | None:
        """Return an option as given, or its default; None if the kind does not take it."""
        stated: float | None = getattr(self, name)
        return self.declared.options.get(name) if stated is None else stated

    @property
    def lasts_s(self) -> float:
        """Return after how many seconds the fault is undone."""
        return (self._option("for_s") or 0.0) if self._waits else 0.0

    @property
    def slowness(self) -> float | None:
        """Return the factor of slow or throttle; None for any other kind."""
        return self._option("factor")

    @property
    def accounts(self) -> int:
        """Return how many accounts the fault deletes."""
        return int(self._option("count") or 0)

    @property
    def lead_s(self) -> float:
        """Return how long before its moment the fault is prepared: the age of its copy, in s."""
        return self._option("age_s") or 0.0

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
        if self.declared.hits is Hits.GATEWAY:
            return "gateway"
        if self.declared.hits is Hits.ACCOUNTS:
            return f"of {self.accounts} buyers"
        if self.declared.hits is Hits.NODE:
            return str(self.node)
        if self.process is not None:
            return f"{self.process} in {self.service}-{self.replica}"
        return f"all {self.service}" if self.replica == "all" else f"{self.service}-{self.replica}"


def frozen_services(faults: Iterable[Fault]) -> tuple[str, ...]:
    """Return the services whose connections some fault freezes: each needs a proxy before it."""
    frozen = (fault.service for fault in faults if fault.declared.needs_proxy)
    return tuple(dict.fromkeys(name for name in frozen if name is not None))


class Variation(SchemaModel):
    """How a system differs from its compose file: replicas, and ``"service.KEY"`` settings."""

    scale: dict[str, Count] = Field(default_factory=dict)
    """Replicas by service."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Variables of services, by `"SERVICE.KEY"`."""

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
