"""What the two web services have in common: FastAPI, with Redis among what may not answer.

The routes take a Request and return a Response: FastAPI's body models and dependency injection
would cost more CPU per request than all the rest of this approach's work. The hot ones take
not even that (`ShortCut`).
"""

from functools import partial

from redis.exceptions import RedisError

from approaches.shop import asgi_server
from approaches.shop.database import STORE_ERRORS

LOST = (RedisError, *STORE_ERRORS)

answer_to = partial(asgi_server.answer_to, lost=LOST)
web_app = partial(asgi_server.web_app, lost=LOST)
