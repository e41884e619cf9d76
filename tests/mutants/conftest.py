"""One bench for all mutants: what is run once is remembered, and written down if asked."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.mutants import document, recording
from tests.mutants.answers import CONTRACT
from tests.mutants.bench import Bench
from tests.mutants.catalogue import MUTANTS


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest):
    # a short path: PostgreSQL's socket must fit into 107 bytes; open: it does not run as root
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as scratch:
        os.chmod(scratch, 0o755)
        writes = request.config.getoption("--write-docs")
        bench = Bench(Path(scratch), records=writes)
        yield bench
        if writes:
            recording.list_missing(one for one in MUTANTS if one.caught_by != CONTRACT)
            document.write(bench, MUTANTS)
