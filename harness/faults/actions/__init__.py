"""What each kind of fault does to a deployment: one class for each, found by being here.

`@carries_out` names the kinds of a class; a module in this folder needs no other registration.
"""

import pkgutil
from functools import cache
from importlib import import_module
from threading import Event

from harness.faults.actions.base import FaultAction
from harness.runtimes import Deployment
from harness.scenario.faults import Fault

__all__ = ["FaultAction", "action_of"]


def action_of(fault: Fault, deployment: Deployment, giving_up: Event) -> FaultAction:
    """Return how a fault is injected; waits end early once `giving_up` is set."""
    action = actions()[fault.kind, fault.process is not None]
    return action(fault, deployment, giving_up)


@cache
def actions() -> dict[tuple[str, bool], type[FaultAction]]:
    """Return the action of each kind of fault, and of each that hits a single process (True)."""
    found: dict[tuple[str, bool], type[FaultAction]] = {}
    for module in pkgutil.iter_modules(__path__):
        for one in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(one, type) and issubclass(one, FaultAction):
                found |= {(kind, one.of_process): one for kind in one.kinds}
    return found
