"""Reads the ``.env`` beside a compose file as Compose does, but for variables in its values.

Format: https://docs.docker.com/compose/how-tos/environment-variables/variable-interpolation/
"""

from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from harness.errors import UsageError
from harness.host.text_files import read_text


def read_variables(path: Path) -> dict[str, str]:
    """Return the variables of the file; none if there is no such file.

    Raises UsageError, with file and line, for what is neither a comment nor ``NAME=value``.
    """
    try:
        text = read_text(path)
    except FileNotFoundError:
        return {}
    variables = {}
    for binding in parse_stream(StringIO(text)):
        name, value = binding.key, binding.value
        if name is None and not binding.error:
            continue  # a comment, or an empty line
        if name is None or value is None or not name.isidentifier() or "$" in value:
            line = binding.original.string.strip()
            raise UsageError(
                f"{path.name}:{binding.original.line}: {line!r} is not NAME=value",
                "write a value without variables; quotes may enclose it",
            )
        variables[name] = value
    return variables
