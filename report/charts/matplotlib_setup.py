"""Imports matplotlib as it comes: no backend and no rc file of the user has a say in a report.

Both are read while matplotlib is imported, and either may make that fail: `MPLBACKEND` of a
notebook names a backend that only a notebook has. So the package of the charts imports this module
first; figures are drawn by Agg, and as SVG, without a backend being asked for.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

__all__ = ["matplotlib"]


@contextmanager
def _environment(changes: Mapping[str, str]) -> Iterator[None]:
    """Change this process's environment for as long as the block lasts."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


with _environment({"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}):
    import matplotlib
