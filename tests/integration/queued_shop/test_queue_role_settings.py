"""What the audit learns of a role whose commits are cheaper than those of the server."""

import psycopg
import pytest

from harness.campaign.store_reset import settings_of_roles

pytestmark = pytest.mark.integration


def test_what_a_role_has_of_its_own_is_found_whoever_looks(dsn):
    with psycopg.connect(dsn, autocommit=True) as ledger:
        assert settings_of_roles(ledger) == {}
        try:
            ledger.execute("ALTER ROLE shop SET synchronous_commit = off")
            ledger.execute("ALTER DATABASE postgres SET synchronous_commit = local")
            ledger.execute("ALTER ROLE shop SET work_mem = '5MB'")
            assert settings_of_roles(ledger) == {
                "shop": {"synchronous_commit": "off"},
                "every role": {"synchronous_commit": "local"},
            }
        finally:
            ledger.execute("ALTER ROLE shop RESET ALL")
            ledger.execute("ALTER DATABASE postgres RESET ALL")
