"""capacity.json: what a search for a capacity found.

It follows from the runs of the campaign alone, and is made again with its report.
`capacity.schema.json` is its JSON Schema, which `python -m harness.capacity` writes.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Literal

from harness.capacity.limits import Limits
from harness.capacity.search import Search
from harness.results.findings import Verdict
from harness.results.json_schema import schema_of
from harness.results.record import Part

SCHEMA_VERSION: Final = 1
"""Version of capacity.json; a change is listed in CHANGELOG.md."""
SCHEMA_PATH: Final = Path(__file__).with_name("capacity.schema.json")
FILE: Final = "capacity.json"

Of = Literal["arrivals", "users"]
"""What a level counts: arrivals per second of an open load, or users of a closed one."""


class Kind(StrEnum):
    """The kinds of resources, in the order in which one of several on a tie is named."""

    GENERATOR = "generator"
    MACHINE = "machine"
    WORLD = "world"
    NODE = "node"
    SERVICE = "service"
    SLOTS = "slots"
    LOCKS = "locks"


class Outcome(StrEnum):
    """What a run says of its level."""

    PASSED = "passed"
    FAILED = "failed"
    UNMEASURED = "unmeasured"


class Answer(StrEnum):
    """What is known of a capacity."""

    BRACKET = "bracket"
    """It lies between two levels."""
    AT_LEAST = "at least"
    """It is as much or more: what gave out is not the system's, or nothing higher was tried."""
    LESS_THAN = "less than"
    """Not even the lowest level is served."""
    UNKNOWN = "unknown"
    """No level could be measured."""


class Resource(Part):
    """What a load may use up, over the busiest stage of a run, or of several."""

    kind: Kind
    """`world` is the payment gateway; `slots` those of payments, `locks` those of the ledger."""
    name: str
    used: float
    """Share that was used on average, from 0 to 1."""
    full: float
    """Share of the time in which nothing of it was to spare, from 0 to 1."""
    words: str
    """The same in words, of the run in which it was full longest."""


class LevelRun(Part):
    """One run at a level."""

    index: int
    """Its place in the campaign, from 1."""
    block: int
    """Which repeat of its level it is, from 1."""
    outcome: Outcome
    """`unmeasured`: the run is invalid or not clean, so it says nothing of the system."""
    reasons: list[str]
    """Why it did not pass."""
    audit: Verdict
    """The verdict of the audit on correctness."""
    purchases: int
    """Purchases that were begun in the busiest stage."""
    purchase_p95_ms: float | None
    """From when the buyer meant to buy to the acknowledgement, over all retries; null: there were
    too few, or more than 5 % were never acknowledged."""
    error_pct: float
    """Requests with a 5xx answer or none, and purchases that were turned away, of all requests."""
    drain_s: float | None
    """How long after the load the last order was settled; null: not all were."""
    unsettled: int
    """Orders that were open when the drain ended."""
    resources: list[Resource]
    """What was used up, the resource that was full longest first."""


class Level(Part):
    """Every run at one level of load."""

    level: int
    """Arrivals per second, or users."""
    variant: str
    """The name of the campaign's variant that has this load."""
    served: bool
    """Whether more than half of the runs passed."""
    passed: int
    """How many of the runs passed."""
    runs: list[LevelRun]


class VariantCapacity(Part):
    """What was found of one variant."""

    name: str
    title: str
    approach: str
    answer: Answer
    served: int | None
    """The highest level that is served below the least that is not."""
    not_served: int | None
    """The least level that is not served; null: none was found."""
    settled: bool
    """False: the most runs were made before both ends were close and repeated."""
    gave_out: Resource | None
    """What gave out at the least level that is not served; null: nothing that was sampled."""
    statement: str
    """All of it in a sentence."""
    levels: list[Level]
    """Every level that was tried, from the lowest to the highest."""


class CapacityDocument(Part):
    """The answer of `harness capacity`."""

    schema_version: Literal[1] = SCHEMA_VERSION
    of: Of
    """What a level counts: arrivals per second of an open load, or users of a closed one."""
    limits: Limits
    search: Search
    capacities: list[VariantCapacity]

    @property
    def runs(self) -> list[LevelRun]:
        """Return every run."""
        return [run for one in self.capacities for level in one.levels for run in level.runs]

    @property
    def incorrect_runs(self) -> list[int]:
        """Return the runs whose audit failed, but for those that only did not drain in time."""
        return [
            run.index
            for run in self.runs
            if run.audit is Verdict.FAIL and run.outcome is Outcome.UNMEASURED
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the content of capacity.json."""
        return self.model_dump(mode="json")


def unit(of: str) -> str:
    """Return the unit of a level."""
    return "arrivals/s" if of == "arrivals" else "users"


def level_words(of: str, level: int) -> str:
    """Return a level with its unit."""
    one = {"arrivals": "arrival/s", "users": "user"}[of]
    return f"{level:,} {one if level == 1 else unit(of)}"


def json_schema() -> Mapping[str, Any]:
    """Return the JSON Schema of capacity.json, which `capacity.schema.json` holds."""
    return schema_of(CapacityDocument)
