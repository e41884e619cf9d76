"""junit.xml: valid by both schemas in use, never with a character that XML forbids."""

import re
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.gate.result import InvalidRun, Offence
from report.gate.junit import clean, to_xml
from tests.support.gate_results import (
    EACH,
    INCONCLUSIVE,
    INCORRECT,
    INVALID,
    LATENCY,
    NOT_COMPARABLE,
    PASSING,
    REFUSED,
    REGRESSION,
    RUN,
    SATURATED,
    UNDECIDED_FAILS,
)

# What JUnit.xsd (Ant) demands and junit-10.xsd (Jenkins) allows: attributes of each element with
# their form, and the order of its children.
DECIMAL, INT, TOKEN, ANY = r"\d+(\.\d+)?", r"\d+", r"\S(.*\S)?", r"(?s).*"
OUTCOME = {"type": ANY, "message": ANY}
ATTRIBUTES = {
    "testsuites": {},
    "testsuite": {
        "id": INT,
        "name": TOKEN,
        "package": TOKEN,
        "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        "hostname": TOKEN,
        "tests": INT,
        "failures": INT,
        "errors": INT,
        "skipped": INT,
        "time": r"\d{1,9}\.\d*",
    },
    "properties": {},
    "testcase": {"name": TOKEN, "classname": TOKEN, "time": DECIMAL},
    "failure": OUTCOME,
    "error": OUTCOME,
    "skipped": OUTCOME,
    "system-out": {},
    "system-err": {},
}
CHILDREN = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "testcase": r"((skipped|error|failure) )?",
}


def complaints(element):
    """Return what either schema has against an element and all within it."""
    wanted = ATTRIBUTES[element.tag]
    if set(element.attrib) != set(wanted):
        yield f"{element.tag} has {sorted(element.attrib)}"
    for name, form in wanted.items():
        if not re.fullmatch(form, element.get(name, "")):
            yield f"{element.tag}/@{name}: {element.get(name)!r}"
    children = "".join(f"{child.tag} " for child in element)
    if not re.fullmatch(CHILDREN.get(element.tag, ""), children):
        yield f"{element.tag} holds {children}"
    for child in element:
        yield from complaints(child)


def outcomes(result):
    """Return what became of each test, by suite."""
    return {
        suite.get("name"): [
            case[0].tag if len(case) else "passed" for case in suite.iter("testcase")
        ]
        for suite in Xml.fromstring(to_xml(result))
    }


@pytest.mark.parametrize("result", EACH.values(), ids=EACH)
def test_it_is_valid(result):
    root = Xml.fromstring(to_xml(result))
    assert list(complaints(root)) == []
    assert [suite.get("id") for suite in root] == [str(n) for n in range(len(root))]
    for suite in root:
        assert int(suite.get("tests")) == len(list(suite.iter("testcase")))
        for tag, counted in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(counted)) == len(list(suite.iter(tag)))


def test_the_check_of_validity_can_fail():
    root = Xml.fromstring(to_xml(REGRESSION))
    root[0].remove(root[0].find("properties"))
    root[1].set("timestamp", "2026-03-01T12:34:56+01:00")
    del root[2][1].attrib["classname"]
    assert len(list(complaints(root))) == 4


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (PASSING, {"correctness": ["passed"], "measurement": ["passed"] * 2,
                   "queue": ["passed"] * 2, "sync": ["passed"]}),
        (REGRESSION, {"correctness": ["passed"], "measurement": ["passed"] * 2,
                      "queue": ["failure", "passed"], "sync": ["passed"]}),
        (INCORRECT, {"correctness": ["failure", "error"], "measurement": ["passed"] * 2}),
        (INCONCLUSIVE, {"correctness": ["passed"], "measurement": ["passed"] * 2,
                        "queue": ["skipped", "passed"], "sync": ["passed"]}),
        (UNDECIDED_FAILS, {"correctness": ["passed"], "measurement": ["passed"] * 2,
                           "queue": ["failure", "passed"], "sync": ["passed"]}),
        (INVALID, {"correctness": ["passed"], "measurement": ["error", "error", "passed"],
                   "queue": ["skipped", "skipped"]}),
        (NOT_COMPARABLE, {"correctness": ["skipped"], "measurement": ["passed", "error"]}),
    ],
)  # fmt: skip
def test_what_each_verdict_looks_like(result, expected):
    assert outcomes(result) == expected


def test_a_lost_block_that_is_tolerated_is_skipped():
    found = outcomes(replace(PASSING, invalid_runs=(SATURATED,)))
    assert found["measurement"] == ["passed", "skipped", "passed"]


def test_what_is_said_is_found_again():
    root = Xml.fromstring(to_xml(INCORRECT))
    failure = root.find(".//failure")
    assert failure.text == "sale 17: 3 units too many <b>|</b> `x`"
    assert failure.get("message") == "FAIL: Nothing is oversold"


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_character_that_xml_forbids(text):
    """Surrogates, too: they come from undecodable bytes in paths."""
    told = replace(
        INVALID,
        statement=text,
        rows=(replace(LATENCY, subject=text, why=text),),
        invalid_runs=(InvalidRun(RUN, (text,)),),
        reasons=(text,),
        offences=(Offence(RUN, text, text, "FAIL", text),),
    )
    Xml.fromstring(to_xml(told).encode())


@pytest.mark.parametrize("forbidden", ["\0", "\x0b", "\x1b", "\ud800", "\ufffe"])
def test_a_mark_stands_for_what_is_forbidden(forbidden):
    assert clean(f"a{forbidden}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_gate_that_was_refused_is_an_error_and_says_why():
    root = Xml.fromstring(to_xml(REFUSED))
    (error,) = root.iter("error")
    assert error.get("message") == REFUSED.statement
