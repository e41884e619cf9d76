"""What a stored password hash may say of itself: its algorithm and its cost, nothing else.

A hash names what made it, in one of several notations (crypt, PHC, Werkzeug, Django). Salt and
digest are secrets, so each notation that is known is read from its beginning to its end, and what
is not known says nothing but that. The least cost of each algorithm is that of the OWASP Password
Storage Cheat Sheet.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

UNKNOWN: Final = "unknown algorithm"

_TEXT = r"[A-Za-z0-9+/=.,_:-]"
_NOTATIONS: Final = tuple(
    (re.compile(pattern), parameters)
    for pattern, parameters in (
        (
            r"(?:argon2)?\$(argon2(?:id|i|d))\$v=(\d+)\$m=(\d+),t=(\d+),p=(\d+)\$.*",
            r"$\1$v=\2$m=\3,t=\4,p=\5",
        ),
        (r"(?:bcrypt(?:_sha256)?\$)?\$(2[abxy]?)\$(\d\d)\$.{53}", r"$\1$\2"),
        (r"\$bcrypt-sha256\$v=\d+,t=(2[abxy]?),r=(\d+)\$.*", r"$\1$\2"),
        (r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$.*", r"$scrypt$ln=\1,r=\2,p=\3"),
        (r"scrypt:(\d+):(\d+):(\d+)\$.*", r"$scrypt$n=\1,r=\2,p=\3"),
        (rf"scrypt\$(\d+)\${_TEXT}*\$(\d+)\$(\d+)\$.*", r"$scrypt$n=\1,r=\2,p=\3"),
        (r"\$pbkdf2\$(\d+)\$.*", r"$pbkdf2-sha1$i=\1"),
        (r"\$?pbkdf2[-_:](sha\d+)[$:](?:i=)?(\d+)(?:,l=\d+)?\$.*", r"$pbkdf2-\1$i=\2"),
        (r"\$(1|5|6)\$rounds=(\d+)\$.*", r"$\1$rounds=\2"),
        (r"\$(1|5|6|y|7|gy)\$.*", r"$\1"),
    )
)
"""A notation, and what is kept of it; the longest and most particular come first."""

_ARGON2_LEAST: Final = ((47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5))
"""Memory in KiB and passes of Argon2id: each pair is as good as the others."""
_SCRYPT_LEAST: Final = ((17, 1), (16, 2), (15, 3), (14, 5), (13, 10))
"""log2 of N and p of scrypt at r = 8, in the same sense."""
_PBKDF2_LEAST: Final = {"sha1": 1_300_000, "sha256": 600_000, "sha512": 210_000}
_BCRYPT_LEAST: Final = 10


def parameters(password_hash: str) -> str:
    """Return algorithm and cost of a hash, such as ``$argon2id$v=19$m=19456,t=2,p=1``.

    What is in no known notation, a password in plain text for one, is `UNKNOWN`.
    """
    for pattern, kept in _NOTATIONS:
        if found := pattern.fullmatch(password_hash):
            return found.expand(kept)
    return UNKNOWN


def costs_enough(said: str) -> bool:
    """Return True if these parameters are at least what OWASP allows.

    bcrypt with a work factor of 10 is: OWASP names it for systems that have it already.
    """
    return any(check(said) for check in _CHECKS)


def _argon2(said: str) -> bool:
    numbers = _numbers(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+", said)
    return any(m >= memory and t >= passes for m, t in numbers for memory, passes in _ARGON2_LEAST)


def _bcrypt(said: str) -> bool:
    return any(cost >= _BCRYPT_LEAST for (cost,) in _numbers(r"\$2[by]?\$(\d+)", said))


def _scrypt(said: str) -> bool:
    exponents = [
        *_numbers(r"\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)", said),
        *(
            (n.bit_length() - 1, r, p)
            for n, r, p in _numbers(r"\$scrypt\$n=(\d+),r=(\d+),p=(\d+)", said)
        ),
    ]
    return any(
        ln >= least and r >= 8 and p >= lanes
        for ln, r, p in exponents
        for least, lanes in _SCRYPT_LEAST
    )


def _pbkdf2(said: str) -> bool:
    found = re.fullmatch(r"\$pbkdf2-(sha\d+)\$i=(\d+)", said)
    return found is not None and int(found[2]) >= _PBKDF2_LEAST.get(found[1], 1 << 62)


_CHECKS: Final[tuple[Callable[[str], bool], ...]] = (_argon2, _bcrypt, _scrypt, _pbkdf2)


def _numbers(pattern: str, said: str) -> Iterator[tuple[int, ...]]:
    if found := re.fullmatch(pattern, said):
        yield tuple(map(int, found.groups()))
