"""Every approach keeps the contract: the tests of this folder, as one file.

A file stays on one worker of pytest, so each approach is brought up once, however many workers
there are, and taken down when its tests are over.
"""

import pytest

from tests.contract.accounts import *  # noqa: F403
from tests.contract.conformance import *  # noqa: F403
from tests.contract.events import *  # noqa: F403
from tests.contract.openapi import *  # noqa: F403
from tests.contract.operations import *  # noqa: F403
from tests.contract.orders import *  # noqa: F403
from tests.contract.payments import *  # noqa: F403
from tests.contract.rights import *  # noqa: F403

pytestmark = pytest.mark.integration
