"""The application, where the libraries for it are installed."""

from importlib import import_module
from typing import Any, cast

from neurolect.errors import require_extra
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.server.files import Page
from neurolect.explorer.server.safety import App

EXTRA, PURPOSE = "serve", "to serve the explorer"
AT_ONCE = 4
"""Answers that are made at the same time, the others wait: each holds what it read until it is sent."""


def application(answers: Answers, page: Page, live: LiveModel) -> App:
    """Make the application; who may ask it is checked outside of it."""
    fastapi = require_extra("fastapi", extra=EXTRA, purpose=PURPOSE)
    # without the pages of documentation, which load scripts from elsewhere
    app = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    import_module("neurolect.explorer.server.routes").Routes(answers, page, live).add_to(app)
    to_thread = import_module("anyio.to_thread")

    async def few_at_once(scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - of ASGI
        to_thread.current_default_thread_limiter().total_tokens = AT_ONCE
        await app(scope, receive, send)

    return cast("App", few_at_once)
