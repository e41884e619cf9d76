"""A scenario is found by its name: the project's own first, then those of the harness."""

import re
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenario.model import load_scenario
from harness.scenario.names import ignored_scenarios, known_experiments, known_scenarios

ROOT = Path(__file__).parents[2]
FLASH_SALE = (ROOT / "scenarios/flash_sale.toml").read_text("utf-8")


def test_a_scenario_that_a_project_does_not_have_is_that_of_the_package(tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios/own.toml").write_text(FLASH_SALE)
    assert known_scenarios(tmp_path) == ["own"]
    assert load_scenario("quick", tmp_path) == load_scenario("quick", ROOT)
    assert load_scenario("threads", tmp_path) == load_scenario("experiments/threads", ROOT)
    (tmp_path / "scenarios/quick.toml").write_text(FLASH_SALE)
    assert load_scenario("quick", tmp_path).title == "Flash sale"


@pytest.mark.parametrize("has_own", [True, False])
def test_the_scenarios_that_are_known_are_where_it_is_said(tmp_path, has_own):
    if has_own:
        (tmp_path / "scenarios").mkdir()
        (tmp_path / "scenarios/own.toml").write_text(FLASH_SALE)
    with pytest.raises(UsageError, match="no scenario named 'quik'") as caught:
        load_scenario("quik", tmp_path)
    own = f"own (in {tmp_path / 'scenarios'}) and " if has_own else ""
    assert caught.value.hint.startswith(f"known scenarios: {own}")
    assert re.search(rf"quick.*\(in {ROOT / 'scenarios'}\)", caught.value.hint)


def test_an_experiment_has_a_short_name_unless_another_scenario_has_it(tmp_path):
    assert load_scenario("threads", ROOT) == load_scenario("experiments/threads", ROOT)
    (tmp_path / "scenarios/experiments").mkdir(parents=True)
    for name, title in (("own", "Own"), ("experiments/own", "Experiment")):
        text = FLASH_SALE.replace('title = "Flash sale"', f'title = "{title}"')
        (tmp_path / f"scenarios/{name}.toml").write_text(text)
    assert known_experiments(tmp_path) == ["experiments/own"]
    assert load_scenario("own", tmp_path).title == "Own"
    assert load_scenario("experiments/own", tmp_path).title == "Experiment"


def test_what_editors_hide_beside_scenarios_is_none(tmp_path):
    scenarios = tmp_path / "scenarios"
    scenarios.mkdir()
    (scenarios / "quick.toml").write_text(FLASH_SALE)
    (scenarios / "._quick.toml").write_bytes(b"\0\5\x16\7")
    (scenarios / ".#quick.toml").symlink_to("nobody@nowhere.1")
    (scenarios / "experiments").mkdir()
    (scenarios / "experiments/._one.toml").write_bytes(b"\0")
    assert known_scenarios(tmp_path) == ["quick"]
    assert [path.name for path in ignored_scenarios(tmp_path)] == [
        ".#quick.toml", "._quick.toml", "._one.toml",
    ]  # fmt: skip
