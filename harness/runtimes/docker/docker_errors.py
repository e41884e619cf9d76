"""Errors of Docker, each with what to do about it.

Docker's messages come from a dozen programs, and neither their codes nor their wording are a
contract; what is not recognised is passed on as it is.
"""

import re

from harness.errors import InfrastructureError

_KNOWN = (
    (
        r"permission denied.*(?:docker\.sock|daemon socket)|PermissionError",
        "this user may not talk to the Docker engine",
        "add the user to the group docker and log in again, or run the harness as root",
    ),
    (
        r"FileNotFoundError|Is the docker daemon running|ConnectionRefusedError|"
        r"Connection refused|no such file or directory.*\.sock",
        "the Docker engine does not run",
        "start it (systemctl start docker, or Docker Desktop), or leave out --runtime docker",
    ),
    (
        r"no space left on device",
        "there is no space left for Docker",
        "free some: `docker system df` shows what takes it",
    ),
    (
        r"port is already allocated|address already in use",
        "a port is taken by another program or container",
        "free the port, or choose another; port 0 takes any free one",
    ),
    (
        r"pool overlaps|could not find an available.*address pool|all predefined address pools",
        "Docker has no free network addresses",
        "remove networks that nobody uses: `docker network ls`",
    ),
    (
        r"pull access denied|manifest unknown|manifest for .* not found|failed to resolve|"
        r"no such host|TLS handshake timeout|Client\.Timeout|error pulling image|"
        r"failed to do request|repository does not exist",
        "an image cannot be had",
        "check the name in .env and the way to its registry; a mirror's name in POSTGRES_IMAGE, "
        "REDIS_IMAGE, NGINX_IMAGE or PYTHON_IMAGE takes its place",
    ),
)
_LAST_LINES = 20


def docker_error(said: str, otherwise: str) -> InfrastructureError:
    """Return the error of what Docker printed; `otherwise` names what was tried."""
    said = said.strip()
    for pattern, message, hint in _KNOWN:
        if re.search(pattern, said, re.IGNORECASE | re.DOTALL):
            return InfrastructureError(f"{message}:{_last(said)}", hint)
    return InfrastructureError(f"{otherwise}:{_last(said)}", "see what Docker says above")


def _last(said: str) -> str:
    """Return the end of it: beside the message if it is a line, below it if it is more."""
    return f"\n{indented(said)}" if "\n" in said else f" {said}"


def indented(text: str) -> str:
    """Return the last lines of a text, indented."""
    lines = text.splitlines()[-_LAST_LINES:]
    return "\n".join(f"  {line}" for line in lines) or "  (it printed nothing)"
