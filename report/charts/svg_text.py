"""The text of an SVG made short: matplotlib writes much that changes nothing that is seen.

Coordinates are rounded to a tenth of a pixel. Names and numbers that are written in the picture
stay as they are: only tags change.
"""

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

_UNNEEDED: Final = (
    re.compile(r"<metadata>.*?</metadata>", re.DOTALL),
    re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL),
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r'<path [^>]*style="fill: none"/>'),  # a line without width, which has markers alone
)
_TAG: Final = re.compile(r"<[^>]*>")
_FONT: Final = re.compile(r"font-family: [^;\"]*?(; |(?=\"))")
_NO_TURN: Final = re.compile(r' transform="rotate\(-?0 [^"]*"')
_STYLE: Final = re.compile(r'style="[^"]*"')
_STRAIGHT: Final = re.compile(r' d="([MLz\d. -]+)"')
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_LONG_NUMBER: Final = re.compile(r"\d+\.\d{2,}")
_GROUP: Final = re.compile(r"</?g\b[^>]*>")
_ALIKE: Final = re.compile(
    r'<text style="(?P<text>[^"]*)"[^>]*>[^<]*</text>'
    r'(?:<text style="(?P=text)"[^>]*>[^<]*</text>)+'
    r'|<use href="(?P<of>[^"]+)" x="[^"]+" y="[^"]+" style="(?P<mark>[^"]*)"/>'
    r'(?:<use href="(?P=of)" x="[^"]+" y="[^"]+" style="(?P=mark)"/>)+'
)
"""Labels of an axis, or marks of a line."""


def compact(body: str, name: str) -> str:
    """Return what stands inside an SVG in few bytes; `name` keeps its ids apart from others."""
    for unneeded in _UNNEEDED:
        body = unneeded.sub("", body)
    body = re.sub(r"\s*\n\s*(?=[<LMQCz\"])", " ", body)
    body = re.sub(r"> +<", "><", body)
    body = _TAG.sub(lambda tag: _short(tag[0]), body)
    body = _without_bare_groups(_with_own_ids(body, name))
    return _ALIKE.sub(_in_one_group, body)


def _short(tag: str) -> str:
    """Return a tag with short numbers, and without what is so anyway."""
    tag = _LONG_NUMBER.sub(lambda one: f"{float(one[0]):.1f}".removesuffix(".0"), tag)
    tag = _NO_TURN.sub("", _FONT.sub("", tag.replace("xlink:href", "href")))
    tag = _STYLE.sub(lambda style: style[0].replace("; ", ";").replace(": ", ":"), tag)
    return _STRAIGHT.sub(_relative, tag)


def _relative(path: re.Match[str]) -> str:
    """Return a path of straight lines with every point as its distance from the one before."""
    parts = []
    for line in path[1].split("M")[1:]:
        tenths = [round(10 * float(one)) for one in _NUMBER.findall(line)]
        points = list(zip(tenths[::2], tenths[1::2], strict=True))
        steps = [to - start for pair in pairwise(points) for start, to in zip(*pair, strict=True)]
        moves = f"l{_numbers(steps)}" if steps else ""
        parts.append(f"M{_numbers(points[0])}{moves}{'z' if 'z' in line else ''}")
    return f' d="{"".join(parts)}"'


def _numbers(tenths: Iterable[int]) -> str:
    """Return coordinates in as few characters as an SVG takes: ``2.1-.1 4``."""
    texts = (re.sub(r"^(-?)0\.", r"\1.", f"{one / 10:g}") for one in tenths)
    return " ".join(texts).replace(" -", "-")


def _with_own_ids(body: str, name: str) -> str:
    """Keep only the ids that are referred to, and make them unique on a page of many figures."""
    used = dict.fromkeys(re.findall(r'(?:url\(#|href="#)([\w.-]+)', body))
    own = {one: f"{name}-{number}" for number, one in enumerate(used, start=1)}
    body = re.sub(r' id="([^"]+)"', lambda at: f' id="{own[at[1]]}"' if at[1] in own else "", body)
    return re.sub(r'(url\(#|href="#)([\w.-]+)', lambda to: f"{to[1]}{own[to[2]]}", body)


def _in_one_group(alike: re.Match[str]) -> str:
    """Return what looks alike as one group, which says it once."""
    look = f' style="{alike["text"] or alike["mark"]}"'
    return f"<g{look}>{alike[0].replace(look, '')}</g>"


def _without_bare_groups(body: str) -> str:
    """Drop groups that say nothing of what is in them, and those with nothing in them."""
    says_something: list[bool] = []

    def keep(group: re.Match[str]) -> str:
        tag = group[0]
        if tag.endswith("/>"):
            return ""
        if tag != "</g>":
            says_something.append(tag != "<g>")
            return tag if says_something[-1] else ""
        return tag if says_something.pop() else ""

    return _GROUP.sub(keep, body)
