"""The alarms as promtool sees them: valid, firing when they must, and silent otherwise."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.prometheus import (
    APPROACHES,
    MONITORING,
    alarms,
    compose_service,
    mounted_configuration,
    program,
)

HISTORIES = Path(__file__).with_suffix(".yml")


def promtool(*words):
    return subprocess.run(
        [program("promtool"), *words], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_configuration_is_valid_where_it_is_mounted(approach, tmp_path):
    done = promtool("check", "config", mounted_configuration(approach, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "11 rules found" in done.stdout


def test_every_alarm_fires_and_resolves_in_its_history():
    done = promtool("test", "rules", HISTORIES)
    assert done.returncode == 0, done.stdout + done.stderr


WRONG = (
    ("ratio_rate2m < 0.85", "ratio_rate2m < 0.05"),
    (" and shop:purchase_ends:rate2m > 0.5", ""),
    ('route="/orders", status=~"5.."', 'route="/orders"'),
    ("+ (sum(rate(shop_purchases_abandoned_total[2m])) or vector(0))", ""),
    ("p95_rate1m > 15", "p95_rate1m > 25"),
    ("shop_dead_letters_now) > 0", "shop_dead_letters_now) > 1"),
    ("shop_oversold_units) > 0", "shop_oversold_units) > 1"),
    ("age_seconds:max > 20 and", "age_seconds:max > 2000 and"),
    (" and deriv(shop:open_orders:sum[1m]) >= 0", ""),
    ("deriv(shop:open_orders:sum[1m]) >= 0", "deriv(shop:open_orders:sum[1m]) > 0"),
    ("|shop_stream_oldest_entry_age_seconds", ""),
    (
        "absent(time() - shop_stocktaking_timestamp_seconds < 30)",
        "absent(shop_stocktaking_timestamp_seconds)",
    ),
    ('(up{job="shop"}) == 0', '(up{job="shop"}) == 2'),
)


def wrong(old, new):
    text = (MONITORING / "rules.yml").read_text()
    assert text.count(old) == 1
    return text.replace(old, new)


def test_alarms_that_are_wrong_are_still_rules(tmp_path):
    """Asked of all at once: what does not pass below is wrong, not misspelt."""
    files = [tmp_path / f"{at}.yml" for at in range(len(WRONG))]
    for file, words in zip(files, WRONG, strict=True):
        file.write_text(wrong(*words))
    done = promtool("check", "rules", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(WRONG)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), WRONG)
def test_an_alarm_that_is_wrong_does_not_pass(old, new, tmp_path):
    (tmp_path / "rules.yml").write_text(wrong(old, new))
    histories = tmp_path / "histories.yml"
    histories.write_text(
        re.sub(r"^rule_files: .*$", "rule_files: [rules.yml]", HISTORIES.read_text(), flags=re.M)
    )
    assert promtool("test", "rules", histories).returncode == 1


@pytest.mark.parametrize("name", alarms())
def test_an_alarm_has_histories_and_says_what_to_do(name):
    alarm = alarms()[name]
    assert set(alarm["annotations"]) == {"summary", "description", "action"}
    assert alarm["labels"]["severity"] in ("warning", "critical")
    fires, is_silent = set(), set()
    for history in yaml.safe_load(HISTORIES.read_text())["tests"]:
        for check in history.get("promql_expr_test", ()):
            if f'alertname="{name}", alertstate="firing"' in check["expr"]:
                (fires if check.get("exp_samples") else is_silent).add(history["name"])
    assert fires & is_silent, f"{name} does not come and go in any history"


@pytest.mark.parametrize("approach", APPROACHES)
def test_the_profile_is_reachable_from_this_machine_only_and_has_no_secret(approach):
    for name in ("prometheus", "grafana"):
        service = compose_service(approach, name)
        assert service["profiles"] == ["monitoring"]
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert all(source.exists() for source in service["volumes"].values())
        settings = service.get("environment", {})
        assert not [key for key in settings if re.search("PASSWORD|SECRET|TOKEN", key)]
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
