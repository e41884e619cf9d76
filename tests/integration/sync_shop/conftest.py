"""Fixtures of the synchronous shop's tests: the same servers, and one process of the shop."""

from tests.integration.queued_shop.queue_world import dsn, place, postgres, valkey, world

__all__ = ["dsn", "place", "postgres", "valkey", "world"]
