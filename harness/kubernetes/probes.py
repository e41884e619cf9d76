"""A health check as probes.

Kubernetes asks until a container has started (`startupProbe`) and then whether it may be sent
requests (`readinessProbe`). A `livenessProbe` would restart what is not healthy, which Compose does
not: a shop whose store is away would be restarted for it.
"""

import math

from harness.kubernetes.manifest import Manifest
from harness.kubernetes.references import marked, shell_text, shell_word
from harness.topology import HealthCheck, Service

_SHELL = ("/bin/sh", "-c")


def whole_seconds(duration_s: float) -> int:
    """Return a duration as Kubernetes has it: a whole number of seconds, and at least one."""
    return max(1, math.ceil(duration_s))


def probes(service: Service) -> Manifest:
    """Return the probes of a container; none if the service has no health check."""
    check = service.healthcheck
    if check is None:
        return {}
    asks = {
        "exec": {"command": _command(service, check)},
        "timeoutSeconds": whole_seconds(check.timeout_s),
    }
    start_period_s = whole_seconds(asked_at_start_s(check))
    return {
        "startupProbe": {
            **asks,
            "periodSeconds": start_period_s,
            "failureThreshold": math.ceil(check.longest_wait_s / start_period_s),
        },
        "readinessProbe": {
            **asks,
            "periodSeconds": whole_seconds(check.interval_s),
            "failureThreshold": check.retries,
        },
    }


def asked_at_start_s(check: HealthCheck) -> float:
    """Return how long it is between two checks before the first success, in seconds."""
    return check.start_interval_s if check.start_period_s else check.interval_s


def _command(service: Service, check: HealthCheck) -> list[str]:
    """Return what a probe runs; it has no ``$(NAME)``, so a shell puts secrets in."""
    if check.shell:
        return [*_SHELL, shell_text(service, check.test[0])]
    if any(map(marked, check.test)):
        return [*_SHELL, " ".join(shell_word(service, word) for word in check.test)]
    return list(check.test)
