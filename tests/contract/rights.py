"""What a shop may do in its stores, and what nobody may without a password: in every approach."""

from urllib.parse import urlsplit

import psycopg
import pytest
import redis
from psycopg import errors, sql

FORBIDDEN = (
    "CREATE TABLE stolen (id int)",
    "CREATE TEMPORARY TABLE stolen (id int)",
    "CREATE ROLE another",
    "ALTER TABLE orders ADD COLUMN stolen int",
    "ALTER TABLE products DROP CONSTRAINT products_never_oversold",
    "DROP TABLE payments",
    "TRUNCATE order_events",
    "DELETE FROM orders",
    "UPDATE products SET initial_stock = initial_stock + 1",
    "UPDATE products SET price_cents = 1",
    "INSERT INTO products (id, name, price_cents, initial_stock) VALUES (77, 'x', 1, 1)",
    "UPDATE orders SET amount_cents = 1",
    "UPDATE payments SET outcome = 'approved'",
    "UPDATE order_events SET status = 'confirmed'",
    "UPDATE stock_moves SET quantity = 1",
    "UPDATE users SET password_hash = ''",
    "COPY orders TO PROGRAM 'cat'",
    "SELECT pg_read_file('postgresql.conf')",
)


@pytest.fixture(scope="module")
def services(deployment):
    """The services that are the approach's own, without the stores."""
    return [one for one in deployment.topology.services.values() if one.built]


@pytest.fixture(scope="module")
def ledger(deployment):
    with as_the_shop(deployment) as one:
        yield one


def as_the_shop(deployment):
    """Return a connection with the rights of the approach, which are those of all its services."""
    (login,) = {
        urlsplit(one.environment["DATABASE_URL"]).netloc.rpartition("@")[0]
        for one in deployment.topology.services.values()
        if one.built and "DATABASE_URL" in one.environment
    }
    parts = urlsplit(deployment.dsn())
    where = parts.netloc.rpartition("@")[2]
    return psycopg.connect(f"postgresql://{login}@{where}{parts.path}", autocommit=True)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_shop_may_not(ledger, statement):
    with pytest.raises(errors.InsufficientPrivilege):
        ledger.execute(statement)


def test_the_shops_role_is_nobody_in_particular(ledger):
    (attributes,) = ledger.execute(
        "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchall()
    assert not any(attributes)
    member_of = "SELECT roleid::regrole FROM pg_auth_members WHERE member = current_user::regrole"
    assert ledger.execute(member_of).fetchall() == []
    owned = "SELECT oid::regclass FROM pg_class WHERE relowner = current_user::regrole"
    assert ledger.execute(owned).fetchall() == []


def test_the_shop_may_read_every_table_of_the_ledger(ledger):
    tables = ledger.execute(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    assert ("orders",) in tables
    for (table,) in tables:
        ledger.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table)))


def test_no_store_serves_without_its_password(deployment):
    parts = urlsplit(deployment.dsn())
    user, where = parts.username, parts.netloc.rpartition("@")[2]
    for login in (user, f"{user}:", f"{user}:{user}", "shop", "shop:shop"):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(f"postgresql://{login}@{where}{parts.path}", connect_timeout=5)
    if deployment.topology.redis is not None:
        where = urlsplit(deployment.redis_url()).netloc.rpartition("@")[2]
        for login in ("", ":wrong@"):
            with (
                redis.Redis.from_url(f"redis://{login}{where}/0") as store,
                pytest.raises(redis.AuthenticationError),
            ):
                store.ping()


def test_each_secret_is_long_and_stands_in_one_role_only(deployment, services):
    secrets = {
        "signs the tokens": {one.environment.get("SECRET_KEY") for one in services} - {None},
        "of the superuser": {urlsplit(deployment.dsn()).password},
        "of the shop": {
            urlsplit(one.environment.get("DATABASE_URL", "")).password for one in services
        }
        - {None},
    }
    if deployment.topology.redis is not None:
        secrets["of Redis"] = {urlsplit(deployment.redis_url()).password}
    drawn = [one for (one,) in secrets.values()]
    assert len(set(drawn)) == len(drawn)
    assert all(one is not None and len(one) >= 32 for one in drawn)
