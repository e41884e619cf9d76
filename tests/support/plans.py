"""Plans of a load that are made by hand."""

from dataclasses import fields
from types import SimpleNamespace


def plan_of(kind, **settings):
    """Return a plan; what is no field of its kind is a key of the scenario's `[load]`."""
    own = {field.name for field in fields(kind)}
    load = {name: value for name, value in settings.items() if name not in own}
    return kind(load=SimpleNamespace(**load), **{k: v for k, v in settings.items() if k in own})
