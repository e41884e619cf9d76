"""The kinds of faults: each is declared here, once, with all that the harness must know of it.

What a kind does to a deployment is its action, in `harness/faults/actions`. Everything else (which
keys a scenario may give it, what may be hit, what the audit excuses, how it is named) follows from
its declaration.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.errors import UsageError


class Hits(StrEnum):
    """What a kind of fault hits."""

    REPLICA = "a replica of a service, or all of them"
    STORE = "a store as a whole, or the connections to it"
    GATEWAY = "the payment gateway, which makes the fault on request"
    ACCOUNTS = "accounts of the fault's own; nothing that anybody else uses is broken"
    NODE = "a machine of a shop on several, and every replica on it"


class OfProcess(StrEnum):
    """What follows if a kind hits a single process of a replica."""

    GOES_ON = "it goes on after a while"
    IS_REPLACED = "its supervisor starts another one"


FOR_S: Final = {"for_s": 3.0}
"""The option of a fault that is undone after a while, in seconds, with its default."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """One kind of fault.

    `options` are the keys that only some kinds have, with their defaults: ``for_s`` and ``age_s``
    in seconds, ``factor``, ``count``. A kind without ``for_s`` is over as soon as it can be.
    `only` restricts what may be hit to these stores of a topology (``redis``, ``ledger``);
    `refusal` is the error for anything else, which may name {approach} and {ledger}.
    """

    name: str
    description: str
    hits: Hits = Hits.REPLICA
    options: Mapping[str, float] = field(default_factory=lambda: FOR_S)
    of_process: OfProcess | None = None
    only: tuple[str, ...] = ()
    refusal: str = ""
    holds_up: bool = False
    """Somebody is stopped in the middle of something, and later goes on."""
    loses_answers: bool = False
    """Whoever asked for something may get no answer."""
    loses_data: bool = False
    """A store forgets what it held."""
    isolates: bool = False
    """What is hit is off its network while its processes run on."""
    answers_all: bool = False
    """A replica ends only when it has answered all that it was asked."""
    needs_proxy: bool = False
    """A proxy must stand before the store when it is deployed."""

    @property
    def needs_service(self) -> bool:
        """Return True if a scenario must name the service that is hit."""
        return self.hits in (Hits.REPLICA, Hits.STORE)


_DECLARED: Final = (
    FaultKind(
        "kill",
        "SIGKILL to every process; started again after `for_s`",
        of_process=OfProcess.IS_REPLACED,
        loses_answers=True,
    ),
    FaultKind("stop", "its stop signal; started again after `for_s`", loses_answers=True),
    FaultKind("restart", "its stop signal; started again at once", options={}, loses_answers=True),
    FaultKind(
        "drain",
        "as stop, but it must end by itself within its grace, and answer all requests",
        answers_all=True,
    ),
    FaultKind(
        "pause", "SIGSTOP; SIGCONT after `for_s`", of_process=OfProcess.GOES_ON, holds_up=True
    ),
    FaultKind(
        "throttle",
        "SIGSTOP and SIGCONT in turn for `for_s`: it runs one `factor`-th of the time",
        options={**FOR_S, "factor": 10.0},
        holds_up=True,
    ),
    FaultKind(
        "wipe",
        "as kill, and its data is deleted meanwhile",
        only=("redis",),
        refusal="only a Redis can be wiped; the ledger is what the audit reads",
        loses_answers=True,
        loses_data=True,
    ),
    FaultKind(
        "restore_old",
        "as kill, and meanwhile its data is replaced by a copy from `age_s` before",
        options={**FOR_S, "age_s": 2.0},
        only=("redis",),
        refusal="only a Redis can be put back from a copy; the ledger is what the audit reads",
        loses_answers=True,
        loses_data=True,
    ),
    FaultKind(
        "partition",
        "taken off its network, and put back after `for_s`; its processes run on",
        holds_up=True,
        loses_answers=True,
        isolates=True,
    ),
    FaultKind(
        "partition_node",
        "its command `partition`, and `heal` after `for_s`; all that runs on it runs on",
        Hits.NODE,
        holds_up=True,
        loses_answers=True,
        isolates=True,
    ),
    FaultKind(
        "stop_node",
        "its command `stop`, with which its engine and all containers end; `start` after `for_s`",
        Hits.NODE,
        loses_answers=True,
    ),
    FaultKind(
        "freeze",
        "its connections stop without being closed; new ones work after `for_s`",
        Hits.STORE,
        only=("ledger", "redis"),
        refusal="only connections to a store can be frozen",
        holds_up=True,
        needs_proxy=True,
    ),
    FaultKind(
        "refuse_writes",
        "it answers reads and refuses writes for `for_s`",
        Hits.STORE,
        only=("ledger",),
        refusal="only the ledger of {approach}, {ledger}, can refuse to write",
    ),
    FaultKind(
        "delete_account",
        "`count` accounts are deleted from the ledger, and then buy with live tokens",
        Hits.ACCOUNTS,
        {"count": 5},
    ),
    FaultKind("unavailable", "it answers 503 and charges nothing for `for_s`", Hits.GATEWAY),
    FaultKind("hang", "it holds every charge until `for_s` are over", Hits.GATEWAY),
    FaultKind(
        "slow",
        "its latencies are `factor` times as long for `for_s`",
        Hits.GATEWAY,
        {**FOR_S, "factor": 10.0},
    ),
)

FAULT_KINDS: Final[Mapping[str, FaultKind]] = {kind.name: kind for kind in _DECLARED}
"""Every kind of fault, by its name."""

OLD_NAMES: Final = {"cut": "partition"}
"""Names that older scenario files and stored campaigns use."""


def fault_kind(name: str) -> FaultKind:
    """Return a kind by its name, or by the name that it had; raise UsageError if there is none."""
    known = FAULT_KINDS.get(OLD_NAMES.get(name, name))
    if known is None:
        raise UsageError(
            f"there is no fault of the kind {name!r}", f"known kinds: {', '.join(FAULT_KINDS)}"
        )
    return known


def kinds_with(option: str) -> str:
    """Return the names of the kinds that take an option, for a message."""
    return listed(kind.name for kind in _DECLARED if option in kind.options)


def listed(names: Iterable[str]) -> str:
    """Return names as in ``a, b or c``."""
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
