"""A key of a scenario is added to the model and to what uses it; nothing between them knows it."""

import json

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

PLANNED = """
import sys
from pathlib import Path
from harness.load.load_plan import plan_from_json, sale_plan
from harness.scenario.model import load_scenario

scenario = load_scenario(sys.argv[1], Path.cwd())
plan = sale_plan(scenario, "http://127.0.0.1:1", seed=7, sales=scenario.sales(7))
print(plan_from_json(plan.to_json()).longest_purchase_s)
"""
"""What a generator makes of the plan that it is sent."""


def test_a_key_is_a_line_in_the_model_and_where_it_is_used(copy):
    copy.replace(
        "harness/scenario/model.py",
        "    retries: Annotated[int, Field(ge=0, le=20)] = 3\n",
        "    retries: Annotated[int, Field(ge=0, le=20)] = 3\n    patience_s: Seconds = 5\n",
    )
    copy.replace(
        "harness/load/load_plan.py",
        "self.load.request_timeout_s + RETRY_AFTER_LIMIT_S",
        "self.load.request_timeout_s + self.load.patience_s",
    )
    planned = copy.python(PLANNED, copy.scenario(retries="patience_s = 11"))
    assert planned.stdout.strip() == str((3 + 1) * (30.0 + 11.0)), planned.stderr
    refused = copy.harness("validate", copy.scenario(retries="patience_s = -1"))
    assert refused.returncode == 64
    assert "load.patience_s = -1" in refused.stderr
    assert copy.touched == {"harness/scenario/model.py", "harness/load/load_plan.py"}


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
