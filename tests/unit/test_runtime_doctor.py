"""The doctor names everything that is checked, and survives what it finds."""

from datetime import timedelta

import pytest

from harness.errors import InfrastructureError
from harness.runtimes import machine_checks
from tests.support.docker_engines import FakeEngine
from tests.support.small_project import write_small_project


def test_every_check_has_a_name_and_says_what_it_found():
    checks = machine_checks.diagnose()
    assert {"python", "postgres", "valkey", "nginx", "memory", "disk", "loopback"} <= {
        check.name for check in checks
    }
    assert all(check.detail for check in checks)
    assert all(check.hint for check in checks if not check.ok)


def test_a_broken_check_is_a_finding_not_a_crash(monkeypatch):
    def _wheels():
        raise InfrastructureError("the wheel is gone", "install it")

    monkeypatch.setattr(machine_checks, "_CHECKS", {"local": (_wheels,)})
    (check,) = machine_checks.diagnose()
    assert (check.name, check.ok, check.hint) == ("wheels", False, "install it")
    assert "the wheel is gone" in check.detail


def test_a_program_that_cannot_run_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_checks.valkey, "binary", lambda: tmp_path / "no-such-valkey")
    failed = [check for check in machine_checks.diagnose() if not check.ok]
    assert "valkey" in [check.name for check in failed]


def test_each_runtime_is_asked_only_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    checks = {check.name: check for check in machine_checks.diagnose("docker")}
    assert "postgres" not in checks
    assert not checks["compose"].ok
    assert "there is no `docker` command" in checks["compose"].detail
    assert not checks["engine"].ok
    assert "does not run" in checks["engine"].detail
    assert {"compose", "engine"}.isdisjoint(check.name for check in machine_checks.diagnose())


def test_the_engines_of_a_file_are_asked_in_place_of_this_machines(tmp_path):
    file = tmp_path / "nodes.toml"
    with FakeEngine("front") as front, FakeEngine("stores") as stores:
        front.joins()
        tables = (
            f'[[nodes]]\nname = "{one.name}"\nengine = "{one.url}"\n' for one in (front, stores)
        )
        file.write_text("".join(tables))

        def asked():
            checks = machine_checks.diagnose("docker", file)
            (found,) = [check for check in checks if check.name == "nodes"]
            assert "docker engine" not in [check.name for check in checks]
            return found

        assert "stores is in no swarm" in asked().detail
        stores.joins(front)
        assert asked().ok
        assert "front: 20.10.24, 2 processors, clock ahead by" in asked().detail
        stores.clock_ahead = timedelta(hours=2)
        assert not asked().ok
        assert "set the clock of stores" in asked().hint


def test_files_that_are_no_approach_and_no_scenario_are_named(monkeypatch, tmp_path):
    write_small_project(tmp_path)
    (tmp_path / "docker-compose.override.yml").write_text("services: {}")
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / ".#quick.toml").symlink_to("nobody@nowhere.1")
    monkeypatch.chdir(tmp_path)
    for runtime in ("local", "docker"):
        checks = {check.name: check for check in machine_checks.diagnose(runtime)}
        assert checks["ignored files"].ok
        assert checks["ignored files"].detail == (
            "docker-compose.override.yml, scenarios/.#quick.toml"
        )


@pytest.mark.parametrize(("busy_pct", "ok"), [(3.0, True), (80.0, False)])
def test_a_machine_that_others_keep_busy_is_named(monkeypatch, busy_pct, ok):
    monkeypatch.setattr("psutil.cpu_percent", lambda interval: busy_pct)
    monkeypatch.setattr("psutil.cpu_count", lambda: 2)
    load = next(check for check in machine_checks.diagnose() if check.name == "CPU load")
    assert load.ok is ok
    assert load.detail == f"{busy_pct / 50:.1f} of 2 processors busy"
