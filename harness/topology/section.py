"""Reads YAML the way Compose does; its errors name file, key and value.

Compose reads YAML 1.2: ``yes`` is text, ``22:22`` is text, and a key that stands twice is an error.
PyYAML's safe loader follows YAML 1.1 in all three, hence a loader of our own. ``08`` is text, too:
readers of YAML disagree about what number it is.
"""

import copy
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UsageError
from harness.host.text_files import read_text


class _ComposeLoader(yaml.SafeLoader):
    """Safe YAML with the scalars of YAML 1.2, and neither duplicate keys nor circles."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - PyYAML's own attribute

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._open_anchors: set[str] = set()

    def compose_node(self, parent: Any, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor = event.anchor if isinstance(event, yaml.NodeEvent) else None
        if anchor is None:
            return super().compose_node(parent, index)
        if anchor in self._open_anchors:
            raise yaml.composer.ComposerError(
                None, None, f"{anchor!r} stands within itself", event.start_mark
            )
        self._open_anchors.add(anchor)
        node = super().compose_node(parent, index)
        self._open_anchors.discard(anchor)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, KeyError, ValueError) as error:  # a tag, and a text that is not one
            raise yaml.constructor.ConstructorError(
                None, None, f"{node.value!r} is not a value of {node.tag}", node.start_mark
            ) from error

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({key for key in keys if key != "<<" and keys.count(key) > 1})
        if twice:
            raise yaml.composer.ComposerError(
                None, None, f"the key {twice[0]!r} stands twice", node.start_mark
            )
        return node


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    (
        "float",
        r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)\.[0-9]*)(?:[eE][-+]?[0-9]+)?$",
        "-+.0123456789",
    ),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("merge", r"^<<$", "<"),
):
    _ComposeLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )


class Section:
    """A mapping of a compose file with its place in it, so that every error names both."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping):
            raise UsageError(f"{where}: {value!r} is not a mapping", "write it as `key: value`")
        self._value: Mapping[str, Any] = {str(key): one for key, one in value.items()}
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def __iter__(self) -> Iterator[str]:
        return iter(self._value)

    def only(self, supported: Iterable[str], hint: str) -> None:
        """Raise UsageError for a key that is not supported; ``x-`` keys are always legal."""
        for key in self._value:
            if key not in supported and not key.startswith("x-"):
                raise UsageError(f"{self.where}: unsupported key {key!r}", hint)

    def wrong(self, key: str, expected: str) -> UsageError:
        """Return the error that the value of `key` is not what it must be."""
        found = f"{self._value[key]!r} is not" if key in self._value else "is missing: it must be"
        return UsageError(f"{self.where}.{key}: {found} {expected}", "correct the compose file")

    def raw(self, key: str, default: object = None) -> Any:
        """Return a value as YAML has it."""
        return self._value.get(key, default)

    def section(self, key: str) -> "Section":
        """Return a mapping below this one."""
        if key not in self._value:
            raise self.wrong(key, "a mapping")
        return Section(self._value[key], f"{self.where}.{key}")

    def text(self, key: str) -> str:
        """Return a text, which may not be empty."""
        value = self._value.get(key)
        if not isinstance(value, str) or not value:
            raise self.wrong(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts; of a missing key, none."""
        values = self._value.get(key, [])
        if not isinstance(values, list) or any(isinstance(v, (dict, list)) for v in values):
            raise self.wrong(key, "a list of texts")
        return tuple(scalar(value, f"{self.where}.{key}") for value in values)

    def words(self, key: str) -> tuple[str, ...]:
        """Return the words of a text, split as in a shell."""
        try:
            return tuple(shlex.split(self.text(key)))
        except ValueError as error:
            raise self.wrong(key, f"a command: {str(error).lower()}") from None

    def whole(self, key: str, default: int, least: int) -> int:
        """Return a whole number from `least`."""
        value = str(self._value.get(key, default))
        if not re.fullmatch(r"\d+", value) or int(value) < least:
            raise self.wrong(key, f"a whole number from {least}")
        return int(value)


def scalar(value: object, where: str) -> str:
    """Return a text or number as text; Compose takes neither booleans nor nothing."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise UsageError(f"{where}: {value!r} is not a text or number", "put it in quotes")
    return str(value)


def read_yaml(path: Path) -> object:
    """Return the content of a compose file (UsageError names the line: unreadable, or not YAML)."""
    try:
        return copy.deepcopy(_parse(read_text(path)))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "check the path") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise UsageError(
            f"{path.name}{line}: {error.problem or error.context}", "correct the compose file"
        ) from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path.name}: {error}", "correct the compose file") from error
    except RecursionError as error:
        raise UsageError(f"{path.name}: it is nested too deeply", "write it flatter") from error


@lru_cache(maxsize=32)
def _parse(text: str) -> object:
    """Parse a text once: each variation of a topology reads its file again."""
    return yaml.load(text, Loader=_ComposeLoader)  # noqa: S506 - derived from SafeLoader
