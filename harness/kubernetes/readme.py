"""The README.md of an exported folder: how to apply it, and what it does not say."""

from collections.abc import Iterable, Sequence

from harness.kubernetes import scaling, workloads
from harness.kubernetes.losses import EXPORTED, Loss
from harness.kubernetes.references import secret_name, secrets_of
from harness.kubernetes.traffic import public_ports
from harness.runtimes.ports import container_ports
from harness.topology import Topology

_TEXT = """# {approach} on Kubernetes

Written by `harness export kubernetes {approach}` from `{file}`. The manifests are checked against
the schemas of Kubernetes, KEDA and the Prometheus Operator. **No cluster has run them.**

| folder | what it has |
|---|---|
{folders}

## Apply

{steps}

## Where the compose file's keys are

| key of a service | in the manifests |
|---|---|
{keys}

## What is lost, or different

{losses}
- **Names**: the name of a service is one address, behind which Kubernetes spreads connections. In
  Compose it is the addresses of all replicas. A proxy that keeps connections open spreads its
  requests less evenly.
- **Restarts**: a container that ends is started again, empty but for its volumes. Compose leaves it
  as it is. Nothing restarts a container that is not ready; there is no `livenessProbe`.
- **Outgoing connections** are free: the NetworkPolicies say who is let in, and only where the
  cluster's network enforces them.
- **Requests** of CPU and memory are the limits, where the compose file states one. Where it states
  none, a pod gets what is left.
"""
_KEDA = (
    "`keda/` scales {services} between the replicas of the compose file and {times} times as many. "
    "Three numbers are ours, and starting points: {times} times as many, {lag} waiting entries for "
    "each replica, a look every {every} s."
)


def readme(topology: Topology, namespace: str, folders: Sequence[str], lost: Sequence[Loss]) -> str:
    """Return the text; `folders` are those that were written."""
    meanings = {
        "base": "the services: apply this one, or `keda/` in its place",
        "keda": "`base/`, and what scales by the lag of the Redis streams (needs KEDA)",
        "monitoring": "what is scraped, and the alarms: apply it as well (needs the operator)",
    }
    return _TEXT.format(
        approach=topology.approach,
        file=topology.path.name,
        folders="\n".join(f"| `{name}/` | {meanings[name]} |" for name in folders),
        steps="\n".join(
            f"{number}. {step}"
            for number, step in enumerate(_steps(topology, namespace, folders), start=1)
        ),
        keys="\n".join(f"| `{key}` | {where} |" for key, where in EXPORTED.items()),
        losses="\n".join(f"- `{one.key}` ({', '.join(one.services)}): {one.words}" for one in lost),
    )


def _steps(topology: Topology, namespace: str, folders: Sequence[str]) -> list[str]:
    built = workloads.built_images(topology)
    names = secrets_of(topology)
    steps = [f"`kubectl create namespace {namespace}`"]
    if built:
        steps.append(
            f"Build {_listed(built)}, push it to a registry of yours, and write its name and tag "
            "under `images` in `base/kustomization.yaml`."
        )
    if names:
        steps.append(
            f"Write {_listed(names)} into `secrets.env`, a line `NAME=value` for each, and "
            f"`kubectl --namespace {namespace} create secret generic {secret_name(topology)} "
            "--from-env-file secrets.env`. `base/secret.example.yaml` is the same as a manifest, "
            "without values."
        )
    steps.append("`kubectl apply --kustomize base`")
    if "keda" in folders:
        services = _listed(scaling.scaled_services(topology))
        scaled = _KEDA.format(
            services=services,
            times=scaling.MOST_TIMES_AS_MANY,
            lag=scaling.LAG_PER_REPLICA,
            every=scaling.POLLED_EVERY_S,
        )
        steps.append(f"With KEDA: `kubectl apply --kustomize keda` in its place. {scaled}")
    if "monitoring" in folders:
        steps.append(
            "With the Prometheus Operator: `kubectl apply --kustomize monitoring`. A Prometheus "
            "that takes only monitors with a label of its own needs that label on each."
        )
    entry = topology.services[topology.entry]
    ports = public_ports(topology, entry) or container_ports(entry)
    if ports:
        steps.append(
            f"`kubectl --namespace {namespace} port-forward service/{entry.name} 8080:{ports[0]}`, "
            "or an Ingress of yours."
        )
    return steps


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
