"""What a service holds is read from its processes: private memory, open files, connections."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from harness.runtimes.local.process_usage import Meter

HOLDER = """
import socket, sys
memory = bytearray(int(sys.argv[1]))
memory[::4096] = b"x" * len(memory[::4096])
pairs = [socket.socketpair() for _ in range(int(sys.argv[2]))]
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holding():
    """Start a process that holds so many bytes and pairs of sockets, and return its replica."""
    started = []

    def hold(size_bytes, pairs):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(size_bytes), str(pairs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        assert process.stdout.readline() == "ready\n"
        return SimpleNamespace(pid=process.pid, cpu_s=lambda _: 0.0)

    yield hold
    for process in started:
        process.communicate()


def test_private_memory_and_open_files_are_those_of_all_processes(holding):
    meter, services = Meter(), {"web": [holding(0, 1), holding(30_000_000, 10)]}
    usage = meter.measure(services, memory=True)["web"]
    assert (usage.processes, usage.sockets) == (2, 2 * 11)
    assert usage.open_files == usage.sockets + 2 * 3  # stdin, stdout, stderr
    assert 30_000_000 < usage.largest_private_bytes < usage.private_bytes <= usage.memory_bytes


def test_what_is_not_read_anew_stays_what_it_was(holding):
    meter, replica = Meter(), holding(0, 3)
    before = meter.measure({"web": [replica]}, memory=True)["web"]
    other = meter.measure({"web": [holding(0, 5)]}, memory=False)["web"]
    assert (other.sockets, other.private_bytes) == (before.sockets, before.private_bytes) != (0, 0)
    assert Meter().measure({"web": [replica]}, memory=False)["web"].sockets is None
