"""Whatever became of a harness, its processes and folders are found, and only those."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from harness.errors import InfrastructureError
from harness.runtimes import leftovers, measuring, remove_abandoned_lock
from harness.runtimes.processes import MARKER, ProcessTable, interrupts_deferred, read_stat
from harness.runtimes.state import StateFolder, clean

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]


def start(environment=None, cwd=None):
    process = subprocess.Popen(
        SLEEP, env=environment, cwd=cwd, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"up\n"
    return process


@pytest.fixture
def gone():
    """The identity of a deployment whose harness has ended."""
    with subprocess.Popen(["sleep", "600"]) as owner:
        stat = read_stat(owner.pid)
        owner.kill()
    return f"{os.getuid()}-{owner.pid}-{stat.start_ticks}-abcd"


def test_what_a_killed_harness_left_is_removed(tmp_path, gone):
    (tmp_path / gone / "logs").mkdir(parents=True)
    marked = start({MARKER: gone, "HOME": f"{tmp_path}/{gone}", "PATH": os.environ["PATH"]})
    elsewhere = start({MARKER: gone, "HOME": f"/elsewhere/{gone}", "PATH": os.environ["PATH"]})
    titled = start({}, cwd=tmp_path / gone)
    (found,) = leftovers(tmp_path)
    assert (found.folder, set(found.pids)) == (tmp_path / gone, {marked.pid, titled.pid})
    (line,) = clean(tmp_path)
    assert gone in line
    assert [marked.wait(), titled.wait()] == [-signal.SIGKILL] * 2
    assert not tmp_path.exists()
    assert clean(tmp_path) == []
    assert elsewhere.poll() is None
    elsewhere.kill()
    elsewhere.wait()


def test_processes_are_found_even_if_their_folder_is_gone(tmp_path, gone):
    marked = start({MARKER: gone, "HOME": f"{tmp_path}/{gone}"})
    assert len(clean(tmp_path)) == 1
    assert marked.wait() == -signal.SIGKILL


def test_a_living_deployment_is_left_alone(tmp_path):
    state = StateFolder(tmp_path, "small")
    process = start({MARKER: state.identity, "HOME": str(state.path), "PATH": ""})
    assert clean(tmp_path) == []
    assert process.poll() is None
    assert state.path.is_dir()
    assert state.remove() == []
    assert process.wait() == -signal.SIGKILL
    assert not tmp_path.exists()


def test_a_shell_that_reads_the_logs_is_left_alone(tmp_path, gone):
    (tmp_path / gone).mkdir(parents=True)
    shell = start({"PATH": os.environ["PATH"]}, cwd=tmp_path / gone)
    clean(tmp_path)
    assert shell.poll() is None
    shell.kill()
    shell.wait()


def test_folders_of_others_are_refused(tmp_path):
    root = tmp_path / "root"
    root.symlink_to(tmp_path)
    with pytest.raises(InfrastructureError, match="not a folder of this user"):
        StateFolder(root, "small")


def test_a_family_includes_orphans_and_sessions_of_children():
    orphaning = "import os,time; os.fork() and os._exit(0); time.sleep(600)"
    code = (
        "import os,subprocess,sys,time\n"
        f"subprocess.run([sys.executable, '-c', {orphaning!r}])\n"
        f"subprocess.Popen({SLEEP!r}, start_new_session=True, stdout=subprocess.DEVNULL)\n"
        "print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as leader:
        assert leader.stdout.readline() == b"up\n"
        family = [stat.pid for stat in ProcessTable().family(leader.pid)]
        for pid in family:
            os.kill(pid, signal.SIGKILL)
    assert leader.pid in family
    assert len(family) == 3


@pytest.fixture
def as_python_begins():
    """Ctrl-C raises KeyboardInterrupt, whatever a browser that was driven before has set."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("as_python_begins")
def test_an_interrupt_waits_for_the_end_of_a_clean_up():
    finished = []

    def clean_up():
        with interrupts_deferred():
            signal.raise_signal(signal.SIGINT)
            finished.append(True)

    with pytest.raises(KeyboardInterrupt):
        clean_up()
    assert finished == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_only_one_harness_measures(tmp_path):
    root = tmp_path / "root"
    with measuring("campaign one", root):
        with (
            pytest.raises(InfrastructureError, match=f"pid {os.getpid()}: campaign one") as caught,
            measuring("campaign two", root),
        ):
            pass
        assert caught.value.hint
    assert not root.exists()
    with measuring("campaign two", root):
        pass


def test_the_lock_goes_with_its_holder(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from harness.runtimes import measuring\n"
        "with measuring('it', Path(sys.argv[1])): print('up', flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"up\n"
        with (
            pytest.raises(InfrastructureError, match=str(holder.pid)),
            measuring("mine", tmp_path),
        ):
            pass
        remove_abandoned_lock(tmp_path)
        assert list(tmp_path.iterdir())  # it is not abandoned
        holder.kill()
        holder.wait()
    with measuring("mine", tmp_path):
        pass


def test_the_lock_file_of_a_killed_holder_is_removed(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "measuring.lock").write_text('{"pid": 1, "what": "it was killed"}')
    remove_abandoned_lock(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_the_lock_serves_one_at_a_time_under_contention(tmp_path):
    inside, most = [0], [0]
    guard = threading.Lock()

    def take_turns():
        deadline_s = time.monotonic() + 30
        turns = 0
        while turns < 20 and time.monotonic() < deadline_s:
            try:
                with measuring("a turn", tmp_path / "root"):
                    with guard:
                        inside[0] += 1
                        most[0] = max(most[0], inside[0])
                    with guard:
                        inside[0] -= 1
                turns += 1
            except InfrastructureError:
                continue

    threads = [threading.Thread(target=take_turns) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] == 1
