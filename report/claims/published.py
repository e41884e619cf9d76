"""The published report as data: its claims, where it contradicts itself, the load it describes.

They are read from `claims.toml`, whose head says what each key means. The figures were
measured by others, with k6, on other hardware and other code; they are what was claimed, never a
baseline.
"""

import tomllib
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from harness.scenario.schema import Count, Duration, SchemaModel, Seconds, Text, explain

PATH = Path(__file__).with_name("claims.toml")

SOURCES = ("metric", "step", "share", "level", "cost", "audit", "planned", "untested")
SIZES = ("% less", "% more", "×", "points")
"""Units in which the size of a difference is published."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class Claim(SchemaModel):
    """One thing that the published report says; see the head of the file."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    section: Text
    quote: Text
    of: Literal["sync", "queue"] | None = None
    value: Number | None = None
    range: Annotated[tuple[Number, Number], Field(strict=False)] | None = None
    unit: str = ""
    bound: Literal["least", "most"] | None = None
    queue_is: Literal["more", "less"] | None = None
    reading: str = ""
    metric: str | None = None
    step: str | None = None
    share: str | None = None
    level: Count | None = None
    cost: str | None = None
    audit: str | None = None
    planned: Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None = None
    untested: str | None = None
    experiment: str | None = None

    @property
    def sections(self) -> tuple[str, ...]:
        """Return where it stands; the first is the place that groups it."""
        return tuple(part.strip() for part in self.section.split(","))

    @property
    def span(self) -> tuple[float, float] | None:
        """Return the least and the most that is claimed; both are the value if there is one."""
        if self.range is not None:
            return self.range
        return None if self.value is None else (self.value, self.value)

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        sources = [name for name in SOURCES if getattr(self, name) is not None]
        if len(sources) != 1:
            raise ValueError(f"claim {self.id} needs exactly one of {', '.join(SOURCES)}")
        if self.value is not None and self.range is not None:
            raise ValueError(f"claim {self.id} has both a value and a range")
        if self.queue_is is not None:
            if self.metric is None or self.of is not None:
                raise ValueError(f"claim {self.id}: a direction is that of a metric of both")
            if self.value is not None and self.unit not in SIZES:
                raise ValueError(f"claim {self.id}: the unit of a size is one of {SIZES}")
        elif self.untested is None and self.span is None:
            raise ValueError(f"claim {self.id} has no figure to compare with")
        needs_approach = sources[0] in ("step", "share", "level", "metric")
        if needs_approach and self.queue_is is None and self.of is None:
            raise ValueError(f"claim {self.id}: of which approach?")
        return self


class Contradiction(SchemaModel):
    """Two things that the report says of one; both are arithmetic over claims, or it is words."""

    says: Text
    computed: Text | None = None
    stated: Text | None = None
    sections: str = ""

    @model_validator(mode="after")
    def _has_both_sides(self) -> Self:
        if (self.computed is None) != (self.stated is None):
            raise ValueError("a contradiction has both sides, computed and stated, or neither")
        if self.computed is None and not self.sections:
            raise ValueError("a contradiction in words says in which sections it stands")
        return self


class Load(SchemaModel):
    """The load that the published figures are said to have been measured under."""

    users: Annotated[tuple[int, ...], Field(strict=False)]
    seconds: Annotated[tuple[Seconds, ...], Field(strict=False)]
    stock: Count
    payment_mean_s: Seconds
    decline_rate: Duration
    buyer: Text


class Published(SchemaModel):
    """The whole file."""

    source: Text
    first: Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
    claims: Annotated[tuple[Claim, ...], Field(strict=False)]
    contradictions: Annotated[tuple[Contradiction, ...], Field(strict=False)]
    load: Load
    sections: dict[str, str]
    reasons: dict[str, str]

    @cached_property
    def by_id(self) -> dict[str, Claim]:
        """Return the claims by id."""
        return {claim.id: claim for claim in self.claims}

    @cached_property
    def values(self) -> dict[str, float]:
        """Return the published values by id; ranges and words have none."""
        return {claim.id: claim.value for claim in self.claims if claim.value is not None}

    def value(self, id: str) -> float:
        """Return the published value of a claim."""
        return self.values[id]

    @model_validator(mode="after")
    def _refers_to_what_is_there(self) -> Self:
        if len({claim.id for claim in self.claims}) < len(self.claims):
            raise ValueError("two claims have one id")
        for id in self.first:
            if id not in self.by_id:
                raise ValueError(f"there is no claim {id!r} to be read first")
        for claim in self.claims:
            if claim.untested is not None and claim.untested not in self.reasons:
                raise ValueError(f"claim {claim.id}: there is no reason {claim.untested!r}")
            if claim.sections[0] not in self.sections:
                raise ValueError(f"claim {claim.id}: there is no section {claim.sections[0]!r}")
        return self


@cache
def load(path: Path = PATH) -> Published:
    """Read the claims; raise UsageError that names the file and the claim that is wrong."""
    try:
        return Published.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as invalid:
        raise explain(path, Published, invalid.errors()) from invalid
