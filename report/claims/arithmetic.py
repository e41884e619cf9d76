"""Arithmetic over published figures: computed, and written out with its numbers.

An expression is that of Python with claims as its names: `bill / confirmed`. It is parsed, never
evaluated by Python, so that a data file can only calculate.
"""

import ast
import re
from collections.abc import Mapping
from operator import add, mul, sub, truediv
from typing import Final

from report.numbers import number

_OPERATORS: Final = {ast.Add: add, ast.Sub: sub, ast.Mult: mul, ast.Div: truediv}
_SIGNS: Final = {"*": "×", "/": "÷", "-": "−"}
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


def compute(expression: str, values: Mapping[str, float]) -> float:
    """Return the value of an expression; raise ValueError if it is not one, or of unknown names."""
    try:
        return _value(ast.parse(expression, mode="eval").body, values)
    except (SyntaxError, KeyError) as error:
        raise ValueError(f"{expression!r} cannot be computed: {error}") from error


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    match node:
        case ast.BinOp(left, operator, right) if type(operator) in _OPERATORS:
            operate = _OPERATORS[type(operator)]
            return float(operate(_value(left, values), _value(right, values)))
        case ast.Name(name):
            return values[name]
        case ast.Constant(int() | float() as value):
            return float(value)
    raise ValueError(f"{ast.unparse(node)!r} is not arithmetic")


def names(expression: str) -> list[str]:
    """Return the claims that an expression is made of."""
    return _NAME.findall(expression)


def written(expression: str, values: Mapping[str, float]) -> str:
    """Return an expression with its numbers, and what it comes to: ``89 × 300 = 26,700``."""
    with_numbers = _NAME.sub(lambda name: plain(values[name[0]]), expression)
    shown = re.sub(r"[*/-]", lambda sign: _SIGNS[sign[0]], with_numbers)
    result = plain(compute(expression, values))
    return shown if shown == result else f"{shown} = {result}"


def plain(value: float) -> str:
    """Return a number as people write it: whole if it is whole, else with three digits or more."""
    if value == round(value):
        return number(value)
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 1 else 3
    text = number(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text
