"""A child process can be asked, waited for and collected, whenever Ctrl-C comes."""

import signal
import subprocess
import sys

import pytest

from harness.host import child_processes

INTERRUPTED = """
import os, signal, subprocess, sys, time
from harness.host import child_processes

asking, interrupts = False, 0

def interrupt(*_):
    global interrupts
    interrupts += 1
    if asking:
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
child = subprocess.Popen(["sleep", "100"])
again = f"import os, time\\nwhile True: time.sleep(.0005); os.kill({os.getpid()}, 2)"
sender = subprocess.Popen([sys.executable, "-c", again])
while interrupts < 3000:
    try:
        asking = True
        while True:
            child_processes.exit_code(child)
            child_processes.wait(child, 0)
    except KeyboardInterrupt:
        asking = False
sender.kill()
child.kill()
print("ended with", child_processes.wait(child, 30), child.wait())
"""


@pytest.mark.timeout(60)
def test_ctrl_c_at_any_moment_of_a_question_stops_nobody_from_waiting():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.stdout == "ended with -9 -9\n", done.stderr


@pytest.mark.parametrize(
    ("words", "code"), [(["false"], 1), (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM)]
)
def test_how_a_process_ended_is_known_before_and_after_it_is_collected(words, code):
    process = subprocess.Popen(words)
    assert child_processes.wait(process, 30) == code
    assert child_processes.exit_code(process) == code
    assert process.wait() == code
    assert child_processes.exit_code(process) == code


def test_a_process_that_runs_has_no_exit_code():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        assert child_processes.exit_code(process) is None
        assert child_processes.wait(process, 0.05) is None
        process.stdin.close()
        assert child_processes.wait(process, 30) == 0
