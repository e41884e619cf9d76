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
        ("{replica}", "{service!x}", ["faults.kill", "cannot be filled in"]),
        ("{replica}", "{service:d}", ["faults.kill", "cannot be filled in"]),
        ("{replica}", "{replica:{width}}", ["faults.kill", "cannot be filled in"]),
        ("{replica}", "{replica.real}", ["faults.kill", "{replica.real}"]),
        ("{replica}", "{", ["faults.kill"]),
        ('["http://10.0.0.7:8001/readyz"]', "[]", ["health.api", "must not be empty"]),
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
    "line",
    [
        'postgress = "postgresql://u:hid/den@h/d"',
        'pgs = "host=h password=hidden"',
        'postgres = ["postgresql://u:hidden@h/d"]',
        'postgres = {url = "hidden"}',
        'postgres = "host=h password=hidden"',
        'postgres = "postgresql://u:x@hidden@h/d"',
        'postgres = "postgresql://u:x/hidden@h/d"',
        'postgres = "postgresql://u:12/hidden@h/d"',
        'redis = ["redis://:hidden@h"]',
        'redis = "redis://:12/hidden@h:1/0"',
        'redis = "hidden"',
        'address = "http://u:x@hidden@h"',
        'address = "http://u:x/hidden@h"',
        'faults = {kill = "PGPASSWORD=hidden psql {pod}"}',
        'faults = {kil = "PGPASSWORD=hidden psql"}',
        'reset = "PGPASSWORD=hidden psql"',
    ],
)
def test_no_mistake_shows_a_password(file, line):
    key = line.split()[0]
    above, _, below = SOUND.partition("[gateway]")
    kept = [one for one in above.splitlines() if not one.startswith(f"{key} =")]
    below = below.split("[faults]")[0] if key == "faults" else below
    file.write_text("\n".join([*kept, line, f"[gateway]{below}"]))
    with pytest.raises(UsageError) as refused:
        load_endpoints(file)
    assert key in refused.value.message
    assert "hid" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize(
    ("approach", "old", "new", "words"),
    [
        ("queue", "[health]\napi", "[health]\napii", ["health.apii", "no such service", "api"]),
        ("queue", "redis = ", "# redis = ", ["redis is missing", "queue"]),
        (
            "queue",
            '["http://10.0.0.7:8001/readyz"]',
            '["http://10.0.0.7:1/readyz", "http://10.0.0.7:2/readyz", "http://10.0.0.7:3/readyz"]',
            ["health.api has 3 URLs", "replicas", "one for each, or one for all"],
        ),
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
