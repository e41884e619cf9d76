"""The payment provider: each key executed once, on disk before the answer, faults on request."""

import asyncio
import json

import httpx
import pytest

from approaches.gateway.app import create_app
from approaches.gateway.charges import ChargeRequest, Charges, KeyReusedError, UnavailableError
from approaches.gateway.gateway_faults import Fault, Faults
from approaches.gateway.log import ChargeLog
from approaches.gateway.payment_draws import PaymentModel, draw

FAST = PaymentModel("fixed", mean_s=0.01)
REQUEST = ChargeRequest("order-1", "42-1-0", 4200)


def provider(path, model=FAST, faults=None):
    return Charges("42", model, ChargeLog(path), faults or Faults())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "charges.ndjson"


def test_a_charge_is_executed_once_and_replayed(path):
    async def scenario():
        charges = provider(path)
        first, replayed = await charges.charge("k", REQUEST)
        assert not replayed
        assert lines(path) == [json.loads(first.line())]
        assert first.outcome == draw("42", "42-1-0", FAST).outcome
        assert first.finished_ns - first.started_ns >= 10_000_000
        again, replayed = await charges.charge("k", REQUEST)
        assert (again, replayed) == (first, True)
        assert charges.find("k") == first
        assert charges.find("other") is None

    asyncio.run(scenario())
    assert len(lines(path)) == 1


def test_concurrent_requests_with_one_key_join_one_charge(path):
    async def scenario():
        charges = provider(path)
        answers = await asyncio.gather(*(charges.charge("k", REQUEST) for _ in range(20)))
        assert len({record.charge_id for record, _ in answers}) == 1
        assert sorted(replayed for _, replayed in answers) == [False] + [True] * 19
        assert charges.in_flight == 0

    asyncio.run(scenario())
    assert len(lines(path)) == 1


def test_many_charges_are_all_on_disk(path):
    async def scenario():
        charges = provider(path)
        requests = [ChargeRequest(f"o{i}", f"42-{i}-0", 1) for i in range(300)]
        await asyncio.gather(*(charges.charge(one.order_id, one) for one in requests))
        assert [record.key for record in charges.executed()] == [one["key"] for one in lines(path)]

    asyncio.run(scenario())
    assert {one["key"] for one in lines(path)} == {f"o{i}" for i in range(300)}


@pytest.mark.parametrize(
    "other",
    [
        ChargeRequest("order-2", "42-1-0", 4200),
        ChargeRequest("order-1", "42-1-1", 4200),
        ChargeRequest("order-1", "42-1-0", 4201),
    ],
)
def test_a_key_belongs_to_one_body_in_flight_and_afterwards(path, other):
    async def scenario():
        charges = provider(path)
        flight = asyncio.create_task(charges.charge("k", REQUEST))
        await asyncio.sleep(0)
        with pytest.raises(KeyReusedError):
            await charges.charge("k", other)
        await flight
        with pytest.raises(KeyReusedError):
            await charges.charge("k", other)

    asyncio.run(scenario())
    assert len(lines(path)) == 1


def test_a_client_that_hangs_up_does_not_cancel_the_charge(path):
    async def scenario():
        charges = provider(path)
        impatient = asyncio.create_task(charges.charge("k", REQUEST))
        await asyncio.sleep(0)
        impatient.cancel()
        record, replayed = await charges.charge("k", REQUEST)
        assert replayed
        assert lines(path)[0]["charge_id"] == record.charge_id

    asyncio.run(scenario())


def test_the_log_survives_a_restart_without_its_torn_last_line(path):
    async def charge(key):
        return (await provider(path).charge(key, ChargeRequest(key, key, 1)))[0]

    first = asyncio.run(charge("a"))
    with path.open("a") as log:
        log.write('{"charge_id": "ch_torn", "key": "b"')
    second = asyncio.run(charge("b"))
    assert [one["charge_id"] for one in lines(path)] == [first.charge_id, second.charge_id]
    assert asyncio.run(charge("a")) == first
    assert len(lines(path)) == 2


def test_a_charge_that_cannot_be_written_is_not_executed(path, monkeypatch):
    async def scenario():
        charges = provider(path)

        def full_disk(fd):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("approaches.gateway.log.os.fdatasync", full_disk)
            with pytest.raises(OSError, match="No space"):
                await charges.charge("k", REQUEST)
        assert charges.find("k") is None
        assert path.read_bytes() == b""
        await charges.charge("k", REQUEST)

    asyncio.run(scenario())
    assert len(lines(path)) == 1


def test_an_unavailable_provider_executes_nothing(path):
    async def scenario():
        faults = Faults()
        charges = provider(path, faults=faults)
        faults.begin(Fault("unavailable", 60))
        with pytest.raises(UnavailableError):
            await charges.charge("k", REQUEST)
        faults.end()
        await charges.charge("k", REQUEST)

    asyncio.run(scenario())
    assert len(lines(path)) == 1


@pytest.mark.parametrize("ending", ["by request", "by itself"])
def test_a_provider_that_hangs_executes_afterwards(path, ending):
    async def scenario():
        faults = Faults()
        charges = provider(path, faults=faults)
        faults.begin(Fault("hang", 60 if ending == "by request" else 0.1))
        held = asyncio.create_task(charges.charge("k", REQUEST))
        done, _ = await asyncio.wait({held}, timeout=0.05)
        assert not done
        if ending == "by request":
            faults.end()
        await held

    asyncio.run(scenario())
    assert len(lines(path)) == 1


def test_a_slow_provider_takes_longer_and_decides_the_same(path):
    async def scenario():
        faults = Faults()
        charges = provider(path, faults=faults)
        faults.begin(Fault("slow", 60, factor=5))
        record, _ = await charges.charge("k", REQUEST)
        assert record.finished_ns - record.started_ns >= 50_000_000
        assert record.latency_ms == 10.0
        assert record.outcome == draw("42", "42-1-0", FAST).outcome

    asyncio.run(scenario())


BODY = {"order_id": "order-1", "reference": "42-1-0", "amount_cents": 4200}


def call(path, *requests, model=FAST):
    """Send requests (method, path, keyword arguments) to a provider and return its answers."""

    async def scenario():
        faults = Faults()
        log = ChargeLog(path)
        app = create_app(lambda: Charges("42", model, log, faults), faults)
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(base_url="http://gateway", transport=transport) as client,
        ):
            answers = [
                await client.request(method, where, **how) for method, where, how in requests
            ]
        log.close()
        return answers

    return asyncio.run(scenario())


def charge(key="k", **change):
    return "POST", "/charges", {"json": {**BODY, **change}, "headers": {"Idempotency-Key": key}}


@pytest.mark.parametrize(("rate", "status"), [(0.0, 200), (1.0, 402)])
def test_http_tells_the_outcome_and_replays_it(path, rate, status):
    model = PaymentModel("fixed", mean_s=0.001, decline_rate=rate)
    first, again, found, listed = call(
        path, charge(), charge(), ("GET", "/charges/k", {}), ("GET", "/charges", {}), model=model
    )
    assert first.status_code == again.status_code == status
    assert first.json() == again.json() == found.json()
    assert first.json()["outcome"] == ("approved" if status == 200 else "declined")
    assert again.headers["idempotent-replayed"] == "true"
    assert found.status_code == 200
    assert listed.content == path.read_bytes()


def test_http_answers_the_same_whichever_way_a_charge_takes_through_it(path):
    """A type that is not exactly JSON's, and a body in pieces, are left to the framework."""

    async def pieces():
        yield json.dumps(BODY).encode()[:9]
        yield json.dumps(BODY).encode()[9:]

    json_type = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    other_type = {"Content-Type": "application/json; charset=utf-8", "Idempotency-Key": "k"}
    whole = {"content": json.dumps(BODY), "headers": json_type}
    other = {"content": json.dumps(BODY), "headers": other_type}
    parts = {"content": pieces(), "headers": json_type}
    ways = [("POST", "/charges", how) for how in (whole, other, parts)]
    first, *others, metrics = call(path, *ways, ("GET", "/metrics", {}))
    assert {(one.status_code, one.content) for one in others} == {(200, first.content)}
    assert [dict(one.headers).get("idempotent-replayed") for one in others] == ["true"] * 2
    assert 'route="/charges",status="200"' in metrics.text
    assert len(lines(path)) == 1


def test_http_refuses_what_it_cannot_charge(path):
    no_key = ("POST", "/charges", {"json": BODY})
    answers = call(
        path,
        no_key,
        charge(amount_cents="4200"),
        charge(amount_cents=-1),
        charge(order_id=""),
        charge(tip=1),
        ("GET", "/charges/unknown", {}),
        ("GET", "/nothing", {}),
        ("DELETE", "/charges", {}),
    )
    assert [answer.status_code for answer in answers] == [400] * 5 + [404, 404, 405]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
    assert path.read_bytes() == b""


def test_http_takes_and_ends_faults(path):
    answers = call(
        path,
        ("PUT", "/faults", {"json": {"kind": "unavailable", "for_s": 60}}),
        charge(),
        ("DELETE", "/faults", {}),
        charge(),
        charge(amount_cents=1),
        ("PUT", "/faults", {"json": {"kind": "earthquake", "for_s": 60}}),
        ("PUT", "/faults", {"json": {"kind": "hang", "for_s": 0}}),
        ("GET", "/readyz", {}),
        ("GET", "/metrics", {}),
    )
    statuses = [answer.status_code for answer in answers]
    assert statuses == [204, 503, 204, 200, 422, 400, 400, 200, 200]
    assert answers[1].headers["retry-after"]
    assert 'route="/charges",status="422"' in answers[-1].text
