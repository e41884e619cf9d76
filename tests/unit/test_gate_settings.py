"""gate.toml: what is read, and that each kind of nonsense is told by file, key and value."""

from pathlib import Path

import pytest

from harness.analysis import METRICS
from harness.errors import ExitCode, UsageError
from harness.gate.settings import Criterion, Settings, load_settings
from harness.scenario.model import load_scenario

ROOT = Path(__file__).parents[2]
RIGHT = """
scenario = "ci"
contention = "ci_contention"

[metrics.purchase_latency_p95_ms]
tolerance = 0.15
limit = 9000

[metrics.http_error_rate_pct]
points = 1.0
"""


@pytest.fixture
def told(tmp_path):
    """Return what is said of a file with some text."""
    path = tmp_path / "gate.toml"

    def read(text):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(UsageError) as error:
            load_settings(path)
        assert error.value.exit_code is ExitCode.USAGE == 64
        assert str(path) in error.value.message
        assert error.value.hint
        return f"{error.value.message}\n{error.value.hint}"

    return read


def test_a_file_is_read_in_its_order(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(RIGHT)
    assert load_settings(path) == Settings(
        "ci",
        "ci_contention",
        (
            Criterion(METRICS["purchase_latency_p95_ms"], tolerance=0.15, limit=9000),
            Criterion(METRICS["http_error_rate_pct"], points=1.0),
        ),
    )


def test_an_approach_may_have_amounts_of_its_own(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(RIGHT.replace("limit = 9000", "limit = 9000\napproach.queue.tolerance = 0.35"))
    latency, errors = load_settings(path).criteria
    assert latency.of("queue") == Criterion(latency.metric, tolerance=0.35, limit=9000)
    assert latency.of("sync") == Criterion(latency.metric, tolerance=0.15, limit=9000)
    assert errors.of("queue") == errors


def test_the_contention_test_may_be_left_out(tmp_path):
    path = tmp_path / "gate.toml"
    path.write_text(RIGHT.replace('contention = "ci_contention"', ""))
    assert load_settings(path).contention is None


def test_the_projects_own_file_names_scenarios_that_are_there():
    settings = load_settings(ROOT / "gate.toml")
    assert load_scenario(settings.scenario, ROOT).contention is None
    assert settings.contention is not None
    assert load_scenario(settings.contention, ROOT).contention is not None
    assert [one.metric.id for one in settings.criteria] == [
        "purchase_latency_peak_p95_ms",
        "order_time_p95_s",
        "selling_cpu_s_per_order",
        "http_error_rate_pct",
    ]


METRIC = "metrics.purchase_latency_p95_ms"
NONSENSE = [
    # what stands there, what is put in its place, what is said
    ('scenario = "ci"', "", ["scenario is missing"]),
    ('scenario = "ci"', 'scenario = ""', ["scenario = ''", "must not be empty"]),
    ('scenario = "ci"', "scenario = 3", ["scenario = 3", "must be text"]),
    ('contention = "ci_contention"', "contention = true", ["contention = True", "must be text"]),
    ('scenario = "ci"', 'scenary = "ci"', ["scenary (= 'ci')", "did you mean scenario?"]),
    ("tolerance = 0.15", "tolerence = 0.15", [f"{METRIC}.tolerence (= 0.15)", "tolerance"]),
    ("tolerance = 0.15", 'tolerance = "15 %"', [f"{METRIC}.tolerance = '15 %'", "a number"]),
    ("tolerance = 0.15", "tolerance = 0.0", [f"{METRIC}.tolerance = 0.0", "greater than 0"]),
    ("tolerance = 0.15", "tolerance = -0.1", [f"{METRIC}.tolerance = -0.1"]),
    ("tolerance = 0.15", "tolerance = 15", [f"{METRIC}.tolerance = 15", "less than 1"]),
    ("tolerance = 0.15", "tolerance = nan", [f"{METRIC}.tolerance = nan"]),
    ("tolerance = 0.15", "", [METRIC, "one of tolerance"]),
    ("tolerance = 0.15", "tolerance = 0.15\npoints = 1", [METRIC, "one of tolerance"]),
    ("points = 1.0", "points = inf", ["metrics.http_error_rate_pct.points = inf"]),
    ("points = 1.0", "points = 0", ["metrics.http_error_rate_pct.points = 0"]),
    ("limit = 9000", "limit = -1", [f"{METRIC}.limit = -1"]),
    ("limit = 9000", "approach.queue = 1", [f"{METRIC}.approach.queue = 1", "must be a table"]),
    (
        "limit = 9000",
        "approach.queue.tolerance = 15",
        [f"{METRIC}.approach.queue.tolerance = 15", "less than 1"],
    ),
    (
        "limit = 9000",
        "approach.queue.tolerence = 0.2",
        [f"{METRIC}.approach.queue.tolerence (= 0.2)", "did you mean tolerance?"],
    ),
    ("limit = 9000", "approach.queue.points = 1", ["approach.queue.points", "on one scale"]),
    ("limit = 9000", "[metrics.purchase_latency_p95_ms.approach.queue]", ["queue states nothing"]),
    ("limit = 9000", "limit = [1]", [f"{METRIC}.limit = [1]", "must be a number"]),
    (
        "purchase_latency_p95_ms",
        "purchase_latency_p94_ms",
        ["metrics.purchase_latency_p94_ms", "no such metric", "purchase_latency_p95_ms"],
    ),
    ("purchase_latency_p95_ms", "zzz", ["metrics.zzz", "no such metric", "order_time_p95_s"]),
    (
        "purchase_latency_p95_ms",
        "purchase_attempts",
        ["metrics.purchase_attempts", "neither better nor worse"],
    ),
    (RIGHT[RIGHT.index("[metrics.p") :], "", ["metrics is missing"]),
    (RIGHT[RIGHT.index("[metrics.p") :], "[metrics]", ["metrics = {}", "must not be empty"]),
    (RIGHT[RIGHT.index("[metrics.p") :], "metrics = 3", ["metrics = 3", "must be a table"]),
    ("limit = 9000", "limit = ", ["not valid TOML"]),
]


@pytest.mark.parametrize(("there", "instead", "said"), NONSENSE)
def test_nonsense_is_told_by_key_and_value(told, there, instead, said):
    assert there in RIGHT
    words = told(RIGHT.replace(there, instead))
    for word in said:
        assert word in words


def test_a_file_that_is_no_text_is_told(told):
    assert "not UTF-8" in told(b"\xff\xfe")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.toml: No such file"):
        load_settings(tmp_path / "nowhere.toml")
