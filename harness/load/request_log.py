"""The request log: one line per request, written when the request is over.

Three append-only files per generator process, each line a JSON array in the order of the columns
below, and at the very end one with the numbers of requests that were recorded and that Locust
counted. Without that last file a log is incomplete and is not read: a killed generator leaves no
half-truths.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

REQUEST_TYPES = {
    "user": "int32", "endpoint": "str", "intended_ns": "int64", "sent_ns": "int64",
    "done_ns": "int64", "think_ns": "int64", "status": "int16", "outcome": "str", "error": "str",
    "key": "str", "try": "int8", "order_id": "str", "order_status": "str", "version": "int16",
    "replayed": "bool", "code": "str", "quantity": "int16", "amount_cents": "int64",
}  # fmt: skip
"""The columns of the requests, with their types in a table.

`quantity` is what was asked for, 0 if it was no purchase. `amount_cents` is the sum that the answer
names: on a product page the price of a unit, of an order its amount; -1 if it names none.
"""
BUYER_TYPES = {
    "user": "int32", "born_ns": "int64", "asked_ns": "int64", "left_ns": "int64",
    "user_id": "int64",
}  # fmt: skip
"""The same of the buyers; `user_id` is the account that the shop gave one, 0 if that was lost."""
CLOCK_COLUMNS = ("instant_s", "t_s", "planned", "active", "alive")

_TABLES = ("requests", "buyers", "clock")
_BUFFER_BYTES = 1 << 16

_encode = msgspec.json.Encoder().encode
_decode_lines = msgspec.json.Decoder(list[Any]).decode_lines


def _file_of(folder: Path, table: str, process: int) -> Path:
    """Return the file in which a generator process writes a table."""
    return folder / f"{table}-{process}.jsonl"


def rows_of(folder: Path, table: str, process: int) -> list[list[Any]]:
    """Read the rows of a table that a generator process wrote."""
    return _decode_lines(_file_of(folder, table, process).read_bytes())


def end_file_of(folder: Path, process: int) -> Path:
    """Return the file in which a generator process closes its log."""
    return folder / f"end-{process}.json"


def files_of(folder: Path, process: int) -> list[Path]:
    """Return all files of a process' log; the one that closes it is the last."""
    return [
        *(_file_of(folder, table, process) for table in _TABLES),
        end_file_of(folder, process),
    ]


class RequestLog:
    """Writes what one generator process did and saw."""

    def __init__(self, folder: Path, process: int) -> None:
        self.recorded = 0
        self._end = end_file_of(folder, process)
        # "x": a log is never continued, so two loads can never be mixed up in one.
        self._files = [
            _file_of(folder, table, process).open("xb", _BUFFER_BYTES) for table in _TABLES
        ]
        self._write_request, self._write_buyer, self._write_clock = (f.write for f in self._files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for file in self._files:
            file.close()

    def request(self, row: tuple[Any, ...]) -> None:
        """Record one request, in the order of `REQUEST_TYPES`."""
        self._write_request(_encode(row) + b"\n")
        self.recorded += 1

    def buyer(self, row: tuple[int, int, int, int, int]) -> None:
        """Record a buyer that has left, in the order of `BUYER_TYPES`."""
        self._write_buyer(_encode(row) + b"\n")

    def clock(self, row: tuple[float, float, float, int, int]) -> None:
        """Record what was planned and what was there, in the order of `CLOCK_COLUMNS`."""
        self._write_clock(_encode(row) + b"\n")

    def flush(self) -> None:
        """Hand everything to the operating system."""
        for file in self._files:
            file.flush()

    def close_with(self, *, locust: int, killed: int) -> None:
        """Complete the log with what Locust counted, and how many buyers were given up."""
        self.flush()
        end = {"recorded": self.recorded, "locust": locust, "killed": killed}
        self._end.write_bytes(_encode(end))
