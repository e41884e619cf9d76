"""What happens to the faults of a run while it goes on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FaultEvent:
    """A fault began, failed, or what it hit is back, `t_s` seconds after the load began."""

    name: str
    words: str
    t_s: float
    is_over: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.words}"
