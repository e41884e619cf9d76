"""Connections to the boutique's database, by settings that are named as in many a shop."""

import os

from psycopg_pool import ConnectionPool


def pool(size: int) -> ConnectionPool:
    """Return connections that commit each statement unless a transaction is opened."""
    settings = os.environ
    where = (
        f"host={settings['DB_HOST']} port={settings['DB_PORT']} dbname={settings['DB_NAME']}"
        f" user={settings['DB_USER']} password={settings['DB_PASSWORD']}"
    )
    return ConnectionPool(where, min_size=2, max_size=size, kwargs={"autocommit": True}, open=True)
