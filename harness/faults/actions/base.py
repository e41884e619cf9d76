"""What every fault action has: it is prepared, injected, undone, and recovered from."""

from collections.abc import Callable, Mapping
from threading import Event
from typing import Any, ClassVar, TypeVar

from harness.runtimes import Deployment
from harness.scenario.faults import Fault


class FaultAction:
    """A fault in terms of the deployment; what an action has no need of does nothing.

    `kinds` are the kinds of faults that it carries out (see `carries_out`). What was injected half
    (one replica of three had ended already) is undone as far as it came. Waits end early once
    `giving_up` is set.
    """

    kinds: ClassVar[tuple[str, ...]] = ()
    of_process: ClassVar[bool] = False

    def __init__(self, fault: Fault, deployment: Deployment, giving_up: Event) -> None:
        self._fault = fault
        self._deployment = deployment
        self._giving_up = giving_up

    @property
    def _service(self) -> str:
        """Return the service that is hit; only faults of a service may ask."""
        assert self._fault.service is not None  # noqa: S101 - the scenario refuses it
        return self._fault.service

    def prepare(self) -> None:
        """Do what must be done before the moment of the fault, `Fault.lead_s` before it."""

    def inject(self) -> None:
        """Break what is to be broken."""

    def undo(self) -> None:
        """Stop breaking it; what was paused goes on."""

    def recover(self) -> None:
        """Wait until all that was hit is healthy; what was ended is started again."""

    def facts(self) -> Mapping[str, Any]:
        """Return what the record of the fault says of it beyond its plan and times, by field."""
        return {}


Action = TypeVar("Action", bound=type[FaultAction])


def carries_out(*kinds: str, of_process: bool = False) -> Callable[[Action], Action]:
    """Declare which kinds of faults an action carries out: on replicas, or on a single process."""

    def declare(action: Action) -> Action:
        action.kinds = kinds
        action.of_process = of_process
        return action

    return declare
