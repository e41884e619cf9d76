"""A disk that is full, without one: the kernel refuses to let any file grow beyond a limit."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager


def fill_the_disk(room_bytes: int = 0) -> None:
    """Let no file of this process grow beyond so many bytes, from here on."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, most))


@contextmanager
def full_disk(room_bytes: int = 0) -> Iterator[None]:
    """Fill the disk for as long as the block lasts."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    fill_the_disk(room_bytes)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
