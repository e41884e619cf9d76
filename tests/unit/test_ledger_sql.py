"""How a ledger is read is what a file of named statements says, and a mistake in it is named."""

import re

import psycopg
import pytest

from harness.errors import UsageError
from harness.results.record import ProductProof
from harness.topology import load_topology
from harness.topology.ledger_mistakes import blaming
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


@pytest.mark.parametrize(
    ("orders", "unnamed"),
    [
        ("SELECT 1 AS order_id", "user_id key version reference"),
        ("SELECT id AS key, member AS USER_ID, price * 100, count(*) FROM o", "version reference"),
        ("SELECT *\nFROM o", ""),
        ("SELECT o.*, 1 AS a FROM o", ""),
        ("SELECT DISTINCT ON (a) * FROM o", ""),
        ("TABLE orders", ""),
        ("SELECT a AS monkey FROM o", "user_id key version reference"),
    ],
)
def test_a_column_that_no_text_names_is_missing(tmp_path, orders, unnamed):
    sql = read(tmp_path, LEAST.replace("SELECT 1 AS order_id; -- of all", orders))
    assert sql.unnamed == tuple(f"orders.{one}" for one in unnamed.split())


def test_the_shared_schema_yields_every_relation():
    assert default_ledger_sql().missing == ()
    assert default_ledger_sql().is_default
    assert set(default_ledger_sql().unnamed) <= {"orders.reference"}


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


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("--name: products", None),
        ("-- Name: products", None),
        ("  -- name: products", None),
        ("--- name: products", None),
        ("-- name : products  ", None),
        ("-- name: products (all)", "products (all)"),
        ("-- name: Products", "Products"),
        ("-- name:", ""),
    ],
)
def test_a_name_is_seen_however_it_is_written(tmp_path, line, name):
    text = LEAST.replace("-- name: products", line)
    if name is None:
        assert read(tmp_path, text) == read(tmp_path, LEAST)
    else:
        with pytest.raises(UsageError, match=re.escape(f"no use for `-- name: {name}`")):
            read(tmp_path, text)


def test_lines_may_end_as_on_windows(tmp_path):
    path = tmp_path / "ledger.sql"
    path.write_bytes(LEAST.replace("\n", "\r\n").encode())
    assert read_ledger_sql(path) == read(tmp_path, LEAST)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (psycopg.errors.SyntaxError('syntax error at "FORM"\nLINE 1: FORM'), 'at "FORM"$'),
        (psycopg.errors.NotNullViolation("null value in column"), "null value in column"),
        (TypeError("query parameters should be a sequence"), "should be a sequence"),
    ],
)
def test_a_mistake_is_blamed_on_its_statement(error, said):
    message = rf"default_ledger\.sql: seed: .*{said}"
    with pytest.raises(UsageError, match=message), blaming(default_ledger_sql(), "seed"):
        raise error


def test_a_value_of_the_wrong_kind_is_blamed_on_its_column():
    message = r"sql: products: sold: .* integer.*, not None"
    with pytest.raises(UsageError, match=message), blaming(default_ledger_sql(), "products"):
        ProductProof.model_validate({"initial_stock": 1, "reserved": 0, "sold": None})


def test_a_store_that_is_away_is_nobodys_mistake():
    with pytest.raises(psycopg.OperationalError), blaming(default_ledger_sql(), "seed"):
        raise psycopg.OperationalError("the server closed the connection")
