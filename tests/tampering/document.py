"""The table in docs/reliability.md: `python -m tests.tampering.document` writes it."""

from tests.support.edits import ROOT
from tests.support.tables import row, write_between
from tests.tampering.catalogue import TAMPERINGS

DOCUMENT = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- tamperings: written by `python -m tests.tampering.document` -->", "<!-- end -->"
_HEAD = "| changed in a recorded run | of | seen by |\n|---|---|---|\n"


def table() -> str:
    """Return the table: what is changed, in what kind of run, and which invariants fail."""
    return _HEAD + "".join(row(one.what, one.of, ", ".join(one.seen_by)) for one in TAMPERINGS)


if __name__ == "__main__":
    write_between(DOCUMENT, BEGIN, END, table())
