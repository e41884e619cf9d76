"""Workflows, action and their docs: they are valid, they are safe, and they do what they say."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from harness.errors import ExitCode
from tests.support.workflows import (
    ACTION,
    ROOT,
    WORKFLOWS,
    parse,
    read,
    run,
    snippet,
    step,
    steps,
)

GATE, NIGHTLY = (ROOT / ".github" / "workflows" / name for name in ("gate.yml", "nightly.yml"))
BIN = Path(sys.executable).parent
FILES = [*WORKFLOWS, ACTION]
INPUTS = {"BASE": "HEAD^1", "BASELINE": "", "SCENARIO": "", "INCONCLUSIVE": "", "OUT": "results/g"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def told(program: str, *arguments: str | Path, said: str = "") -> tuple[bool, str]:
    done = subprocess.run(
        [BIN / program, *arguments], input=said, capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


# Valid


def against_schema(name: str, *files: Path) -> tuple[bool, str]:
    """Ask in this process: the program takes a second to start, and is asked nine times."""
    asked = ["--builtin-schema", f"vendor.{name}", *map(str, files)]
    done = CliRunner().invoke(check_jsonschema, asked)
    return done.exit_code == 0, done.output


def test_workflows_and_action_are_what_github_takes():
    for name, files in (
        ("github-workflows", WORKFLOWS),
        ("github-actions", [ACTION]),
        ("dependabot", [ROOT / ".github" / "dependabot.yml"]),
    ):
        valid, why = against_schema(name, *files)
        assert valid, why


def test_the_snippets_of_the_docs_are_what_github_and_gitlab_take(tmp_path: Path):
    for name, first in (
        ("github-workflows", "# .github/workflows/gate.yml"),
        ("gitlab-ci", "# .gitlab-ci.yml"),
    ):
        file = tmp_path / f"{name}.yml"
        file.write_text(snippet(first))
        valid, why = against_schema(name, file)
        assert valid, why


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("github-workflows", "on: push\njobs: {a: {runs-on: x, steps: [{rum: ls}]}}"),
        ("github-actions", "name: a\ndescription: b\nruns: {using: composite}"),
        ("gitlab-ci", "gate: {script: [ls], artifacts: {reports: {junit: 5}}}"),
        ("dependabot", "version: 2\nupdates: [{directory: /}]"),
    ],
)
def test_what_they_do_not_take_is_found(name: str, text: str, tmp_path: Path):
    file = tmp_path / "bad.yml"
    file.write_text(text)
    assert not against_schema(name, file)[0]


# Safe


def test_an_audit_of_workflows_and_action_finds_nothing():
    clean, findings = told("zizmor", "--offline", "--no-progress", *FILES)
    assert clean, findings


@pytest.mark.parametrize(
    ("finding", "good", "bad"),
    [
        ("template-injection", "set -euo", 'echo "${{ github.event.pull_request.title }}"; set'),
        ("unpinned-uses", "@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5.0.0", "@v5"),
        ("dangerous-triggers", "pull_request:", "pull_request_target:"),
    ],
)
def test_what_is_unsafe_is_found(finding: str, good: str, bad: str, tmp_path: Path):
    file = tmp_path / ".github" / "workflows" / "bad.yml"
    file.parent.mkdir(parents=True)
    file.write_text(GATE.read_text().replace(good, bad))
    clean, findings = told("zizmor", "--offline", "--no-progress", file)
    assert not clean
    assert finding in findings


def expressions_in_scripts(content: dict[str, Any]) -> list[str]:
    return [one["run"] for one in steps(content) if "${{" in one.get("run", "")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_nothing_is_pasted_into_a_script(file: Path):
    assert not expressions_in_scripts(read(file))


def test_what_is_pasted_into_a_script_is_found():
    bad = 'runs: {steps: [{run: "harness gate --base ${{ inputs.base }}"}]}'
    assert expressions_in_scripts(yaml.safe_load(bad))


def checkouts_with_credentials(content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the checkouts that leave the token of the job where any step can read it."""
    checkouts = [
        one for one in steps(content) if one.get("uses", "").startswith("actions/checkout")
    ]
    kept = [one for one in checkouts if one.get("with", {}).get("persist-credentials") != "false"]
    return kept


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_no_checkout_leaves_a_token_behind(file: Path):
    assert not checkouts_with_credentials(read(file))


def test_a_checkout_that_leaves_a_token_is_found():
    bad = {"jobs": {"a": {"steps": [{"uses": "actions/checkout@v5"}]}}}
    assert checkouts_with_credentials(bad)


def liberties(content: dict[str, Any]) -> list[str]:
    """Return what a workflow may do, and need not."""
    found = [name for name, job in content["jobs"].items() if "timeout-minutes" not in job]
    found += [name for name, job in content["jobs"].items() if "permissions" in job]
    if content.get("permissions") != {"contents": "read"}:
        found.append("permissions")
    if "group" not in content.get("concurrency", {}):
        found.append("concurrency")
    return found


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_only_reads_and_has_an_end(file: Path):
    assert not liberties(read(file))


def test_a_workflow_that_takes_liberties_is_found():
    jobs = {"a": {}, "b": {"timeout-minutes": "5", "permissions": "write-all"}}
    assert liberties({"jobs": jobs}) == ["a", "b", "permissions", "concurrency"]


def checked_by_shellcheck(script: str) -> tuple[bool, str]:
    return told("shellcheck", "--shell=bash", "-", said=script)


def test_every_script_is_sound():
    scripts = [one["run"] for file in FILES for one in steps(read(file)) if "run" in one]
    scripts += [(ROOT / ".ci" / "run").read_text()]
    for script in scripts:
        sound, why = checked_by_shellcheck(script)
        assert sound, f"{script}\n{why}"
        assert "\n" not in script or "set -euo pipefail" in script, script


def test_an_unsound_script_is_found():
    assert not checked_by_shellcheck("rm -r $folder")[0]


# The action


@pytest.mark.parametrize("code", [*ExitCode, 1], ids=lambda code: str(int(code)))
def test_the_action_names_every_exit_code_and_ends_with_it(code: int, project: Path):
    ran = run(step(ACTION, "Gate")["run"], project, int(code), **INPUTS)
    name = ExitCode(code).name if code in list(ExitCode) else "CRASHED"
    assert ran.code == code
    assert ran.outputs == {
        "verdict": "PASS" if code == ExitCode.OK else name,
        "exit-code": str(int(code)),
        "folder": "results/g",
    }


def test_the_action_compares_with_the_base(project: Path):
    ran = run(step(ACTION, "Gate")["run"], project, **INPUTS)
    (call,) = ran.calls
    assert parse(call) == parse(["gate", "--out", "results/g", "--base", "HEAD^1"])


def test_a_baseline_takes_the_place_of_a_base(project: Path):
    said = {"BASELINE": "b.json", "SCENARIO": "ci", "INCONCLUSIVE": "fail"}
    (call,) = run(step(ACTION, "Gate")["run"], project, **{**INPUTS, **said}).calls
    meant = "gate --out results/g --baseline b.json --scenario ci --inconclusive fail"
    assert parse(call) == parse(meant.split())


@pytest.mark.parametrize(
    "nasty", ["$(touch stolen)", "`touch stolen`", '"; touch stolen; "', "--help", "a b", "*"]
)
@pytest.mark.parametrize("name", ["BASE", "BASELINE", "SCENARIO", "OUT"])
def test_what_a_caller_says_is_data(name: str, nasty: str, project: Path):
    (call,) = run(step(ACTION, "Gate")["run"], project, **{**INPUTS, name: nasty}).calls
    assert f"--{name.lower()}={nasty}" in call
    assert not (project / "stolen").exists()


def test_a_line_break_adds_no_output(project: Path):
    said = {**INPUTS, "OUT": "results/g\nverdict=PASS"}
    ran = run(step(ACTION, "Gate")["run"], project, ExitCode.REGRESSION, **said)
    assert ran.outputs["verdict"] == "REGRESSION"


def test_the_action_hands_over_all_that_callers_can_say():
    content = read(ACTION)
    assert set(step(ACTION, "Gate")["env"]) == set(INPUTS)
    handed = re.findall(r"\$\{\{ inputs\.([\w-]+) \}\}", ACTION.read_text())
    assert sorted(handed) == sorted(content["inputs"])
    defaults = {name.upper(): one["default"] for name, one in content["inputs"].items()}
    (said,) = [one["with"] for one in steps(read(GATE)) if one.get("uses") == "./"]
    assert set(said) <= set(content["inputs"])
    assert defaults["BASE"] == said["base"]


def test_the_action_installs_the_harness_that_comes_with_it(project: Path):
    (project / "Makefile").write_text(".venv/.synced:\n\techo made in $(CURDIR)\n")
    ran = run(step(ACTION, "Install the harness")["run"], project)
    assert ran.code == 0
    assert f"made in {project}" in ran.said


# The workflows


def git(project: Path, *words: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", *who, *words], cwd=project, check=True, capture_output=True)


def merged(project: Path, *changed: str) -> None:
    """A pull request that changes some files, merged as GitHub does to test it."""
    git(project, "init", "--quiet", "--initial-branch", "main")
    git(project, "commit", "--allow-empty", "--message", "base")
    git(project, "switch", "--create", "change")
    for name in changed:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("changed")
    git(project, "add", *changed)
    git(project, "commit", "--message", "change")
    git(project, "switch", "main")
    (project / "others").write_text("what others did meanwhile")
    git(project, "add", "others")
    git(project, "commit", "--message", "others")
    git(project, "merge", "--no-ff", "--message", "merge", "change")


@pytest.mark.parametrize(
    ("changed", "measured"),
    [
        (["docs/ci.md", "README.md"], "no"),
        (["tests/unit/test_shop.py", "approaches/queue/README.md"], "no"),
        (["docs/ci.md", "approaches/shop/orders.py"], "yes"),
        (["uv.lock"], "yes"),
        (["gate.toml"], "yes"),
    ],
)
def test_only_what_can_be_measured_is(changed: list[str], measured: str, project: Path):
    merged(project, *changed)
    ran = run(step(GATE, "Is there anything to measure?")["run"], project)
    assert ran.code == 0
    assert ran.outputs == {"measure": measured}
    assert bool(ran.summary) == (measured == "no")


def test_what_git_cannot_tell_is_measured(project: Path):
    git(project, "init", "--quiet")
    ran = run(step(GATE, "Is there anything to measure?")["run"], project)
    assert ran.outputs == {"measure": "yes"}


def test_a_night_is_measured_and_red_if_undecided(project: Path):
    script = step(NIGHTLY, "Measure")["run"]
    said = {"GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "2"}
    ran = run(script, project, ExitCode.INCONCLUSIVE, **said)
    assert ran.code == ExitCode.INCONCLUSIVE
    (call,) = ran.calls
    options = parse(call)
    assert options["scenario"] == "flash_sale"
    assert re.fullmatch(r"results/nightly/\d{8}-17-2", str(options["out"]))


def test_sixty_nights_are_kept_and_told(project: Path):
    nights = [project / "results" / "nightly" / f"202601{day:02}-1-1" for day in range(63)]
    for night in nights:
        night.mkdir(parents=True)
    ran = run(step(NIGHTLY, "History")["run"], project)
    assert ran.code == 0, ran.said
    assert [night for night in nights if night.exists()] == nights[3:]
    (call,) = ran.calls
    assert str(parse(call)["folder"]) == "results/nightly"


def test_each_night_finds_the_one_before_it():
    restored, saved = (
        one["with"] for one in steps(read(NIGHTLY)) if "actions/cache/" in one.get("uses", "")
    )
    prefix = restored.pop("restore-keys")
    assert restored == saved
    assert saved["key"].startswith(prefix)
    assert "github.run_id" in saved["key"]


def test_the_first_night_without_a_campaign_removes_nothing(project: Path):
    assert run(step(NIGHTLY, "History")["run"], project, ExitCode.USAGE).code == ExitCode.USAGE
