"""What a run has found, as its `run.json` says it; `run.schema.json` beside this file is its JSON
Schema.

A field that may be null was not measured, or is not there (an approach without Redis): whoever
judges by it then says that it is unknown. Times in ns since the load began are on the monotonic
clock of the load generator, times in epoch ns on the wall clock, which the stores stamp with.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, SkipValidation, ValidationError

from harness.errors import UsageError
from harness.results.findings import Law
from harness.results.json_schema import schema_of
from harness.scenario.sales import Sale

SCHEMA_VERSION: Final = 2
"""Version of a campaign's folder and of every file in it; a change is listed in CHANGELOG.md."""

SCHEMA_PATH: Final = Path(__file__).with_name("run.schema.json")

CHANGED: Final = "the file was changed after it was written: restore it, or leave the campaign out"
"""What to do about a stored file that lacks something."""

Document = Annotated[dict[str, Any], SkipValidation]
"""A JSON object that another part of the harness describes; kept as it was read."""


class Part(BaseModel):
    """A part of a record: its keys are all known, and their docstrings enter the JSON Schema."""

    model_config = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, validate_assignment=True
    )


class ProductProof(Part):
    """The row of a product in the ledger after seeding, in units."""

    initial_stock: int
    reserved: int
    sold: int


class RedisProof(Part):
    """What Redis held after seeding."""

    stock: int | None = None
    """Units of the first product that it would still accept; null: it has no counter."""
    stream_lengths: dict[str, int] | None = None
    """Entries of each queue."""
    dead_letters: int | None = None
    configuration: dict[str, str] | None = None
    """Its settings for durability and eviction."""


class SaleProof(Part):
    """What was seeded for one sale, as each store and the shop itself show it."""

    product_id: int
    product: ProductProof
    stock_over_http: int | None = None
    """Units that the shop shows a buyer."""
    redis_stock: int | None = None


class ResetProof(Part):
    """What was counted in the stores after they had been emptied and seeded."""

    clean: bool = False
    """Whether all of it is as it must be."""
    rows: dict[str, int] | None = None
    """Rows of each table of the ledger."""
    product: ProductProof | None = None
    """The product of the first sale."""
    stock_over_http: int | None = None
    """Units of it that the shop shows a buyer."""
    redis: RedisProof | None = None
    sales: list[SaleProof] | None = None
    postgres: dict[str, str] | None = None
    """The ledger's settings for durability."""
    postgres_roles: dict[str, dict[str, str]] = {}
    """The settings that roles have in place of the server's, by role."""


class RequestCount(Part):
    """Requests that servers counted during the load."""

    method: str
    route: str
    """The path with its variables in braces, such as ``/orders/{id}``."""
    status: int
    count: int


class EntryRequests(Part):
    """What the entry's log says of the requests of one method and route."""

    method: str
    route: str
    count: int
    p50_ms: float
    p95_ms: float
    servers: dict[str, int] = {}
    """How many of them each server behind the entry answered, by its address; empty: not logged."""


class EntryLog(Part):
    """The account that the service which takes the load gives of it; of many, it has none."""

    to_s: float
    """Requests that ended later after the beginning of the load are not in it, in s."""
    requests: list[EntryRequests]


class ProductFacts(Part):
    """The last row of a product in the ledger, in units and cents."""

    id: int
    price_cents: int
    initial_stock: int
    reserved: int
    sold: int


class RedisFacts(Part):
    """What Redis held when the backlog had been worked off."""

    stock: int | None = None
    """Units of the first product that it would still accept; null: it has no counter."""
    stocks: dict[str, int | None] = {}
    """The same of every product, by its id."""
    streams: dict[str, dict[str, int]] | None = None
    """The ``length`` of each queue, and how many entries of it are ``pending``."""
    waiting: list[str] | None = None
    """The ids in entries of the queues, of orders and others; null: not read, or too many."""
    dead_letters: int | None = None
    dead_letter_entries: list[dict[str, str]] = []
    """The first of them, by field."""


class CancelledOrder(Part):
    """An order that was accepted and that the ledger refused."""

    order_id: str
    user_id: int | None = None
    product_id: int | None = None
    quantity: int | None = None
    key: str | None = None
    """The idempotency key of its attempt."""
    reason: str | None = None


class PasswordHashes(Part):
    """How many passwords are hashed alike; never a hash."""

    parameters: str
    """Algorithm and cost."""
    count: int


class Statement(Part):
    """One of the 25 SQL statements that took most of the ledger's time during the load."""

    query: str
    calls: int
    total_ms: float
    rows: int


class StoreFacts(Part):
    """What the stores held when the backlog had been worked off."""

    products: list[ProductFacts] | None
    redis: RedisFacts | None = None
    cancelled: list[CancelledOrder] = []
    passwords: list[PasswordHashes] | None = None
    statements: list[Statement] = []


class RequestTotals(Part):
    """How many requests the load generators sent, counted in two ways."""

    recorded: int
    """Counted in the log of requests."""
    locust: int
    """Counted by Locust's own event."""


class LoadWorker(Part):
    """A process of the load that ran on another machine than the harness."""

    process: int
    """Its number among the processes of the load, from 0."""
    host: str
    cores: float
    """Processors that it could use there."""
    clock_error_ms: float
    """How far its times may be off those of the harness, either way."""


class Payments(Part):
    """What decides outcome and latency of every charge, so that the audit can draw them again."""

    model: str
    mean_s: float
    sigma: float
    decline_rate: float
    """Share of charges, from 0 to 1."""
    seed: str


class DeletedPurchase(Part):
    """What an account that a fault had deleted bought, and the last state that it was shown."""

    user_id: int
    key: str
    status: int
    """The HTTP status that its purchase got; 0: no answer."""
    order_id: str | None = None
    order_status: str | None = None


class FaultRecord(Part):
    """What became of one fault of the scenario; times in ns since the load began."""

    kind: str
    service: str | None
    replica: int | str | None = 1
    node: str | None = None
    """The machine that was hit, if the kind hits one."""
    services: list[str] = []
    """The services of which it ran a replica."""
    process: str | None = None
    """The process of the replica that was hit, by its role."""
    for_s: float | None = None
    """How long it was to last, in s."""
    factor: float | None = None
    """How many times as long a slow payment gateway takes."""
    age_s: float | None = None
    """How old the copy of its data is that a store gets, in s."""
    begun_ns: int | None = None
    """Null: it could not be carried out."""
    ended_ns: int | None = None
    """When it was undone: the process was started again, or goes on."""
    healthy_ns: int | None = None
    """When all that it had hit was healthy again."""
    in_flight: int | None = None
    """Units that open orders held when it began."""
    error: str | None = None
    """Why it did not go as planned."""
    users: list[int] = []
    """The accounts that it deleted, by user id."""
    purchases: list[DeletedPurchase] = []
    """What they bought afterwards."""
    requests: list[RequestCount] = []
    """The requests that the fault made itself."""

    @property
    def plan(self) -> dict[str, Any]:
        """Return what was planned of it, as JSON; a node only of a fault that hits one."""
        node = {} if self.node is None else {"node": self.node}
        return {name: getattr(self, name) for name in PLANNED} | node


PLANNED: Final = ("kind", "service", "replica", "process", "for_s", "factor")
"""What is recorded of the plan of a fault."""


class ProbeResult(Part):
    """What a question came to that the prober asked beside the load."""

    title: str
    """What must hold."""
    asked: int = 0
    undecided: int = 0
    """How often the shop was too busy to answer it."""
    violated: int = 0
    examples: list[str] = []
    """What the shop answered instead, the first few."""


class ProberFacts(Part):
    """What the prober asked; none of it is in another table or count of the run."""

    probes: list[ProbeResult]
    requests: list[RequestCount]


class Validity(Part):
    """Whether a run measured what it says, judged when it was saved."""

    verdict: str
    """VALID or INVALID."""
    reasons: list[str]
    """Why it is invalid."""
    warnings: list[str] = []
    laws: list[Law] = []


class RunRecord(Part):
    """One run: one scenario on one fresh deployment of one variant."""

    schema_version: int = SCHEMA_VERSION
    index: int
    """Its place in the campaign, from 1."""
    block: int
    """From 1."""
    variant: str
    """The name of what was measured."""
    approach: str
    """The approach of the variant."""
    case: str = ""
    """The case of the scenario; empty: it has no cases."""
    status: str
    """``complete`` if all steps were done."""
    seed: int
    started_at: str
    """ISO 8601, in UTC."""
    durations_s: dict[str, float] = {}
    """How long each step took until the run was saved, in s."""
    scenario: Document
    """The scenario as resolved."""
    topology: Document
    """The services that were deployed, without secrets."""
    deployment: Document | None = None
    """The runtime, the images of the services with their digests, and enforced limits."""
    servers: dict[str, str] = {}
    """What the stores say they are, by service."""
    cores: int | None = None
    """Processors of the machine."""
    cores_allowed: float | None = None
    """Processors that the harness and its processes may use."""
    sales: list[Sale] = []
    """A contention test has many, every other run one."""
    payment: Payments | None
    reset_proof: ResetProof | None
    t0_wall_ns: int
    """When the load began, in epoch ns."""
    load_s: float
    """How long the load took: as planned, or until the last answer of a contention test."""
    drain_s: float
    """How long the wait for the backlog after it took."""
    drained: bool
    """True if the backlog was worked off within the scenario's limit."""
    drain_ended_wall_ns: int | None = None
    """When waiting for the backlog ended, in epoch ns."""
    faults: list[FaultRecord] = []
    """Ordered by when they began."""
    prober: ProberFacts | None = None
    """Null: the scenario has none."""
    recorded: RequestTotals | None = None
    load_workers: list[LoadWorker] = []
    """The processes of the load that ran on other machines; empty: all ran beside the harness."""
    server_counts: list[RequestCount] | None
    entry_log: EntryLog | None = None
    store: StoreFacts
    absent: list[str] = []
    """What the audit reads and this run could not have: what the ledger does not yield, as RELATION
    or RELATION.COLUMN, and `charges` of a gateway that nobody named. That a table of this name is
    empty says nothing."""
    validity: Validity | None = None
    """Null: not judged yet."""

    @classmethod
    def read(cls, content: Mapping[str, Any], path: Path) -> Self:
        """Return the record in a document of this version.

        Raises UsageError, naming the file and the key, for what is missing or of another type.
        """
        try:
            return cls.model_validate(content)
        except ValidationError as invalid:
            first = invalid.errors()[0]
            key = ".".join(map(str, first["loc"]))
            words = (
                f"there is no key {key}" if first["type"] == "missing" else f"{key}: {first['msg']}"
            )
            raise UsageError(f"{path}: {words}", CHANGED) from invalid

    def as_json(self) -> dict[str, Any]:
        """Return the content of run.json."""
        return self.model_dump(mode="json")


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of run.json, which `run.schema.json` holds."""
    return schema_of(RunRecord)


if __name__ == "__main__":
    text = json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False)
    SCHEMA_PATH.write_text(f"{text}\n", encoding="utf-8")
