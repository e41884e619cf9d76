"""Reads the text files that people write: UTF-8, with or without a byte order mark."""

from pathlib import Path

from harness.errors import UsageError


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises UsageError, with file, line and byte, if it is not UTF-8; OSError if it cannot be read.
    """
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}:{line}: the byte 0x{content[error.start]:02x} is not UTF-8 text",
            "save the file as UTF-8",
        ) from error
