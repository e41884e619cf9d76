"""A project as small as a project can be: one Python service, and each server the runtime has."""

from pathlib import Path

COMPOSE = """
x-harness:
  title: Small
  acknowledges: outcome
  entry: nginx
  counters: [web]
  ledger: postgres
  world: [gateway]
  gateway: gateway
  payment_slots: {service: web, factors: [THREADS]}
  redis:
    service: redis
    stock: "{shop}:stock:%d"
    streams: ["{shop}:orders"]
    dead_letters: "{shop}:dead"
    leader: "{shop}:leader"

x-web: &web
  build: .
  command: [python, -m, small_web]
  expose: ["8000"]
  healthcheck: &ready
    test: [CMD, python, -m, small_web.probe, "http://0.0.0.0:8000/healthz"]
    interval: 1s
    retries: 20

services:
  nginx:
    image: nginx:1.29-alpine
    ports: ["127.0.0.1:${HARNESS_PORT:-0}:80"]
    volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"]
    depends_on:
      web: {condition: service_healthy}
    healthcheck:
      <<: *ready
      test: [CMD, wget, -q, -O, /dev/null, "http://127.0.0.1/healthz"]
  web:
    <<: *web
    deploy: {replicas: 2}
    environment:
      BIND: 0.0.0.0:8000
      THREADS: 4
      DATABASE_URL: postgresql://shop:${POSTGRES_PASSWORD:?}@postgres:5432/shop
      REDIS_URL: redis://:${REDIS_PASSWORD:?}@redis:6379/0
      NOTES: /data/notes.txt
      GREETING: ${GREETING:-hello}
    volumes: ["notes:/data"]
    depends_on:
      postgres: {condition: service_healthy}
      redis: {condition: service_healthy}
  gateway:
    <<: *web
    environment: {BIND: "0.0.0.0:8000"}
  redis:
    image: valkey/valkey:9-alpine
    command: [valkey-server, /etc/password.conf, --appendonly, "yes", --appendfsync, always]
    configs: [{source: password, target: /etc/password.conf}]
    environment: {REDISCLI_AUTH: "${REDIS_PASSWORD:?}"}
    expose: ["6379"]
    healthcheck: {<<: *ready, test: [CMD, valkey-cli, ping]}
  postgres:
    image: postgres:18-alpine
    command: [postgres, -c, max_connections=42, -c, shared_preload_libraries=pg_stat_statements]
    environment:
      POSTGRES_USER: shop
      POSTGRES_PASSWORD: ${POSTGRES_PASSWORD:?}
      POSTGRES_DB: shop
    volumes: ["./schema.sql:/docker-entrypoint-initdb.d/schema.sql:ro"]
    healthcheck: {<<: *ready, test: [CMD-SHELL, "pg_isready -U $$POSTGRES_USER"]}

volumes:
  notes:

configs:
  password:
    content: requirepass ${REDIS_PASSWORD:?}
"""

NGINX = """
user nginx;
pid /var/run/nginx.pid;
error_log /var/log/nginx/error.log warn;
events { worker_connections 64; }
http {
    include /etc/nginx/mime.types;
    access_log /var/log/nginx/access.log;
    upstream web {
        least_conn;
        server web:8000 max_fails=0;
    }
    server {
        listen 80;
        listen [::]:80;
        location / { proxy_pass http://web; }
        location /gateway { proxy_pass http://gateway:8000/; }
    }
}
"""

SCHEMA = """
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE TABLE products (id int PRIMARY KEY);
INSERT INTO products VALUES (1);
"""

WEB = """
import http.server, json, os, signal, socketserver, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

if "NOTES" in os.environ:
    open(os.environ["NOTES"], "a").write("here\\n")
if os.environ.get("GREETING") == "die":
    sys.exit("I was told to die")
if os.environ.get("GREETING") == "sleep":
    threading.Event().wait()
host, port = os.environ["BIND"].split(":")
server = Server((host, int(port)), Handler)
child = os.fork()
if child == 0:
    signal.pause()
signal.signal(signal.SIGTERM, lambda *_: (os.kill(child, signal.SIGKILL), os._exit(0)))
print("ready at", os.environ["BIND"])
server.serve_forever()
"""


def write_small_project(folder: Path) -> Path:
    """Write the project into a folder, and return its compose file."""
    package = folder / "small_web"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text(WEB)
    (folder / "nginx.conf").write_text(NGINX)
    (folder / "schema.sql").write_text(SCHEMA)
    compose = folder / "docker-compose.small.yml"
    compose.write_text(COMPOSE)
    return compose
