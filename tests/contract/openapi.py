"""Whatever the served OpenAPI document allows, and much that it does not, is answered as it says.

Schemathesis draws the requests; the examples are few and reproducible, so the test costs seconds.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    negative_data_rejection,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from approaches.shop.contract import openapi

CHECKS = [
    not_a_server_error,
    negative_data_rejection,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BOUNDED = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


# Without anything to send there is nothing to get wrong.
CASES = [
    pytest.param(method, path, mode, id=f"{method}-{path}-{mode.value}")
    for path, methods in openapi("outcome")["paths"].items()
    for method, operation in methods.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or {"parameters", "requestBody"} & set(operation)
]


@pytest.fixture(scope="session")
def document(shop):
    return schemathesis.openapi.from_url(f"{shop.http.base_url}/openapi.json")


@pytest.fixture(scope="session")
def anybody(shop):
    return shop.buyer()


@pytest.mark.parametrize(("method", "path", "mode"), CASES)
def test_answers_are_those_of_the_contract(shop, document, anybody, method, path, mode):
    operation = document[path][method]

    # Hypothesis itself and not the plugin for pytest, which cannot be parametrised by approach.
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(
            headers=anybody.headers if secured else {}, checks=CHECKS, timeout=30
        )

    secured = "security" in operation.definition.raw
    check()


def test_the_document_names_when_an_order_is_acknowledged(shop):
    document = shop.http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    answers = document["paths"]["/orders"]["post"]["responses"]
    assert ("201" in answers) == (shop.acknowledges == "outcome")
    assert ("202" in answers) == (shop.acknowledges == "acceptance")
