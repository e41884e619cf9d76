"""What every manifest has: kind, name and labels."""

from collections.abc import Mapping
from typing import Any, Final

Manifest = dict[str, Any]
"""A manifest, or a part of one, with the keys in the order in which they are written."""

NAME: Final = "app.kubernetes.io/name"
"""The label that says which service an object belongs to."""
PART_OF: Final = "app.kubernetes.io/part-of"


def labels(approach: str, service: str) -> dict[str, str]:
    """Return the labels of what belongs to a service; its pods are selected by them."""
    return {NAME: service, PART_OF: approach}


def manifest(
    kind: str, api_version: str, name: str, stated: Mapping[str, str], **body: Any
) -> Manifest:
    """Return an object with `stated` as its labels."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "labels": dict(stated)},
        **body,
    }


def without_empty(part: Mapping[str, Any]) -> Manifest:
    """Return a part of a manifest without the keys that have nothing, an empty list or mapping."""
    return {key: value for key, value in part.items() if value not in (None, [], {})}
