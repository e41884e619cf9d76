"""The report says on what the systems ran, and which limits nothing enforced."""

from types import SimpleNamespace

import pytest

from report import deployments

LOCAL = {"runtime": "local", "images": {}, "limits": {}}
DIGEST = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"


def said(campaign, *recorded):
    runs = [
        SimpleNamespace(record=SimpleNamespace(**{"deployment": None, **record}))
        for record in recorded
    ]
    evidence = SimpleNamespace(campaign=campaign, runs=runs)
    return dict(deployments.rows(evidence))


def limits(enforced, cpus=None, memory_bytes=None):
    return {"cpus": cpus, "memory_bytes": memory_bytes, "enforced": enforced}


def test_a_campaign_that_recorded_only_the_name_is_shown_as_before():
    assert said({"runtime": "local"}, {}, {}) == {"Runtime": "local"}
    assert said({}, {}) == {"Runtime": "not recorded"}


def test_the_engine_is_named_by_its_versions():
    facts = {"name": "docker", "engine": "28.1", "api": "1.49", "compose": "5.6.1", "cgroup": 2}
    row = said({"runtime": "docker", "runtime_facts": facts})["Runtime"]
    assert row == "docker, engine 28.1, API 1.49, Compose 5.6.1, cgroup 2"


def test_images_are_named_with_their_digests_once():
    images = {name: {"image": "shop", "digest": DIGEST} for name in ("api", "payment-worker")} | {
        "postgres": {"image": "postgres:18", "digest": DIGEST.replace("0", "f")}
    }
    record = {"deployment": {"runtime": "docker", "images": images, "limits": {}}}
    fewer = {name: image for name, image in images.items() if name != "payment-worker"}
    other = {"deployment": {"runtime": "docker", "images": fewer, "limits": {}}}
    assert said({"runtime": "docker"}, other, record, other)["Images"] == (
        "postgres:18 sha256:f123456789ab (postgres); shop sha256:0123456789ab (api, payment-worker)"
    )


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        ({}, "none"),
        ({"api": limits(enforced=False)}, "none"),
        (
            {"api": limits(True, 1.5, 2**29), "redis": limits(True, memory_bytes=2**30)},
            "api: 1.5 CPU, 512 MiB; redis: 1024 MiB",
        ),
        (
            {"api": limits(False, 1.0)},
            "api: 1 CPU, not enforced by the local runtime",
        ),
    ],
)
def test_limits_say_whether_they_were_enforced(recorded, shown):
    record = {"deployment": LOCAL | {"limits": recorded}}
    assert said({"runtime": "local"}, record)["Limits"] == shown


def test_what_differs_between_runs_is_all_shown():
    runs = [{"deployment": LOCAL | {"limits": {"api": limits(True, n)}}} for n in (1.0, 2.0, 1.0)]
    assert said({"runtime": "docker"}, *runs)["Limits"] == "api: 1 CPU; api: 2 CPU"


def test_processes_of_the_load_on_other_machines_are_named_with_their_clocks():
    def worker(error_ms):
        return SimpleNamespace(process=1, host="host-b", cores=4.0, clock_error_ms=error_ms)

    runs = ({"load_workers": [worker(0.12)]}, {"load_workers": [worker(0.3)]})
    shown = said({"runtime": "local", "load_workers": {"count": 1}}, *runs)
    assert shown["Load from other machines"] == (
        "process 1 on host-b (4 cores; its clock to 0.30 ms)"
    )


def test_a_deployment_of_somebody_else_is_called_so():
    facts = {"name": "attached", "reset": "a command"}
    row = said({"runtime": "attached", "runtime_facts": facts})["Runtime"]
    assert row == "attached, brought up by somebody else, reset by a command"
