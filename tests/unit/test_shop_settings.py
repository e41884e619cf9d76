"""Settings: read or refused, with the name of the variable."""

import pytest

from approaches.shop.settings import (
    Settings,
    SettingsError,
    read_choice,
    read_float,
    read_int,
    read_text,
    split_bind,
)


def test_settings_have_documented_defaults():
    settings = Settings.from_environment(env={}, default_port=9000)
    assert settings.bind == "0.0.0.0:9000"
    assert (settings.token_ttl_s, settings.hash_threads) == (3600, 2)
    assert 15 < settings.payment_timeout_s < 30


def test_a_required_setting_is_named():
    with pytest.raises(SettingsError, match="SECRET_KEY is not set"):
        Settings.from_environment("SECRET_KEY", env={"SECRET_KEY": ""})


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
