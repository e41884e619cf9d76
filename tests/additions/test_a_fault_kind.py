"""A kind of fault is added by its declaration and its action."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

DECLARATION = """    FaultKind("reload", "SIGHUP; it reads its configuration again", options={}),
"""
ACTION = '''"""Replicas that read their configuration again."""

from signal import SIGHUP

from harness.faults.actions.base import carries_out
from harness.faults.actions.replicas import ReplicaAction


@carries_out("reload")
class Reload(ReplicaAction):
    """Sends SIGHUP to replicas, which run on."""

    def _break(self, number: int) -> None:
        self._deployment.kill(self._service, number, SIGHUP)

    def _revive(self, number: int) -> None:
        self._deployment.wait_ready(self._service, number)
'''
FAULT = """
[[faults]]
at_s = 0.1
kind = "reload"
service = "api"
"""


@pytest.fixture
def reloading(copy):
    copy.replace(
        "harness/scenario/fault_kinds.py",
        '    FaultKind("stop",',
        f'{DECLARATION}    FaultKind("stop",',
    )
    copy.add("harness/faults/actions/reload.py", ACTION)
    return copy


def test_a_fault_kind_is_a_declaration_and_an_action(reloading):
    code, out, said = reloading.measured(reloading.scenario(FAULT), "--approach", "sync")
    assert code == 0, said
    assert "reload api-1" in said
    (stored,) = (out / "runs").glob("*/run.json")
    (fault,) = json.loads(stored.read_text("utf-8"))["faults"]
    assert (fault["kind"], fault["error"], fault["for_s"]) == ("reload", None, 0)
    assert fault["healthy_ns"] is not None
    assert reloading.touched == {
        "harness/scenario/fault_kinds.py",
        "harness/faults/actions/reload.py",
    }


def test_what_is_not_declared_for_it_is_refused(reloading):
    done = reloading.harness("validate", reloading.scenario(f"{FAULT}for_s = 3\n"))
    assert done.returncode == 64
    assert "for_s = 3: reload is over as soon as it can be" in done.stderr
    done = reloading.harness("validate", reloading.scenario(FAULT.replace("api", "redis")))
    assert done.returncode in (0, 64), done.stderr
