"""How every service of this approach starts: settings, log, processes."""

import logging
import socket
import sys
from collections.abc import Callable

from approaches.queue.queue_settings import QueueSettings
from approaches.shop.settings import SettingsError
from approaches.shop.supervisor import serve

EX_CONFIG = 78

RunChild = Callable[[QueueSettings, int, socket.socket], None]


def run_service(run_child: RunChild, *required: str) -> int:
    """Run `run_child(settings, index, listener)` in each process until SIGTERM; return 0, or 78.

    `required` are the variables without which this service cannot run.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = QueueSettings.from_environment(*required)
    except SettingsError as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return EX_CONFIG
    serve(
        settings.processes,
        lambda index, listener: run_child(settings, index, listener),
        settings.shop.bind,
    )
    return 0
