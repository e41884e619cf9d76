"""Brings a topology up as processes of this machine: no Docker, no root, nothing to install."""

from harness.runtimes.local.local_runtime import LocalRuntime

__all__ = ["LocalRuntime"]
