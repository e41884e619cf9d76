"""What this process inherits from its user's environment, and what of it steers nobody here.

A proxy, a `PGSSLMODE`, a `PGOPTIONS` are meant for the user's own clients. Every client library
obeys them without being asked, so a measurement would follow from what no campaign records, or
fail. The command line sets them aside before anything else: then neither the clients of this
process nor what it starts sees them. Only what fetches packages or images gets the network's back.
"""

import os
import re

_OF_THE_NETWORK = re.compile(
    r"(?:ALL|FTP|HTTP|HTTPS|NO)_PROXY"
    r"|SSL_CERT_(?:FILE|DIR)|SSLKEYLOGFILE|(?:REQUESTS|CURL)_CA_BUNDLE",
    re.IGNORECASE,
)
_OF_THE_STORES = re.compile(r"(?:PG|REDIS|VALKEY)[A-Z_]+(?<!_IMAGE)")
"""Variables of libpq and of the clients of Redis; ``REDIS_IMAGE`` chooses what is deployed."""

_set_aside: dict[str, str] = {}


def set_aside() -> None:
    """Take what would steer clients out of this process's environment."""
    for name in list(os.environ):
        if _OF_THE_NETWORK.fullmatch(name) or _OF_THE_STORES.fullmatch(name):
            _set_aside[name] = os.environ.pop(name)


def of_the_network() -> dict[str, str]:
    """Return the proxies and certificates that were set aside, for what fetches from outside."""
    return {name: text for name, text in _set_aside.items() if _OF_THE_NETWORK.fullmatch(name)}
