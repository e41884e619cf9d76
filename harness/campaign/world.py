"""What a scenario fixes of the world around an approach: the payments, the seed, the secrets.

Handed to the topology as the variables of its compose file. Secrets are drawn anew for every
deployment and are never stored.
"""

import secrets

from harness.scenario import Scenario


def variables(scenario: Scenario, seed: int, *, port: int = 0) -> dict[str, str]:
    """Return the compose variables of one deployment; port 0 serves at any free port."""
    payment = scenario.payment
    return {
        "HARNESS_PORT": str(port),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "POSTGRES_PASSWORD": secrets.token_urlsafe(24),
        "GATEWAY_SEED": str(seed),
        "DECLINE_RATE": str(payment.decline_rate),
        "LATENCY_MODEL": payment.model,
        "LATENCY_MEAN_S": str(payment.mean_s),
        "LATENCY_SIGMA": str(payment.sigma),
    }
