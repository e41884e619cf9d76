"""What a machine of load workers says about how each of them ended."""

import subprocess

import pytest

from harness.errors import InfrastructureError
from harness.load import worker_processes
from harness.load.worker_processes import WorkerProcesses


class Heard(Exception):
    """What ends a machine of workers, which else serves for ever."""


def raise_heard(news):
    raise Heard(news)


@pytest.fixture
def serve(monkeypatch):
    """Serve with a worker that says something and ends with an exit code."""

    def worker(code, words=""):
        command = ["/bin/sh", "-c", f"echo '{words}' >&2; exit {code}"]
        popen = subprocess.Popen

        def start(_, **options):
            return popen(command, **options)

        monkeypatch.setattr(worker_processes.subprocess, "Popen", start)
        with WorkerProcesses("10.0.0.5", 5557, 1) as machine:
            machine.serve(raise_heard)

    return worker


@pytest.mark.parametrize(
    ("code", "words", "news"),
    [
        (0, "", "a load is over"),
        (3, "", "no master for five minutes at 10.0.0.5:5557"),
        (4, "cannot reach the shop", "a load failed, or was broken off: cannot reach the shop"),
    ],
)
def test_how_a_worker_ended_is_said(serve, code, words, news):
    with pytest.raises(Heard) as heard:
        serve(code, words)
    assert str(heard.value) == news


def test_a_worker_that_ended_by_itself_is_an_error(serve):
    with pytest.raises(InfrastructureError, match="exit code 1: no module"):
        serve(1, "no module")
