"""Fixtures of the queued shop's tests; they live in a module whose helpers tests can import too."""

from queue_world import dsn, place, postgres, valkey, world

__all__ = ["dsn", "place", "postgres", "valkey", "world"]
