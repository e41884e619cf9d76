"""`harness capacity` on a fake runtime, by the real command line.

The simulated sync has four threads, so buyers wait the longer the more of them there are; the
simulated queue answers at once however many there are.
"""

import signal

import jsonschema_rs
import pytest

from harness.capacity.capacity_document import CapacityDocument, json_schema
from harness.results.store import Campaign, read_json
from tests.integration.test_wrong_usage import refused
from tests.support.fake_harness import FAKE, FakeHarness, at, be_killed, stop_at

pytestmark = pytest.mark.integration

LIMITS = ("--purchase-p95-ms", "4000", "--error-pct", "20", "--drain-s", "10")
SEARCH = ("--start", "16", "--highest", "64", "--resolution-pct", "30", "--repeats", "2")


@pytest.fixture(scope="module")
def words(tmp_path_factory):
    """The simulated sale, twice as long: so that a stage has purchases enough."""
    path = tmp_path_factory.mktemp("scenario") / "longer.toml"
    path.write_text(FAKE.read_text().replace("seconds = 5", "seconds = 10"))
    return ("capacity", "--scenario", path, *LIMITS)


def document(out):
    return read_json(out / "capacity.json")


def levels(out):
    """The level of each run, in the order in which they were made."""
    campaign = Campaign.open(out).description()
    points = {one["name"]: one["point"]["load.peak_users"] for one in campaign["variants"]}
    return [points[run["variant"]] for run in campaign["order"]]


@pytest.fixture(scope="module")
def searched(tmp_path_factory, words):
    """A search for the capacity of sync that nothing interrupted."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "scratch").mkdir()
    command = FakeHarness(folder / "scratch", reports=True)
    done = command.run(*words, *SEARCH, "sync", "--out", folder / "c")
    assert done.returncode == 0, done.said
    return folder / "c", done


def test_the_capacity_of_a_shop_with_four_threads_lies_where_they_are_used_up(searched):
    out, done = searched
    content = document(out)
    jsonschema_rs.validator_for(json_schema()).validate(content)
    (found,) = CapacityDocument.model_validate(content).capacities
    assert (found.name, found.answer) == ("sync", "bracket")
    assert 16 <= found.served < found.not_served <= 64
    assert found.not_served <= 1.3 * found.served
    assert found.gave_out.name == "payment slots"
    assert found.settled
    assert found.statement in done.stdout
    assert "payment slots gave out (all 4 had a charge under way" in found.statement
    for level in found.levels:
        assert level.served == (level.level <= found.served)
        assert [run.block for run in level.runs] == [*range(1, len(level.runs) + 1)]


def test_each_run_is_one_of_the_campaign_under_the_load_of_its_level(searched):
    out, _ = searched
    tried = levels(out)
    assert tried[:2] == [16, 32]
    for run, users in zip(Campaign.open(out).load_runs(), tried, strict=True):
        assert run.variant == f"sync.users-{users}"
        stages = run.record.scenario["stages"]
        assert max(stage["users"] for stage in stages) == users
        assert run.record.scenario["product"]["stock"] > len(run.orders)
        assert run.record.seed == 7 + run.record.block - 1


def test_it_says_how_many_runs_there_will_be_and_what_each_said(searched):
    _, done = searched
    assert "runs of 40 s of load; about" in done.stdout
    assert "sync, 16 users: passed" in done.stdout
    assert "users: failed: purchase p95" in done.stdout
    assert "PASS: every end that was found is close and repeated" in done.stdout


def test_the_report_begins_with_the_sentence_and_has_the_picture(searched):
    out, _ = searched
    (found,) = document(out)["capacities"]
    page = (out / "report/index.html").read_text("utf-8")
    title = page.partition("<h1>")[2].partition("</h1>")[0]
    assert title == f"Synchronous serves {found['served']} users, not {found['not_served']} users"
    drawn = {path.stem for path in (out / "report/figures").glob("*.svg")}
    assert drawn == {"level-p95", "level-errors"}
    tables = {path.stem for path in (out / "report/tables").glob("*.csv")}
    assert {"capacities", "levels", "level-runs", "used", "audit", "laws"} <= tables
    text = (out / "report/report.md").read_text("utf-8")
    assert found["statement"] in text
    assert "closed workload, up to 16 to" in text


@pytest.mark.slow
def test_the_report_is_the_same_when_built_again(searched, harness):
    out, _ = searched
    names = ("capacity.json", "summary.json", "report/index.html", "report/report.md")
    before = {name: (out / name).read_bytes() for name in names}
    (out / "capacity.json").unlink()
    done = FakeHarness(harness.scratch, reports=True).run("report", out)
    assert done.returncode == 0, done.said
    assert {name: (out / name).read_bytes() for name in names} == before


@pytest.mark.slow
def test_a_search_that_was_killed_is_resumed_and_comes_to_the_same(
    searched, words, harness, tmp_path
):
    out = tmp_path / "c"
    asked = (*words, *SEARCH, "sync", "--out", out)
    killed = harness.run(*asked, happens=at("collect", be_killed, nth=4))
    assert killed.returncode == -signal.SIGKILL
    assert len(Campaign.open(out).run_folders()) == 3
    done = harness.run("capacity", "--resume", out)
    assert done.returncode == 0, done.said
    whole, _ = searched
    assert levels(out) == levels(whole)
    assert document(out) == document(whole)


def test_a_signal_keeps_the_finished_runs_and_says_how_to_go_on(words, harness, tmp_path):
    out, mark = tmp_path / "c", tmp_path / "mark"
    asked = (*words, *SEARCH, "sync", "--out", out)
    process = harness.start(*asked, happens=at("load", stop_at(mark), nth=2))
    process.wait_until(mark.exists)
    process.send(signal.SIGINT)
    done = process.wait()
    assert done.returncode == 130, done.said
    assert f"hint: continue with: harness capacity --resume {out}" in done.stderr
    assert len(Campaign.open(out).run_folders()) == 1
    refused(harness.run("run", "--resume", out), 64, f"harness capacity --resume {out}")


@pytest.mark.slow
def test_several_variants_take_turns(harness, tmp_path):
    out = tmp_path / "c"
    search = ("--start", "8", "--highest", "16", "--repeats", "1", "--most-runs", "2")
    variants = ("sync", "more=sync,api.THREADS=8")
    done = harness.run("capacity", "--scenario", FAKE, *LIMITS, *search, *variants, "--out", out)
    assert done.returncode in (0, 30), done.said
    bases = [run["variant"].partition(".")[0] for run in Campaign.open(out).description()["order"]]
    assert set(bases[:2]) == set(bases[2:4]) == {"sync", "more"}
    assert [one["name"] for one in document(out)["capacities"]] == ["sync", "more"]


def test_what_serves_all_that_may_be_tried_serves_at_least_that(words, harness, tmp_path):
    out = tmp_path / "c"
    search = ("--start", "8", "--highest", "9", "--repeats", "1", "--error-pct", "50")
    done = harness.run(*words, *search, "queue", "--out", out)
    assert done.returncode == 0, done.said
    assert levels(out) == [8, 9]
    assert "serves at least 9 users (1 of 1 runs passed), the highest level" in done.stdout


def test_what_serves_not_even_the_lowest_level_serves_less(words, harness, tmp_path):
    out = tmp_path / "c"
    search = ("--start", "8", "--lowest", "7", "--repeats", "1", "--purchase-p95-ms", "1")
    done = harness.run(*words, *search, "sync", "--out", out)
    assert done.returncode == 0, done.said
    assert levels(out) == [8, 7]
    assert "Synchronous serves less than 7 users (0 of 1 runs passed)" in done.stdout


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("telepathy",), "telepathy"),
        (("--users", "--scenario", "open"), "--users: the load of open is open"),
        (("--scenario", "contention"), "contention"),
        (("--scenario", "no_such_sale"), "no_such_sale"),
        (("--start", "100", "--highest", "50"), "beginning at 100"),
        (("--purchase-p95-ms", "0"), "a limit of 0 ms"),
        (("--drain-s", "1000"), "for the backlog"),
        (("--most-runs", "1"), "--most-runs 1"),
        (("sync", "--set", "api.NO_SUCH_KEY=2"), "NO_SUCH_KEY"),
        (("--repeats", "0"), "--repeats"),
    ],
)
def test_nonsense_is_refused_before_anything_is_written(harness, tmp_path, asked, said):
    out = tmp_path / "c"
    refused(harness.run("capacity", *asked, "--out", out), 64, said)
    assert not out.exists()


def test_another_campaign_is_not_continued_as_a_search(harness, tmp_path):
    out = tmp_path / "c"
    done = harness.run("run", FAKE, "--approach", "sync", "--out", out)
    assert done.returncode == 0, done.said
    refused(harness.run("capacity", "--resume", out), 64, "is no search for a capacity")
    refused(harness.run("capacity", "--resume", out, "--start", "9"), 64, "exactly as it was begun")


def test_what_was_asked_is_part_of_the_campaign(searched):
    out, _ = searched
    assert Campaign.open(out).description()["capacity"]["limits"] == {
        "purchase_p95_ms": 4000.0,
        "error_pct": 20.0,
        "drain_s": 10.0,
    }
