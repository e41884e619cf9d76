"""The requests of a buyer: method and route, by the name that the request log has for them."""

from typing import Final

from harness.contract import OWN, VARIABLE


def _route(request: str) -> tuple[str, str]:
    """Return method and route of a request, as servers count it: ``/orders/{id}``."""
    method, _, path = request.partition(" ")
    return method, VARIABLE.sub("{id}", path)


ROUTES: Final = {name: _route(operation["request"]) for name, operation in OWN.items()}
