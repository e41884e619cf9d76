"""A command that a test interrupts is asked to end, and is waited for."""

import subprocess

import pytest

from tests.support.commands import run_to_its_end

TIDY = ["sh", "-c", "trap 'sleep 0.5; echo tidy > done; exit 3' TERM; while :; do sleep 0.1; done"]


def test_a_command_whose_time_is_over_cleans_up_first(tmp_path):
    with pytest.raises(subprocess.TimeoutExpired):
        run_to_its_end(TIDY, 1.0, cwd=tmp_path)
    assert (tmp_path / "done").read_text() == "tidy\n"


def test_subprocess_run_would_not_let_it(tmp_path):
    """Known bad: what is killed leaves what it had."""
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(TIDY, cwd=tmp_path, timeout=1.0, check=False)
    assert not (tmp_path / "done").exists()


def test_what_it_said_and_how_it_ended(tmp_path):
    done = run_to_its_end(["sh", "-c", "echo out; exit 3"], 10, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "out\n")
