"""Prompts as OpenAI's batch files, and what comes back of them: answers from a file in the place of a server.

A line's ``custom_id`` ends with the first half of its question's key, so an answer is never taken for that of
another question: of other sentences, another model or other options.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from neurolect.errors import OptionError
from neurolect.naming.endpoint import LARGEST, NONSENSE, REFUSED, Answered, Failed, harmless, read_completion
from neurolect.naming.questions import Question

NOT_IN_FILE = "not in the file"
"""Why a question has no answer, in addition to the reasons of an endpoint."""
_KEY = 16


def request(question: Question, *, about: str) -> dict[str, Any]:
    """Make a line of a batch.

    ``about``: What people know the question by.
    """
    custom_id = f"{about} {question.key[:_KEY]}"
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": question.body}


class BatchAnswers:
    """The answers of a file: JSON lines of a batch's output, or of ``custom_id`` and ``answer``."""

    def __init__(self, path: Path | None = None) -> None:
        self.url = "nobody" if path is None else f"the file {path.name}"
        self._found: dict[str, Answered | Failed] = {} if path is None else dict(_answers(path))
        self.n = len(self._found)
        self._used: set[str] = set()
        if path is not None and not self.n:
            what = f"{path} has no answers."
            raise OptionError(what, expected="JSON lines with custom_id and response (or answer)")

    @property
    def n_other(self) -> int:
        """How many answers are of questions that were not asked for."""
        return self.n - len(self._used)

    def has(self, question: Question) -> bool:
        """Say whether there is an answer, or a failure, of a question."""
        return question.key[:_KEY] in self._found

    def ask(self, question: Question) -> Answered | Failed:
        """Give the answer of a question."""
        key = question.key[:_KEY]
        self._used |= {key} & self._found.keys()
        return self._found.get(key, Failed(NOT_IN_FILE, self.url))


def _answers(path: Path) -> Iterator[tuple[str, Answered | Failed]]:
    """Read a file; the last of several answers of a question counts."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        what = f"The answers cannot be read from {path}: {error.strerror or error}."
        raise OptionError(what, expected="a file of JSON lines, as a batch gives them back") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            whole = json.loads(line) if len(line) <= LARGEST else None
        except (ValueError, RecursionError):
            whole = None
        named = whole.get("custom_id") if isinstance(whole, dict) else None
        if not isinstance(whole, dict) or not isinstance(named, str) or not named.split():
            what = f"Line {number:,} of {path} is no answer: {harmless(line[:80].decode('utf-8', 'replace'))}"
            expected = "JSON with custom_id, and response (of OpenAI's batches) or answer (a text)"
            raise OptionError(what, expected=expected, hint="neurolect name RUN --to batch writes what is asked")
        yield named.split()[-1], _answer(whole)


def _answer(whole: dict[str, Any]) -> Answered | Failed:
    """Read one line."""
    if isinstance(whole.get("answer"), str):
        return Answered(whole["answer"], "", None, None)
    response = whole.get("response")
    if not isinstance(response, dict) or response.get("status_code", 200) != 200:
        said = whole.get("error") or response or "nothing"
        return Failed(REFUSED, harmless(json.dumps(said)[:200]))
    found = read_completion(response.get("body"), clean=harmless)
    return found if isinstance(found, Answered) else Failed(NONSENSE, found.said)
