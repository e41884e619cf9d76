"""What tests start ends with them, even if they are killed."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.fake_harness import FAKE, at, stop_at
from tests.support.store_servers import ROOT

pytestmark = pytest.mark.integration

STARTS_AND_DIES = """
import os, signal, sys
from pathlib import Path
from tests.support.store_servers import Server
server = Server(["sleep", "600"], log=Path(sys.argv[1]))
server.start()
print(server.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def is_gone(pid: int) -> bool:
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE or process.wait(20) is None
    except psutil.NoSuchProcess:
        return True


def test_a_server_ends_with_the_process_that_started_it(tmp_path):
    words = [sys.executable, "-c", STARTS_AND_DIES, str(tmp_path / "log")]
    killed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert is_gone(int(killed.stdout))


def test_a_fake_harness_that_a_test_left_running_is_ended(harness, tmp_path):
    mark = tmp_path / "stopped"
    words = ("run", FAKE, "--approach", "sync", "--out", tmp_path / "c")
    left = harness.start(*words, happens=at("load", stop_at(mark)))
    left.wait_until(mark.exists)
    harness.stop_started()
    assert left.ended
    assert is_gone(left.pid)
