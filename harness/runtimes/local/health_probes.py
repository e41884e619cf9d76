"""Asks replicas whether they are ready, as their health checks do, without a process per question.

A container's health check is a command. Starting one every 50 ms for fifty replicas would take the
cores from the very servers that are starting, so the usual commands are recognised and asked from
within this process: pg_isready, valkey-cli and redis-cli ping, curl and wget of a URL, and a Python
probe module with a URL. Any other command is run as it stands.
"""

import http.client
import re
import shlex
import socket
import struct
import subprocess
from urllib.parse import urlsplit

from harness.errors import InfrastructureError
from harness.runtimes.local.launch import Launch, Probe, Site
from harness.runtimes.ports import LOOPBACK
from harness.runtimes.store_urls import redis_password
from harness.topology import HealthCheck, Service

_PROTOCOL_3 = 196608
_STARTING_UP = b"57P03"
_HTTP_CLIENTS = ("curl", "wget")
_REDIS_CLIENTS = ("redis-cli", "valkey-cli")
_OWN_NAMES = ("0.0.0.0", LOOPBACK, "localhost")  # noqa: S104 - names to look for, not to bind
_MORE_THAN_ONE_COMMAND = re.compile(r"[|&;<>`\n]|\$\(")


def probe_of(site: Site, service: Service, number: int, launch: Launch) -> Probe | None:
    """Return what asks the same as the service's health check, or None if it has none."""
    check = service.healthcheck
    if check is None:
        return None
    words = _words(check)
    url = next((word for word in words if word.startswith("http://")), None)
    if words[:1] == ["pg_isready"]:
        return postgres_probe(site.addresses.port(service.name, number))
    if words and words[0] in _REDIS_CLIENTS and "ping" in (word.lower() for word in words):
        port = site.addresses.port(service.name, number)
        return redis_probe(port, redis_password(service))
    if url and (words[0] in _HTTP_CLIENTS or _is_python_probe(words)):
        return http_probe(*_target(site, service, number, url))
    return _command_probe(site, service, number, launch)


def _words(check: HealthCheck) -> list[str]:
    """Return the command as words; of a shell command that is more than one command, none."""
    if not check.shell:
        return list(check.test)
    text = check.test[0].strip().removesuffix("|| exit 1").rstrip()
    if _MORE_THAN_ONE_COMMAND.search(text):
        return []
    try:
        return shlex.split(text)
    except ValueError:  # only a shell can say what it means
        return []


def _is_python_probe(words: list[str]) -> bool:
    return words[0].startswith("python") and words[1:2] == ["-m"] and words[2].endswith(".probe")


def _target(site: Site, service: Service, number: int, url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    inside = parts.port or 80
    if parts.hostname in (*_OWN_NAMES, service.name):
        port = site.addresses.port(service.name, number, inside)
    else:
        port = site.addresses.port(str(parts.hostname), 1, inside)
    return port, f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"


def http_probe(port: int, path: str) -> Probe:
    """Return a probe that is content with any 2xx answer."""

    def ask(timeout_s: float) -> bool:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=timeout_s)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def redis_probe(port: int, password: str = "") -> Probe:
    """Return a probe that is content with PONG: not while Redis loads its data.

    With a password it logs in before, and does not mind a server that asks for none.
    """
    secret = password.encode()
    login = b"*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n" % (len(secret), secret) if secret else b""
    replies = 2 if secret else 1

    def ask(timeout_s: float) -> bool:
        answer = _converse(port, login + b"PING\r\n", timeout_s, lines=replies)
        return answer.endswith(b"+PONG\r\n")

    return ask


def postgres_probe(port: int) -> Probe:
    """Return a probe that asks what pg_isready asks: would a connection be accepted?

    Any answer to a start-up packet will do, except that the server is still starting up (57P03).
    """
    parameters = b"user\0pg_isready\0database\0postgres\0\0"
    packet = struct.pack("!ii", 8 + len(parameters), _PROTOCOL_3) + parameters

    def ask(timeout_s: float) -> bool:
        answer = _converse(port, packet, timeout_s)
        return answer[:1] == b"R" or (answer[:1] == b"E" and _STARTING_UP not in answer)

    return ask


def _converse(port: int, question: bytes, timeout_s: float, lines: int = 0) -> bytes:
    """Return the answer to a question: at least that many lines, unless the server hangs up."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout_s) as connection:
            connection.sendall(question)
            answer = connection.recv(1024)
            while answer.count(b"\r\n") < lines and (more := connection.recv(1024)):
                answer += more
            return answer
    except OSError:
        return b""


def _command_probe(site: Site, service: Service, number: int, launch: Launch) -> Probe:
    check = service.healthcheck
    assert check is not None  # noqa: S101 - the caller has looked
    words = [site.translate(service, number, word) for word in check.test]
    argv = ["/bin/sh", "-c", words[0]] if check.shell else site.with_python(words)

    def ask(timeout_s: float) -> bool:
        try:
            answer = subprocess.run(
                argv,
                env=launch.environment,
                cwd=launch.cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        except OSError as error:
            raise InfrastructureError(
                f"services.{service.name}.healthcheck: cannot run {argv[0]}: {error}",
                "use pg_isready, valkey-cli ping, curl URL, wget URL or a Python probe",
            ) from error
        return answer.returncode == 0

    return ask
