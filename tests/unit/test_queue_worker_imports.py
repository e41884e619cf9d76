"""A worker imports what it needs: each of its forty processes holds all of that in memory."""

import json
import os
import subprocess
import sys

import pytest

UNUSED = {
    "argon2", "fastapi", "flask", "jwt", "psycopg_pool", "pydantic", "starlette", "urllib3",
    "uvicorn",
}  # fmt: skip


@pytest.mark.parametrize("worker", ["order_worker", "payment_worker"])
def test_a_worker_imports_nothing_that_it_has_no_use_for(worker, tmp_path):
    asked = f"import json, sys, approaches.queue.{worker}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
    )
    assert not UNUSED & set(json.loads(done.stdout))
