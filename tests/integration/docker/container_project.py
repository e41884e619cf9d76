"""The small project, with what only containers need: a Dockerfile, and a probe that exists."""

from tests.support.small_project import COMPOSE, write_small_project

DOCKERFILE = """
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY small_web small_web
"""
PROBE = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1])"
CHANGES = {
    "build: .": "build: {context: ., args: {PYTHON_IMAGE: '${PYTHON_IMAGE:?}'}}",
    "[CMD, wget, -q, -O, /dev/null,": "[CMD, curl, -fsS, -o, /dev/null,",
    "pg_isready -U": "pg_isready -h 127.0.0.1 -U",
    "interval: 1s": "interval: 1s\n    timeout: 5s\n    start_period: 90s",
}


def write_container_project(folder, images):
    """Write the project, with the images of the checkout in its .env; return its compose file."""
    compose = write_small_project(folder)
    text = COMPOSE
    for old, new in CHANGES.items():
        text = text.replace(old, new)
    compose.write_text(text)
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "small_web" / "probe.py").write_text(PROBE)
    (folder / ".env").write_text(images.read_text())
    return compose
