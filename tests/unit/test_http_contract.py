"""docs/http-contract.md says what is served: held against OpenAPI, codes, and contract tests."""

import ast
import re
from pathlib import Path

import pytest

from approaches.shop.contract import openapi
from approaches.shop.orders import TRANSITIONS
from approaches.shop.problems import Code, Problem
from tests.reached.catalogue import APPROACHES, answers

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/http-contract.md").read_text("utf-8")
ACKNOWLEDGES = ("outcome", "acceptance")


def rows(heading, tables=slice(None)):
    """Return the cells of the tables under a heading, without their head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = [block.splitlines()[2:] for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for table in found[tables]
        for line in table
    ]


def documented(acknowledges):
    """Return (method, path, status) of every answer that the page states for such an approach."""
    other = {"outcome": "acceptance", "acceptance": "outcome"}[acknowledges]
    found = set()
    for route, _, answered, refused in rows("Routes"):
        method, path = route.strip("`").split()
        for words in f"{answered}, {refused}".split(", "):
            if f"({other})" not in words:
                found.add((method, path, words[:3]))
    return found


@pytest.mark.parametrize("acknowledges", ACKNOWLEDGES)
def test_its_routes_and_statuses_are_those_that_are_served(acknowledges):
    served = {
        (method.upper(), path, status)
        for path, methods in openapi(acknowledges)["paths"].items()
        for method, operation in methods.items()
        for status in operation["responses"]
    }
    assert documented(acknowledges) == served


@pytest.mark.parametrize("approach", APPROACHES)
def test_its_routes_and_statuses_are_those_that_the_tests_know(approach):
    known = {tuple(name.split()[:3]) for name in answers(approach)}
    assert known in [documented(acknowledges) for acknowledges in ACKNOWLEDGES]


def test_its_bodies_have_the_members_that_are_served():
    schemas = openapi("outcome")["components"]["schemas"]
    served = {name: set(schema["properties"]) for name, schema in schemas.items()}
    members = {
        name: set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", cell)))
        for name, cell in rows("Bodies")
    }
    assert members.pop("Health") == {"status", "ok"}
    assert members == served


def test_its_orders_go_the_ways_that_they_may_go():
    ways = {
        (before, status.strip("`"))
        for status, follows, _ in rows("Orders")
        for before in re.findall(r"`(\w+)`", follows)
    }
    assert ways == {(str(one), str(next_)) for one in TRANSITIONS for next_ in TRANSITIONS[one]}


def codes(tables):
    return {(int(status), code.strip("`")) for status, code, _ in rows("Problems", tables)}


def asserted():
    """Return each (…, status, code) that stands in the contract tests, in a call or in a table."""
    found = set()
    for path in (ROOT / "tests/contract").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            words = node.elts if isinstance(node, ast.Tuple) else getattr(node, "args", None)
            match words:
                case [_, ast.Constant(int(status)), ast.Constant(str(code))]:
                    found.add((status, code))
    return found


def test_its_codes_are_those_that_the_contract_tests_provoke():
    assert codes(slice(0, 1)) == asserted()


def test_its_codes_are_all_that_there_are():
    by_nginx = {
        (int(status), code)
        for status, code in re.findall(
            r'"status":(\d+),.*"code":"(\w+)"', (ROOT / "approaches/shop/nginx.conf").read_text()
        )
    }
    by_shop = {(Problem(code).status, str(code)) for code in Code}
    assert codes(slice(None)) == by_nginx | by_shop | asserted()
