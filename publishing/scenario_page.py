"""The reference of scenario files, from the model that reads them."""

from collections.abc import Iterator

from harness.scenario.fault_kinds import FAULT_KINDS
from harness.scenario.model import Scenario, known_buyers
from publishing.json_schema import Key, Schema, definition_name, keys
from publishing.markdown_table import markdown_table

HEAD = """# Scenario files

A scenario is one TOML file in `scenarios/`. This page is generated from the model that reads it;
`harness validate FILE` checks a file against the same model. [How to write one](own-scenario.md)
has an example.

A key without a default may be left out, unless it *must be given*. Seconds end in `_s`, cents in
`_cents`.
"""

KINDS = "## Kinds of faults"


def scenario_page() -> str:
    """Return the page: the keys of the file itself, and then a section for each of its tables."""
    schema = Scenario.model_json_schema()
    places: dict[str, list[str]] = {}
    for place, name in _tables(schema, schema["$defs"]):
        places.setdefault(name, []).append(place)

    def named(name: str) -> str:
        return f"[`{places[name][0]}`](#{_anchor(name)})"

    sections = [
        f"## {' and '.join(f'`{place}`' for place in found)} {{ #{_anchor(name)} }}\n\n"
        f"{_text(schema['$defs'][name])}\n\n{_table(keys(schema['$defs'][name], named))}"
        for name, found in places.items()
    ]
    buyers = f"Buyers: {', '.join(f'`{name}`' for name in known_buyers())} (`load.buyer`)."
    top = f"## The file itself\n\n{_table(keys(schema, named))}\n\n{buyers}"
    return "\n\n".join([HEAD, top, *sections, f"{KINDS}\n\n{_kinds()}"]) + "\n"


def _tables(schema: Schema, definitions: Schema, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield each table of the file as TOML writes it, with the name of its definition."""
    for key, one in schema.get("properties", {}).items():
        for form, name in _references(one):
            path = form.format(f"{prefix}{key}")
            yield path, name
            inner = path.strip("[]")
            yield from _tables(definitions[name], definitions, f"{inner}.")


def _references(one: Schema) -> Iterator[tuple[str, str]]:
    """Yield what a value refers to, with the form of the table that holds it."""
    if "$ref" in one:
        yield "[{}]", definition_name(one)
    for choice in one.get("anyOf", ()):
        yield from _references(choice)
    if "$ref" in one.get("items", {}):
        yield "[[{}]]", definition_name(one["items"])
    if isinstance(by_name := one.get("additionalProperties"), dict) and "$ref" in by_name:
        yield "[{}.NAME]", definition_name(by_name)


def _anchor(name: str) -> str:
    return f"table-{name.lower()}"


def _text(schema: Schema) -> str:
    return str(schema.get("description", ""))


def _table(found: Iterator[Key]) -> str:
    rows = [
        (
            f"`{key.name}`",
            key.value.removesuffix(" or null"),
            "*must be given*" if key.is_required else f"`{key.default}`" if key.default else "",
            key.meaning,
        )
        for key in found
    ]
    return markdown_table(["key", "value", "default", "meaning"], rows)


def _kinds() -> str:
    rows = [
        (
            f"`{kind.name}`",
            kind.hits.value,
            kind.description,
            ", ".join(f"`{name} = {value:g}`" for name, value in kind.options.items()),
        )
        for kind in FAULT_KINDS.values()
    ]
    return markdown_table(["kind", "hits", "what it does", "options, with their defaults"], rows)
