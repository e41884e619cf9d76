"""The boutique's API: it takes a purchase and leaves its payment to the worker."""

import hashlib
import os
import secrets
from typing import Any

import waitress
from flask import Flask, request
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from boutique.database import pool

app = Flask(__name__)
database = pool(12)

Answer = tuple[dict[str, Any], int]


def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    with database.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row).execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def member() -> int | None:
    token = request.headers.get("X-Session", "")
    found = rows("SELECT member FROM sessions WHERE token = %s", token)
    return found[0]["member"] if found else None


def hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def shown(purchase: dict[str, Any]) -> dict[str, Any]:
    return {"purchase": {**purchase, "total": str(purchase["total"])}}


@app.get("/up")
def up() -> Answer:
    return {"ok": bool(rows("SELECT 1"))}, 200


@app.post("/api/members")
def join() -> Answer:
    wanted = request.get_json()
    insert = "INSERT INTO members (mail, secret) VALUES (%s, %s) RETURNING no"
    try:
        return {"member": rows(insert, wanted["mail"], hashed(wanted["secret"]))[0]}, 200
    except UniqueViolation:
        return {"error": "MAIL_IN_USE"}, 400


@app.post("/api/sessions")
def sign_in() -> Answer:
    given = request.get_json()
    token = secrets.token_urlsafe(24)
    made = rows(
        "INSERT INTO sessions SELECT %s, no FROM members WHERE mail = %s AND secret = %s"
        " RETURNING token",
        *(token, given["mail"], hashed(given["secret"])),
    )
    return ({"session": made[0]}, 200) if made else ({"error": "WHO"}, 403)


@app.get("/api/items/<sku>")
def item(sku: str) -> Answer:
    found = rows("SELECT price::text, stock AS left FROM items WHERE sku = %s", sku)
    return ({"item": found[0]}, 200) if found else ({"error": "NONE"}, 404)


@app.post("/api/checkout")
def check_out() -> Answer:
    buyer = member()
    if buyer is None:
        return {"error": "WHO"}, 403
    wanted, request_id = request.get_json(), request.headers["X-Request-Id"]
    columns = "no, state, total"
    earlier = rows(
        f"SELECT {columns} FROM purchases WHERE member = %s AND request_id = %s",
        *(buyer, request_id),
    )
    if earlier:
        return shown(earlier[0]), 200
    made = rows(
        f"""WITH taken AS (
            UPDATE items SET stock = stock - %s WHERE sku = %s AND stock >= %s RETURNING price
        ), made AS (
            INSERT INTO purchases (member, sku, count, total, request_id)
            SELECT %s, %s, %s, price * %s, %s FROM taken RETURNING {columns}
        ), task AS (INSERT INTO tasks SELECT no FROM made)
        SELECT {columns} FROM made""",
        *(wanted["count"], wanted["item"], wanted["count"]),
        *(buyer, wanted["item"], wanted["count"], wanted["count"], request_id),
    )
    return (shown(made[0]), 200) if made else ({"error": "GONE"}, 410)


@app.get("/api/purchases/<int:number>")
def purchase(number: int) -> Answer:
    found = rows(
        "SELECT no, state, total FROM purchases WHERE no = %s AND member = %s", number, member()
    )
    return (shown(found[0]), 200) if found else ({"error": "NONE"}, 404)


if __name__ == "__main__":
    waitress.serve(app, host="0.0.0.0", port=int(os.environ["PORT"]), threads=12)
