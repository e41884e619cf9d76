"""Files of the project that a container reads, packed to be put into it before it starts.

A mount would need the file on the engine's own machine, which may be another one. What a container
may write to stays a mount.
"""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.topology import Mount, Service

_READABLE = 0o444
_FOLDER = 0o555


def is_copied(mount: Mount) -> bool:
    """Return True for what is copied into a container: what stands there to be read."""
    return mount.read_only and not mount.named


@contextmanager
def packed(service: Service) -> Iterator[IO[bytes] | None]:
    """Pack the files that a service reads, for everybody in its containers to read; None: none."""
    copied = [mount for mount in service.mounts if is_copied(mount)]
    if not copied and not service.configs:
        yield None
        return
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as archive:
            for mount in copied:
                archive.add(Path(mount.source).resolve(), mount.target.lstrip("/"), filter=_for_all)
            for config in service.configs:
                _add_text(archive, config.target, config.content)
        file.seek(0)
        yield file


def _add_text(archive: tarfile.TarFile, path: str, content: str) -> None:
    data = content.encode()
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.size, entry.mode = len(data), _READABLE
    archive.addfile(entry, io.BytesIO(data))


def _for_all(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Let everybody read an entry; it belongs to the container's root, as all of its image does."""
    entry.mode = _FOLDER if entry.isdir() else _READABLE | (entry.mode & 0o111)
    entry.uid = entry.gid = 0
    return entry
