"""One bench for all mutants: what is run once is remembered, and written down if asked."""

import os
import tempfile
from pathlib import Path

import pytest

from tests.mutants import document
from tests.mutants.bench import Bench
from tests.mutants.catalogue import MUTANTS


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest):
    # a short path: PostgreSQL's socket must fit into 107 bytes; open: it does not run as root
    with tempfile.TemporaryDirectory(prefix="fs-", ignore_cleanup_errors=True) as scratch:
        os.chmod(scratch, 0o755)
        bench = Bench(Path(scratch))
        yield bench
        if request.config.getoption("--write-docs"):
            document.write(bench, MUTANTS)
