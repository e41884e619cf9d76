"""What a compose file says of a shop's HTTP API is what is sent, and how answers are read."""

import json

import pytest

from harness.contract import OWN, Contract, units_in
from harness.errors import UsageError
from harness.results.routes import ROUTES
from harness.topology import load_topology
from tests.support.small_project import COMPOSE, write_small_project

FOREIGN = """
  contract:
    order_states: {NEW: accepted, PAID: confirmed, REFUSED: declined}
    register:
      request: POST /api/users
      body: {mail: "{email}", secret: "{password}", full: {name: "{name}"}}
      answer: {user_id: user.id}
      statuses: {200: 201}
    login:
      request: POST /api/sessions
      body: {mail: "{email}", secret: "{password}"}
      answer: {token: session.token}
    product:
      request: GET /api/things/T{product_id}
      answer: {price_cents: price * 100}
    buy:
      request: PUT /api/purchases/{key}
      headers: {X-Session: "{token}"}
      body: {thing: "T{product_id}", count: "{quantity}"}
      answer: {order_id: purchase.id, status: purchase.state, code: error}
      statuses: {200: 202, 410: 409 sold_out, 400 LIMIT: 409 limit_reached}
"""


def declare(tmp_path, text):
    compose = write_small_project(tmp_path)
    compose.write_text(COMPOSE.replace("  ledger: postgres\n", f"  ledger: postgres{text}", 1))
    return load_topology(compose)


@pytest.fixture
def foreign(tmp_path):
    return Contract(declare(tmp_path, FOREIGN).contract)


def test_our_own_requests_are_as_the_contract_says():
    own = Contract()
    path, headers, body = own["buy"].compose(
        {"product_id": 1, "quantity": 2, "key": "7-1-0", "token": "t"}
    )
    assert (own["buy"].method, path, body) == ("POST", "/orders", b'{"product_id":1,"quantity":2}')
    assert headers == {
        "Content-Type": "application/json",
        "Authorization": "Bearer t",
        "Idempotency-Key": "7-1-0",
    }


def test_a_header_waits_for_its_variable():
    assert Contract()["product"].compose({"product_id": 3, "token": ""}) == ("/products/3", {}, b"")


def test_an_order_id_is_quoted_in_a_path():
    path, _, _ = Contract()["status"].compose({"order_id": "a/b c", "token": "t"})
    assert path == "/orders/a%2Fb%20c"


@pytest.mark.parametrize("name", OWN)
def test_our_own_answers_are_read_as_they_are(name):
    body = {"order_id": "1", "status": "accepted", "anything": [1]}
    status, read = Contract()[name].read(418, body)
    assert status == 418
    assert read is body


def test_what_another_language_has_in_braces_is_sent_as_it_is(tmp_path):
    query = "mutation { buy(id: {product_id}) { id } }"
    text = FOREIGN.replace('thing: "T{product_id}"', f'query: "{query}"')
    buy = Contract(declare(tmp_path, text).contract)["buy"]
    _, _, body = buy.compose({"product_id": 1, "quantity": 2, "key": "k", "token": "t"})
    assert body == b'{"query":"mutation { buy(id: 1) { id } }","count":2}'


def test_what_the_shop_chose_is_escaped_where_it_stands(tmp_path):
    request = "{request: 'POST /o/{order_id}/{token}', body: {of: '{order_id}', t: '{token}'}}"
    text = FOREIGN.replace("    buy:", f"    status: {request}\n    buy:")
    status = Contract(declare(tmp_path, text).contract)["status"]
    path, _, body = status.compose({"order_id": 'a/"b', "token": "\\t"})
    assert path == "/o/a%2F%22b/%5Ct"
    assert json.loads(body) == {"of": 'a/"b', "t": "\\t"}


def test_a_foreign_request_is_composed(foreign):
    variables = {"product_id": 1, "quantity": 2, "key": "7-1-0", "token": "t"}
    path, headers, body = foreign["buy"].compose(variables)
    assert (foreign["buy"].method, path) == ("PUT", "/api/purchases/7-1-0")
    assert headers == {"Content-Type": "application/json", "X-Session": "t"}
    assert body == b'{"thing":"T1","count":2}'
    account = {"email": "a@b", "password": "p", "name": "N N"}
    _, _, body = foreign["register"].compose(account)
    assert body == b'{"mail":"a@b","secret":"p","full":{"name":"N N"}}'


@pytest.mark.parametrize(
    ("operation", "answer", "read"),
    [
        ("register", (200, {"user": {"id": 7}}), (201, {"user_id": 7, "code": ""})),
        ("login", (200, {"session": {"token": "t"}, "status": "ok"}), (200, {"token": "t"})),
        ("product", (200, {"price": "999.99", "stock": 5}), (200, {"price_cents": 99999})),
        (
            "buy",
            (200, {"purchase": {"id": 12, "state": "NEW"}}),
            (202, {"order_id": "12", "status": "accepted", "code": ""}),
        ),
        ("buy", (410, {}), (409, {"code": "sold_out"})),
        ("buy", (400, {"error": "LIMIT"}), (409, {"code": "limit_reached"})),
        ("buy", (400, {"error": "OTHER"}), (400, {"code": "OTHER"})),
        ("buy", (500, {"purchase": None}), (500, {})),
        (
            "status",
            (200, {"order_id": "a", "status": "PAID"}),
            (200, {"order_id": "a", "status": "confirmed"}),
        ),
        (
            "status",
            (200, {"order_id": "a", "status": "odd"}),
            (200, {"order_id": "a", "status": "odd"}),
        ),
    ],
)  # fmt: skip
def test_a_foreign_answer_is_read_in_our_words(foreign, operation, answer, read):
    assert foreign[operation].read(*answer) == read


@pytest.mark.parametrize("price", ["NaN", "Infinity", float("inf"), "1e999999999", {"a": 1}])
def test_what_is_no_number_is_not_multiplied(foreign, price):
    assert foreign["product"].read(200, {"price": price}) == (200, {"price_cents": price})


@pytest.mark.parametrize("stock", [{"left": 3}, [3], "many", "NaN", float("inf"), None])
def test_a_stock_that_is_no_number_is_a_mistake_of_the_mapping(stock):
    message = r"docker-compose.own.yml: x-harness.contract.product.answer.stock: .* is not a whole"
    with pytest.raises(UsageError, match=message):
        units_in({"stock": stock}, "docker-compose.own.yml")
    assert units_in({"stock": "3"}, "") == 3


def test_what_a_contract_shows_is_what_it_declares(foreign):
    assert not foreign["product"].shows("stock")
    assert Contract()["product"].shows("stock")


def test_it_is_recorded_with_the_topology(tmp_path):
    assert declare(tmp_path, FOREIGN).describe()["contract"]["buy"]["statuses"]["410"] == (
        "409 sold_out"
    )
    assert "contract" not in load_topology(write_small_project(tmp_path / "own")).describe()


def test_its_secrets_are_not_recorded(tmp_path):
    text = FOREIGN.replace(
        '{X-Session: "{token}"}',
        '{X-Session: "{token}", X-Client: "of ours", '
        'Authorization: "Bearer ${OUR_API_KEY} {token}"}',
    ).replace('{thing: "T{product_id}"', '{client_secret: abc, list: [of-the-file], thing: "{key}"')
    text = text.replace("purchases/{key}", "purchases/{key}?k=${OUR_API_KEY}")
    (tmp_path / ".env").write_text("OUR_API_KEY=of-the-file\n")
    topology = declare(tmp_path, text)
    assert topology.contract["buy"]["headers"]["Authorization"] == "Bearer of-the-file {token}"
    described = topology.describe()["contract"]
    assert described["buy"]["request"] == "PUT /api/purchases/{key}?k=***"
    assert described["buy"]["headers"] == {
        **{"X-Session": "{token}", "X-Client": "***", "Authorization": "Bearer *** {token}"}
    }
    assert described["buy"]["body"] == {
        **{"client_secret": "***", "list": ["***"], "thing": "{key}", "count": "{quantity}"}
    }
    assert described["register"]["body"]["secret"] == "{password}"
    assert described["order_states"] == topology.contract["order_states"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("register:", "enrol:", "unsupported key 'enrol'"),
        ("POST /api/users", "/api/users", "register.request: '/api/users' is not a method"),
        ("{email}", "{mail}", "register.body: {mail} is none of its variables"),
        ("{email}", "{ email }", "register.body: { email } is none of its variables"),
        ("{email}", "{{email}}", "register.body: {{email}} is none of its variables"),
        ("{mail:", '{"{Email}": 1, mail:', "register.body: {Email} is none of its variables"),
        ("T{product_id}\n", "T{product-id}\n", "product.request: {product-id} is none of its"),
        ("{token}", "{ token }", "buy.headers: { token } is none of its variables"),
        ("X-Session:", '"{key}":', "buy.headers: '{key}' is not the name of a header"),
        ("410: 409 sold_out", "410: 409 soldout", "buy.statuses.410: .* one of sold_out, limit"),
        ("{token: session", "{code: session", "login.answer.token: is missing"),
        ("{order_id: purchase.id, s", "{s", "buy.answer.order_id: is missing"),
        ("price * 100}", "price * 100}\n      body: {}", "product.body: it is sent without a body"),
        ("price * 100}", 'price * 100}\n      headers: {A: "{token}"}', "{token} is none of its"),
        ("buy:", "events: {request: POST /e}\n    buy:", "events.request: 'POST /e' is not a GET"),
        ("buy:", "events: {request: GET /e, body: 1}\n    buy:", "events.body: it is sent without"),
        ("buy:", "status: {request: GET /e, answer: {code: a}}\n    buy:", "answer.status: is mis"),
        ("user.id", "user id", "register.answer.user_id: .* a dotted path"),
        ("{user_id:", "{userid:", "unsupported key 'userid'"),
        ("200: 201", "200: created", "register.statuses.200: .* a status"),
        ("NEW: accepted", "NEW: fresh", "order_states.NEW: 'fresh' is not one of accepted"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path, old, new, message):
    assert old in FOREIGN
    with pytest.raises(UsageError, match=message):
        declare(tmp_path, FOREIGN.replace(old, new, 1))


def test_routes_are_counted_by_their_templates():
    assert ROUTES == {
        "register": ("POST", "/auth/register"),
        "login": ("POST", "/auth/login"),
        "product": ("GET", "/products/{id}"),
        "buy": ("POST", "/orders"),
        "status": ("GET", "/orders/{id}"),
        "events": ("GET", "/orders/{id}/events"),
    }
