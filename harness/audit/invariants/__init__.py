"""The invariants, each declared once, in a module of this folder; whatever is here is audited."""

import pkgutil
from importlib import import_module

from harness.audit.invariant import Invariant


def declared() -> tuple[Invariant, ...]:
    """Return every invariant that a module of this folder declares, in the order of its number."""
    modules = [import_module(f"{__name__}.{one.name}") for one in pkgutil.iter_modules(__path__)]
    found = {
        one.id: one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, Invariant)
    }
    return tuple(sorted(found.values(), key=lambda one: one.number))
