"""What a new user does wrong: each gets `error:` and `hint:`, its exit code, and leaves nothing."""

import socket
import tomllib

import pytest

from tests.integration.test_run import TINY

pytestmark = pytest.mark.integration


def refused(done, code, *words):
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stderr.startswith("error: ")
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_unknown_scenario(harness):
    refused(harness.run("run", "no_such_sale"), 64, "no_such_sale", "flash_sale")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("stock = 40", "stok = 40"), ["product", "stok"]),
        (("stock = 40", "stock = -1"), ["product.stock", "-1"]),
        (("stock = 40", "stock = "), ["tiny.toml"]),
        (("spawn_rate = 20", "spawn_rate = 1"), ["spawn_rate", "1"]),
        (('buyer = "polling"', 'buyer = "shouting"'), ["load.buyer", "shouting"]),
    ],
)
def test_a_broken_scenario_names_file_key_and_value(harness, tmp_path, change, words):
    broken = tmp_path / "tiny.toml"
    broken.write_text(TINY.read_text().replace(*change))
    refused(harness.run("run", broken), 64, "tiny.toml", *words)
    refused(harness.run("validate", broken), 64, "tiny.toml", *words)


def test_the_example_is_sound(harness):
    assert tomllib.loads(TINY.read_text())
    assert harness.run("validate", TINY).returncode == 0


def test_an_unwritable_folder(harness, tmp_path):
    (tmp_path / "file").write_text("")
    refused(harness.run("run", TINY, "--out", tmp_path / "file" / "c"), 64, str(tmp_path / "file"))


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--scale", "payment-worker"], "--scale payment-worker"),
        (["--scale", "no-such-service=2"], "no-such-service"),
        (["--set", "api.NO_SUCH_KEY=2"], "NO_SUCH_KEY"),
        (["--set", "api"], "--set api"),
        (["--approach", "telepathy"], "telepathy"),
        (["--runs", "0"], "--runs"),
        (["--no-such-flag"], "--no-such-flag"),
    ],
)
def test_wrong_options(harness, tmp_path, words, named):
    refused(harness.run("run", TINY, "--out", tmp_path / "c", *words), 64, named)
    assert not (tmp_path / "c").exists()


def test_a_folder_that_is_no_campaign(harness, tmp_path):
    for command in (["report"], ["audit"], ["run", "--resume"]):
        refused(harness.run(*command, tmp_path), 64, "campaign.json")


def test_a_price_table_that_is_not_one(harness, tmp_path):
    refused(harness.run("report", "--prices", tmp_path / "prices.toml"), 64, "prices.toml")
    (tmp_path / "prices.toml").write_text("hours_per_month = 0")
    refused(harness.run("report", "--prices", tmp_path / "prices.toml"), 64, "hours_per_month")


def test_a_port_that_is_taken(cli):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused(cli.run("up", "sync", "--port", port), 70, str(port))


def test_a_service_that_dies_at_start_shows_its_last_lines(cli, tmp_path):
    done = cli.run(
        "run", TINY, "--out", tmp_path / "c", "--approach", "sync", "--set", "api.HASH_THREADS=many"
    )
    refused(done, 70, "api", "HASH_THREADS")
