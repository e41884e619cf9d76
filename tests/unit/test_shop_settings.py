"""Settings: read or refused, with the name of the variable."""

import pytest

from approaches.queue.service import run_service
from approaches.shop.settings import (
    Settings,
    SettingsError,
    read_choice,
    read_float,
    read_int,
    read_text,
    split_bind,
)
from approaches.sync import __main__ as sync


def test_settings_have_documented_defaults():
    settings = Settings.from_environment(env={}, default_port=9000)
    assert settings.bind == "0.0.0.0:9000"
    assert (settings.token_ttl_s, settings.hash_threads) == (3600, 2)
    assert 15 < settings.payment_timeout_s < 30


def test_a_required_setting_is_named():
    with pytest.raises(SettingsError, match="SECRET_KEY is not set"):
        Settings.from_environment("SECRET_KEY", env={"SECRET_KEY": ""})


@pytest.mark.parametrize("key", ["s" * 31, "ß" * 15, "change-me"])
def test_a_short_secret_is_refused_and_not_repeated(key):
    with pytest.raises(SettingsError, match="SECRET_KEY must have at least 32 bytes") as caught:
        Settings.from_environment("SECRET_KEY", env={"SECRET_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "start",
    [sync.main, lambda: run_service(lambda *_: None, "DATABASE_URL", "SECRET_KEY")],
    ids=["sync", "queue"],
)
def test_no_service_starts_with_a_short_secret(start, monkeypatch, capsys):
    for name in ("DATABASE_URL", "REDIS_URL", "GATEWAY_URL"):
        monkeypatch.setenv(name, "somewhere://else")
    monkeypatch.setenv("SECRET_KEY", "only-for-benchmarks")
    assert start() == 78
    told = capsys.readouterr().err
    assert "SECRET_KEY must have at least 32 bytes" in told
    assert "openssl rand -hex 32" in told


@pytest.mark.parametrize("key", ["s" * 32, "ß" * 16])
def test_a_secret_of_32_bytes_will_do(key):
    assert Settings.from_environment("SECRET_KEY", env={"SECRET_KEY": key}).secret_key == key


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: read_int("N", 1, env={"N": "x"}), "N must be an integer"),
        (lambda: read_int("N", 1, env={"N": "0"}), "N must be between 1 and"),
        (lambda: read_float("F", 1.0, env={"F": "x"}), "F must be a number"),
        (lambda: read_float("F", 1.0, env={"F": "nan"}), "F must be between"),
        (lambda: read_text("T", env={}), "T is not set"),
        (lambda: read_choice("C", ("a", "b"), env={"C": "c"}), "C must be a or b, not 'c'"),
        (lambda: split_bind("8000"), "BIND must be"),
        (lambda: split_bind("host:99999"), "BIND must be"),
        (lambda: split_bind(":80"), "BIND must be"),
    ],
)
def test_a_malformed_setting_is_refused_by_name(call, words):
    with pytest.raises(SettingsError, match=words):
        call()


def test_the_gateway_address_has_no_trailing_slash():
    settings = Settings.from_environment(env={"GATEWAY_URL": "http://g:9000/"})
    assert settings.gateway_url == "http://g:9000"
