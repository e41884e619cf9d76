"""The requests of a buyer: method and route, by the name that the request log has for them."""

ROUTES = {
    "register": ("POST", "/auth/register"),
    "login": ("POST", "/auth/login"),
    "product": ("GET", "/products/{id}"),
    "buy": ("POST", "/orders"),
    "status": ("GET", "/orders/{id}"),
    "events": ("GET", "/orders/{id}/events"),
}
