"""Commands of the owner of what is measured: run to their end, and never half-way by accident."""

import os
import signal
import time

import psutil
import pytest

from harness.errors import InfrastructureError
from harness.runtimes.owner_commands import run_owner_command


def shell(script, **options):
    run_owner_command("the command", ["/bin/sh", "-c", script], **options)


def test_what_it_leaves_in_the_background_keeps_nobody_waiting(tmp_path):
    pid = tmp_path / "pid"
    shell(f"sleep 600 & echo $! > {pid}", limit_s=30)
    left = psutil.Process(int(pid.read_text()))
    assert left.is_running()
    left.kill()


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_began(tmp_path):
    pid = tmp_path / "pid"
    script = f"sleep 600 & echo $! > {pid}; echo it waits; wait"
    with pytest.raises(InfrastructureError, match=r"did not end within 0\.5 s: it waits"):
        shell(script, limit_s=0.5)
    deadline_s = time.monotonic() + 10
    while _runs(int(pid.read_text())):
        assert time.monotonic() < deadline_s
        os.sched_yield()


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_it_is_out_of_reach_of_the_terminal(tmp_path):
    shell(f"ps -o sid= -p $$ > {tmp_path}/sid; cat > {tmp_path}/typed")
    assert int((tmp_path / "sid").read_text()) != os.getsid(0)
    assert (tmp_path / "typed").read_bytes() == b""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/bin/sh", "-c", "echo no such pod >&2; exit 3"], "exit code 3: no such pod"),
        (["/bin/sh", "-c", "exit 4"], "exit code 4: it said nothing"),
        (["/bin/sh", "-c", "kill -9 $$"], f"exit code -{signal.SIGKILL:d}"),
        (["/nonexistent/command"], "cannot be run"),
    ],
)
def test_a_command_that_fails_says_why(words, said):
    with pytest.raises(InfrastructureError) as failed:
        run_owner_command("the command", words)
    assert failed.value.message.startswith("the command ")
    assert said in failed.value.message


def test_it_has_the_environment_that_it_is_given(tmp_path):
    shell(f'echo "$TOLD" > {tmp_path}/told', environment={**os.environ, "TOLD": "1:40"})
    assert (tmp_path / "told").read_text() == "1:40\n"
