"""Where a Docker engine is.

    unix:///var/run/docker.sock    on this machine
    ssh://user@host:22             by ssh(1), with the user's own keys and configuration
    tcp://host:2376                by TLS, with a folder of certificates as the `docker` command has

Whoever may use an engine is root on its machine, so one that asks for no certificate is refused.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import InfrastructureError
from harness.runtimes.ports import LOOPBACK

HERE = "unix"
"""How the engine of this machine is reached."""

_FORMS = {
    HERE: re.compile(r"unix:///.+"),
    "ssh": re.compile(r"ssh://([^@/\s-][^@/\s]*@)?[^@/:\s-][^@/:\s]*(:\d+)?(/.*)?"),
    "tcp": re.compile(r"tcp://[^@/:\s]+:\d+"),
}
FORM = "unix:///PATH, ssh://USER@HOST, or tcp://HOST:PORT with certificates"
SOCKET = "/var/run/docker.sock"
_HIGHEST_PORT = 65_535
_CERTIFICATES = ("ca.pem", "cert.pem", "key.pem")


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """An address as its user wrote it; `certificates` is the folder of those for TLS.

    Raises ValueError, with the form that is expected, for an address that is none.
    """

    url: str
    certificates: Path | None = None

    def __post_init__(self) -> None:
        form = _FORMS.get(self.scheme)
        if form is None or not form.fullmatch(self.url):
            raise ValueError(f"must be {FORM}")
        if not self.is_here and not 1 <= (self._port or 1) <= _HIGHEST_PORT:
            raise ValueError(f"a port is a number from 1 to {_HIGHEST_PORT}")
        if self.scheme == "tcp" and self.certificates is None:
            raise ValueError(
                "needs the folder of its certificates: an open engine serves everybody"
            )
        if self.scheme != "tcp" and self.certificates is not None:
            raise ValueError("only an engine at tcp:// has certificates")

    @property
    def scheme(self) -> str:
        """Return how the engine is reached: unix, ssh or tcp."""
        return self.url.partition("://")[0]

    @property
    def is_here(self) -> bool:
        """Return True if the engine runs on this machine, or at least on its kernel."""
        return self.scheme == HERE

    @property
    def host(self) -> str:
        """Return the name or address of the engine's machine."""
        return LOOPBACK if self.is_here else self._authority.rpartition("@")[2].partition(":")[0]

    @property
    def ssh_target(self) -> tuple[str, ...]:
        """Return the words by which ssh(1) is told where to go."""
        port = () if self._port is None else ("-p", str(self._port))
        return (*port, self._authority.partition(":")[0])

    @property
    def socket(self) -> str:
        """Return the path of the engine's socket on its own machine."""
        return urlsplit(self.url).path or SOCKET

    @property
    def _authority(self) -> str:
        """Return user, host and port as they are written: ssh tells `Host` aliases by case."""
        return urlsplit(self.url).netloc

    @property
    def _port(self) -> int | None:
        port = self._authority.partition(":")[2]
        return int(port) if port else None

    def files(self) -> tuple[Path, Path, Path]:
        """Return authority, certificate and key for TLS (InfrastructureError: one is missing)."""
        folder = self.certificates or Path()
        missing = [name for name in _CERTIFICATES if not (folder / name).is_file()]
        if missing:
            raise InfrastructureError(
                f"{folder} has no {' and no '.join(missing)}",
                "the folder needs ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH does",
            )
        authority, certificate, key = (folder / name for name in _CERTIFICATES)
        return authority, certificate, key
