"""The images of a deployment: which names they get, and building those that are built here."""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.runtimes.docker.compose import Compose
from harness.runtimes.docker.engine import Engine, in_parallel
from harness.topology import Topology

_CHOOSES_AN_IMAGE = "_IMAGE"
_STEP = re.compile(r"---> Running in ([0-9a-f]{12})")


def with_images_of_the_environment(topology: Topology) -> Topology:
    """Return a topology with the images that the environment names, as in ``REDIS_IMAGE``.

    Which image serves is a fact of this machine (a mirror, say), and is recorded with its digest.
    """
    named = {key: text for key, text in os.environ.items() if key.endswith(_CHOOSES_AN_IMAGE)}
    return topology.with_variables(named) if named else topology


def names(topology: Topology) -> dict[str, str]:
    """Return the image of each service; what is built has the name of this checkout.

    So two checkouts of the project, each with changes of its own, never run each other's.
    """
    checkout = hashlib.sha256(str(topology.root).encode()).hexdigest()[:12]
    return {
        name: f"{_built_name(topology, name)}:checkout-{checkout}" if service.built
        else str(service.image)
        for name, service in topology.services.items()
    }  # fmt: skip


def _built_name(topology: Topology, service: str) -> str:
    image = topology.services[service].image
    return image.split(":")[0] if image else f"flashsale-{topology.approach}-{service}"


def build(topology: Topology, compose: Compose, engine: Engine, images: Mapping[str, str]) -> None:
    """Build what is built here; services of one image share one build (InfrastructureError).

    The builder of old engines leaves the container of the step that failed, and names it.
    """
    proxies = topology.proxies.values()  # they run in the image of another service
    built = {
        images[name]: name
        for name, one in topology.services.items()
        if one.built and name not in proxies
    }
    if not built:
        return
    services = sorted(built.values())
    try:
        compose.run("build", *services, what=f"cannot build the image of {', '.join(services)}")
    except BaseException:
        said = compose.log.read_text(encoding="utf-8", errors="replace")
        in_parallel(engine.remove_container, _STEP.findall(said))
        raise


def pull(topology: Topology, compose: Compose, engine: Engine, images: Mapping[str, str]) -> None:
    """Fetch the images that this machine does not have (InfrastructureError: not to be had)."""
    for name, service in topology.services.items():
        if not service.built and engine.image(images[name]) is None:
            compose.run("pull", "--quiet", name, what=f"cannot pull {images[name]} for {name}")


def copy(needed: Iterable[str], builder: Engine, other: Engine) -> None:
    """Copy those images to another engine that it lacks, or has in another version of the name.

    So all nodes run the same bits, and only one of them needs a way to a registry.
    """
    if other is builder:
        return
    for name in sorted(needed):
        if _id(other, name) != _id(builder, name):
            builder.copy_image(name, other)


def _id(engine: Engine, name: str) -> str | None:
    found = engine.image(name)
    return None if found is None else str(found["Id"])


def facts(engine: Engine, images: Mapping[str, str]) -> dict[str, Any]:
    """Return the image of each service with its digest.

    An image that was pulled has its registry's digest; one that was made here, its own id.
    """
    found = {name: engine.image(image) or {} for name, image in images.items()}
    return {
        name: {"image": image, "digest": _digest(found[name])} for name, image in images.items()
    }


def _digest(image: Mapping[str, Any]) -> str:
    pulled = image.get("RepoDigests") or ()
    return str(pulled[0]).partition("@")[2] if pulled else str(image.get("Id", ""))
