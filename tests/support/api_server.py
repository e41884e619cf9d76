"""Knows the kinds of objects that there are, and nothing else: all that `kubectl create` asks of a
cluster before a dry run (https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api).
"""

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def _plural(kind: str) -> str:
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith("y") else f"{word}s"


def _resources(version: str, kinds: Iterable[str]) -> dict[str, Any]:
    listed = [
        {
            "name": _plural(kind),
            "singularName": kind.lower(),
            "namespaced": True,
            "kind": kind,
            "verbs": ["create", "get", "list"],
        }
        for kind in sorted(kinds)
    ]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": listed,
    }


def _answers(objects: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what is answered, by path, so that these objects are known."""
    kinds: dict[str, set[str]] = {}
    for one in objects:
        kinds.setdefault(one["apiVersion"], set()).add(one["kind"])
    groups = [
        {
            "name": version.partition("/")[0],
            "versions": [{"groupVersion": version, "version": version.partition("/")[2]}],
        }
        for version in sorted(kinds)
        if "/" in version
    ]
    return {
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups},
        **{
            f"/apis/{version}" if "/" in version else f"/api/{version}": _resources(version, found)
            for version, found in kinds.items()
        },
    }


@contextmanager
def api_server(objects: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Serve at a port of the loopback, and yield the URL."""
    answers = _answers(objects)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answers.get(self.path.partition("?")[0])
            body = json.dumps(found or {"kind": "Status", "code": 404}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
