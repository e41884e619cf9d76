"""What the repository keeps of campaigns holds no secret, and the search would find one."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from tests.support.secret_search import secrets_below, secrets_in

RESULTS = Path(__file__).parents[2] / "results"


def test_the_stored_results_hold_no_secret() -> None:
    assert secrets_below(RESULTS) == []


@pytest.mark.parametrize(
    "text",
    [
        "$2b$12$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa",
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "scrypt:32768:8:1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$scrypt$ln=17,r=8,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        "pbkdf2:sha256:600000$c2FsdHNhbHQ$aGFzaGhhc2g",
        "pbkdf2_sha256$720000$c2FsdHNhbHQ$aGFzaGhhc2g",
        "$6$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
        "Authorization: Bearer 0123456789abcdef0123",
        "-----BEGIN RSA PRIVATE KEY-----",
        "postgresql://shop:hunter2@127.0.0.1:5432/shop",
        "redis://:hunter2@127.0.0.1:6379/0",
        '"SECRET_KEY": "' + "0f" * 32 + '"',
        "ALTER ROLE shop PASSWORD='" + "0f" * 32 + "'",
    ],
)
def test_each_kind_of_secret_is_found(text: str) -> None:
    assert secrets_in(text) != []


def test_they_are_found_in_logs_and_tables(tmp_path: Path) -> None:
    secret = "postgresql://shop:hunter2@127.0.0.1/shop"
    (tmp_path / "api-1.log.gz").write_bytes(gzip.compress(secret.encode()))
    pd.DataFrame({"error": [secret]}).to_parquet(tmp_path / "requests.parquet")
    (tmp_path / "run.json").write_text(secret)
    assert len(secrets_below(tmp_path)) == 3


@pytest.mark.parametrize(
    "text",
    [
        "$argon2id$v=19$m=19456,t=2,p=1", "$2b$12", "postgresql://shop:***@127.0.0.1:5432/shop",
        '"SECRET_KEY": "***"', "http://127.0.0.1:8080/orders/12@3",
    ],
)  # fmt: skip
def test_what_is_struck_out_is_none(text: str) -> None:
    assert secrets_in(text) == []
