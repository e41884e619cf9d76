"""The keys of a scenario that a sweep or a variant may change, and the scenario with other values.

Every value of a table is one, such as `payment.mean_s` or `drain.limit_s`. Two more stand for the
size of the load, whose stages keep their shape: `load.peak_users` for a closed load, `open.rate`
(arrivals per second in the busiest stage) for an open one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness.errors import UsageError
from harness.scenario.model import Scenario
from harness.scenario.schema import explain, table_of
from harness.scenario.sweeps import PEAK_USERS, RATE, TABLES, Value


def known_keys() -> list[str]:
    """Return every key of a scenario that a sweep or a variant may change."""
    listed = [
        f"{table}.{name}"
        for table in TABLES
        for name in table_of(Scenario.model_fields[table].annotation).model_fields
        if name != "stages"
    ]
    return [*listed, PEAK_USERS, RATE]


def with_values(scenario: Scenario, values: Mapping[str, Value]) -> Scenario:
    """Return the scenario with other values of some keys.

    Raises UsageError, by key and value, for what the scenario does not have or cannot be.
    """
    if not values:
        return scenario
    for key in values:
        if key not in known_keys():
            raise UsageError(
                f"{key}: no scenario has this key", f"known: {', '.join(known_keys())}"
            )
    content = scenario.model_dump(mode="json")
    try:
        for key, value in values.items():
            _change(content, scenario, key, value)
        return Scenario.model_validate(content)
    except ValidationError as invalid:
        message = explain(Path("the scenario"), Scenario, invalid.errors()).message
        raise UsageError(message, "a sweep or a variant states it: leave it out") from invalid


def _change(content: dict[str, Any], scenario: Scenario, key: str, value: Value) -> None:
    if key == PEAK_USERS:
        _change_peak_users(content, scenario, value)
    elif key == RATE:
        _change_rate(content, scenario, value)
    else:
        table, _, name = key.partition(".")
        if content[table] is None:
            raise UsageError(f"sweep of {key}: the scenario has no [{table}]", _elsewhere(scenario))
        content[table][name] = value


def _change_peak_users(content: dict[str, Any], scenario: Scenario, users: Value) -> None:
    """Scale the stages to another number of users at the peak; ramps take as long as before."""
    if scenario.open is not None:
        raise UsageError(f"sweep of {PEAK_USERS}: the load is open", _elsewhere(scenario))
    if not isinstance(users, int) or users < 1:
        raise UsageError(f"sweep of {PEAK_USERS}: {users} is no number of users", "1 or more")
    if scenario.contention is not None:
        content["contention"]["buyers"] = users
        return
    factor, before = users / scenario.peak_users, 0
    for stage in content["stages"]:
        stage["users"] = round(stage["users"] * factor)
        # rounding may make a ramp steeper than its share of the old spawn rate
        needed = abs(stage["users"] - before) / stage["seconds"]
        stage["spawn_rate"] = max(stage["spawn_rate"] * factor, needed)
        before = stage["users"]


def _change_rate(content: dict[str, Any], scenario: Scenario, per_s: Value) -> None:
    """Scale the arrivals of every stage, so that the busiest has as many per second as asked."""
    if scenario.open is None:
        raise UsageError(f"sweep of {RATE}: the load is not open", _elsewhere(scenario))
    if isinstance(per_s, str) or per_s <= 0:
        raise UsageError(f"sweep of {RATE}: {per_s} is no rate", "arrivals per second, above 0")
    factor = per_s / scenario.open.peak_per_s
    for stage in content["open"]["stages"]:
        stage["buyers"] = round(stage["buyers"] * factor)


def _elsewhere(scenario: Scenario) -> str:
    """Return what is to be swept instead, for the load of a scenario."""
    return f"sweep {RATE if scenario.open is not None else PEAK_USERS}, or take another scenario"
