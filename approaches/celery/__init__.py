"""The shop as many Python teams would write it: FastAPI, Redis, and Celery with its defaults.

`checkout` accepts a purchase by the `counters` in Redis and sends a task; `tasks` are Celery's: one
records the order (`records`), one charges it. docs/contenders.md says what gets lost, and why.
"""

import sys
from importlib.util import find_spec

if find_spec("celery") is None:
    sys.exit("error: Celery is not installed\nhint: pip install 'flashsale-harness[celery]'")
