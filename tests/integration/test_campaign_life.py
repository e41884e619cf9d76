"""The life of a campaign on a fake runtime, by the real command line: what ends it, what stays."""

import json
import signal
from functools import partial

import pytest

from harness.errors import InfrastructureError
from harness.results.store import Campaign, read_json
from tests.integration.test_wrong_usage import refused
from tests.support import fake_runtime
from tests.support.fake_harness import FAKE, at, be_killed, stop_at
from tests.support.full_disk import fill_the_disk

pytestmark = pytest.mark.integration

STEPS = ("up", "reset", "warm_up", "settle", "load", "drain", "collect", "down")
WHOLE = [
    *("up", "reset", "warm_up", "stop warm-up", "settle", "load", "drain", "stop sampler"),
    *("stop load", "collect", "save", "down"),
]
UNDONE = {
    "up": [],
    "reset": ["down"],
    "warm_up": ["stop warm-up", "stop load", "down"],
    "settle": ["stop load", "down"],
    "load": ["stop sampler", "stop load", "down"],
    "drain": ["stop sampler", "stop load", "down"],
    "collect": ["down"],
    "down": [],
}
"""What is still done when a step fails, in this order."""


def fail(words="it broke"):
    raise InfrastructureError(words, "mend it")


def noting(path, happens):
    """Note every step in a file, whatever then becomes of it."""

    def note(step):
        with path.open("a") as file:
            file.write(f"{step}\n")
        happens(step)

    return note


def kept(out):
    """What is stored of each finished run."""
    return {path: path.read_bytes() for path in (out / "runs").rglob("*") if path.is_file()}


def indices(out):
    return [run.index for run in Campaign.open(out).load_runs()]


@pytest.fixture
def conduct(tmp_path, monkeypatch):
    """Conduct a campaign of one run in this process, and return its world."""
    from harness import campaign
    from harness.campaign.observer import CompositeObserver
    from harness.runtimes import runtime_named
    from harness.scenario.model import load_scenario
    from tests.support.fake_harness import ROOT

    world = fake_runtime.World()
    fake_runtime.put_in_place(world, monkeypatch.setattr)
    scenario = load_scenario(str(FAKE), ROOT)
    variants = campaign.choose(scenario, ROOT, campaign.Choice(approaches=["sync"]))
    request = campaign.Request(scenario, variants, 1, 7)

    def conduct(happens=fake_runtime.nothing):
        world.happens = happens
        campaign.run(request, ROOT, tmp_path / "c", runtime_named("local"), CompositeObserver(()))

    return world, conduct


def test_the_steps_of_a_run_come_in_order_and_all_is_stopped(conduct, tmp_path):
    world, go = conduct
    go()
    assert world.steps == WHOLE
    assert world.up == []
    (run,) = Campaign.open(tmp_path / "c").load_runs()
    assert run.record.validity.verdict == "VALID", run.record.validity
    assert set(run.record.durations_s) == {*STEPS} - {"down"}


@pytest.mark.parametrize("error", [InfrastructureError("broken", ""), KeyboardInterrupt()])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_step_fails_what_was_begun_is_undone(conduct, tmp_path, step, error):
    world, go = conduct

    def act():
        raise error

    with pytest.raises(type(error)):
        go(at(step, act))
    failed = len(world.steps) - 1 - world.steps[::-1].index(step)
    assert world.steps[failed + 1 :] == UNDONE[step]
    assert len(world.up) == (step == "down")
    saved = list((tmp_path / "c" / "runs").iterdir())
    assert [path.name for path in saved] == (["01-sync"] if step == "down" else [])


@pytest.mark.parametrize("step", [*STEPS, "save"])
def test_a_campaign_killed_at_any_step_is_resumed(harness, tmp_path, step):
    out = tmp_path / "c"
    words = ("run", FAKE, "--approach", "sync", "--runs", "2", "--out", out)
    assert harness.run(*words, happens=at(step, be_killed, nth=2)).returncode == -signal.SIGKILL
    before = kept(out)
    assert indices(out) == ([1, 2] if step == "down" else [1])

    steps = tmp_path / "steps"
    done = harness.run("run", "--resume", out, happens=noting(steps, fake_runtime.nothing))
    assert done.returncode == 0, done.said
    again = steps.read_text().split() if steps.exists() else []
    assert again.count("up") == (step != "down")
    assert indices(out) == [1, 2]
    assert {path: kept(out)[path] for path in before} == before
    assert [path for path in (out / "runs").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_keeps_what_was_finished_and_resume_completes_it(harness, tmp_path, number):
    out, mark = tmp_path / "c", tmp_path / "mark"
    steps = tmp_path / "steps"
    process = harness.start(
        *("run", FAKE, "--approach", "queue", "--runs", "2", "--out", out),
        happens=noting(steps, at("load", stop_at(mark), nth=2)),
    )
    process.wait_until(mark.exists)
    process.send(number)
    done = process.wait()
    assert done.returncode == 130, done.said
    assert "interrupted; everything is down; finished runs that are kept: 1" in done.stderr
    assert f"hint: continue with: harness run --resume {out}" in done.stderr
    assert steps.read_text().split()[-2:] == ["load", "down"]
    assert list(harness.scratch.glob("flashsale-*")) == []  # the lock has gone

    before = kept(out)
    assert harness.run("run", "--resume", out).returncode == 0
    assert indices(out) == [1, 2]
    assert {path: kept(out)[path] for path in before} == before


def test_a_second_harness_is_turned_away(harness, tmp_path):
    mark = tmp_path / "mark"
    first = harness.start(
        *("run", FAKE, "--out", tmp_path / "one"), happens=at("up", stop_at(mark))
    )
    first.wait_until(mark.exists)
    second = harness.run("run", FAKE, "--out", tmp_path / "two")
    first.send(signal.SIGTERM)
    assert second.returncode == 70, second.said
    assert f"another harness is measuring on this machine (pid {first.pid}" in second.stderr
    assert "hint: " in second.stderr
    assert not (tmp_path / "two").exists()
    assert first.wait().returncode == 130


def test_a_step_that_fails_ends_with_70_and_says_so(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, "--approach", "sync", "--out", out)
    done = harness.run(*words, happens=at("reset", fail))
    assert done.returncode == 70, done.said
    assert done.stderr.startswith("error: run 1 (sync): it broke")
    assert "hint: mend it" in done.stderr
    assert Campaign.open(out).run_folders() == []
    assert harness.run("run", "--resume", out).returncode == 0


def test_an_oversold_campaign_exits_20(harness, tmp_path):
    out = tmp_path / "c"
    assert harness.run("run", FAKE, "--out", out, "--approach", "sync").returncode == 0
    change(out, lambda record: record["store"]["products"][0].update(initial_stock=1))
    done = harness.run("audit", out)
    assert done.returncode == 20, done.said
    assert "FAIL" in done.stdout


def test_an_oversell_that_is_measured_exits_20_and_is_kept(harness, tmp_path):
    out = tmp_path / "c"
    oversold = partial(change_product, initial_stock=1)
    done = harness.run("run", FAKE, "--out", out, "--approach", "sync", changes=oversold)
    assert done.returncode == 20, done.said
    assert "audit FAIL" in done.stdout
    assert indices(out) == [1]


def test_an_invalid_run_is_kept_and_told_and_exits_40(harness, tmp_path):
    out = tmp_path / "c"
    done = harness.run("run", FAKE, "--out", out, "--approach", "sync", changes=busy_generator)
    assert done.returncode == 40, done.said
    assert "01-sync: INVALID: " in done.stdout
    assert indices(out) == [1]


def test_a_run_that_the_report_calls_invalid_exits_40_whatever_it_was_saved_with(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, "--out", out, "--approach", "sync")
    assert harness.run(*words, changes=busy_generator).returncode == 40

    def call_it_valid(record):
        record["validity"].update(verdict="VALID", reasons=[])

    change(out, call_it_valid)
    for command in ("report", "audit"):
        done = harness.run(command, out)
        assert done.returncode == 40, done.said
        assert "01-sync: INVALID: generator CPU" in done.stdout


def test_a_weak_set_up_is_told_and_ranked_and_exits_20_only_if_strict(harness, tmp_path):
    out = tmp_path / "c"
    done = harness.run("run", FAKE, "--out", out, "--approach", "sync", changes=weak_passwords)
    assert done.returncode == 0, done.said
    assert "I16 FAIL (durability and security of the set-up)" in done.stdout
    (approach,) = read_json(out / "summary.json")["variants"]
    assert approach["ranked"]
    assert approach["audit_verdict"] == "PASS"
    for command in ("report", "audit"):
        assert harness.run(command, out).returncode == 0
        assert harness.run(command, out, "--strict").returncode == 20


def test_bcrypt_at_the_cost_that_owasp_allows_is_no_finding(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, "--out", out, "--approach", "sync", "--strict")
    assert harness.run(*words, changes=bcrypt).returncode == 0


def test_a_campaign_that_is_there_is_not_written_over(harness, tmp_path):
    out = tmp_path / "c"
    words = ("run", FAKE, "--approach", "sync", "--out", out)
    assert harness.run(*words).returncode == 0
    done = harness.run(*words)
    assert done.returncode == 64, done.said
    assert "holds a campaign already" in done.stderr


def change(out, edit):
    path = Campaign.open(out).run_folders()[0] / "run.json"
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def change_product(run, _, **facts):
    for name, value in facts.items():
        setattr(run.record.store.products[0], name, value)


def weak_passwords(run, _):
    run.record.store.passwords = [{"parameters": "$2b$04", "count": 30}]


def bcrypt(run, _):
    run.record.store.passwords = [{"parameters": "$2b$10", "count": 30}]


def busy_generator(run, _):
    """Let the load generator have had no time to spare."""
    of_load = (run.telemetry["source"] == "load") & (run.telemetry["metric"] == "cpu_s")
    run.telemetry.loc[of_load, "value"] = run.telemetry.loc[of_load, "t_s"] * 0.99


ROOM_BYTES = 4_000
"""For what a command says, and for no run."""


def test_a_full_disk_ends_a_campaign_that_can_be_resumed_once_there_is_space(harness, tmp_path):
    out = tmp_path / "c"

    def fills():
        fill_the_disk(ROOM_BYTES)

    first = harness.run("run", FAKE, "--runs", 1, "--out", out, happens=at("save", fills, nth=2))
    refused(first, 70, "cannot save run 02-", "--resume")
    assert indices(out) == [1]
    before = kept(out)
    again = harness.run("run", "--resume", out, happens=at("up", fills))
    refused(again, 70, "cannot save run 02-", "--resume")
    assert kept(out) == before
    assert harness.run("run", "--resume", out).returncode == 0
    assert indices(out) == [1, 2]
    assert kept(out).items() >= before.items()
