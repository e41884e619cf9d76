"""Brings a topology up as containers. Importing this imports the `docker` library."""

from harness.runtimes.docker.runtime import DockerRuntime

__all__ = ["DockerRuntime"]
