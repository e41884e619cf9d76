"""Whether two campaigns can be compared, from what they recorded; whatever speaks against it.

Two campaigns are compared if they asked the same of the same systems. What else differs between
them (the revision, the versions, the images' digests) is what a comparison is made for: it is
listed, and refuses nothing. Two machines are no obstacle either, but then their milliseconds are
not compared, only the ratios between variants (see `campaigns`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.results.findings import Verdict

SHOWN: Final = 8
"""How many differences of one thing are shown before the rest is only counted."""
MACHINE: Final = ("cpu_model", "cores")
NOT_ASKED: Final = (
    *("title", "description", "hypothesis", "expectations"),
    *("runs", "seed", "variants", "sweep"),
)
"""Keys of a scenario that do not change what is asked of a system; seed, variants and the points of
a sweep are the campaign's."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored campaign, as far as two are compared: `deployments` are those of its runs."""

    description: Mapping[str, Any]
    summary: Mapping[str, Any]
    deployments: Sequence[Mapping[str, Any]]

    @property
    def is_contention_test(self) -> bool:
        """Return True if its runs are contention tests, of which no metric is estimated."""
        return bool(self.description["scenario"].get("contention"))


def different_schemas(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return why two descriptions cannot even be read alike; nothing if they can."""
    one, other = ({"schema_version": each.get("schema_version")} for each in (a, b))
    return _between("", one, other)


def obstacles(a: Stored, b: Stored) -> list[str]:
    """Return every reason why the two cannot be compared; none if they can."""
    return [
        *workload_differences(a, b),
        *invalid_runs(a.summary, " of A"),
        *invalid_runs(b.summary, " of B"),
    ]


def workload_differences(a: Stored, b: Stored) -> list[str]:
    """Return in what the two did not ask the same of the same systems, well measured or not."""
    return [
        *_between("", _asked(a.description), _asked(b.description)),
        *_between("scenario: ", _workload(a.description), _workload(b.description)),
        *_topologies(a.description, b.description),
        *_between("image of ", *_bought_images(a, b)),
        *(
            ["a contention test has no metrics to compare"]
            if a.is_contention_test or b.is_contention_test
            else []
        ),
    ]


def machines(a: Stored, b: Stored) -> list[str]:
    """Return in what the machines of the two differ; nothing if milliseconds mean the same."""
    one, other = (
        {key: stored.description["environment"].get(key) for key in MACHINE} | _nodes(stored)
        for stored in (a, b)
    )
    return _between("", one, other)


def _nodes(stored: Stored) -> dict[str, Any]:
    """Return the machines of a campaign on several: what they are, and what each was to run."""
    found = stored.description.get("runtime_facts", {}).get("nodes", {})
    return {
        f"node {name}": {key: one.get(key) for key in ("cpus", "memory_bytes", "services")}
        for name, one in found.items()
    }


def differences(a: Stored, b: Stored) -> list[str]:
    """Return what else differs, and may be why the numbers do."""
    return _between("", _versions(a), _versions(b))


def _asked(description: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "runtime": description["runtime"],
        "variants": sorted(one["name"] for one in description["variants"]),
        "point": {
            one["name"]: one.get("point") or one.get("scenario") for one in description["variants"]
        },
        "baseline": description["baseline"],
        "cases": sorted(description.get("cases", ())),
        "seed": description["seed"],
        "one seed for all blocks": has_one_seed(description),
    }


def has_one_seed(description: Mapping[str, Any]) -> bool:
    """Return True if every block has the same draws; it was so before campaigns stated it."""
    return bool(description.get("same_seed", not description.get("cases")))


def _workload(description: Mapping[str, Any]) -> dict[str, Any]:
    scenario: Mapping[str, Any] = description["scenario"]
    return {key: value for key, value in scenario.items() if key not in NOT_ASKED}


def _topologies(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(set(a["topologies"]) & set(b["topologies"])):
        one, other = (
            {key: value for key, value in description["topologies"][name].items() if key != "title"}
            for description in (a, b)
        )
        yield from _between(f"topology of {name}: ", one, other)


def invalid_runs(summary: Mapping[str, Any], whose: str = "") -> Iterator[str]:
    """Yield the runs whose numbers, or whose shop, must not be trusted."""
    for variant in summary["variants"]:
        for run in variant["runs"]:
            where = f"run {run['index']} ({variant['name']}){whose}"
            if not run["valid"]:
                yield f"{where} is INVALID: {'; '.join(run.get('reasons', ()))}"
            if run["audit_verdict"] != Verdict.PASS:
                yield f"the audit of {where} is {run['audit_verdict']}"


def _versions(stored: Stored) -> dict[str, Any]:
    """Return the software of a campaign, and the rest of its machine."""
    environment = {
        key: value
        for key, value in stored.description["environment"].items()
        if key not in ("argv", *MACHINE)
    }
    digests = _images(stored, lambda image: str(image["digest"]))
    runtime = stored.description.get("runtime_facts", {})
    workers = stored.description.get("load_workers")
    return {**environment, "runtime": runtime, "digest": digests, "load workers": workers}


def _images(stored: Stored, said: Callable[[Mapping[str, Any]], str]) -> dict[str, list[str]]:
    """Return what is said of the images that each service ran on, each thing once."""
    found: dict[str, set[str]] = {}
    for deployment in stored.deployments:
        for service, image in deployment["images"].items():
            found.setdefault(service, set()).add(said(image))
    return {service: sorted(texts) for service, texts in found.items()}


def _bought_images(a: Stored, b: Stored) -> list[dict[str, list[str]]]:
    """Return the names of the images in both that were not built from the approaches' code."""
    built = {
        service
        for stored in (a, b)
        for topology in stored.description["topologies"].values()
        for service, stated in topology["services"].items()
        if stated.get("built")
    }
    one, other = _images(a, _bare_name), _images(b, _bare_name)
    both = (set(one) & set(other)) - built
    return [{service: names[service] for service in sorted(both)} for names in (one, other)]


def _bare_name(image: Mapping[str, Any]) -> str:
    """Return an image's name and tag without its registry: a mirror holds the same images."""
    return str(image["image"]).rpartition("/")[2]


def _between(place: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Return in words where two descriptions differ; what is null counts as not stated."""
    one, other = dict(_leaves(a)), dict(_leaves(b))
    found = [
        f"{place}{key}: {one.get(key, 'nothing')} in A, {other.get(key, 'nothing')} in B"
        for key in dict.fromkeys((*one, *other))
        if one.get(key) != other.get(key)
    ]
    more = len(found) - SHOWN
    return found if more <= 0 else [*found[:SHOWN], f"{place}and {more} more"]


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value of a description by its path: ``stages[2].users``."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from _leaves(one, f"{key}.{name}" if key else str(name))
    elif _is_list_of_mappings(value):
        for number, one in enumerate(value, start=1):
            yield from _leaves(one, f"{key}[{number}]")
    elif isinstance(value, list):
        yield from [(key, " ".join(map(str, value)))] if value else []
    elif value is not None:
        yield key, str(value)


def _is_list_of_mappings(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(one, Mapping) for one in value)
