"""How the stores are reached: what their services state, at the place that they have."""

from urllib.parse import quote

from harness.errors import UsageError
from harness.topology import Service


def credentials(service: Service) -> tuple[str, str, str]:
    """Return user, password and database of PostgreSQL (UsageError: no password)."""
    stated = service.environment
    password = stated.get("POSTGRES_PASSWORD", "")
    if not password:
        raise UsageError(
            f"services.{service.name}.environment: there is no POSTGRES_PASSWORD",
            "state a password for the superuser, as the image demands",
        )
    user = stated.get("POSTGRES_USER", "postgres")
    return user, password, stated.get("POSTGRES_DB", user)


def dsn(service: Service, where: str) -> str:
    """Return the superuser's connection string of the database at ``<address>:<port>``."""
    user, password, database = credentials(service)
    return f"postgresql://{quote(user, '')}:{quote(password, '')}@{where}/{quote(database, '')}"


def redis_url(service: Service, where: str) -> str:
    """Return the URL of the first database at ``<address>:<port>``, with the clients' password."""
    password = redis_password(service)
    login = f":{quote(password, '')}@" if password else ""
    return f"redis://{login}{where}/0"


def redis_password(service: Service) -> str:
    """Return the password that `redis-cli` is given in the container; "" if there is none."""
    return service.environment.get("REDISCLI_AUTH", "")
