"""A search as its report shows it: capacity.json, and the evidence by variant instead of level."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.capacity.capacity_document import CapacityDocument
from report.charts import theme
from report.evidence import Evidence, Variant


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, and the evidence of its runs."""

    document: CapacityDocument
    evidence: Evidence

    def colour(self, name: str) -> str:
        """Return the colour of a variant's marks."""
        return theme.LIGHT[theme.variant_role(self._position(name))]

    def dash(self, name: str) -> theme.Dash:
        """Return the dash of a variant's lines."""
        return theme.variant_dash(self._position(name))

    def marker(self, name: str) -> theme.Marker:
        """Return what marks the levels of a variant."""
        return theme.variant_marker(self._position(name))

    def _position(self, name: str) -> int:
        return [one.name for one in self.document.capacities].index(name)


def searched(evidence: Evidence, content: Mapping[str, Any]) -> Searched:
    """Return a search whose evidence has the variants that were asked for, with all their runs."""
    document = CapacityDocument.model_validate(content)
    base_of = {one["name"]: one["base"] for one in evidence.campaign["variants"]}
    summary = {
        **evidence.summary,
        "variants": [{**one, "name": base_of[one["name"]]} for one in evidence.summary["variants"]],
        "validity": [
            {**one, "variant": base_of[one["variant"]]} for one in evidence.summary["validity"]
        ],
    }
    topologies = evidence.campaign["topologies"]
    levels = {base: name for name, base in reversed(base_of.items())}
    campaign = {
        **evidence.campaign,
        "topologies": {base: topologies[level] for base, level in levels.items()},
        "order": [
            {**one, "variant": base_of[one["variant"]]} for one in evidence.campaign["order"]
        ],
    }
    variants = tuple(
        _together(one.name, one.title, position, [v for v in evidence.variants
                                                  if base_of[v.name] == one.name])
        for position, one in enumerate(document.capacities)
    )  # fmt: skip
    grouped = replace(evidence, campaign=campaign, summary=summary, variants=variants)
    return Searched(document, grouped)


def _together(name: str, title: str, position: int, levels: list[Variant]) -> Variant:
    """Return the levels of a variant as one, with all their runs."""
    runs = sorted((run for one in levels for run in one.runs), key=lambda run: run.index)
    return Variant(
        name=name,
        title=title,
        position=position,
        ranked=True,
        facts={"metrics": {}},  # what one level says is nothing that all of them say
        runs=tuple(runs),
    )
