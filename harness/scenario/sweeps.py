"""A sweep: one key of a campaign, and the values that it takes in turn.

A key names replicas (``payment-worker.replicas``), a setting (``api.THREADS``), or a value of the
scenario itself (``payment.mean_s``; see `scenario_keys`). Each value makes a variant of its own of
every variant that has the key (`harness.campaign.sweeps`).
"""

import math
import re
from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    PlainValidator,
    field_validator,
    model_validator,
)

from harness.scenario.schema import SchemaModel, Text

TABLES = ("product", "payment", "load", "warm_up", "drain", "contention", "open")
"""The tables of a scenario whose keys may be swept; every other key is of a service."""
PEAK_USERS: Final = "load.peak_users"
RATE: Final = "open.rate"
"""The keys of the size of a load; see `scenario_keys`."""
MOST_KEYS = 2
MOST_VALUES = 100
_DIGITS = 6
"""How many digits a computed value has: those of 0.1 + 0.2 mean nothing."""
_KEY = re.compile(r"[\w-]+\.\w+")

Number = int | float
Value = int | float | str


def _number(value: object) -> Number:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


def _number_or_text(value: object) -> Value:
    if isinstance(value, str):
        if not value:
            raise ValueError("must not be empty")
        return value
    return _number(value)


AnyNumber = Annotated[Number, PlainValidator(_number, json_schema_input_type=Number)]
AnyValue = Annotated[Value, PlainValidator(_number_or_text, json_schema_input_type=Value)]


class _Span(SchemaModel):
    """From one number to another."""

    model_config = ConfigDict(serialize_by_alias=True)

    start: AnyNumber = Field(alias="from")
    to: AnyNumber

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.to <= self.start:
            raise ValueError(f"to = {self.to:g} must be above from = {self.start:g}")
        return self


class Range(_Span):
    """Values at equal distances."""

    step: AnyNumber = 1
    """The distance of two values."""

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if self.step <= 0:
            raise ValueError(f"step = {self.step:g} must be above 0")
        return self

    @property
    def size(self) -> int:
        """Return how many values there are."""
        return math.floor((self.to - self.start) / self.step + 1e-9) + 1

    @property
    def values(self) -> tuple[Number, ...]:
        """Return the values; whole numbers if all that is stated is whole."""
        return tuple(_short(self.start + n * self.step) for n in range(self.size))


class Geometric(_Span):
    """Values of equal ratios: `count` of them, or each `factor` times the one before."""

    count: Annotated[int, Field(ge=2, le=MOST_VALUES)] | None = None
    """How many values there are, the ends among them."""
    factor: AnyNumber | None = None
    """How many times the one before each value is; state either this or `count`."""

    @model_validator(mode="after")
    def _has_one_ratio(self) -> Self:
        if self.start <= 0:
            raise ValueError(f"from = {self.start:g} must be above 0")
        if (self.count is None) == (self.factor is None):
            raise ValueError("state either count or factor")
        if self.factor is not None and self.factor <= 1:
            raise ValueError(f"factor = {self.factor:g} must be above 1")
        return self

    @property
    def size(self) -> int:
        """Return how many values there are, before rounding makes some of them one."""
        return self.count or math.floor(self._reach / self._step + 1e-9) + 1

    @property
    def values(self) -> tuple[Number, ...]:
        """Return the values; rounded to whole numbers if both ends are whole."""
        found = (self.start * math.exp(n * self._step) for n in range(self.size))
        is_whole = isinstance(self.start, int) and isinstance(self.to, int)
        return tuple(dict.fromkeys(round(one) if is_whole else _short(one) for one in found))

    @property
    def _reach(self) -> float:
        return math.log(self.to / self.start)

    @property
    def _step(self) -> float:
        """Return the logarithm of the ratio of two values."""
        return math.log(self.factor) if self.factor else self._reach / ((self.count or 2) - 1)


class Sweep(SchemaModel):
    """A key and its values: listed, or in a `range`, or in a `geometric` sequence."""

    key: Text
    """`SERVICE.replicas`, a setting `SERVICE.KEY`, or a key of the scenario: `payment.mean_s`."""
    values: Annotated[tuple[AnyValue, ...], Field(strict=False)] = ()
    range: Range | None = None
    geometric: Geometric | None = None

    @field_validator("key")
    @classmethod
    def _has_two_parts(cls, key: str) -> str:
        if not _KEY.fullmatch(key):
            raise ValueError("is not of the form SERVICE.replicas, SERVICE.KEY or TABLE.KEY")
        return key

    @model_validator(mode="after")
    def _has_values(self) -> Self:
        given = [name for name in ("values", "range", "geometric") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other: keep one of them")
        span = self.range or self.geometric
        size = len(self.values) if span is None else span.size
        if size > MOST_VALUES:
            raise ValueError(f"{size} values are more than {MOST_VALUES}")
        found = self.points
        if len(found) < 2:
            raise ValueError(f"{_said(found)}: a sweep takes two values or more")
        twice = [one for n, one in enumerate(found) if one in found[:n]]
        if twice:
            raise ValueError(f"{twice[0]} stands there twice")
        return self

    @property
    def points(self) -> tuple[Value, ...]:
        """Return the values in their order."""
        span = self.range or self.geometric
        return self.values if span is None else span.values


def is_scenario_key(key: str) -> bool:
    """Return True if a key names a table of the scenario, and not a service."""
    return key.partition(".")[0] in TABLES


def check_keys(sweeps: tuple[Sweep, ...]) -> tuple[Sweep, ...]:
    """Return the sweeps of a campaign (ValueError: more than a grid, or two of one key)."""
    keys = [one.key for one in sweeps]
    if len(keys) > MOST_KEYS:
        raise ValueError(f"{', '.join(keys)}: one key, or two that make a grid")
    if len(set(keys)) < len(keys):
        raise ValueError(f"{keys[0]} is swept twice")
    return sweeps


Sweeps = Annotated[tuple[Sweep, ...], Field(strict=False), AfterValidator(check_keys)]


def _short(value: Number) -> Number:
    return value if isinstance(value, int) else float(f"{value:.{_DIGITS}g}")


def _said(values: Sequence[Value]) -> str:
    return f"values = [{', '.join(map(str, values))}]"
