"""What each address gives; imported only where the extra ``serve`` is installed."""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from neurolect.errors import NeurolectError
from neurolect.explorer.answers.searches import ask
from neurolect.explorer.answers.source import Answers, error_of, to_json
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.live.rate import TooOftenError
from neurolect.explorer.server.downloads import figure_file, table_file
from neurolect.explorer.server.files import Page

JSON = "application/json"
FRESH = {"cache-control": "no-store"}
PAGE = {"cache-control": "no-cache"}


def answer(make: Callable[[], bytes]) -> Response:
    """Send JSON; what neurolect refuses is said as JSON too."""
    return handed(lambda: Response(make(), media_type=JSON, headers=FRESH))


def handed(make: Callable[[], Response]) -> Response:
    """Send what is made, or say why it is not."""
    try:
        return make()
    except NeurolectError as error:
        status = 429 if isinstance(error, TooOftenError) else 422
        return Response(to_json(error_of(error)), status_code=status, media_type=JSON, headers=FRESH)


class Routes:
    """The page, what keys answer, searches, the model, downloads."""

    def __init__(self, answers: Answers, page: Page, live: LiveModel) -> None:
        self._answers, self._page, self._live = answers, page, live
        # threads of its own: who waits for the model keeps nobody from a page
        self._asking = ThreadPoolExecutor(max_workers=2, thread_name_prefix="model")

    def add_to(self, app: FastAPI) -> None:
        """Put them into an application."""
        for path, act in (
            ("/", self.index),
            ("/ask/{run}", self.asked),
            ("/data/{key:path}", self.data),
            ("/download/{run}/figure/{file}", self.figure),
            ("/download/{run}/{file}", self.table),
            ("/{path:path}", self.file),
        ):
            app.add_api_route(path, act, methods=["GET", "HEAD"], response_model=None)
        app.add_api_route("/model/{kind}", self.model, methods=["POST"], response_model=None)

    def index(self) -> Response:
        """Give the page."""
        return handed(lambda: Response(self._page.index(), media_type="text/html", headers=PAGE))

    def file(self, path: str) -> Response:
        """Give a file of the page."""
        found = self._page.file(path)
        if found is None:
            return Response("There is no such file.", status_code=404, media_type="text/plain")
        return Response(found[0], headers=PAGE | {"content-type": found[1]})

    def data(self, key: str) -> Response:
        """Answer a key."""
        return answer(lambda: self._answers.written(key))

    def asked(self, run: str, request: Request) -> Response:
        """Answer a question."""
        return answer(lambda: to_json(ask(self._answers.run(run), dict(request.query_params))))

    def table(self, run: str, file: str) -> Response:
        """Send a table as it is read."""

        def made() -> Response:
            parts, kind = table_file(self._answers.run(run), file)
            return StreamingResponse(parts, headers=FRESH | _as_file(file) | {"content-type": kind})

        return handed(made)

    def figure(self, run: str, file: str) -> Response:
        """Draw a figure."""

        def made() -> Response:
            drawn, kind = figure_file(self._answers.run(run), file)
            return Response(drawn, headers=FRESH | _as_file(file) | {"content-type": kind})

        return handed(made)

    async def model(self, kind: str, request: Request) -> Response:
        """Ask the model."""
        body = await request.body()

        def given() -> object:
            try:
                return json.loads(body)
            except (ValueError, RecursionError):  # of JSON, of UTF-8; brackets in brackets
                return None

        def answered() -> Response:
            return answer(lambda: to_json(self._live.answer(kind, given())))

        return await asyncio.get_running_loop().run_in_executor(self._asking, answered)


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
