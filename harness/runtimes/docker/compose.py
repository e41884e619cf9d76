"""Runs `docker compose`: what reads the compose files, builds the images and makes the containers.

A command runs in a session of its own, so that Ctrl-C reaches the harness alone, which then ends
it; and it has the mark of its deployment, so that it is found if the harness is killed.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import InfrastructureError
from harness.host import inherited
from harness.runtimes.docker.docker_errors import docker_error
from harness.runtimes.processes import MARKER
from harness.runtimes.state import StateFolder
from harness.topology import interpolation

OLDEST = (2, 24)
"""The first Compose whose files can override a list (`!override`)."""

_CHOOSES = re.compile(r"COMPOSE_.*|DOCKER_(HOST|CONTEXT|TLS|TLS_VERIFY|CERT_PATH)")
"""Variables that choose files, services or an engine."""

_INSTALL = "install the compose plugin: https://docs.docker.com/compose/install/"


@dataclass(frozen=True, slots=True)
class Compose:
    """One project on one engine: a compose file, what is laid over it, its variables, a name.

    `engine` has the variables by which the command finds the engine.
    """

    project: str
    files: tuple[Path, ...]
    variables: Mapping[str, str]
    state: StateFolder
    engine: Mapping[str, str]

    @property
    def log(self) -> Path:
        """Return the file of what the last command printed."""
        return self.state.path / "compose.log"

    def run(self, *words: str, what: str) -> None:
        """Run a command (InfrastructureError: `what` failed; its last lines)."""
        files = [word for file in self.files for word in ("--file", str(file))]
        folder = ["--project-directory", str(self.files[0].parent)]
        argv = ["docker", "compose", "--project-name", self.project, *folder, *files, *words]
        with open(self.log, "wb") as output:
            process = subprocess.Popen(
                argv,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            code = process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if code != 0:
            raise docker_error(self.log.read_text(encoding="utf-8", errors="replace"), what)

    def _environment(self) -> Mapping[str, str]:
        """Return the variables of the files in this process' environment.

        Without what would choose another engine, other files or services, or give the file other
        values than the topology has; and with the proxies of its user, whose images may have to be
        fetched.
        """
        named = interpolation.names(self.files[0].read_text(encoding="utf-8"))
        ours = {
            key: text
            for key, text in os.environ.items()
            if not _CHOOSES.fullmatch(key) and key not in named
        }
        return {
            **ours,
            **inherited.of_the_network(),
            **self.variables,
            **self.engine,
            MARKER: self.state.identity,
            "FLASHSALE_FOLDER": str(self.state.path),
            "COMPOSE_PROGRESS": "plain",
            "COMPOSE_MENU": "false",
        }


def compose_version() -> str:
    """Return the version of the plugin (InfrastructureError: it is missing, or too old)."""
    if shutil.which("docker") is None:
        raise InfrastructureError(
            "there is no `docker` command", "install Docker 20.10 or newer, or use --runtime local"
        )
    answer = subprocess.run(
        ["docker", "compose", "version", "--format", "json"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if answer.returncode != 0:
        raise InfrastructureError("Docker has no `compose` command", _INSTALL)
    try:
        version = str(json.loads(answer.stdout)["version"]).removeprefix("v")
    except (ValueError, KeyError):
        version = answer.stdout.strip()
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise InfrastructureError(
            f"Docker Compose {version} is too old: {oldest} is needed", _INSTALL
        )
    return version
