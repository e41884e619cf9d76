"""What all tests need before anything else is imported."""

# prometheus_client decides when it is first imported whether counters are shared between processes;
# the shop's metrics ask for that, so in this process, too, they must come before the harness.
import approaches.shop.metrics

__all__ = ["approaches"]
