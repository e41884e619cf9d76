"""What is wrong about `up`, `reset` and `down` is refused before anything is brought up."""

import pytest

from tests.integration.test_run import TINY
from tests.integration.test_wrong_usage import refused

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["up", "telepathy"], "telepathy"),
        (["up", "sync", "--runtime", "telepathy"], "telepathy"),
        (["up", "sync", "--set", "api.NO_SUCH_KEY=2"], "NO_SUCH_KEY"),
        (["up", "sync", "--scale", "order-worker=2"], "order-worker"),
        (["up", "sync", "--detach", "--scale", "api"], "--scale api"),
        (["up", "sync", "--scenario", "no_such_sale"], "no_such_sale"),
        (["reset"], "nothing is up"),
        (["reset", "sync"], "sync is not up"),
        (["reset", "telepathy"], "telepathy"),
        (["down", "telepathy"], "telepathy"),
        (["run", TINY, "--runtime", "telepathy"], "telepathy"),
        (["doctor", "--runtime", "telepathy"], "telepathy"),
    ],
)
def test_wrong_words(harness, words, named):
    refused(harness.run(*words), 64, named)
    assert {path.suffix for path in harness.scratch.iterdir()} == {".out", ".err"}
