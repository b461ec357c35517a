"""One source of data for both modes: a server answers a key live, an export writes what it would answer."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from neurolect.errors import NeurolectError, OptionError
from neurolect.explorer.answers.cards import list_page, neuron_card
from neurolect.explorer.answers.columns import column_piece, map_piece, order_piece
from neurolect.explorer.answers.opened import Opened, OpenedRun
from neurolect.explorer.answers.overview import overview
from neurolect.explorer.answers.plain import plain
from neurolect.explorer.answers.start import start_of
from neurolect.visible import strict_json

KEPT_BYTES = 96 << 20
"""Answers that are kept as they are sent, those not asked for longest dropped."""


class Answers:
    """What can be asked of runs and other folders.

    Parameters
    ----------
    folders : sequence of str or Path
        Run folders, and those that ``probing judge``, ``probing all`` and ``compare`` write.
    model : str, optional
        What the live answers load; only whether there is one is said here.

    Raises
    ------
    OptionError
        If a folder is not there, or is of a kind that is not shown. A run that cannot be opened is no error: its
        entry in ``start`` says why.
    """

    def __init__(self, folders: Sequence[str | Path], *, model: str | None = None) -> None:
        self.opened = Opened([Path(each) for each in folders])
        self.model = model
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Any], bytes] = {}
        self._kinds: dict[str, tuple[int, Callable[..., Any]]] = {
            "start": (0, self.start),
            "overview": (1, lambda run: plain(overview(self.run(run)))),
            "column": (3, lambda run, name, piece: column_piece(self.run(run), name, _number(piece))),
            "order": (3, lambda run, name, piece: order_piece(self.run(run), name, _number(piece))),
            "map": (3, lambda run, name, piece: map_piece(self.run(run), name, _number(piece))),
            "card": (2, lambda run, address: neuron_card(self.run(run), address)),
            "judge": (1, lambda n: self._page("judges", n)),
            "protocol": (1, lambda n: self._page("protocols", n)),
            "comparison": (1, lambda n: self._page("comparisons", n)),
            "list": (4, lambda run, address, side, page: list_page(self.run(run), address, side, _number(page))),
        }

    def run(self, number: str | int) -> OpenedRun:
        """Look a run up by its number in ``start``.

        Parameters
        ----------
        number : str or int
            From 0.

        Returns
        -------
        OpenedRun
            Opened when it is asked something.

        Raises
        ------
        OptionError
            If there is none.
        """
        at = _number(number)
        if not 0 <= at < len(self.opened.runs):
            what = f"There is no run {number}."
            raise OptionError(what, expected=f"0 to {len(self.opened.runs) - 1}")
        return self.opened.runs[at]

    def start(self) -> dict[str, Any]:
        """Say what there is.

        Returns
        -------
        dict
            As docs/explorer.md has it.
        """
        others = {kind: self._entries(kind) for kind in self.opened.others}
        return start_of(self.opened.runs, others, model=self.model)

    def _entries(self, kind: str) -> list[dict[str, Any]]:
        folders = self.opened.others[kind]
        if not folders:  # what reads them takes 200 MB for a network's library
            return []
        from neurolect.explorer.answers.rankings import entry_of

        return [entry_of(kind, n, folder) for n, folder in enumerate(folders)]

    def _page(self, kind: str, number: str) -> dict[str, Any]:
        folders, at = self.opened.others[kind], _number(number)
        if at >= len(folders):
            what = f"There is no folder {number} among the {kind}."
            raise OptionError(what, expected=f"{len(folders)} of them")
        from neurolect.explorer.answers.rankings import page_of

        found: dict[str, Any] = plain(page_of(kind, folders[at], self.opened.runs))
        return found

    def get(self, key: str) -> Any:  # noqa: ANN401 - what JSON has
        """Answer a key.

        Parameters
        ----------
        key : str
            E.g. ``"start"``, ``"card/0/hidden.3.5"``; docs/explorer.md has all.

        Returns
        -------
        dict
            Fit for ``json.dumps``; numbers have five digits, NaN is None.

        Raises
        ------
        OptionError, NeuronAddressError
            If there is no such key, run, column or neuron.
        RunFolderError
            If the run lacks what was asked for, or it is damaged.
        """
        kind, *arguments = key.split("/")
        n, answer = self._kinds.get(kind, (-1, None))
        if answer is None or len(arguments) != n:
            what = f"Nothing is known of {key!r}."
            raise OptionError(what, expected=", ".join(self._kinds))
        return answer(*arguments)

    def written(self, key: str) -> bytes:
        """Answer a key as JSON; what was asked for lately is kept.

        Parameters
        ----------
        key : str
            As for :meth:`get`.

        Returns
        -------
        bytes
            UTF-8.
        """
        state = self._state(key)
        with self._lock:
            found = self._kept.pop((key, state), None)
            if found is not None:
                self._kept[key, state] = found
                return found
        made = to_json(self.get(key))
        with self._lock:
            self._kept[key, state] = made
            size = sum(map(len, self._kept.values()))
            while size > KEPT_BYTES and len(self._kept) > 1:
                size -= len(self._kept.pop(next(iter(self._kept))))
        return made

    def _state(self, key: str) -> Any:  # noqa: ANN401 - anything that can be compared
        """Say what an answer is of: the state of its run, of all runs for ``start``."""
        parts = key.split("/")
        known = map(str, range(len(self.opened.runs)))
        if len(parts) > 1 and parts[1] in known:
            return self.opened.runs[int(parts[1])].state
        return tuple(each.state for each in self.opened.runs)


def to_json(value: Any) -> bytes:  # noqa: ANN401 - anything that JSON has
    """Write an answer; half characters, which UTF-8 has not, become question marks."""
    text = strict_json(value, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def error_of(error: NeurolectError) -> dict[str, Any]:
    """Say what went wrong as the pages show it."""
    return {"error": {"message": error.what, "expected": error.expected, "hint": error.hint}}


def _number(text: str | int) -> int:
    if isinstance(text, str) and not (text.isascii() and text.isdecimal() and len(text) < 10):
        what = f"{text!r} is no number."
        raise OptionError(what, expected="a number from 0")
    return int(text)
