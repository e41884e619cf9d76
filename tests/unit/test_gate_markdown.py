"""summary.md: the verdict first, everything that is needed to act on it, and no foreign markup."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.gate.result import Offence, Ruling
from report.gate import append_step_summary, gate_words, summary
from report.gate.step_summary import STEP_SUMMARY, STEP_SUMMARY_BYTES, escaped
from tests.support.gate_results import (
    AGAINST_BASELINE,
    DISTURBED,
    EACH,
    ERRORS,
    INCONCLUSIVE,
    INCORRECT,
    INVALID,
    LATENCY,
    NOT_COMPARABLE,
    OPEN,
    PASSING,
    REGRESSION,
    RUN,
    SATURATED,
    SLOWER,
    THROUGHPUT,
    UNDECIDED_FAILS,
    UNDECIDED_PASSES,
    UNMEASURABLE,
    UNMEASURED,
)

MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
LATENCY_TOLERATED = "up to +15.0 %; at most 8.00 s"
ALREADY_BEYOND = replace(REGRESSION, rows=(replace(SLOWER, limit=500.0), ERRORS))
NBSP = "\N{NO-BREAK SPACE}"


def plain(text):
    return text.replace(NBSP, " ").replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("result", EACH.values(), ids=EACH)
def test_the_verdict_comes_first(result):
    title, _, sentence = summary(result).splitlines()[:3]
    assert title == f"## Gate: {result.verdict}"
    assert sentence.startswith(f"**{result.verdict}**: {escaped(result.statement)[:30]}")


@pytest.mark.parametrize(
    ("result", "words_of_it"),
    [
        (PASSING, "makes nothing worse"),
        (REGRESSION, "in the change and not in the machine"),
        (replace(REGRESSION, mode="baseline"), "what has changed since the baseline"),
        (ALREADY_BEYOND, "base is beyond the limit as well"),
        (INCORRECT, "no rerun to green undoes it"),
        (INCONCLUSIVE, "too noisy today to distinguish +15.0 % from nothing"),
        (UNDECIDED_FAILS, "counted as failed because it was asked for"),
        (UNDECIDED_PASSES, "counted as passed because it was asked for"),
        (UNMEASURABLE, "could not be judged: it cannot be measured in head"),
        (INVALID, "the measurement itself cannot be believed"),
        (NOT_COMPARABLE, "nothing that head may be compared with"),
    ],
)
def test_it_says_what_the_verdict_means(result, words_of_it):
    assert words_of_it in plain(summary(result))


def test_the_table_has_every_metric():
    text = plain(summary(REGRESSION))
    assert (
        "| queue | Purchase latency at peak, p95 | 812 ms | 990 ms | +21.9 % [+17.0 %, +27.0 %] "
        "| up to +15.0 %; at most 8.00 s | FAIL |"
    ) in text
    assert (
        "| queue | HTTP error rate | 0 % | 0.25 % "
        "| +0.25 points [+0.10 points, +0.40 points] | up to +1.00 points | PASS |"
    ) in text
    assert "| down to -13.0 %; at least 50.0 orders/s | PASS |" in text
    assert "- FAIL: queue, Purchase latency at peak, p95: 21.9 % worse" in text


@pytest.mark.parametrize(
    ("row", "change", "tolerated"),
    [
        (LATENCY, "+1.0 % [-3.8 %, +5.9 %]", LATENCY_TOLERATED),
        (replace(LATENCY, high=1e30), "+1.0 % [-3.8 %, > 1,000×]", LATENCY_TOLERATED),
        (replace(LATENCY, low=None, high=None), "+1.0 %", LATENCY_TOLERATED),
        (ERRORS, "+0.25 points [+0.10 points, +0.40 points]", "up to +1.00 points"),
        (THROUGHPUT, "-2.0 % [-5.0 %, +1.0 %]", "down to -13.0 %; at least 50.0 orders/s"),
        (UNMEASURED, "–", "–"),
    ],
)  # fmt: skip
def test_changes_and_tolerances_in_words(row, change, tolerated):
    assert (plain(gate_words.change(row)), plain(gate_words.tolerated(row))) == (change, tolerated)


def test_offences_are_folded_with_their_evidence():
    text = summary(INCORRECT)
    assert "14 runs and 2,012 sales audited; 2 findings:" in text
    assert text.count("<details>") == text.count("</details>") == 2
    assert (
        "<summary>FAIL: I1, Nothing is oversold (contention, run 2: queue, head, block 1)</summary>"
        in text
    )
    assert "3 units too many &lt;b&gt;" in text


def test_nothing_found_is_said_with_how_much_was_audited():
    assert "14 runs and 2,012 sales audited: every invariant holds." in summary(PASSING)
    assert "0 runs and 0 sales audited: nothing was measured." in summary(NOT_COMPARABLE)


def test_why_it_is_invalid_and_that_its_metrics_do_not_count():
    text = summary(INVALID)
    assert "- comparison-sync, run 5: sync, base, block 2: generator CPU: 97 %; L ≠ λW" in text
    assert "FAIL (does not count)" in text
    assert "say nothing about head" in text


def test_why_it_is_not_comparable():
    text = summary(NOT_COMPARABLE)
    assert "- scenario: ci, then quick\n- runtime: local, then docker" in text
    assert "### Metrics" not in text


def test_what_was_confirmed():
    assert "### Confirmation" in summary(REGRESSION)
    assert "in 3 more blocks" in summary(REGRESSION)
    assert "### Confirmation" not in summary(PASSING)


@pytest.mark.parametrize(
    ("result", "command"),
    [
        (PASSING, "git checkout 4567def\nmake .venv/.synced\n"
                  ".venv/bin/harness gate --base 0123abc --approach=queue\n"),
        (AGAINST_BASELINE, ".venv/bin/harness gate --baseline results/baseline.json\n"),
        (replace(PASSING, environment={"argv": ["harness", "gate", "--resume", "x"]}),
         ".venv/bin/harness gate --base 0123abc\n"),
    ],
)  # fmt: skip
def test_how_to_make_it_again(result, command):
    assert command in summary(result)


@given(st.text(alphabet=st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"])))
def test_foreign_words_are_text_and_never_markup(text):
    shown = MARKDOWN.renderInline(f"x {escaped(text)}")
    assert "<" not in shown
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    assert shown.split() == ["x", *text.split()]


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "</details>",
        "a | b",
        "![x](http://e)",
        "`",
        "\n\n# Title",
        "$x$",
    ],
)
def test_no_field_can_break_the_page(evil):
    usual = MARKDOWN.render(summary(INVALID))
    told = replace(
        INVALID,
        statement=evil,
        scenario=evil,
        reasons=(evil,),
        rows=(replace(INVALID.rows[0], subject=evil, title=evil, why=evil),),
        invalid_runs=(replace(SATURATED, reasons=(evil,)),),
        warned_runs=(replace(DISTURBED, warnings=(evil,)),),
        offences=(Offence(replace(RUN, approach=evil), evil, evil, "FAIL", evil),),
        base=replace(INVALID.base, name=evil, revision=None),
        environment={"argv": ["harness", "gate", evil]},
    )
    shown = MARKDOWN.render(summary(told))
    assert shown.count("<table>") == usual.count("<table>") == 1
    assert shown.count("</details>") == 1
    assert shown.count("<tr>") == 2
    assert not re.search(r"<(script|img|h1|a) ?", shown)


def test_what_may_have_disturbed_a_run_stands_beside_what_could_not_be_decided():
    text = summary(INCONCLUSIVE)
    assert "### What may have disturbed valid runs" in text
    line = "run 6: queue, head, block 3: the hypervisor withheld 31.7 % of the machine's time"
    assert line in text
    assert "disturbed" not in summary(PASSING)


def test_many_offences_are_counted_and_not_all_shown():
    text = summary(replace(INCORRECT, offences=INCORRECT.offences * 100))
    assert text.count("<details>") == 50
    assert "And 150 more" in text


def test_the_step_summary_is_appended(tmp_path):
    file = tmp_path / "step.md"
    file.write_text("before\n")
    assert append_step_summary(REGRESSION, {STEP_SUMMARY: str(file)})
    assert file.read_text() == f"before\n\n{summary(REGRESSION)}"


@pytest.mark.parametrize("environ", [{}, {STEP_SUMMARY: ""}])
def test_without_the_variable_nothing_is_written(environ):
    assert not append_step_summary(PASSING, environ)


def test_a_summary_that_is_too_long_for_github_is_the_verdict_alone(tmp_path):
    file = tmp_path / "step.md"
    told = replace(INCORRECT, statement="é" * STEP_SUMMARY_BYTES)
    assert append_step_summary(told, {STEP_SUMMARY: str(file)})
    assert file.read_text().startswith("\n## Gate: CORRECTNESS")
    assert file.stat().st_size < 200


def test_a_step_summary_that_is_full_stays_as_it_is(tmp_path):
    file = tmp_path / "step.md"
    file.write_bytes(b"x" * (STEP_SUMMARY_BYTES - 10))
    assert not append_step_summary(PASSING, {STEP_SUMMARY: str(file)})
    assert file.stat().st_size == STEP_SUMMARY_BYTES - 10


def test_rulings_are_words():
    text = summary(replace(PASSING, rows=(LATENCY, OPEN), exit_code=INCONCLUSIVE.exit_code))
    for ruling in (Ruling.PASS, Ruling.INCONCLUSIVE):
        assert f"| {ruling} |" in text
