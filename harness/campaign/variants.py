"""The variants of a campaign: what is compared; if nobody says, each default approach as it is.

What comes later wins: the compose file, the scenario's `[approach.NAME]`, the case, `--scale` and
`--set`, and what a variant says of itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from harness.errors import UsageError
from harness.scenario.model import Scenario
from harness.scenario.scenario_keys import with_values
from harness.scenario.sweeps import Value
from harness.scenario.variant_tables import VariantTable
from harness.topology import Topology, by_default, discover, find_approach

Settings = Mapping[tuple[str, str], str]
"""Values in the environment of services, by service and key."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What is measured under a name: an approach, from some source, varied.

    `source` says where the approach comes from, null: this project; `folder` is where that lies.
    `delay_ms` is how much later a proxy before the entry hands every answer on; null: no proxy.
    `scenario` has other values of the scenario's keys. A `point` of a sweep has the values of the
    swept keys, and in `base` the name of the variant that it varies.
    """

    name: str
    approach: str
    title: str = ""
    source: str | None = None
    scale: Mapping[str, int] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)
    delay_ms: float | None = None
    scenario: Mapping[str, Value] = field(default_factory=dict)
    base: str = ""
    point: Mapping[str, Value] = field(default_factory=dict)
    folder: Path | None = field(default=None, compare=False)

    def topology(self, root: Path) -> Topology:
        """Return the approach as its compose file has it (UsageError: there is none)."""
        return find_approach(self.folder or root, self.approach)

    def vary(self, topology: Topology) -> Topology:
        """Return the topology with the replicas and settings of the variant."""
        return topology.with_scale(self.scale).with_settings(self.settings)

    def scenario_of(self, scenario: Scenario) -> Scenario:
        """Return the scenario that the variant is measured under (UsageError: there is none)."""
        return with_values(scenario, self.scenario)

    def as_json(self) -> dict[str, Any]:
        """Return the variant as campaign.json has it; only a sweep has what only sweeps have."""
        swept = {"base": self.base, "point": dict(self.point)}
        return {
            "name": self.name,
            "title": self.title,
            "approach": self.approach,
            "source": self.source,
            "scale": dict(self.scale),
            "settings": {".".join(key): value for key, value in self.settings.items()},
            "delay_ms": self.delay_ms,
            **({"scenario": dict(self.scenario)} if self.base or self.scenario else {}),
            **(swept if self.base else {}),
        }

    @classmethod
    def of_json(cls, content: Mapping[str, Any], folder: Path | None) -> Self:
        """Return a stored variant whose source now lies in `folder`."""
        settings = {_service_and_key(key): value for key, value in content["settings"].items()}
        return cls(**{**content, "settings": settings, "folder": folder})


@dataclass(frozen=True, slots=True)
class Choice:
    """Which variants the command line asks for; nothing said: the scenario's, or the defaults.

    `variants` are names, or variants that the command line makes; `approaches` name default
    variants. `scale` and `settings` vary every chosen variant that has the services.
    """

    variants: Sequence[str | Variant] = ()
    approaches: Sequence[str] = ()
    scale: Mapping[str, int] = field(default_factory=dict)
    settings: Settings = field(default_factory=dict)


def choose(
    scenario: Scenario, root: Path, choice: Choice | None = None, source: str = "the scenario"
) -> tuple[Variant, ...]:
    """Return the variants of a campaign, in the order asked for.

    Approaches that nobody asked for by a variant come with the fewest containers first. Raises
    UsageError, by key, for what is not known; `source` is where the scenario was read.
    """
    choice = choice or Choice()
    found = discover(root)
    if not found:
        raise UsageError(f"{root} holds no docker-compose.<approach>.yml", "run it in the project")
    stated = {
        table.name: _stated(table, scenario, root, f"{source}: variants[{number}]")
        for number, table in enumerate(scenario.variants, start=1)
    }
    chosen = _chosen(choice, stated, found, root)
    topologies = [one.topology(root) for one in chosen]
    _check_services(choice, topologies)
    return tuple(
        _varied(one, topology, choice) for one, topology in zip(chosen, topologies, strict=True)
    )


def _chosen(
    choice: Choice, stated: Mapping[str, Variant], found: Mapping[str, Topology], root: Path
) -> list[Variant]:
    if choice.variants and choice.approaches:
        raise UsageError(
            "--variant and --approach exclude each other",
            "an approach is a variant as well: --variant NAME",
        )
    if choice.variants:
        chosen = [
            _named(one, stated, found) if isinstance(one, str) else one for one in choice.variants
        ]
        check_names(chosen)
        return chosen
    if stated and not choice.approaches:
        return list(stated.values())
    names = dict.fromkeys(choice.approaches or by_default(found))
    default = {name: Variant(name, name).topology(root).containers for name in names}
    return [Variant(name, name) for name in sorted(default, key=lambda name: (default[name], name))]


def _named(name: str, stated: Mapping[str, Variant], found: Mapping[str, Topology]) -> Variant:
    """Return the variant of the scenario by its name, or that of an approach."""
    if name in stated:
        return stated[name]
    if name not in found:
        raise UsageError(
            f"there is no variant or approach named {name!r}",
            f"known: {', '.join((*stated, *sorted(found)))}; or make one: NAME=APPROACH,…",
        )
    return Variant(name, name)


def _stated(table: VariantTable, scenario: Scenario, root: Path, place: str) -> Variant:
    folder = None if table.folder is None else (root / table.folder).resolve()
    variant = Variant(
        name=table.name,
        approach=table.approach,
        title=table.title or "",
        source=None if folder is None else str(folder),
        scale=table.scale,
        settings=table.changes,
        scenario=table.scenario,
        folder=folder,
    )
    try:
        variant.vary(variant.topology(root))
        variant.scenario_of(scenario)
    except UsageError as error:
        raise UsageError(f"{place}: {error.message}", error.hint) from error
    return variant


def _varied(variant: Variant, topology: Topology, choice: Choice) -> Variant:
    """Return a variant with a title, and with what the command line says of all of them."""
    has = topology.services
    scale = {name: n for name, n in choice.scale.items() if name in has}
    settings = {key: value for key, value in choice.settings.items() if key[0] in has}
    is_as_it_is = variant.name == variant.approach
    title = topology.title if is_as_it_is else f"{topology.title} ({variant.name})"
    return replace(
        variant,
        title=variant.title or title,
        scale={**scale, **variant.scale},
        settings={**settings, **variant.settings},
    )


def check_names(chosen: Iterable[Variant]) -> None:
    """Raise UsageError if two variants of a campaign bear one name."""
    names: set[str] = set()
    for one in chosen:
        if one.name in names:
            raise UsageError(
                f"two variants are named {one.name!r}", "name one of them: NAME=APPROACH,…"
            )
        names.add(one.name)


def _check_services(choice: Choice, topologies: Iterable[Topology]) -> None:
    """Refuse a --scale or --set of a service that no variant has."""
    services = {name for topology in topologies for name in topology.services}
    for service in [*choice.scale, *(service for service, _ in choice.settings)]:
        if service not in services:
            raise UsageError(
                f"no approach has a service named {service!r}",
                f"services: {', '.join(sorted(services))}",
            )


def _service_and_key(text: str) -> tuple[str, str]:
    service, _, key = text.partition(".")
    return service, key
