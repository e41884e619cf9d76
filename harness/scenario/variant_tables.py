"""The variants of a scenario: what is compared, where it is not every approach as it is."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from harness.scenario.faults import Variation
from harness.scenario.schema import Text
from harness.scenario.sweeps import AnyValue

_NAME = re.compile(r"[A-Za-z0-9][\w.+-]*")


def check_name(name: str) -> str:
    """Return a name that folders and tables can bear (ValueError: they cannot)."""
    if not _NAME.fullmatch(name):
        raise ValueError("a name has letters, digits and . _ + - only, and begins with no sign")
    return name


class VariantTable(Variation):
    """An approach with replicas and settings of its own, under a name of its own.

    `folder` holds the compose file and the sources, if not this project; it counts from here.
    """

    name: Annotated[Text, AfterValidator(check_name)]
    approach: Text
    title: Text | None = None
    """What reports call it; by default the title of the approach, with the name."""
    folder: Text | None = None
    scenario: dict[str, AnyValue] = Field(default_factory=dict)
    """Other values of keys of the scenario, those that can be swept: `load.buyer`, for example."""
