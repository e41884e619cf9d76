"""The models of files that people write, and how a mistake is reported: by file, key and value."""

import difflib
import tomllib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from harness.errors import UsageError
from harness.host.text_files import read_text

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MOST = 2**31 - 1
"""The largest `integer` of PostgreSQL: what is counted is stored as one."""

Count = Annotated[int, Field(ge=1, le=MOST)]


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL is no character of a text: PostgreSQL cannot store it")
    return text


Text = Annotated[str, Field(min_length=1), AfterValidator(_without_nul)]


class SchemaModel(BaseModel):
    """A model whose keys are all known, and whose values have the stated types.

    The docstrings of its fields are what the reference of scenario files says of the keys.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


Table = TypeVar("Table", bound=SchemaModel)


class Named(Protocol):
    """What bears a name, such as a stage or a case."""

    @property
    def name(self) -> str:
        """Return its name."""


def check_names(where: str, things: Sequence[Named]) -> None:
    """Raise ValueError if two things of an array of tables bear one name."""
    names = [thing.name for thing in things]
    for number, name in enumerate(names, start=1):
        if name in names[: number - 1]:
            raise ValueError(f'{where}[{number}].name = "{name}" names two {where}')


_CLEARER = {
    "finite_number": "must be a finite number",
    "float_type": "must be a number",
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "model_type": "must be a table",
    "dict_type": "must be a table",
    "tuple_type": "must be an array, or an array of tables",
    "too_short": "must not be empty",
}


def explain(
    path: Path, table: type[SchemaModel], errors: list[ErrorDetails], secret: Collection[str] = ()
) -> UsageError:
    """Return the first error in words; its hint gives the number of further ones.

    The values of `secret` keys are not said; nor, if there are any, those of unknown keys: each
    may be one of them, misspelt.
    """
    # a misspelt key is also a missing one: report the word that stands in the file
    error = min(errors, key=lambda one: one["type"] != "extra_forbidden")
    key = _key(error["loc"])
    is_unknown = error["type"] == "extra_forbidden"
    is_secret = bool(secret) and (is_unknown or (error["loc"] or ("",))[0] in secret)
    value = "" if is_secret else f" = {error['input']!r}"
    more = f"; {len(errors) - 1} more like it in the file" if len(errors) > 1 else ""
    if error["type"] == "missing":
        return UsageError(f"{path}: {key} is missing", f"add it{more}")
    if is_unknown:
        known = _known_keys(table, error["loc"])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        guess = f"did you mean {near[0]}? " if near else ""
        message = f"{path}: there is no key {key}" + (f" ({value[1:]})" if value else "")
        return UsageError(message, f"{guess}known keys there: {', '.join(known)}{more}")
    if error["type"] == "value_error":
        reason = str(error["ctx"]["error"])
        own_value = not isinstance(error["input"], dict)
        subject = f"{key}{value if own_value else ''}: " if key else ""
        return UsageError(f"{path}: {subject}{reason}", f"change the file{more}")
    reason = _CLEARER.get(error["type"], error["msg"].replace("Input should", "must"))
    return UsageError(f"{path}: {key}{value}: {reason}", f"change the file{more}")


def read_table(path: Path, table: type[Table], hint: str, secret: Collection[str] = ()) -> Table:
    """Read a TOML file that people write; `hint` is for one that cannot be read.

    Raises UsageError that names the file, the key and the value, unless that is `secret`.
    """
    try:
        return table.model_validate(tomllib.loads(read_text(path)))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}", "see https://toml.io") from error
    except ValidationError as invalid:
        raise explain(path, table, invalid.errors(), secret) from invalid


def _key(location: tuple[int | str, ...]) -> str:
    """Write the place of a value as in ``stages[2].users``; stages count from 1."""
    key = ""
    for step in location:
        key += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if key else step
    return key


def _known_keys(table: Any, location: tuple[int | str, ...]) -> list[str]:
    for step in location[:-1]:
        if step in table.model_fields:  # not the place in an array, nor a name of the file's own
            table = table_of(table.model_fields[step].annotation)
    return [field.alias or name for name, field in table.model_fields.items()]


def table_of(annotation: Any) -> Any:
    """Return the model that a field has: Drain itself, the Stage in tuple[Stage, ...]."""
    return next(t for t in (annotation, *get_args(annotation)) if hasattr(t, "model_fields"))
