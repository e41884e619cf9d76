"""Fills in the variables of a compose file, as Compose does.

    $NAME  ${NAME}               the value
    ${NAME:-word}  ${NAME-word}  word, if there is no value or an empty one; if there is no value
    ${NAME:+word}  ${NAME+word}  word, if there is a value that is not empty; if there is a value
    ${NAME:?word}  ${NAME?word}  an error that says word, where `-` would give the word
    $$                           a dollar sign

A word may name variables itself. Any other use of ``${`` is an error, and other dollar signs are
text. A variable without a value is an error, too, where Compose warns and goes on.
Syntax: https://docs.docker.com/reference/compose-file/interpolation/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.errors import UsageError

_NEXT = re.compile(r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)|(?P<opens>\{))", re.ASCII)
_NAMED = re.compile(r"\$(?:\$|\{?(?P<name>[A-Za-z_]\w*))", re.ASCII)
_OPENED = re.compile(r"(?P<name>[A-Za-z_]\w*)(?P<mode>:?[-+?])?(?P<word>.*)", re.ASCII | re.DOTALL)


def names(text: str) -> set[str]:
    """Return the names of all variables in the text of a compose file, used or not."""
    return {match["name"] for match in _NAMED.finditer(text) if match["name"]}


def interpolate(value: Any, variables: Mapping[str, str], where: str) -> Any:
    """Return a value of a compose file with every variable in its texts filled in.

    Raises UsageError that names the place and the expression.
    """
    if isinstance(value, Mapping):
        return {k: interpolate(v, variables, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [interpolate(one, variables, where) for one in value]
    if not isinstance(value, str):
        return value
    return _Text(variables, where).filled(value)


@dataclass(frozen=True, slots=True)
class _Text:
    """One text, or a word in it."""

    variables: Mapping[str, str]
    where: str

    def filled(self, text: str) -> str:
        parts = []
        at = 0
        while match := _NEXT.search(text, at):
            parts.append(text[at : match.start()])
            at = match.end()
            if match["dollar"]:
                parts.append("$")
            elif match["plain"]:
                parts.append(self._value(match["plain"], "", ""))
            else:
                end = self._closing_brace(text, at)
                parts.append(self._expression(text[at:end]))
                at = end + 1
        return "".join((*parts, text[at:]))

    def _closing_brace(self, text: str, start: int) -> int:
        """Return where the brace that was opened before `start` is closed."""
        depth = 1
        for match in re.compile(r"\$\{|\}").finditer(text, start):
            depth += 1 if match[0] == "${" else -1
            if depth == 0:
                return match.start()
        raise self._wrong(text[start - 2 :], "its brace is not closed")

    def _expression(self, inside: str) -> str:
        match = _OPENED.fullmatch(inside)
        if match is None or (match["word"] and not match["mode"]):
            raise self._wrong(f"${{{inside}}}", "no variable is named like that")
        return self._value(match["name"], match["mode"] or "", match["word"])

    def _value(self, name: str, mode: str, word: str) -> str:
        value = self.variables.get(name)
        is_there = bool(value) if mode.startswith(":") else value is not None
        if mode.endswith("+"):
            return self.filled(word) if is_there else ""
        if value is not None and is_there:
            return value
        if mode.endswith("-"):
            return self.filled(word)
        reason = self.filled(word) or "it has no value and no default"
        raise UsageError(f"{self.where}: ${{{name}}}: {reason}", f"write ${{{name}:-default}}")

    def _wrong(self, found: str, reason: str) -> UsageError:
        return UsageError(
            f"{self.where}: {found!r}: {reason}",
            "write ${NAME}, ${NAME:-default} or ${NAME:+other}, and $$ for a dollar sign",
        )
