"""The price table: what provisioned and used resources cost, from a dated TOML file.

The default stands beside this file: the published monthly bills, and the rates of a cloud that
bills by use. Another one is read from any file of the same form.
"""

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field

from harness.scenario.schema import SchemaModel, Text, read_table

DEFAULT = Path(__file__).with_name("prices.toml")

Usd = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Item(SchemaModel):
    """One line of a monthly bill."""

    item: Text
    usd_per_month: Usd


class Used(SchemaModel):
    """What a vCPU and a GB (10^9 B) of memory cost for an hour in which they are used."""

    vcpu_hour: Usd
    gb_hour: Usd
    source: Text
    as_of: Text


class Provisioned(SchemaModel):
    """The monthly bill of each approach by name, whether it is used or not."""

    source: Text
    as_of: Text
    bills: dict[str, Annotated[tuple[Item, ...], Field(strict=False, min_length=1)]]


class Prices(SchemaModel):
    """A price table."""

    hours_per_month: Positive
    sales_per_month: Positive
    used: Used
    provisioned: Provisioned

    def usd_per_month(self, approach: str) -> float | None:
        """Return the monthly bill of an approach, or None if the table has none."""
        bill = self.provisioned.bills.get(approach)
        return None if bill is None else math.fsum(item.usd_per_month for item in bill)


def load_prices(path: Path = DEFAULT) -> Prices:
    """Read a price table; raise UsageError that names the file, the key and the value."""
    return read_table(path, Prices, f"{DEFAULT} is one")
