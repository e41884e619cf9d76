"""A stored baseline: what is kept of a campaign, what it can be compared with, what that says."""

import copy
import json

import pytest

from harness.analysis import METRICS
from harness.errors import ExitCode, NotComparable, UsageError
from harness.gate import sides, stored_baseline
from harness.gate.result import Ruling
from harness.gate.settings import Criterion
from harness.results.store import run_folder_name
from tests.support.records import a_record
from tests.support.stored import stored, variants

P95, ERRORS, GOODPUT = "purchase_latency_peak_p95_ms", "http_error_rate_pct", "goodput_per_s"
CRITERIA = (
    Criterion(METRICS[P95], tolerance=0.15, limit=0.001),
    Criterion(METRICS[ERRORS], points=1.0),
    Criterion(METRICS[GOODPUT], tolerance=0.15),
)
SYNC = {P95: [500.0, 510.0, 490.0], ERRORS: [0.0, 1.0, 2.0], GOODPUT: [10.0, 10.1, 9.9]}
QUEUE = {P95: [100.0, 102.0, 98.0], ERRORS: [0.0, 1.5, 2.0], GOODPUT: [20.0, 20.2, 19.8]}
SUBJECT = "queue ÷ sync"
DEPLOYMENT = {"images": {"redis": {"image": "redis:8", "digest": "sha256:1"}}, "other": 1}


def a_campaign(queue=None, changes=None, sync=None):
    """Return a stored campaign of both approaches."""
    values = {"sync": SYNC | (sync or {}), "queue": QUEUE | (queue or {})}
    return stored(values, {"created_at": "2026-11-25T16:00:00+00:00", **(changes or {})})


def written(folder, one=None):
    """Write a campaign's files down, as far as a baseline reads them."""
    one = one or a_campaign()
    summary = copy.deepcopy(one.summary)
    order = []
    index = 0
    for approach in summary["variants"]:
        for run in approach["runs"]:
            index += 1
            run["index"] = index
            place = folder / "runs" / run_folder_name(index, approach["name"])
            place.mkdir(parents=True)
            order.append({"index": index, "variant": approach["name"]})
            record = a_record(**order[-1], deployment=DEPLOYMENT)
            (place / "run.json").write_text(json.dumps(record))
    (folder / "campaign.json").write_text(json.dumps({**one.description, "order": order}))
    (folder / "summary.json").write_text(json.dumps(summary))
    return folder


@pytest.fixture
def kept(tmp_path):
    """Return a baseline that was written and read again."""
    path = tmp_path / "results" / "baseline.json"
    stored_baseline.write(written(tmp_path / "campaign"), path)
    return stored_baseline.read(path)


def ruled(kept, head):
    return {row.metric: row for row in stored_baseline.rows(CRITERIA, kept, head.summary)}


def test_what_is_kept_is_ratios_and_points_and_no_milliseconds(kept):
    found = kept.changes[SUBJECT]
    assert found[P95].ratios == pytest.approx([0.2, 0.2, 0.2])
    assert found[P95].points == []
    assert found[ERRORS].ratios == [None, 1.5, 1.0]
    assert found[ERRORS].points == [0.0, 0.5, 0.0]
    assert "purchase_attempts" not in found


def test_what_is_kept_says_where_it_is_from(kept):
    assert kept.description.created_at.startswith("2026-11-25")
    assert kept.description.environment["git"]["revision"] == "a" * 40
    assert "argv" not in kept.description.environment
    assert kept.deployments == [{"images": DEPLOYMENT["images"]}]


def test_it_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "baseline.json"
    assert stored_baseline.write(written(tmp_path / "campaign"), path) == stored_baseline.read(path)


def test_head_is_no_worse_than_a_baseline_of_its_own(kept):
    head = a_campaign()
    stored_baseline.check(kept, CRITERIA, head.description, [DEPLOYMENT])
    rows = ruled(kept, head)
    assert {row.ruling for row in rows.values()} == {Ruling.PASS}
    assert {row.subject for row in rows.values()} == {SUBJECT}


def test_another_machine_with_other_milliseconds_is_as_good(kept):
    slower = {P95: [5 * x for x in SYNC[P95]]}, {P95: [5 * x for x in QUEUE[P95]]}
    head = a_campaign(sync=slower[0], queue=slower[1], changes={"environment/cpu_model": "Other"})
    stored_baseline.check(kept, CRITERIA, head.description)
    row = ruled(kept, head)[P95]
    assert row.ruling is Ruling.PASS
    assert (row.change, row.unit, row.limit) == (pytest.approx(1), "", None)
    assert row.base == pytest.approx(0.2)


def test_a_queue_that_lost_its_lead_fails(kept):
    rows = ruled(kept, a_campaign(queue={P95: [150.0, 152.0, 148.0]}))
    assert rows[P95].ruling is Ruling.FAIL
    assert rows[P95].change == pytest.approx(1.5, rel=0.01)
    assert rows[GOODPUT].ruling is Ruling.PASS


def test_less_of_what_is_better_if_higher_fails(kept):
    rows = ruled(kept, a_campaign(queue={GOODPUT: [12.0, 12.1, 11.9]}))
    assert rows[GOODPUT].ruling is Ruling.FAIL


def test_an_error_rate_is_judged_in_points(kept):
    rows = ruled(kept, a_campaign(queue={ERRORS: [6.0, 7.0, 8.0]}))
    assert (rows[ERRORS].ruling, rows[ERRORS].kind) == (Ruling.FAIL, "difference")
    assert rows[ERRORS].change == pytest.approx(6 - 0.5 / 3)


def test_what_head_has_no_ratio_of_is_open(kept):
    row = ruled(kept, a_campaign(queue={GOODPUT: [0.0, 12.1, 11.9]}))[GOODPUT]
    assert (row.ruling, row.kind) == (Ruling.INCONCLUSIVE, "none")


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("runtime", "docker", "runtime: local in A, docker in B"),
        ("seed", 7, "seed: 42 in A, 7 in B"),
        ("variants", variants("queue"), "variants: queue sync in A, queue in B"),
        ("scenario/stages/1/users", 200, "scenario: stages[2].users: 300 in A, 200 in B"),
        ("topologies/sync/payment_slots", 8, "topology of sync: payment_slots: 4 in A, 8 in B"),
        ("schema_version", 3, "schema_version: 2 in A, 3 in B"),
    ],
)
def test_who_was_asked_something_else_cannot_be_compared(kept, path, value, reason):
    head = a_campaign(changes={path: value})
    with pytest.raises(NotComparable) as error:
        stored_baseline.check(kept, CRITERIA, head.description)
    assert error.value.exit_code is ExitCode.NO_BASELINE == 50
    assert f"- {reason}" in error.value.message.splitlines()


def test_every_reason_is_told(kept):
    head = a_campaign(changes={"runtime": "docker", "seed": 7})
    with pytest.raises(NotComparable) as error:
        stored_baseline.check(kept, CRITERIA, head.description)
    assert error.value.message.count("\n- ") == 2


def test_other_images_of_bought_services_are_told(kept):
    services = {"redis": {"image": "redis:8"}}
    other = {"images": {"redis": {"image": "redis:7", "digest": "sha256:2"}}}
    head = a_campaign(changes={"topologies/queue/services": services})
    with pytest.raises(NotComparable, match="image of redis: redis:8 in A, redis:7 in B"):
        stored_baseline.check(kept, CRITERIA, head.description, [other])


@pytest.mark.parametrize(
    ("criterion", "reason"),
    [
        (
            Criterion(METRICS["selling_cpu_s_per_order"], tolerance=0.15),
            "the baseline does not have it",
        ),
        (Criterion(METRICS[P95], points=5.0), "in ms, not in ratios"),
    ],
)
def test_a_criterion_that_it_cannot_answer_is_told(kept, criterion, reason):
    with pytest.raises(NotComparable, match=f"metrics.{criterion.metric.id}.*{reason}"):
        stored_baseline.check(kept, (criterion,), a_campaign().description)


def test_a_baseline_that_is_not_there_is_no_baseline(tmp_path):
    with pytest.raises(NotComparable, match=r"there is no baseline .*nowhere\.json"):
        stored_baseline.read(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"schema_version": 2}, NotComparable, "schema_version is 2, this harness reads 1"),
        ({"format": "other"}, UsageError, "is not a baseline"),
        ({"changes": 3}, UsageError, "changes = 3: must be a table"),
        ({"surplus": 1}, UsageError, "there is no key surplus"),
        ({"deployments": None}, UsageError, "deployments = None"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(tmp_path, change, error, said):
    path = tmp_path / "baseline.json"
    stored_baseline.write(written(tmp_path / "campaign"), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error) as told:
        stored_baseline.read(path)
    assert said in told.value.message
    assert str(path) in told.value.message


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_file_that_is_no_json_object_is_told(tmp_path, text):
    path = tmp_path / "baseline.json"
    path.write_text(text)
    with pytest.raises(UsageError) as told:
        stored_baseline.read(path)
    assert str(path) in told.value.message
    assert "harness baseline" in told.value.hint


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"valid": False, "reasons": ["generator CPU"]}, "is INVALID: generator CPU"),
        ({"audit_verdict": "FAIL"}, "is FAIL"),
    ],
)
def test_an_invalid_campaign_is_no_baseline(tmp_path, run, said):
    one = a_campaign()
    one.summary["variants"][1]["runs"][0].update(run)
    with pytest.raises(UsageError, match=said):
        stored_baseline.write(written(tmp_path / "campaign", one), tmp_path / "baseline.json")
    assert not (tmp_path / "baseline.json").exists()


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("scenario/contention", {"buyers": 5}, "its runs are not ranked"),
        ("cases", ["kill"], "its runs are not ranked"),
        ("variants", variants("sync"), "it measured one approach"),
    ],
)
def test_what_has_no_ratios_is_no_baseline(tmp_path, path, value, said):
    folder = written(tmp_path / "campaign", a_campaign(changes={path: value}))
    with pytest.raises(UsageError, match=said):
        stored_baseline.write(folder, tmp_path / "baseline.json")


def test_one_block_is_no_baseline(tmp_path):
    one = a_campaign()
    for approach in one.summary["variants"]:
        approach["runs"] = approach["runs"][:1]
    with pytest.raises(UsageError, match="fewer than two blocks"):
        stored_baseline.write(written(tmp_path / "campaign", one), tmp_path / "baseline.json")


def test_what_it_is_as_a_side_changes_with_its_file(kept, tmp_path):
    path = tmp_path / "results" / "baseline.json"
    git = kept.description.environment["git"]
    first = sides.of_file(path, git)
    assert (first.name, first.revision) == (str(path), "a" * 40)
    path.write_text(path.read_text() + " ")
    assert sides.of_file(path, git).sources != first.sources


def test_a_folder_without_a_campaign_is_told(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        stored_baseline.write(tmp_path, tmp_path / "baseline.json")


def test_a_baseline_that_version_1_of_the_campaigns_made_is_read(kept, tmp_path):
    path = tmp_path / "results" / "baseline.json"
    content = json.loads(path.read_text())
    asked = content["description"]
    asked |= {"schema_version": 1, "approaches": [one["name"] for one in asked.pop("variants")]}
    del asked["baseline"]
    for n, name in enumerate(("sync", "queue")):
        asked["topologies"][name]["containers"] = n
    path.write_text(json.dumps(content))
    old = stored_baseline.read(path)
    assert [one["name"] for one in old.description.variants] == ["sync", "queue"]
    assert old.changes == kept.changes
    head = a_campaign(
        changes={f"topologies/{n}/containers": i for i, n in enumerate(["sync", "queue"])}
    )
    stored_baseline.check(old, CRITERIA, head.description)
