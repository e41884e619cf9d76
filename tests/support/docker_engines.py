"""Docker engines that answer and run nothing, each at a socket of its own."""

import http.server
import json
import socketserver
import tempfile
import threading
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

SWARM = {"LocalNodeState": "inactive", "NodeID": "", "ControlAvailable": False}


class FakeEngine:
    """What one engine says, and what it was asked to change; used in a `with` block."""

    def __init__(self, name, **info):
        self.name = name
        self.info = {
            "OSType": "linux",
            "Architecture": "x86_64",
            "NCPU": 2,
            "MemTotal": 4 * 2**30,
            "KernelVersion": "6.1",
            "Driver": "overlay2",
            "CgroupVersion": "2",
            "Swarm": SWARM,
        } | info
        self.clock_ahead = timedelta(0)
        self.swarm_nodes = []
        self.containers = []
        self.networks = []
        self.images = {}
        self.changes = []
        self.created = []
        self._closing = ExitStack()

    @property
    def url(self):
        return f"unix://{self.path}"

    def joins(self, manager=None):
        """Let it be in a swarm: that of another engine, or one of its own."""
        state = {"LocalNodeState": "active", "NodeID": f"{self.name}-id"}
        self.info["Swarm"] = state | {"ControlAvailable": manager is None}
        (manager or self).swarm_nodes.append({"ID": f"{self.name}-id"})
        return self

    def __enter__(self):
        folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="fe-"))
        self.path = Path(folder) / "docker.sock"
        handler = type("Handler", (_Handler,), {"engine": self})
        server = socketserver.ThreadingUnixStreamServer(str(self.path), handler)
        server.daemon_threads = True
        self._closing.callback(server.server_close)
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        self._closing.callback(serving.join)
        self._closing.callback(server.shutdown)
        return self

    def __exit__(self, *_):
        self._closing.close()

    def get(self, path):
        """Return what a question is answered, or None: 404."""
        if path.startswith("/images/") and path.endswith("/json"):
            return self.images.get(path.removeprefix("/images/").removesuffix("/json"))
        return {
            "/version": {"Version": "20.10.24", "ApiVersion": "1.41"},
            "/info": {"SystemTime": in_nanoseconds(datetime.now(UTC) + self.clock_ahead)}
            | self.info,
            "/nodes": self.swarm_nodes,
            "/containers/json": self.containers,
            "/networks": self.networks,
            "/volumes": {"Volumes": []},
        }.get(path)

    def post(self, path, body):
        """Do what is asked, and return the answer."""
        if path == "/images/load":
            image = json.loads(body)
            self.images[image["name"]] = {"Id": image["id"]}
            return {"stream": "Loaded image"}
        self.created.append((path, json.loads(body)))
        return {"Id": "new"}

    def delete(self, path):
        """Note what is removed, and remove it from what is listed."""
        self.changes.append(f"remove {path}")
        kept = path.rpartition("/")[2]
        self.containers = [one for one in self.containers if one["Id"] != kept]
        self.networks = [one for one in self.networks if one["Id"] != kept]


def in_nanoseconds(time):
    """A time as an engine writes it."""
    return time.isoformat(timespec="microseconds").replace("+00:00", "000Z")


class _Handler(http.server.BaseHTTPRequestHandler):
    engine: FakeEngine

    @property
    def _asked(self):
        """The path without the version before it."""
        return "/" + unquote(urlsplit(self.path).path).partition("/v1.41/")[2]

    def do_GET(self):
        path = "/version" if self.path == "/version" else self._asked
        if path.startswith("/images/") and path.endswith("/get"):
            name = path.removeprefix("/images/").removesuffix("/get")
            return self._say(200, {"name": name, "id": self.engine.images[name]["Id"]})
        found = self.engine.get(path)
        return (
            self._say(404, {"message": "no such thing"}) if found is None else self._say(200, found)
        )

    def do_POST(self):
        self._say(201, self.engine.post(self._asked, self._body()))

    def do_DELETE(self):
        self.engine.delete(self._asked)
        self._say(204, None)

    def _body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _say(self, status, content):
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "a socket"

    def log_message(self, *_):
        pass
