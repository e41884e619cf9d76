"""Looks for secrets in whatever was written: hashes, tokens, keys, and passwords of URLs.

Logs are unpacked, and tables are read, for compressed text shows nothing.
"""

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

_DIGEST = r"[A-Za-z0-9./+_-]{8,}"
_KINDS: Mapping[str, re.Pattern[str]] = {
    "bcrypt hash": re.compile(r"\$2[abxy]?\$\d\d\$[A-Za-z0-9./]{8,}"),
    "Argon2 hash": re.compile(rf"\$argon2\w*\$v=\d+\$m=\d+,t=\d+,p=\d+\${_DIGEST}"),
    "scrypt hash": re.compile(rf"scrypt[$:](?:ln=|n=)?\d+[:,]\w*=?\d+[:,]\w*=?\d+\${_DIGEST}"),
    "PBKDF2 hash": re.compile(rf"pbkdf2(?:[-_:]\w+)?[$:](?:i=)?\d+[^$\s]*\${_DIGEST}"),
    "crypt hash": re.compile(rf"\$[156y]\$(?:rounds=\d+\$)?{_DIGEST}\${_DIGEST}"),
    "token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"),
    "bearer": re.compile(r"[Bb]earer\s+[\w.~+/-]{16,}"),
    "private key": re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY"),
    "password in a URL": re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@\"'<>]*:(?!\*\*\*@)[^\s/:@\"'<>]+@"),
    "named secret": re.compile(
        r"(?i)(?:secret_key|password|token_key|requirepass|auth)[\"']?\s*[:=,]\s*[\"']?[0-9a-f]{32,}"
    ),
}  # fmt: skip


def secrets_in(text: str) -> list[str]:
    """Return what in a text looks like a secret, each with its kind."""
    return [f"{kind}: {found[0]}" for kind, one in _KINDS.items() for found in one.finditer(text)]


def secrets_below(folder: Path) -> list[str]:
    """Return the secrets in all files of a folder, each with its file."""
    return [
        f"{path.relative_to(folder)}: {secret}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for text in _texts(path)
        for secret in secrets_in(text)
    ]


def _texts(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        frame = pd.read_parquet(path)
        for column in frame.select_dtypes(["object", "string", "category"]):
            yield "\n".join(map(str, frame[column].dropna().unique()))
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes()).decode(errors="replace")
    else:
        yield path.read_bytes().decode(errors="replace")
