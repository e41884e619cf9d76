"""Health probe: `python -m approaches.shop.probe URL` exits 0 if a GET is answered 200, else 1.

The images have no curl, and a probe that runs every second must not import a web framework.
"""

import http.client
import sys
from urllib.parse import urlsplit

TIMEOUT_S = 2.0


def is_healthy(url: str) -> bool:
    """Return True if a GET of `url` is answered 200 within two seconds."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main() -> int:
    """Probe the URL on the command line and return the exit code."""
    return 0 if len(sys.argv) == 2 and is_healthy(sys.argv[1]) else 1


if __name__ == "__main__":
    sys.exit(main())
