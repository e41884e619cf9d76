"""What a scenario fixes of the world around an approach: the payments, the seed, the secrets.

Handed to the topology as the variables of its compose file. Secrets are drawn anew for every
deployment and are never stored.
"""

from harness.scenario.model import Scenario
from harness.topology import secrets


def variables(scenario: Scenario, seed: int, *, port: int = 0) -> dict[str, str]:
    """Return the compose variables of one deployment; port 0 serves at any free port."""
    payment = scenario.payment
    return {
        "HARNESS_PORT": str(port),
        **secrets.draw(),
        "GATEWAY_SEED": str(seed),
        "DECLINE_RATE": str(payment.decline_rate),
        "LATENCY_MODEL": payment.model,
        "LATENCY_MEAN_S": str(payment.mean_s),
        "LATENCY_SIGMA": str(payment.sigma),
    }
