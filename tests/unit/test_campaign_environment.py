"""What is recorded of the machine: limits of control groups of both versions, and strangers."""

import os
import subprocess
import sys
from pathlib import Path

from harness.campaign import cgroups
from harness.runtimes.strangers import NOTABLE_S, Strangers


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")


def test_the_least_limit_on_the_way_to_the_root_counts_in_version_2(tmp_path):
    write(
        tmp_path,
        {
            "cgroup": "0::/user/run",
            "fs/cgroup.controllers": "cpu memory",
            "fs/user/cpu.max": "150000 100000",
            "fs/user/memory.max": "max",
            "fs/user/run/cpu.max": "max 100000",
            "fs/user/run/memory.max": "2000000000",
        },
    )
    found = cgroups.limits(tmp_path / "cgroup", tmp_path / "fs")
    assert found == {"version": 2, "cpus": 1.5, "memory_bytes": 2_000_000_000}


def test_version_1_has_a_quota_and_a_number_for_no_limit(tmp_path):
    write(
        tmp_path,
        {
            "cgroup": "4:memory:/job\n3:cpu,cpuacct:/job\n0::/",
            "fs/cpu/job/cpu.cfs_quota_us": "50000",
            "fs/cpu/job/cpu.cfs_period_us": "100000",
            "fs/cpu/cpu.cfs_quota_us": "-1",
            "fs/memory/job/memory.limit_in_bytes": "9223372036854771712",
        },
    )
    found = cgroups.limits(tmp_path / "cgroup", tmp_path / "fs")
    assert found == {"version": 1, "cpus": 0.5, "memory_bytes": None}


def test_in_a_container_the_mount_is_our_own_group(tmp_path):
    write(
        tmp_path,
        {
            "cgroup": "0::/docker/0123",
            "fs/cgroup.controllers": "cpu memory",
            "fs/cpu.max": "100000 100000",
            "fs/memory.max": "1000000",
        },
    )
    found = cgroups.limits(tmp_path / "cgroup", tmp_path / "fs")
    assert found == {"version": 2, "cpus": 1.0, "memory_bytes": 1_000_000}


def test_without_control_groups_there_is_no_limit(tmp_path):
    found = cgroups.limits(tmp_path / "cgroup", tmp_path / "fs")
    assert found == {"version": None, "cpus": None, "memory_bytes": None}


BUSY = """
open("/proc/self/comm", "w").write("busy-bee")
import time
print(flush=True)
while time.process_time() < 0.7: pass
print(flush=True)
input()
"""


def test_a_busy_process_is_a_stranger_unless_it_is_ours():
    busy = subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        busy.stdout.readline()
        of_us, of_another = Strangers(os.getpid()), Strangers(leader=2**30)
        busy.stdout.readline()
        assert "busy-bee" not in of_us.cpu_s()
        assert NOTABLE_S <= of_another.cpu_s()["busy-bee"] <= 1.0
    finally:
        busy.communicate("\n")
