"""How a ledger is read is what a file of named statements says, and a mistake in it is named."""

import pytest

from harness.errors import UsageError
from harness.topology import load_topology
from harness.topology.ledger_sql import RELATIONS, default_ledger_sql, read_ledger_sql
from tests.support.small_project import COMPOSE, write_small_project

LEAST = """
-- Whatever stands before the first name is a comment.

-- name: orders
SELECT 1 AS order_id; -- of all

-- name: products
SELECT *
-- a line of comment
FROM things;
-- about the next one

-- name: empty
DELETE FROM things; DELETE FROM baskets;

-- name: seed
INSERT INTO things VALUES (%(id)s);
"""


def read(tmp_path, text):
    path = tmp_path / "ledger.sql"
    path.write_text(text)
    return read_ledger_sql(path)


def test_a_statement_stands_below_its_name(tmp_path):
    sql = read(tmp_path, LEAST)
    assert list(sql.statements) == ["orders", "products", "empty", "seed"]
    assert sql.statements["orders"] == "SELECT 1 AS order_id"
    assert sql.statements["products"] == "SELECT *\nFROM things"
    assert sql.statement("empty") == b"DELETE FROM things; DELETE FROM baskets"
    assert "payments" not in sql
    assert not sql.is_default


def test_a_relation_is_read_through_its_query(tmp_path):
    sql = read(tmp_path, LEAST)
    assert sql.select("count(*)", "products", "WHERE id = 1") == (
        b"SELECT count(*) FROM (\nSELECT *\nFROM things\n) AS products WHERE id = 1"
    )


def test_the_shared_schema_yields_every_relation():
    assert default_ledger_sql().missing == ()
    assert default_ledger_sql().is_default


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("-- name: orders", "-- name: ordres", "no use for `-- name: ordres`"),
        ("-- name: products", "-- name: orders", "`-- name: orders` stands twice"),
        ("-- name: seed", "-- seed", "there is no `-- name: seed`"),
        ("INSERT INTO things VALUES (%(id)s);", "", "nothing stands below `-- name: seed`"),
    ],
)
def test_a_mistake_is_named(tmp_path, old, new, message):
    with pytest.raises(UsageError, match=message):
        read(tmp_path, LEAST.replace(old, new))


def declared(tmp_path, ledger):
    compose = write_small_project(tmp_path)
    compose.write_text(COMPOSE.replace("ledger: postgres", f"ledger: {ledger}", 1))
    return compose


def test_a_compose_file_names_the_file_beside_it(tmp_path):
    compose = declared(tmp_path, "{service: postgres, sql: own.sql}")
    (tmp_path / "own.sql").write_text(LEAST)
    topology = load_topology(compose)
    assert topology.ledger == "postgres"
    assert set(topology.ledger_sql.missing) == set(RELATIONS) - {"orders", "products"}
    assert topology.describe()["ledger"]["seed"] == "INSERT INTO things VALUES (%(id)s)"


def test_without_a_file_it_is_read_as_the_shared_schema(tmp_path):
    topology = load_topology(declared(tmp_path, "postgres"))
    assert topology.ledger_sql == default_ledger_sql()
    assert "ledger" not in topology.describe()


@pytest.mark.parametrize(
    ("ledger", "message"),
    [
        ("{service: nobody, sql: own.sql}", "ledger.service: 'nobody' is not a service"),
        ("{service: postgres, sql: none.sql}", "cannot read .*none.sql: No such file"),
        ("{service: postgres, file: own.sql}", "unsupported key 'file'"),
    ],
)
def test_a_wrong_declaration_is_named(tmp_path, ledger, message):
    with pytest.raises(UsageError, match=message):
        load_topology(declared(tmp_path, ledger))


def test_payments_need_not_be_bounded(tmp_path):
    compose = write_small_project(tmp_path)
    slots = "  payment_slots: {service: web, factors: [THREADS]}\n"
    compose.write_text(COMPOSE.replace(slots, "", 1))
    assert load_topology(compose).payment_slots is None
