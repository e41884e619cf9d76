"""How to make a campaign again: the exact command, the seed, the revision."""

import pytest

from report import reproduce


def a_campaign(*argv, seed=42, uncommitted=False):
    git = {"revision": "abc123", "uncommitted": uncommitted}
    return {"seed": seed, "n_blocks": 3, "environment": {"argv": list(argv), "git": git}}


@pytest.mark.parametrize(
    ("argv", "again"),
    [
        (("run",), "harness run --seed 42 --runs 3"),
        (("run", "quick", "--out", "/tmp/x"), "harness run quick --seed 42 --runs 3"),
        (("run", "quick", "--out=/tmp/x"), "harness run quick --seed 42 --runs 3"),
        (("run", "--seed=42", "--runs", "3"), "harness run --seed=42 --runs 3"),
        (
            ("run", "--set", "api.NAME=two words"),
            "harness run --set 'api.NAME=two words' --seed 42 --runs 3",
        ),
    ],
)
def test_the_command_is_the_recorded_one_with_seed_and_runs_and_without_its_folder(argv, again):
    commands = reproduce.commands(a_campaign("harness", *argv))
    assert commands == ("git checkout abc123", "make .venv/.synced", f".venv/bin/{again}")


def test_a_campaign_without_a_command_has_none():
    assert reproduce.commands({"seed": 1, "n_blocks": 1}) == ()
    assert reproduce.commands(a_campaign("pytest", "tests")) == ()


def test_a_revision_with_changes_is_not_all_of_the_code():
    assert "not all of its code" in reproduce.caveat(a_campaign("harness", "run", uncommitted=True))
    assert "not all" not in reproduce.caveat(a_campaign("harness", "run"))
