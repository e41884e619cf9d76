"""Reads the ``.env`` beside a compose file: the part of its format that needs no shell.

Format: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

import re
from pathlib import Path

from harness.errors import UsageError
from harness.host.text_files import read_text

_LINE = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>[^\s'\"$#]*)")


def read_variables(path: Path) -> dict[str, str]:
    """Return the variables of the file; none if there is no such file.

    Raises UsageError, with file and line, for what is neither a comment nor ``NAME=value``.
    """
    try:
        lines = read_text(path).splitlines()
    except FileNotFoundError:
        return {}
    variables = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = _LINE.fullmatch(text)
        if match is None:
            raise UsageError(
                f"{path.name}:{number}: {text!r} is not NAME=value",
                "write a plain value: no quotes, spaces or variables",
            )
        variables[match["name"]] = match["value"]
    return variables
