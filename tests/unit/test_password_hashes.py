"""Of a password hash, algorithm and cost are kept, and nothing that helps to guess the password."""

import pytest

from harness.audit.password_hashes import UNKNOWN, costs_enough, parameters
from tests.support.secret_search import secrets_in

SALT, DIGEST = "c2FsdHNhbHRzYWx0c2E", "aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"
BCRYPT = "nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"

HASHES = {
    f"$argon2id$v=19$m=19456,t=2,p=1${SALT}${DIGEST}": "$argon2id$v=19$m=19456,t=2,p=1",
    f"argon2$argon2id$v=19$m=102400,t=2,p=8${SALT}${DIGEST}": "$argon2id$v=19$m=102400,t=2,p=8",
    f"$2b$12${BCRYPT}": "$2b$12",
    f"$2y$04${BCRYPT}": "$2y$04",
    f"bcrypt_sha256$$2b$12${BCRYPT}": "$2b$12",
    f"$bcrypt-sha256$v=2,t=2b,r=12$n79VH.0Q2TMWmt3Oqt9uku${DIGEST}": "$2b$12",
    f"$scrypt$ln=17,r=8,p=1${SALT}${DIGEST}": "$scrypt$ln=17,r=8,p=1",
    f"scrypt:32768:8:1${SALT}${DIGEST}": "$scrypt$n=32768,r=8,p=1",
    f"scrypt$16384${SALT}$8$5${DIGEST}": "$scrypt$n=16384,r=8,p=5",
    f"$pbkdf2-sha256$29000${SALT}${DIGEST}": "$pbkdf2-sha256$i=29000",
    f"$pbkdf2$131000${SALT}${DIGEST}": "$pbkdf2-sha1$i=131000",
    f"$pbkdf2-sha512$i=210000,l=64${SALT}${DIGEST}": "$pbkdf2-sha512$i=210000",
    f"pbkdf2_sha256$720000${SALT}${DIGEST}": "$pbkdf2-sha256$i=720000",
    f"pbkdf2:sha256:600000${SALT}${DIGEST}": "$pbkdf2-sha256$i=600000",
    f"$6$rounds=5000${SALT}${DIGEST}": "$6$rounds=5000",
    f"$6${SALT}${DIGEST}": "$6",
    f"$y$j9T${SALT}${DIGEST}": "$y",
    "5f4dcc3b5aa765d61d8327deb882cf99": UNKNOWN,
    "correct horse": UNKNOWN,
    "a$secret$with$dollars$in it": UNKNOWN,
    "{SSHA}c2FsdHNhbHRzYWx0c2FsdHNhbHQ=": UNKNOWN,
    f"$2b$12$too-short${SALT}": UNKNOWN,
    "": UNKNOWN,
}


@pytest.mark.parametrize(("stored", "kept"), HASHES.items())
def test_algorithm_and_cost_are_kept_and_nothing_else(stored: str, kept: str) -> None:
    said = parameters(stored)
    assert said == kept
    assert SALT not in said
    assert DIGEST[:8] not in said
    assert BCRYPT[:8] not in said
    assert secrets_in(said) == []


@pytest.mark.parametrize(
    "said",
    [
        "$argon2id$v=19$m=19456,t=2,p=1", "$argon2id$v=19$m=47104,t=1,p=1",
        "$argon2id$v=19$m=12288,t=3,p=1", "$2b$10", "$2y$12", "$scrypt$ln=17,r=8,p=1",
        "$scrypt$n=131072,r=8,p=1", "$scrypt$n=32768,r=8,p=3", "$pbkdf2-sha256$i=600000",
        "$pbkdf2-sha512$i=210000",
    ],
)  # fmt: skip
def test_what_owasp_allows_costs_enough(said: str) -> None:
    assert costs_enough(said)


@pytest.mark.parametrize(
    "said",
    [
        "$argon2id$v=19$m=8,t=1,p=1", "$argon2i$v=19$m=19456,t=2,p=1",
        "$argon2id$v=19$m=19456,t=1,p=1", "$2b$09", "$2b$04", "$2x$12", "$2a$12",
        "$scrypt$n=32768,r=8,p=1", "$pbkdf2-sha256$i=29000", "$pbkdf2-sha1$i=131000",
        "$pbkdf2-md5$i=9999999", "$6$rounds=5000", "$6", "$y", UNKNOWN, "",
    ],
)  # fmt: skip
def test_what_is_cheaper_or_unknown_does_not(said: str) -> None:
    assert not costs_enough(said)
