"""What is read of real stores after a run: enough for the audit, and no secret."""

import psycopg
import pytest

from harness.campaign import collect
from tests.support.secret_search import secrets_in

pytestmark = pytest.mark.integration

BCRYPT = "$2b$12$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"
HASHES = (
    BCRYPT,
    BCRYPT.replace("nOUI", "oPVJ"),
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
    "scrypt:32768:8:1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo",
    "correct horse",
)


def test_of_passwords_only_algorithm_and_cost_are_read(world):
    with psycopg.connect(world.dsn, autocommit=True) as ledger:
        ledger.execute("TRUNCATE users CASCADE")
        with ledger.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO users (email, name, password_hash) VALUES (%s, 'x', %s)",
                [(f"{n}@example.org", one) for n, one in enumerate(HASHES)],
            )
        found = collect.password_parameters(ledger)
    assert {one["parameters"]: one["count"] for one in found} == {
        "$2b$12": 2,
        "$argon2id$v=19$m=19456,t=2,p=1": 1,
        "$scrypt$n=32768,r=8,p=1": 1,
        "unknown algorithm": 1,
    }
    assert secrets_in(str(found)) == []
