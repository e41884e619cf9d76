"""What is read of the gateway and the servers of somebody else, and what is no answer."""

import json
from types import SimpleNamespace

import pytest

from harness.campaign import collect
from harness.errors import InfrastructureError
from tests.support.scripted_server import serve


def charge(number):
    fields = {"charge_id": f"ch_{number}", "reference": f"7-{number}", "order_id": f"o-{number}"}
    return json.dumps(fields).encode() + b"\n"


def log_of(*numbers):
    return b"".join(charge(number) for number in numbers)


def answering(*answers):
    """Return what answers one request after the other with these statuses and bodies."""

    def answer(connection, number):
        status, body = answers[min(number, len(answers) - 1)]
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        connection.sendall(body)

    return serve(answer)


def deployment(server, *, is_ours=False):
    service = SimpleNamespace(replicas=1)
    return SimpleNamespace(
        is_ours=is_ours,
        topology=SimpleNamespace(
            approach="queue",
            gateway="payment-gateway",
            counters=("api",),
            metrics_port=None,
            services={"api": service},
        ),
        urls=lambda *_: [server.address],
    )


@pytest.fixture(autouse=True)
def nobody_warmed_up(monkeypatch):
    monkeypatch.setattr(collect, "orders_of", lambda *_: set())


def test_charges_before_the_load_are_left_out():
    with answering((200, log_of(1, 2)), (200, log_of(1, 2, 3))) as server:
        earlier = collect.earlier_charges(deployment(server))
        found = collect.charges(deployment(server), "7-w", earlier)
    assert (earlier.count, list(found["order_id"])) == (2, ["o-3"])


@pytest.mark.parametrize("after", [(), (3,), (3, 4), (3, 4, 5), (1, 3)])
def test_a_log_that_began_anew_in_the_load_is_an_error(after):
    with answering((200, log_of(1, 2)), (200, log_of(*after))) as server:
        earlier = collect.earlier_charges(deployment(server))
        with pytest.raises(InfrastructureError, match=r"queue: the gateway's log .* began anew"):
            collect.charges(deployment(server), "7-w", earlier)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_gateway_without_earlier_charges_has_only_those_of_the_load(is_ours):
    answers = [(200, b""), (200, log_of(3))][is_ours:]
    with answering(*answers) as server:
        earlier = collect.earlier_charges(deployment(server, is_ours=is_ours))
        assert len(collect.charges(deployment(server), "7-w", earlier)) == 1


def test_what_is_no_log_of_charges_is_found_before_the_load():
    with (
        answering((200, b"<html>\nLog in")) as server,
        pytest.raises(InfrastructureError, match="no charge in the gateway's log: b'<html>'"),
    ):
        collect.earlier_charges(deployment(server))


@pytest.mark.parametrize("ask", [collect.earlier_charges, collect.request_counts])
def test_a_server_that_answers_with_an_error_is_no_traceback(ask):
    with (
        answering((404, b"")) as server,
        pytest.raises(InfrastructureError, match=r"cannot read the stores before the load: .*404"),
        collect.answers_expected(deployment(server), "before the load"),
    ):
        ask(deployment(server))


@pytest.mark.parametrize(
    "text",
    [
        b"<html>Log in</html>\n",
        b'# TYPE shop_http_requests_total counter\nshop_http_requests_total{method="GET"} 1\n',
    ],
)
def test_metrics_that_cannot_be_read_name_their_service(text):
    with (
        answering((200, text)) as server,
        pytest.raises(InfrastructureError, match="queue: api has metrics that cannot be read"),
    ):
        collect.request_counts(deployment(server))
