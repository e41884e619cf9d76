"""How much a campaign prints, the lines it ends with, and what is refused before it begins."""

import json
import signal
from xml.etree import ElementTree as Xml

import pytest

from tests.integration.test_wrong_usage import refused
from tests.support.edited_repository import write_project
from tests.support.fake_harness import FAKE, at, stop_at

pytestmark = pytest.mark.integration

ONE = ("run", FAKE, "--approach", "sync")


def test_the_result_stands_at_the_end(harness, tmp_path):
    done = harness.run("run", FAKE, "--out", tmp_path / "c")
    assert done.returncode == 0, done.said
    *_, verdict, report = done.stdout.splitlines()
    assert verdict == "PASS: all 2 runs are valid, every audit passed"
    assert report == f"report: {tmp_path / 'c' / 'report' / 'index.html'}"
    assert "compared with" in done.stdout
    assert "…" not in done.stdout


def test_quiet_is_the_result_alone(harness, tmp_path):
    done = harness.run(*ONE, "--out", tmp_path / "c", "-q")
    assert done.returncode == 0, done.said
    assert "bring up" not in done.stdout
    assert "PASS: the run is valid, and its audit passed" in done.stdout


def test_verbose_is_also_what_is_done_within_the_steps(harness, tmp_path):
    done = harness.run(*ONE, "--out", tmp_path / "c", "-v")
    assert done.returncode == 0, done.said
    for words in ("everything is ready (1 of 1)", "the backlog is empty", "audit: 19 PASS"):
        assert f"run 1/1 sync    {words}" in done.stdout


def test_quiet_and_verbose_contradict_each_other(harness, tmp_path):
    refused(harness.run(*ONE, "--out", tmp_path / "c", "-q", "-v"), 64, "--quiet")
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize("found", [True, False])
def test_the_report_is_opened_for_who_asks(harness, tmp_path, monkeypatch, found):
    opened = tmp_path / "opened"

    def browse(url):
        opened.write_text(url)
        return found

    monkeypatch.setattr("webbrowser.open", browse)
    done = harness.run(*ONE, "--out", tmp_path / "c", "--open")
    assert done.returncode == 0, done.said
    assert opened.read_text() == (tmp_path / "c" / "report" / "index.html").as_uri()
    assert ("open the report by hand" in done.stdout) is not found


@pytest.fixture
def busy(harness, tmp_path):
    """Another harness that measures on this machine."""
    mark = tmp_path / "mark"
    other = harness.start(*ONE, "--out", tmp_path / "other", happens=at("up", stop_at(mark)))
    other.wait_until(mark.exists)
    yield other
    other.send(signal.SIGTERM)
    other.wait()


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (("run", FAKE, "--baseline", "nobody"), 64, "--baseline nobody"),
        (("run", FAKE, "--case", "no-such-case"), 64, "no-such-case"),
        (("run", FAKE, "--set", "api.NO_SUCH_KEY=2"), 64, "NO_SUCH_KEY"),
        (("run", FAKE, "--out", "/dev/null/c"), 64, "/dev/null/c"),
        (("run", "--resume", "no-such-folder"), 64, "no-such-folder"),
        (("gate", "--base", "no-such-revision"), 50, "no-such-revision"),
        (("gate", "--baseline", "no-such-file.json"), 50, "no-such-file.json"),
        (("selftest", "telepathy"), 64, "telepathy"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("busy")
def test_a_wrong_word_is_found_before_a_busy_machine(harness, tmp_path, words, code, named):
    if words[0] == "gate":
        words = (*words, "--out", tmp_path / "gate")
    refused(harness.run(*words), code, named)


def test_a_gate_on_a_busy_machine_says_so_in_its_files(harness, tmp_path, busy):
    write_project(tmp_path / "project")
    harness.root = tmp_path / "project"
    out = tmp_path / "gate"
    for _ in range(2):  # the folder holds no gate yet, so it may be asked again
        done = harness.run("gate", "--base", "HEAD~1", "--scenario", FAKE, "--out", out)
        refused(done, 70, f"another harness is measuring on this machine (pid {busy.pid}")
        assert f"results: {out}" in done.stdout
    found = json.loads((out / "gate.json").read_text())
    assert (found["verdict"], found["exit_code"]) == ("INFRASTRUCTURE", 70)
    assert "another harness is measuring" in found["statement"]
    (error,) = Xml.parse(out / "junit.xml").getroot().iter("error")
    assert error.get("message") == found["statement"]
    assert not (out / "plan.json").exists()
