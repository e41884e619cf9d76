"""A sweep as its report shows it: base variants, each a colour, and their curves and points."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from report.charts import theme
from report.evidence import Evidence, Variant

Value = int | float | str
Knee = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a curve, and the variant that was measured there."""

    value: Value
    variant: Variant


@dataclass(frozen=True, slots=True)
class Curve:
    """One base variant along a key; `fixed` has the value of the other key of a grid."""

    base: str
    title: str
    key: str
    fixed: Mapping[str, Value]
    points: tuple[Point, ...]
    knees: Mapping[str, Knee]
    scaling: Mapping[str, Mapping[str, Any]]

    @property
    def named(self) -> str:
        """Return its title, and in a grid where it lies."""
        return ", ".join([self.title, *(f"{key} = {value}" for key, value in self.fixed.items())])


@dataclass(frozen=True, slots=True)
class Base:
    """A variant that is swept, or is not and stays as it is: then `alone` is that variant."""

    name: str
    title: str
    position: int
    curves: tuple[Curve, ...]
    alone: Variant | None

    @property
    def colour(self) -> str:
        """Return the colour of its marks."""
        return theme.LIGHT[theme.variant_role(self.position)]

    @property
    def dash(self) -> theme.Dash:
        """Return the dash of its lines."""
        return theme.variant_dash(self.position)

    @property
    def points(self) -> list[tuple[Curve | None, Value | None, Variant]]:
        """Return everything that was measured of it: curve, value, and variant."""
        if self.alone is not None:
            return [(None, None, self.alone)]
        return [(curve, one.value, one.variant) for curve in self.curves for one in curve.points]


@dataclass(frozen=True)
class Swept:
    """The evidence of a campaign with a sweep."""

    evidence: Evidence

    @property
    def found(self) -> Mapping[str, Any]:
        """Return what the summary says of the sweep."""
        found: Mapping[str, Any] = self.evidence.summary["sweep"]
        return found

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys that curves run along."""
        return tuple(dict.fromkeys(curve.key for curve in self.curves))

    @property
    def metrics(self) -> dict[str, Mapping[str, Any]]:
        """Return what is said of each judged metric: title, unit, digits."""
        return {name: self.evidence.summary["metrics"][name] for name in self.found["metrics"]}

    @cached_property
    def bases(self) -> tuple[Base, ...]:
        """Return the base variants in the order in which they were asked for."""
        variants = {one.name: one for one in self.evidence.variants}
        of_base: dict[str, list[Curve]] = {}
        for content in self.found["curves"]:
            of_base.setdefault(content["base"], []).append(_curve(content, variants))
        names = dict.fromkeys(
            one.get("base") or one["name"]
            for one in self.evidence.campaign["variants"]
            if one["name"] in variants
        )
        return tuple(
            Base(
                name=name,
                title=curves[0].title if (curves := of_base.get(name)) else variants[name].title,
                position=position,
                curves=tuple(curves or ()),
                alone=None if curves else variants[name],
            )
            for position, name in enumerate(names)
        )

    @property
    def curves(self) -> Sequence[Curve]:
        """Return every curve."""
        return [curve for base in self.bases for curve in base.curves]


def _curve(content: Mapping[str, Any], variants: Mapping[str, Variant]) -> Curve:
    points = tuple(Point(one["value"], variants[one["variant"]]) for one in content["points"])
    own = {key: content[key] for key in ("base", "title", "key", "fixed", "knees", "scaling")}
    return Curve(**own, points=points)
