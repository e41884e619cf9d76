"""Campaigns that earlier versions of the harness stored, read as this version stores them.

Version 1 knew approaches only: each was measured as the command line varied all of them, and was
compared with the one of fewest containers. Nothing else of the harness knows version 1.
"""

from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.results.findings import Category
from harness.results.record import SCHEMA_VERSION
from harness.scenario.fault_kinds import OLD_NAMES

_OLD = 1


def upgrade_campaign(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return campaign.json as this version writes it; the document is changed in place.

    Raises UsageError for a version that this harness does not read.
    """
    if _is_old(content, path):
        topologies = content["topologies"]
        names = sorted(content["approaches"], key=lambda name: topologies[name]["containers"])
        content["variants"] = [
            _variant(name, topologies[name], content.get("scale", {}), content.get("settings", {}))
            for name in names
        ]
        content["baseline"] = names[0] if names else ""
        for row in content.get("order", ()):
            row["variant"] = row["approach"]
            del row["approach"]
        for key in ("approaches", "scale", "settings"):
            content.pop(key, None)
        _rename(content)
        content["schema_version"] = SCHEMA_VERSION
    return content


def upgrade_run(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return run.json as this version writes it; the document is changed in place.

    Raises UsageError for a version that this harness does not read.
    """
    if _is_old(content, path):
        content["variant"] = content["approach"]
        _rename(content)
        for fault in content.get("faults") or ():
            fault["kind"] = OLD_NAMES.get(fault["kind"], fault["kind"])
        content["schema_version"] = SCHEMA_VERSION
    return content


def upgrade_finding(content: dict[str, Any]) -> dict[str, Any]:
    """Return a finding of audit.json as this version writes it.

    Version 1 did not store what it is about, and had one that is not about correctness.
    """
    about = Category.SET_UP if content["id"] == "I16" else Category.CORRECTNESS
    return {"category": about, **content}


def is_readable(content: dict[str, Any]) -> bool:
    """Return True if a document is of a version that this harness reads."""
    return content.get("schema_version") in (_OLD, SCHEMA_VERSION)


def _is_old(content: dict[str, Any], path: Path) -> bool:
    """Return True if a file is of version 1; raise UsageError for any other than this one."""
    version = content.get("schema_version")
    if not is_readable(content):
        raise UsageError(
            f"{path}: schema_version is {version!r}, "
            f"this harness reads {_OLD} and {SCHEMA_VERSION}",
            "use the version of flashsale-harness that wrote it",
        )
    return bool(version == _OLD)


def _rename(content: dict[str, Any]) -> None:
    """Give a scenario's contention test its present name."""
    scenario = content.get("scenario", {})
    if "contest" in scenario:
        scenario["contention"] = scenario.pop("contest")


def _variant(
    name: str, topology: dict[str, Any], scale: dict[str, int], settings: dict[str, str]
) -> dict[str, Any]:
    """Return the variant that an approach was; what varies services that it has not is left out."""
    services = topology["services"]
    return {
        "name": name,
        "title": topology["title"],
        "approach": name,
        "source": None,
        "scale": {service: n for service, n in scale.items() if service in services},
        "settings": {
            key: value for key, value in settings.items() if key.split(".", 1)[0] in services
        },
        "delay_ms": None,
    }
