"""The files of the project that a container finds at a path of its own, as a ConfigMap.

A file whose text has a secret in it is none of them: a container that runs first writes it, from
the Secret, to a folder in memory.
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from harness.errors import UsageError
from harness.kubernetes.manifest import Manifest, labels, manifest
from harness.kubernetes.references import file_environment, marked
from harness.topology import ConfigFile, Service, Topology

_NOT_IN_A_KEY = re.compile(r"[^-._A-Za-z0-9]")
_MOST_BYTES = 2**20
"""Of all files of a ConfigMap: https://kubernetes.io/docs/concepts/configuration/configmap/"""
_FILES: Final = "files"
_SECRET_FILES: Final = "files-with-secrets"  # noqa: S105 - the name of a volume
_WRITTEN_AT = "/files"


@dataclass(frozen=True, slots=True)
class MountedFile:
    """A file at a path of the container, and its key in the ConfigMap.

    `folder` is the path of the folder that is mounted as a whole, if the file came with one.
    """

    key: str
    target: str
    content: bytes
    folder: str | None = None

    @property
    def text(self) -> str | None:
        """Return the content as text; None if it is none."""
        try:
            return self.content.decode()
        except UnicodeDecodeError:
            return None


def mounted_files(service: Service) -> list[MountedFile]:
    """Return the files without secrets (UsageError: one cannot be read, or they are too large)."""
    found = list(_found(service))
    names = [PurePosixPath(target).name for target, _, _ in found]
    files = [
        MountedFile(
            _NOT_IN_A_KEY.sub("_", name if names.count(name) == 1 else target.strip("/")),
            target,
            content,
            folder,
        )
        for name, (target, content, folder) in zip(names, found, strict=True)
    ]
    if sum(len(file.content) for file in files) > _MOST_BYTES:
        raise UsageError(
            f"services.{service.name}.volumes: more than {_MOST_BYTES} bytes, and a ConfigMap "
            "takes no more",
            "put the files into the image",
        )
    return files


def secret_files(service: Service) -> dict[str, ConfigFile]:
    """Return the files with secrets, by a name for each."""
    with_secrets = [config for config in service.configs if marked(config.content)]
    return {f"FILE_{number}": config for number, config in enumerate(with_secrets, start=1)}


def config_map(topology: Topology, service: Service) -> Manifest | None:
    """Return the ConfigMap with the files of a service; None if there are none."""
    files = mounted_files(service)
    if not files:
        return None
    texts = {file.key: file.text for file in files if file.text is not None}
    binary = {
        file.key: base64.b64encode(file.content).decode() for file in files if file.text is None
    }
    parts = {"data": texts, "binaryData": binary}
    return manifest(
        "ConfigMap",
        "v1",
        _config_map_name(service),
        labels(topology.approach, service.name),
        **{key: part for key, part in parts.items() if part},
    )


def volumes(service: Service) -> list[Manifest]:
    """Return the volumes of a pod that its files come in."""
    files = mounted_files(service)
    name = _config_map_name(service)
    found: list[Manifest] = []
    if any(file.folder is None for file in files):
        found.append({"name": _FILES, "configMap": {"name": name}})
    for volume, folder in _folders(files).items():
        items = [
            {"key": file.key, "path": str(PurePosixPath(file.target).relative_to(folder))}
            for file in files
            if file.folder == folder
        ]
        found.append({"name": volume, "configMap": {"name": name, "items": items}})
    if secret_files(service):
        found.append({"name": _SECRET_FILES, "emptyDir": {"medium": "Memory"}})
    return found


def mounts(service: Service) -> list[Manifest]:
    """Return where a container finds its files."""
    files = mounted_files(service)
    return [
        *(_mount(_FILES, file.target, file.key) for file in files if file.folder is None),
        *(_mount(volume, folder) for volume, folder in _folders(files).items()),
        *(
            _mount(_SECRET_FILES, config.target, name)
            for name, config in secret_files(service).items()
        ),
    ]


def writer(topology: Topology, service: Service, image: str) -> Manifest | None:
    """Return the container that writes the files with secrets; None if there are none.

    Their texts are in its environment, so no command line has them.
    """
    files = secret_files(service)
    if not files:
        return None
    commands = (f'printf %s "${name}" > {_WRITTEN_AT}/{name}' for name in files)
    texts = {name: config.content for name, config in files.items()}
    return {
        "name": "write-files",
        "image": image,
        "command": ["/bin/sh", "-c", " && ".join(commands)],
        "env": file_environment(topology, service, texts),
        "volumeMounts": [{"name": _SECRET_FILES, "mountPath": _WRITTEN_AT}],
    }


def _found(service: Service) -> Iterator[tuple[str, bytes, str | None]]:
    """Yield path in the container, content, and the folder that is mounted as a whole."""
    for mount in service.mounts:
        source = Path(mount.source)
        if mount.named:
            continue
        if source.is_dir():
            for path in sorted(one for one in source.rglob("*") if one.is_file()):
                target = PurePosixPath(mount.target) / path.relative_to(source)
                yield str(target), _read(service, path), mount.target
        else:
            yield mount.target, _read(service, source), None
    for config in service.configs:
        if not marked(config.content):
            yield config.target, config.content.encode(), None


def _read(service: Service, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"services.{service.name}.volumes: cannot read {path}: {error.strerror}",
            "a manifest takes files and folders of files",
        ) from error


def _folders(files: list[MountedFile]) -> dict[str, str]:
    """Return the paths of folders that are mounted as a whole, by a name for the volume of each."""
    folders = dict.fromkeys(file.folder for file in files if file.folder is not None)
    return {f"folder-{number}": folder for number, folder in enumerate(folders, start=1)}


def _mount(volume: str, path: str, sub_path: str = "") -> Manifest:
    place = {"name": volume, "mountPath": path}
    return {**place, **({"subPath": sub_path} if sub_path else {}), "readOnly": True}


def _config_map_name(service: Service) -> str:
    return f"{service.name}-files"
