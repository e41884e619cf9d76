"""Reads server-sent events line by line, as the HTML standard defines them (section 9.2.6)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its id (the last one that was sent), its type and its data."""

    id: str
    type: str
    data: str


class EventStreamParser:
    """Turns lines into events; remembers the last id and the reconnection time."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: int | None = None
        self._type = ""
        self._data: list[str] = []

    def feed_line(self, line: bytes) -> Event | None:
        """Take one line, with or without its end; return the event that a blank line completes."""
        text = line.decode("utf-8", errors="replace").rstrip("\r\n")
        if not text:
            return self._dispatch()
        name, _, value = text.partition(":")
        self._take(name, value.removeprefix(" "))
        return None

    def _dispatch(self) -> Event | None:
        event = None
        if self._data:
            event = Event(self.last_id, self._type or "message", "\n".join(self._data))
        self._type, self._data = "", []
        return event

    def _take(self, name: str, value: str) -> None:
        # An empty name is a comment: servers send them to keep the connection alive.
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self.last_id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_ms = int(value)
