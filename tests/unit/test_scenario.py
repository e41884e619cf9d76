"""A scenario is read completely or not at all, and a mistake in it is named."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenario.model import Scenario, known_buyers, load_scenario
from harness.scenario.names import known_experiments, known_scenarios

ROOT = Path(__file__).parents[2]
FLASH_SALE = (ROOT / "scenarios/flash_sale.toml").read_text("utf-8")


@pytest.fixture
def load_text(tmp_path):
    def load(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(str(path), ROOT)

    return load


def test_the_published_load():
    scenario = load_scenario("flash_sale", ROOT)
    assert [(s.users, s.seconds) for s in scenario.stages] == [
        (50, 30), (150, 60), (300, 120), (100, 60), (0, 30)
    ]  # fmt: skip
    assert (scenario.load_s, scenario.peak_users, scenario.runs) == (300, 300, 3)
    assert (scenario.product.stock, scenario.product.price_cents) == (1000, 99999)
    assert scenario.product.name == "iPhone 15 Pro"
    assert (scenario.payment.model, scenario.payment.mean_s) == ("lognormal", 2.5)
    assert scenario.payment.decline_rate == 0.10
    assert (scenario.load.think_min_s, scenario.load.think_max_s) == (0.5, 1.5)
    assert (scenario.load.buyer, scenario.drain.limit_s) == ("polling", 60)


def test_quick_is_the_same_sale_in_a_minute():
    full, quick = load_scenario("flash_sale", ROOT), load_scenario("quick", ROOT)
    assert [s.seconds for s in quick.stages] == [6, 12, 24, 12, 6]
    assert [s.users for s in quick.stages] == [s.users for s in full.stages]
    assert (quick.load_s, quick.runs) == (60, 1)
    assert (quick.product, quick.payment) == (full.product, full.payment)
    # Shorter only in what a minute has no room for: waiting half of it for one answer.
    assert quick.load.model_copy(update={"request_timeout_s": 30.0}) == full.load


def test_stream_differs_only_in_its_buyers():
    full, stream = load_scenario("flash_sale", ROOT), load_scenario("stream", ROOT)
    assert stream.load.buyer == "watching"
    assert stream.load.model_copy(update={"buyer": "polling"}) == full.load
    assert (stream.stages, stream.product, stream.runs) == (full.stages, full.product, full.runs)


def test_every_scenario_of_the_project_is_found_and_valid():
    experiments = known_experiments(ROOT)
    assert known_scenarios(ROOT) == [
        "capacity", "capacity_users", "chaos", "ci", "ci_contention", "contention", "flash_sale",
        "open", "peak_sale", "quick", "selftest", "soak", "stream", *experiments,
    ]  # fmt: skip
    assert "experiments/threads" in experiments
    assert known_buyers() == ["polling", "watching"]
    assert all(load_scenario(name, ROOT).title for name in known_scenarios(ROOT))


def test_a_resolved_scenario_can_be_read_back_from_json():
    scenario = load_scenario("stream", ROOT)
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario


@pytest.mark.parametrize(
    ("t_s", "users", "stage"),
    [
        (-0.1, 0, 0), (0, 0, 1), (15, 25, 1), (30, 50, 2), (60, 100, 2), (210, 300, 4),
        (240, 200, 4), (285, 50, 5), (300, 0, 6), (301, 0, 6),
    ],
)  # fmt: skip
def test_planned_users_are_straight_lines_between_stages(t_s, users, stage):
    scenario = load_scenario("flash_sale", ROOT)
    assert scenario.schedule.planned_users(t_s) == pytest.approx(users)
    assert scenario.schedule.stage_at(t_s) == stage


def test_the_end_of_a_load_that_does_not_ramp_down_still_counts(load_text):
    scenario = load_text(FLASH_SALE.replace("users = 0", "users = 30"))
    assert scenario.schedule.planned_users(300) == 30
    assert scenario.schedule.planned_users(300.001) == 0


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("retries = 3", "retries = -1", ["load.retries = -1", "greater than or equal to 0"]),
        ("retries = 3", "retries = 2.5", ["load.retries = 2.5", "whole number"]),
        ("retries = 3", 'retries = "3"', ["load.retries = '3'", "whole number"]),
        ("retries = 3", "retries = true", ["load.retries = True", "whole number"]),
        ("\nlimit_s = 60", "\nlimit_s = nan", ["drain.limit_s = nan"]),
        ("\nlimit_s = 60", "\nlimit_s = inf", ["drain.limit_s = inf"]),
        ("\nlimit_s = 60", "\nlimit_s = true", ["drain.limit_s = True", "number"]),
        ("stock = 1000", "stock = 0", ["product.stock = 0"]),
        ("decline_rate = 0.10", "decline_rate = 1.1", ["payment.decline_rate = 1.1"]),
        ('model = "lognormal"', 'model = "gamma"', ["payment.model = 'gamma'", "'fixed'"]),
        ('buyer = "polling"', 'buyer = "pollin"', ["load.buyer = 'pollin'", "polling, watching"]),
        ("think_min_s = 0.5", "think_min_s = 2", ["load:", "think_max_s = 1.5", "think_min_s = 2"]),
        ("poll_interval_s = 0.5", "poll_interval_s = 0", ["load.poll_interval_s = 0"]),
        ('title = "Flash sale"', 'title = ""', ["title = ''", "must not be empty"]),
        ('title = "Flash sale"', "", ["title is missing"]),
        ("stock = 1000", "", ["product.stock is missing"]),
        ('name = "rush"', 'name = "peak"', ["stages[3].name", '"peak"']),
        ("users = 150", "users = -1", ["stages[2].users = -1"]),
        ("seconds = 120", "seconds = 0", ["stages[3].seconds = 0"]),
        (
            'name = "peak"\nusers = 300\nseconds = 120\nspawn_rate = 10',
            'name = "peak"\nusers = 300\nseconds = 120\nspawn_rate = 1',
            ["stages[3].spawn_rate = 1", '"peak"', "from 150 to 300 users in 120 s", "1.25 users"],
        ),
        (
            "users = 0\nseconds = 30\nspawn_rate = 10",
            "users = 0\nseconds = 30\nspawn_rate = 2",
            ["stages[5].spawn_rate = 2", "from 100 to 0 users"],
        ),
        ("[drain]", "[drain", ["not valid TOML", "line"]),
        ("stock = 1000", "stock = 3000000000", ["product.stock = 3000000000", "2147483647"]),
        (
            "price_cents = 99999",
            f"price_cents = {10**19}",
            [f"price_cents = {10**19}", "2147483647"],
        ),
        (
            "stock = 1000",
            "stock = 1000\nper_user_limit = 3000000000",
            ["product.per_user_limit = 3000000000", "2147483647"],
        ),
        ("iPhone 15 Pro", "i\\u0000Phone", ["product.name = 'i\\x00Phone'", "NUL"]),
    ],
)
def test_a_mistake_is_named_with_file_key_and_value(load_text, tmp_path, old, new, words):
    assert FLASH_SALE.count(old) == 1
    with pytest.raises(UsageError) as caught:
        load_text(FLASH_SALE.replace(old, new))
    assert str(tmp_path / "own.toml") in caught.value.message
    for word in words:
        assert word in caught.value.message
    assert caught.value.hint


def test_an_unknown_key_is_named_with_the_one_that_was_meant(load_text):
    with pytest.raises(UsageError, match=r"there is no key load\.think_max \(= 1\.5\)") as caught:
        load_text(FLASH_SALE.replace("think_max_s", "think_max"))
    assert "did you mean think_max_s?" in caught.value.hint
    with pytest.raises(UsageError, match=r"no key stages\[1\]\.rate") as caught:
        load_text(FLASH_SALE.replace("spawn_rate = 10", "spawn_rate = 10\nrate = 1", 1))
    assert "known keys there: name, users, seconds, spawn_rate" in caught.value.hint
    with pytest.raises(UsageError, match="no key colour") as caught:
        load_text('colour = "red"\n' + FLASH_SALE)
    assert "title" in caught.value.hint


def test_several_mistakes_are_counted(load_text):
    with pytest.raises(UsageError) as caught:
        load_text(FLASH_SALE.replace("stock = 1000", "stock = -1").replace("runs = 3", "runs = 0"))
    assert "runs = 0" in caught.value.message
    assert "1 more" in caught.value.hint


@pytest.mark.parametrize(
    ("tail", "words"),
    [
        ("stages = []\n", "stages = [].*empty"),
        ("stages = 5\n", "stages = 5.*array of tables"),
        ("", "stages is missing"),
        ('[[stages]]\nname = "x"\nusers = 0\nseconds = 1\nspawn_rate = 1\n', "nobody would buy"),
    ],
)
def test_stages_that_are_none(load_text, tail, words):
    head = FLASH_SALE[: FLASH_SALE.index("# Each stage ramps")]
    if tail.startswith("stages"):
        head = tail + head
        tail = ""
    with pytest.raises(UsageError, match=words.replace("[", r"\[").replace("]", r"\]")):
        load_text(head + tail)


def test_a_table_that_is_a_number(load_text):
    with pytest.raises(UsageError, match=r"drain = 60: must be a table"):
        load_text("drain = 60\n" + FLASH_SALE.replace("[drain]\nlimit_s = 60\n", ""))


def test_defaults_are_those_of_the_published_load(load_text):
    short = """
title = "Short"
[product]
name = "Phone"
price_cents = 1
stock = 1
[load]
buyer = "polling"
[[stages]]
name = "all"
users = 10
seconds = 1
spawn_rate = 10
"""
    scenario, full = load_text(short), load_scenario("flash_sale", ROOT)
    assert (scenario.payment, scenario.load) == (full.payment, full.load)
    assert (scenario.warm_up, scenario.drain) == (full.warm_up, full.drain)
    assert (scenario.runs, scenario.seed) == (full.runs, full.seed)


def test_the_contention_test():
    scenario = load_scenario("contention", ROOT)
    assert (scenario.contention.sales, scenario.contention.buyers) == (300, 200)
    assert (scenario.stages, scenario.product.stock) == ((), None)
    assert scenario.workload == "300 sales of 1 to 10 units, 200 buyers at once"
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario
    sales = scenario.sales(7)
    assert [sale.number for sale in sales] == list(range(1, 301))
    assert [sale.product_id for sale in sales] == list(range(1001, 1301))
    assert {sale.stock for sale in sales} == set(range(1, 11))
    assert scenario.sales(7) == sales != scenario.sales(8)


def test_stages_are_one_sale_of_the_products_stock():
    scenario = load_scenario("quick", ROOT)
    (sale,) = scenario.sales(7)
    assert (sale.number, sale.product_id, sale.stock) == (1, 1, 1000)
    assert scenario.workload == "60 s, 300 users at the peak, 1000 units"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[contention]", "[[stages]]\nname = 'x'\n[contention]", ["stages[1].users is missing"]),
        (
            "[drain]",
            "[[stages]]\nname = 'x'\nusers = 1\nseconds = 1\nspawn_rate = 1\n[drain]",
            ["stages and contention exclude each other"],
        ),
        (
            "[contention]",
            "[prober]\n[contention]",
            ["prober and contention exclude each other"],
        ),
        ("price_cents", "stock = 5\nprice_cents", ["product.stock = 5", "contention.stock_min"]),
        ("processes = 1", "processes = 2", ["load.processes = 2", "at once"]),
        ("stock_max = 10", "stock_max = 0", ["contention.stock_max = 0"]),
        ("stock_min = 1\n", "stock_min = 11\n", ["contention: stock_max = 10", "stock_min = 11"]),
        ("sales = 300", "sales = 0", ["contention.sales = 0"]),
        ("buyers = 200", "buyer = 200", ["there is no key contention.buyer (= 200)"]),
        ("[contention]", "[contst]", ["there is no key contst"]),
    ],
)
def test_a_mistake_in_a_contention_test_is_named(load_text, old, new, words):
    text = (ROOT / "scenarios/contention.toml").read_text("utf-8")
    assert text.count(old) == 1
    with pytest.raises(UsageError) as caught:
        load_text(text.replace(old, new))
    for word in words:
        assert word in caught.value.message


def test_the_old_name_of_a_contention_test_is_still_read(load_text):
    text = (ROOT / "scenarios/contention.toml").read_text("utf-8")
    old = load_text(text.replace("[contention]", "[contest]"))
    assert old == load_scenario("contention", ROOT)


def test_a_key_of_a_contention_test_is_guessed(load_text):
    text = (ROOT / "scenarios/contention.toml").read_text("utf-8")
    with pytest.raises(UsageError) as caught:
        load_text(text.replace("buyers = 200", "buyer = 200"))
    assert "did you mean buyers?" in caught.value.hint


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UsageError, match="no scenario named 'flashsale'") as caught:
        load_scenario("flashsale", ROOT)
    assert (
        "contention, flash_sale, open, peak_sale, quick, selftest, soak, stream"
        in caught.value.hint
    )


@pytest.mark.parametrize(
    ("content", "words"), [(None, "cannot read"), (b"\xff\xfe", "not UTF-8"), ("folder", "cannot")]
)
def test_a_file_that_cannot_be_read(tmp_path, content, words):
    path = tmp_path / "own.toml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=words) as caught:
        load_scenario(str(path), ROOT)
    assert str(path) in caught.value.message


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(FLASH_SALE, encoding="utf-8-sig")
    assert load_scenario(str(path), ROOT) == load_scenario("flash_sale", ROOT)


def test_another_encoding_is_named_by_its_line(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(FLASH_SALE.replace("iPhone", "Café"), encoding="latin-1")
    line = FLASH_SALE[: FLASH_SALE.index("iPhone")].count("\n") + 1
    with pytest.raises(UsageError, match=rf"own.toml:{line}: the byte 0xe9 is not UTF-8 text"):
        load_scenario(str(path), ROOT)


def open_scenario(tmp_path, old="", new=""):
    text = (ROOT / "scenarios/open.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(path)


def test_an_open_load_says_who_comes_and_plans_no_users():
    scenario = load_scenario("open", ROOT)
    assert scenario.open is not None
    assert scenario.open.buyers == 2500
    assert scenario.open.peak_per_s == 400
    assert (scenario.load_s, scenario.peak_users, scenario.schedule.planned_users(3)) == (30, 0, 0)
    assert "2500 buyers arrive" in scenario.workload


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('spread = "poisson"', 'spread = "bursty"', "open.spread = 'bursty'"),
        ("accounts = 100", "accounts = 0", "open.accounts = 0"),
        ("processes = 1", "processes = 64\n[load_]", "there is no key load_"),
        ("buyers = 2000", "buyers = -1", "open.stages[1].buyers = -1"),
        ("buyers = 2000", "users = 2000", "there is no key open.stages[1].users"),
        ("[open]", "[contention]\nsales = 1\nstock_min = 1\nstock_max = 1\nbuyers = 1\n[open]",
         "contention and open exclude each other"),
        ("stock = 1000", "stock = 1000\nper_user_limit = 2", "product.per_user_limit = 2"),
    ],
)  # fmt: skip
def test_a_mistake_in_an_open_load_is_named(tmp_path, old, new, complaint):
    with pytest.raises(UsageError) as caught:
        load_scenario(open_scenario(tmp_path, old, new), tmp_path)
    assert complaint in caught.value.message


def test_every_generator_process_needs_an_account(tmp_path):
    path = open_scenario(tmp_path, "accounts = 100 ", "accounts = 1 ")
    text = Path(path).read_text("utf-8").replace("processes = 1", "processes = 2")
    Path(path).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="every process needs an account of its own"):
        load_scenario(path, tmp_path)
