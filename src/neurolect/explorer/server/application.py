"""The application: the page, what keys answer, searches."""

from collections.abc import Callable
from typing import cast

from neurolect.errors import NeurolectError, require_extra
from neurolect.explorer.answers.searches import ask
from neurolect.explorer.answers.source import Answers, error_of, to_json
from neurolect.explorer.server.files import Page
from neurolect.explorer.server.safety import App

EXTRA, PURPOSE = "serve", "to serve the explorer"
JSON = "application/json"


def application(answers: Answers, page: Page) -> App:
    """Make the application; who may ask it is checked outside of it."""
    require_extra("fastapi", extra=EXTRA, purpose=PURPOSE)
    from fastapi import FastAPI, Request, Response

    # without the pages of documentation, which load scripts from elsewhere
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    def answer(make: Callable[[], bytes]) -> Response:
        """Send JSON; what neurolect refuses is said as JSON too."""
        try:
            body, status = make(), 200
        except NeurolectError as error:
            body, status = to_json(error_of(error)), 422
        return Response(body, status_code=status, media_type=JSON, headers={"cache-control": "no-store"})

    def index() -> Response:
        return Response(page.index(), media_type="text/html", headers={"cache-control": "no-cache"})

    def data(key: str) -> Response:
        return answer(lambda: answers.written(key))

    def asked(run: str, request: Request) -> Response:
        given = dict(request.query_params)
        return answer(lambda: to_json(ask(answers.run(run), given)))

    def file(path: str) -> Response:
        found = page.file(path)
        if found is None:
            return Response("There is no such file.", status_code=404, media_type="text/plain")
        return Response(found[0], headers={"content-type": found[1], "cache-control": "no-cache"})

    routes: dict[str, Callable[..., Response]] = {
        "/": index,
        "/ask/{run}": asked,
        "/data/{key:path}": data,
        "/{path:path}": file,
    }
    for path, act in routes.items():
        app.add_api_route(path, act, methods=["GET", "HEAD"], response_model=None)
    return cast("App", app)
