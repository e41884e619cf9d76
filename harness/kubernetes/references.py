"""The secrets of a compose file, by reference.

A variable that is named as a secret gets a mark in place of a value. So, with everything else of
the file filled in, it can still be seen where a secret stands. A manifest has ``$(NAME)`` there,
which Kubernetes fills in from the container's environment, and the environment takes it from a
Secret: https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

import re
import shlex
from collections.abc import Iterator
from itertools import chain

from harness.host.text_files import read_text
from harness.kubernetes.manifest import Manifest
from harness.topology import Service, Topology, interpolation, secrets

_MARK = re.compile("\ue000(\\w+)\ue001")


def mark(name: str) -> str:
    """Return what stands in a text in the place of a secret."""
    return f"\ue000{name}\ue001"


def marked(text: str) -> list[str]:
    """Return the names of the secrets that stand in a text."""
    return _MARK.findall(text)


def with_references(topology: Topology) -> Topology:
    """Return the topology with a mark in the place of every secret."""
    named = filter(secrets.is_named_as_one, interpolation.names(read_text(topology.path)))
    return topology.with_variables({name: mark(name) for name in named})


def secret_name(topology: Topology) -> str:
    """Return the name of the Secret that has all secrets of an approach, by variable."""
    return f"{topology.approach}-secrets"


def secrets_of(topology: Topology) -> list[str]:
    """Return the names of all secrets that the services of a topology use, in order."""
    texts = chain.from_iterable(map(_texts, topology.services.values()))
    return sorted({name for text in texts for name in marked(text)})


def environment(topology: Topology, service: Service) -> list[Manifest]:
    """Return the environment of a container: that of the compose file, after the secrets it needs.

    A secret that is a part of a value, of the command or of the health check is a variable of its
    own, which has to stand before whatever refers to it.
    """
    stated = service.environment
    parts = (text for text in _outside_files(service) if _only(text) is None)
    needed = {name for text in parts for name in marked(text)}
    if service.healthcheck:
        needed.update(*map(marked, service.healthcheck.test))
    entries = {_alias(service, name): _reference(topology, name) for name in sorted(needed)}
    for key, text in stated.items():
        only = _only(text)
        entries.setdefault(
            key, _reference(topology, only) if only else {"value": expandable(service, text)}
        )
    return [{"name": key, **value} for key, value in entries.items()]


def file_environment(topology: Topology, service: Service, texts: dict[str, str]) -> list[Manifest]:
    """Return an environment that has these texts, by name, and the secrets in them."""
    needed = sorted({name for text in texts.values() for name in marked(text)})
    return [
        *({"name": _alias(service, name), **_reference(topology, name)} for name in needed),
        *({"name": key, "value": expandable(service, text)} for key, text in texts.items()),
    ]


def expandable(service: Service, text: str) -> str:
    """Return a text as Kubernetes is told it, which takes ``$$`` for a dollar sign."""
    return _MARK.sub(lambda match: f"$({_alias(service, match[1])})", text.replace("$", "$$"))


def shell_word(service: Service, word: str) -> str:
    """Return a word for a shell that has the secrets in its environment."""
    texts_and_names = _MARK.split(word)
    return "".join(
        f'"${{{_alias(service, part)}}}"' if index % 2 else shlex.quote(part)
        for index, part in enumerate(texts_and_names)
        if part
    )


def shell_text(service: Service, text: str) -> str:
    """Return a command of a shell that has the secrets in its environment."""
    return _MARK.sub(lambda match: f"${{{_alias(service, match[1])}}}", text)


def _only(text: str) -> str | None:
    """Return the name of the secret that a text consists of; None if there is more in it."""
    match = _MARK.fullmatch(text)
    return match[1] if match else None


def _alias(service: Service, name: str) -> str:
    """Return the variable of a container that holds a secret: its name, unless that is taken."""
    alias = name
    while service.environment.get(alias, mark(name)) != mark(name):
        alias = f"SECRET_{alias}"
    return alias


def _reference(topology: Topology, name: str) -> Manifest:
    return {"valueFrom": {"secretKeyRef": {"name": secret_name(topology), "key": name}}}


def _outside_files(service: Service) -> Iterator[str]:
    yield from service.environment.values()
    yield from service.command


def _texts(service: Service) -> Iterator[str]:
    yield from _outside_files(service)
    yield from (config.content for config in service.configs)
    yield from service.healthcheck.test if service.healthcheck else ()
