"""Serve the explorer until it is stopped."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from neurolect.errors import NeurolectError, require_extra
from neurolect.explorer.answers.columns import columns_of, n_pieces
from neurolect.explorer.answers.source import Answers
from neurolect.explorer.live.asked import LiveModel
from neurolect.explorer.options import ServeOptions
from neurolect.explorer.server.application import EXTRA, PURPOSE, application
from neurolect.explorer.server.files import Page
from neurolect.explorer.server.safety import PARAMETER, Guard, bound, new_token


def serve(
    folders: Sequence[str | Path],
    *,
    host: str = "127.0.0.1",
    port: int = 8765,
    model: str | None = None,
    options: ServeOptions | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve runs and other folders as pages for a browser, until it is stopped.

    Parameters
    ----------
    folders : sequence of str or Path
        Run folders, and those that ``probing judge``, ``probing all`` and ``compare`` write.
    host : str
        Where it listens. Anything but this machine itself puts a random token into the address.
    port : int
        0 for any free one.
    model : str, optional
        A model that live questions are asked of, as for ``load_model``.
    options : ServeOptions, optional
        The defaults when not given.
    ready : callable, optional
        Is given the address once it answers.

    Raises
    ------
    MissingExtraError
        If the extra ``serve`` is not installed.
    OptionError
        If a folder is not there or not shown, or the port is taken.
    """
    uvicorn = require_extra("uvicorn", extra=EXTRA, purpose=PURPOSE)
    options = ServeOptions() if options is None else options
    answers = Answers(folders, model=model)
    app = application(answers, Page(unbundled=options.unbundled), LiveModel(answers, options))
    taken, token = bound(host, port), new_token(host)
    try:
        port = taken.getsockname()[1]
        guarded = Guard(app, host=host, port=port, token=token)
        config = uvicorn.Config(guarded, log_level="warning", access_log=False, server_header=False, lifespan="off")
        threading.Thread(target=prepare_first_pages, args=(answers,), daemon=True).start()
        if ready is not None:
            ready(address_of(host, port, token))
        uvicorn.Server(config).run(sockets=[taken])
    finally:
        taken.close()


def prepare_first_pages(answers: Answers) -> None:
    """Compute what pages show while the browser is being opened: layers, the table, its further columns."""
    for number in range(len(answers.opened.runs)):
        with suppress(NeurolectError):  # it is reported to whoever asks for it
            answers.written(f"overview/{number}")
        for key in _keys_of_table(answers, number):
            with suppress(NeurolectError):
                answers.written(key)


def _keys_of_table(answers: Answers, number: int) -> list[str]:
    """Name what the table of neurons is drawn from, and ordered and searched by."""
    try:
        run = answers.run(number).run()
        first = [each for each in columns_of(run).values() if each.shown or each.name == "words"]
        columns = first + [each for each in columns_of(run).values() if each not in first and not each.costly]
        pieces = range(n_pieces(run))
    except NeurolectError:
        return []
    wanted = [("column", each.name) for each in columns]
    wanted += [("order", each.name) for each in columns if each.type == "text" and each.shown]
    return [f"{kind}/{number}/{name}/{piece}" for kind, name in wanted for piece in pieces]


def address_of(host: str, port: int, token: str | None) -> str:
    """Write the address that a browser is given.

    >>> address_of("127.0.0.1", 8765, None), address_of("::1", 80, "abc")
    ('http://127.0.0.1:8765/', 'http://[::1]:80/?token=abc')
    """
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/" + (f"?{PARAMETER}={token}" if token else "")
