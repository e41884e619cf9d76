"""The file that says where a deployment is: what may stand in it, and what a mistake is told."""

import pytest

from harness.errors import UsageError
from harness.runtimes.attached.endpoints import load_endpoints
from harness.topology import find_approach
from tests.support.edits import ROOT

SOUND = """
confirm = "I may empty these stores"
address = "http://10.0.0.7:8080/"
postgres = "postgresql://postgres:hidden@10.0.0.7:5432/shop"
redis = "redis://:hidden@10.0.0.7:6379/0"

[gateway]
url = "http://10.0.0.7:9000"
seed = "7"

[metrics]
api = ["http://10.0.0.7:8001/metrics", "http://10.0.0.8:8001/metrics"]

[health]
api = ["http://10.0.0.7:8001/readyz"]

[prometheus]
url = "http://10.0.0.9:9090"

[prometheus.cpu_s]
api = 'sum(container_cpu_usage_seconds_total{pod=~"api-.*"})'

[faults]
kill = "kubectl delete pod {service}-{replica} --grace-period=0"
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "endpoints.toml"
    path.write_text(SOUND)
    return path


def test_a_sound_file_is_read(file):
    found = load_endpoints(file)
    assert found.address == "http://10.0.0.7:8080"
    assert found.metrics == {"api": ("http://10.0.0.7:8001", "http://10.0.0.8:8001")}
    assert found.gateway.seed == "7"
    assert found.faults.kill.format(service="api", replica=2).startswith("kubectl delete pod api-2")
    assert found.faults.start is None
    found.check(find_approach(ROOT, "queue"), file)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("I may empty", "You may empty", ["confirm", "I may empty these stores"]),
        ('confirm = "I may empty these stores"', "", ["confirm is missing"]),
        ("http://10.0.0.7:8080/", "https://10.0.0.7", ["address", "https://10.0.0.7", "no TLS"]),
        ("postgresql://", "mysql://", ["postgres must be postgresql://"]),
        ("hidden@10.0.0.7:5432", "hid%den@10.0.0.7:5432", ["postgres must be postgresql://"]),
        ("hidden@10.0.0.7:5432", "hid%zen@10.0.0.7:5432", ["postgres must be postgresql://"]),
        ("redis://", "http://", ["redis must be redis://"]),
        (":6379/0", ":port/0", ["redis must be redis://"]),
        ("8001/metrics", "8001/stats", ["metrics.api", "/metrics"]),
        ("{replica}", "{pod}", ["faults.kill", "{pod}", "{replica}"]),
        ("[faults]\nkill", "[faults]\nkil", ["faults.kil", "did you mean kill"]),
        ("postgres = ", "postgress = ", ["postgress", "did you mean postgres"]),
    ],
)
def test_a_mistake_is_named_by_key_and_shows_no_password(file, old, new, words):
    file.write_text(SOUND.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load_endpoints(file)
    said = refused.value.message + refused.value.hint
    assert str(file) in said
    assert [word for word in words if word not in said] == []
    assert "hidden" not in said


@pytest.mark.parametrize(
    ("approach", "old", "new", "words"),
    [
        ("queue", "[health]\napi", "[health]\napii", ["health.apii", "no such service", "api"]),
        ("queue", "redis = ", "# redis = ", ["redis is missing", "queue"]),
    ],
)
def test_what_the_approach_has_not_is_named(file, approach, old, new, words):
    file.write_text(SOUND.replace(old, new, 1))
    with pytest.raises(UsageError) as refused:
        load_endpoints(file).check(find_approach(ROOT, approach), file)
    said = refused.value.message + refused.value.hint
    assert [word for word in words if word not in said] == []


def test_an_approach_without_redis_needs_none(file):
    file.write_text(SOUND.replace("redis = ", "# redis = ", 1))
    load_endpoints(file).check(find_approach(ROOT, "sync"), file)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*nowhere\.toml"):
        load_endpoints(tmp_path / "nowhere.toml")
