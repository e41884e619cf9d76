"""A socket here that leads to the engine of another machine, by one ssh(1) process.

The library and the `docker` command both use the socket, so there is one connection, with the keys,
the known hosts and the configuration of the user's own ssh. The process ends when this one does,
however that comes about: what it runs on the other machine reads from a pipe that is closed then.
"""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from harness.errors import InfrastructureError
from harness.host.child_processes import exit_code
from harness.runtimes.docker.docker_errors import indented
from harness.runtimes.docker.engine_address import EngineAddress

_LIMIT_S = 30.0
_POLL_S = 0.05
_OPTIONS = (
    *("BatchMode=yes", "ExitOnForwardFailure=yes", "ConnectTimeout=10"),
    *("ServerAliveInterval=5", "ServerAliveCountMax=3"),
    *("ControlMaster=no", "ControlPath=none"),  # a shared connection would outlive this one
)
_UNTIL_CLOSED = "cat"
"""A command that runs for as long as its input is open."""


class Forwarding:
    """The engine's socket as it is here, from when it is made until `close`."""

    def __init__(self, address: EngineAddress) -> None:
        """Connect (InfrastructureError: ssh is missing, or cannot; its last lines)."""
        self._folder = Path(tempfile.mkdtemp(prefix="flashsale-ssh-"))
        self.socket = self._folder / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None
        try:
            self._process = self._begun(address)
            self._wait(self._process, address)
        except BaseException:
            self.close()
            raise

    def _begun(self, address: EngineAddress) -> "subprocess.Popen[bytes]":
        words = [word for option in _OPTIONS for word in ("-o", option)]
        words += ["-T", "-L", f"{self.socket}:{address.socket}", *address.ssh_target]
        with open(self._log, "wb") as log:
            try:
                return subprocess.Popen(
                    ["ssh", *words, _UNTIL_CLOSED],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C reaches the harness alone
                )
            except FileNotFoundError:
                raise InfrastructureError(
                    f"there is no `ssh` command to reach {address.url} by", "install OpenSSH"
                ) from None

    def _wait(self, process: "subprocess.Popen[bytes]", address: EngineAddress) -> None:
        deadline_s = time.monotonic() + _LIMIT_S
        while not self._is_open():
            if exit_code(process) is not None or time.monotonic() > deadline_s:
                said = self._log.read_text(encoding="utf-8", errors="replace")
                target = " ".join(address.ssh_target)
                raise InfrastructureError(
                    f"ssh cannot reach {address.url}:\n{indented(said)}",
                    f"it must work without a question: ssh {target} docker ps",
                )
            time.sleep(_POLL_S)

    def _is_open(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    @property
    def _log(self) -> Path:
        return self._folder / "ssh.log"

    def close(self) -> None:
        """End the connection; the second call does nothing."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate()  # waits for its end, and closes the pipe
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
