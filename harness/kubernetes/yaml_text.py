"""Writes manifests as a person would: keys in their order, short lists on a line, files as blocks.

What a reader of YAML may take for something other than a text (`2`, `1e3`, `y`) is quoted, since
readers disagree about it and Kubernetes takes nothing but text for the value of a variable.
"""

import re
from collections.abc import Iterable
from typing import Any

import yaml

from harness.kubernetes.manifest import Manifest

_PLAIN = re.compile(r"(?:-{0,2}|\.\./)[A-Za-z/][^\n]*|\d+(?:[KMG]i|s|m|h)")
_NO_TEXT = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Words, in whichever case, that YAML 1.1 takes for truth values and nothing."""
_LONGEST_LINE = 88
_ROOM_OF_A_QUOTED_WORD = 4


class _Dumper(yaml.SafeDumper):
    """Safe YAML that repeats itself: nobody writes anchors into a manifest."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    is_plain = _PLAIN.fullmatch(text) and text.lower() not in _NO_TEXT
    style = "|" if "\n" in text else None if is_plain else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.SequenceNode:
    words = [str(one) for one in items if isinstance(one, (str, int))]
    length = sum(len(word) + _ROOM_OF_A_QUOTED_WORD for word in words)
    fits = len(words) == len(items) and length <= _LONGEST_LINE and "\n" not in "".join(words)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=fits)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)


def yaml_text(comment: str, manifests: Iterable[Manifest]) -> str:
    """Return the text of a file: a comment of one line, then the manifests."""
    documents = (
        yaml.dump(
            one,
            Dumper=_Dumper,
            sort_keys=False,
            default_flow_style=False,
            allow_unicode=True,
            width=float("inf"),
        )
        for one in manifests
    )
    return f"# {comment}\n" + "---\n".join(documents)
