"""The application, where the libraries for it are installed."""

from importlib import import_module
from typing import cast

from neurolect.errors import require_extra
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.server.files import Page
from neurolect.explorer.server.safety import App

EXTRA, PURPOSE = "serve", "to serve the explorer"


def application(answers: Answers, page: Page, live: LiveModel) -> App:
    """Make the application; who may ask it is checked outside of it."""
    fastapi = require_extra("fastapi", extra=EXTRA, purpose=PURPOSE)
    # without the pages of documentation, which load scripts from elsewhere
    app = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    import_module("neurolect.explorer.server.routes").Routes(answers, page, live).add_to(app)
    return cast("App", app)
