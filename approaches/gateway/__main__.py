"""Runs the payment gateway: `python -m approaches.gateway`, one asyncio process."""

import signal
import sys
from pathlib import Path

import uvicorn

from approaches.gateway.app import create_app
from approaches.gateway.charges import Charges
from approaches.gateway.gateway_faults import Faults
from approaches.gateway.log import ChargeLog
from approaches.gateway.payment_draws import LATENCY_MODELS, PaymentModel
from approaches.shop.settings import (
    Settings,
    SettingsError,
    read_choice,
    read_float,
    read_text,
    split_bind,
)


def model_from_environment() -> PaymentModel:
    """Read the parameters of the draw; raise SettingsError if one is out of range."""
    return PaymentModel(
        latency=read_choice("LATENCY_MODEL", LATENCY_MODELS),
        mean_s=read_float("LATENCY_MEAN_S", 2.5, low=0.0001, high=15),
        sigma=read_float("LATENCY_SIGMA", 0.5, high=3),
        decline_rate=read_float("DECLINE_RATE", 0.10, high=1),
    )


def main() -> int:
    """Serve until SIGTERM; charges in flight end first."""
    try:
        settings = Settings.from_environment(default_port=9000)
        seed = read_text("GATEWAY_SEED", "42")
        model = model_from_environment()
        log = ChargeLog(Path(read_text("CHARGE_LOG", "charges.ndjson")))
    except (SettingsError, OSError) as error:
        print(f"gateway: {error}", file=sys.stderr)
        return 78
    host, port = split_bind(settings.bind)
    faults = Faults()
    app = create_app(lambda: Charges(seed, model, log, faults), faults)
    # uvicorn drains on SIGTERM and then raises it again: with this in place, to no effect.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        backlog=2048,
        timeout_graceful_shutdown=20,
    )
    log.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
