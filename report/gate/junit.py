"""junit.xml: the gate as tests, for every CI server that shows tests.

Neither JUnit nor Ant has specified the format. Two schemas are in use, and the file is valid by
both: JUnit.xsd of windyroad/JUnit-Schema (Ant; it wants `id`, `package` and `properties`, and a
timestamp without zone) and junit-10.xsd of jenkinsci/xunit-plugin.

A suite per subject has a test per metric; the suites `correctness` and `measurement` say what was
audited, and whether the numbers can be believed. FAIL is a failure. INCONCLUSIVE is skipped with
its message, unless undecided counts as failed. What is INVALID is an error.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from xml.etree import ElementTree as Xml

from harness.errors import ExitCode
from harness.gate.result import Result, Row, Ruling
from harness.results.findings import Verdict
from report.gate import gate_words

PACKAGE = "harness.gate"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 (section 2.2) has no way to write, not even as a reference."""

Outcome = Literal["failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class _Case:
    """One test: passed if it has no outcome."""

    name: str
    outcome: Outcome | None = None
    message: str = ""
    text: str = ""
    time_s: float = 0.0


def to_xml(result: Result) -> str:
    """Return junit.xml."""
    root = Xml.Element("testsuites")
    for position, (name, cases) in enumerate(_suites(result)):
        root.append(_suite(position, name, cases, _zoneless(result.created_at)))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, "unicode")}\n'


def clean(text: str) -> str:
    """Return a text without characters that XML 1.0 forbids; a mark stands where they were."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def _suites(result: Result) -> Iterator[tuple[str, list[_Case]]]:
    yield "correctness", list(_correctness(result))
    yield "measurement", list(_measurement(result))
    for subject in dict.fromkeys(row.subject for row in result.rows):
        yield subject, [_metric(result, row) for row in result.rows if row.subject == subject]


def _correctness(result: Result) -> Iterator[_Case]:
    if result.audited_runs and not result.offences:
        yield _Case(gate_words.audited(result))
    elif not result.offences:
        yield _Case("audit", "skipped", "nothing was measured, so nothing was audited")
    for one in result.offences:
        outcome: Outcome = "failure" if one.verdict == Verdict.FAIL else "error"
        if not one.is_incorrect and result.exit_code is not ExitCode.CORRECTNESS:
            outcome = "skipped"  # a finding about the set-up, which fails nothing
        name = f"{one.invariant} in {gate_words.place(one.run)}"
        yield _Case(name, outcome, f"{one.verdict}: {one.title}", one.summary)


def _measurement(result: Result) -> Iterator[_Case]:
    invalid = result.exit_code is ExitCode.INVALID
    broken = result.exit_code in (ExitCode.INVALID, ExitCode.INFRASTRUCTURE)
    whole: Outcome | None = "error" if broken else None
    yield _Case("valid", whole, result.statement if broken else "", time_s=result.took_s)
    for one in result.invalid_runs:
        name = f"validity of {gate_words.place(one.run)}"
        yield _Case(name, "error" if invalid else "skipped", gate_words.why_invalid(one))
    missing = result.exit_code is ExitCode.NO_BASELINE
    reasons = result.reasons or ((result.statement,) if missing else ())
    yield _Case("comparable", "error" if missing else None, "; ".join(reasons))


def _metric(result: Result, row: Row) -> _Case:
    text = (
        f"base {gate_words.value(row, row.base)}, head {gate_words.value(row, row.head)}, change "
    )
    text += f"{gate_words.change(row)}; tolerated: {gate_words.tolerated(row)}; {row.blocks} blocks"
    if gate_words.fails(result, row):
        return _Case(row.metric, "failure", f"{row.ruling}: {row.why}", text)
    if row.ruling is Ruling.PASS and gate_words.counts(result):
        return _Case(row.metric)
    return _Case(row.metric, "skipped", f"{gate_words.ruling(result, row)}: {row.why}", text)


def _suite(position: int, name: str, cases: Sequence[_Case], timestamp: str) -> Xml.Element:
    outcomes = [case.outcome for case in cases]
    suite = Xml.Element(
        "testsuite",
        {
            "id": str(position),
            "name": clean(name),
            "package": PACKAGE,
            "timestamp": timestamp,
            "hostname": "localhost",
            "tests": str(len(cases)),
            "failures": str(outcomes.count("failure")),
            "errors": str(outcomes.count("error")),
            "skipped": str(outcomes.count("skipped")),
            "time": f"{sum(case.time_s for case in cases):.3f}",
        },
    )
    Xml.SubElement(suite, "properties")
    suite.extend(_test(f"{PACKAGE}.{name}", case) for case in cases)
    Xml.SubElement(suite, "system-out")
    Xml.SubElement(suite, "system-err")
    return suite


def _test(classname: str, case: _Case) -> Xml.Element:
    test = Xml.Element(
        "testcase",
        {"name": clean(case.name), "classname": clean(classname), "time": f"{case.time_s:.3f}"},
    )
    if case.outcome is not None:
        said = {"type": PACKAGE, "message": clean(case.message)}
        Xml.SubElement(test, case.outcome, said).text = clean(case.text) or None
    return test


def _zoneless(created_at: str) -> str:
    return datetime.fromisoformat(created_at).strftime("%Y-%m-%dT%H:%M:%S")
