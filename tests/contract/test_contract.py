"""Every approach keeps the contract: the tests of this folder, as one file.

A file stays on one worker of pytest, so each approach is brought up once, however many workers
there are, and taken down when its tests are over.
"""

import pytest

MODULES = ("accounts", "events", "openapi", "operations", "orders", "payments", "rights")
pytest.register_assert_rewrite(*(f"tests.contract.{name}" for name in MODULES))

from tests.contract.accounts import *  # noqa: E402, F403
from tests.contract.events import *  # noqa: E402, F403
from tests.contract.openapi import *  # noqa: E402, F403
from tests.contract.operations import *  # noqa: E402, F403
from tests.contract.orders import *  # noqa: E402, F403
from tests.contract.payments import *  # noqa: E402, F403
from tests.contract.rights import *  # noqa: E402, F403

pytestmark = pytest.mark.integration
