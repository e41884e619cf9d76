"""What is recorded of the machine: limits of control groups, and foreign processes."""

import os
import subprocess
import sys
from pathlib import Path

from harness.host import cgroups, processors
from harness.runtimes.foreign_processes import NOTABLE_S, ForeignProcesses


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
        of_us, of_another = ForeignProcesses(os.getpid()), ForeignProcesses(leader=2**30)
        busy.stdout.readline()
        assert "busy-bee" not in of_us.cpu_s()
        assert NOTABLE_S <= of_another.cpu_s()["busy-bee"] <= 1.0
    finally:
        busy.communicate("\n")


def test_what_a_quota_withheld_is_read_in_either_version(tmp_path):
    membership, root = tmp_path / "cgroup", tmp_path / "fs"
    assert cgroups.throttled_s(membership, root) is None
    (root / "cpu" / "ours").mkdir(parents=True)
    (root / "cpu" / "ours" / "cpu.stat").write_text("nr_throttled 3\nthrottled_time 1500000000\n")
    membership.write_text("4:cpu,cpuacct:/ours\n")
    assert cgroups.throttled_s(membership, root) == 1.5
    (root / "ours").mkdir()
    (root / "ours" / "cpu.stat").write_text("usage_usec 9\nthrottled_usec 2500000\n")
    membership.write_text("0::/ours\n")
    assert cgroups.throttled_s(membership, root) == 2.5


def test_the_pressure_on_the_processors_is_read_where_the_kernel_has_it(tmp_path):
    pressure = tmp_path / "cpu"
    assert processors.waited_s(pressure) is None
    some = "some avg10=9.04 avg60=9.31 avg300=2.58 total=16601865\n"
    pressure.write_text(f"{some}full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
    assert processors.waited_s(pressure) == 16.601865


def test_no_more_processors_are_allowed_than_there_are():
    assert 0 < processors.allowed() <= (os.cpu_count() or 1)
