"""What `harness gate` answers of a head that differs from its base, on a fake runtime.

Whole approaches are brought up for it by tests/regressions.
"""

import pytest

from tests.support.edited_repository import write_project
from tests.support.edits import Edit
from tests.support.fake_harness import FAKE

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

SETTINGS = f"""
scenario = "{FAKE}"

[metrics.selling_cpu_s_per_order]
tolerance = 0.15
"""
SENTENCE = Edit("approaches/sync/__init__.py", "The synchronous shop: ", "A synchronous shop: ")


@pytest.fixture
def gate(harness, tmp_path):
    """Ask the gate of a head whose front door takes so many times the CPU of base's."""
    write_project(tmp_path / "project", (SENTENCE,))
    settings = tmp_path / "gate.toml"
    settings.write_text(SETTINGS)
    harness.root = tmp_path / "project"

    def ask(times, units=None):
        def changes(run, topology):
            if SENTENCE.new not in (topology.root / SENTENCE.file).read_text("utf-8"):
                return
            of_api = (run.telemetry["source"] == "api") & (run.telemetry["metric"] == "cpu_s")
            run.telemetry.loc[of_api, "value"] *= times
            if units is not None:
                run.record.store.products[0].initial_stock = units

        words = ("gate", "--base", "HEAD~1", "--approach", "sync", "--settings", settings)
        return harness.run(*words, "--out", tmp_path / "gate", changes=changes)

    return ask


def test_a_head_that_takes_twice_the_cpu_is_a_regression_and_is_confirmed(gate):
    done = gate(2.0)
    assert done.returncode == 10, done.said
    assert "confirmed" in done.stdout


def test_a_head_that_takes_what_base_does_passes(gate):
    done = gate(1.0)
    assert done.returncode == 0, done.said


def test_a_head_whose_stock_is_not_conserved_fails_whatever_it_takes(gate):
    done = gate(1.0, units=1)
    assert done.returncode == 20, done.said
    assert "I2" in done.stdout
