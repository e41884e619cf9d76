"""A key of a scenario is added to the model and to what uses it; nothing between them knows it."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

PLAYED = """
import sys, time
from pathlib import Path
from harness import load
from harness.load.load_plan import sale_plan
from harness.scenario.model import load_scenario
from tests.support.fake_shop import FakeShop, open_shop
from tests.support.played_loads import run_load

scenario = load_scenario(sys.argv[1], Path.cwd())
with open_shop(FakeShop()) as shop:
    plan = sale_plan(scenario, shop.address, seed=7, sales=scenario.sales(7))
    requests = run_load(plan, Path.cwd() / "load").requests
print(sorted(requests.loc[requests["endpoint"] == "buy", "quantity"].unique()))
"""
SHORT = """
[[stages]]
name = "stay"
users = 3
seconds = 1
spawn_rate = 50
"""


@pytest.fixture
def generous(copy):
    copy.replace(
        "harness/scenario/model.py",
        "    retries: Annotated[int, Field(ge=0, le=20)] = 3\n",
        "    retries: Annotated[int, Field(ge=0, le=20)] = 3\n    units: Count = 1\n",
    )
    buyer = "harness/load/buyer.py"
    copy.replace(
        buyer,
        '"quantity":%d}\' % (product_id, UNITS)',
        '"quantity":%d}\' % (product_id, self.plan.load.units)',
    )
    copy.replace(buyer, 'UNITS if endpoint == "buy"', 'self.plan.load.units if endpoint == "buy"')
    return copy


def test_a_key_is_a_line_in_the_model_and_where_it_is_used(generous):
    scenario = generous.scenario(retries="units = 2")
    text = scenario.read_text("utf-8")
    scenario.write_text(text[: text.index("[[stages]]")] + SHORT, encoding="utf-8")
    played = generous.python(PLAYED, scenario)
    assert played.stdout.strip().endswith("[np.int16(2)]"), played.stdout + played.stderr
    assert generous.touched == {"harness/scenario/model.py", "harness/load/buyer.py"}


def test_a_key_that_nobody_uses_yet_is_stored_and_breaks_nothing(copy):
    copy.replace(
        "harness/scenario/model.py",
        "    limit_s: Seconds = 60\n",
        "    limit_s: Seconds = 60\n    patience_s: Seconds = 5\n",
    )
    for model, line in (("LoadSettings", "buyer: str"), ("Stage", "spawn_rate: Seconds")):
        text = (copy.folder / "harness/scenario/model.py").read_text("utf-8")
        assert f"class {model}(SchemaModel)" in text
        copy.replace(
            "harness/scenario/model.py", f"    {line}\n", f"    {line}\n    own: int = 7\n"
        )
    code, out, said = copy.measured(copy.scenario(limit_s="patience_s = 9"), "--approach", "sync")
    assert code == 0, said
    scenario = json.loads((out / "campaign.json").read_text("utf-8"))["scenario"]
    assert scenario["drain"]["patience_s"] == 9
    assert scenario["load"]["own"] == scenario["stages"][0]["own"] == 7
    assert copy.touched == {"harness/scenario/model.py"}
