"""Tables in documents that a test run writes; the prose around them is written by hand."""

from pathlib import Path


def write_between(path: Path, begin: str, end: str, table: str) -> None:
    """Put a table between two lines of a document, in the place of what stands there."""
    before, begins, rest = path.read_text(encoding="utf-8").partition(f"{begin}\n")
    _, ends, after = rest.partition(f"{end}\n")
    if not (begins and ends):
        raise AssertionError(f"{path}: {begin} … {end} is not there")
    path.write_text(f"{before}{begin}\n\n{table}\n{end}\n{after}", encoding="utf-8")


def row(*cells: str) -> str:
    """Return one row of a table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
