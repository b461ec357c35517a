"""Ask many questions, store each answer as it arrives, and count what fails."""

import threading
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, NamedTuple

from neurolect.errors import EndpointError
from neurolect.naming.answers import AnswerStore
from neurolect.naming.batches import BatchAnswers
from neurolect.naming.endpoint import AGAIN, NONSENSE, RATE, SLOW, Answered, Endpoint, Failed
from neurolect.naming.questions import Question
from neurolect.progress import Task

PATIENCE = 3
"""Questions in a row that fail, each after its retries, before no more are asked."""
_IS_THERE = "Is the server running, and is this its address?"
_HINTS = {
    RATE: "It is there and limits the rate: wait longer, --set name.retries=8 --set name.longest_wait=300.",
    SLOW: "It may be slow: --set name.timeout=600 waits longer for an answer.",
}
"""What to do where the very first question fails."""


class ToAsk(NamedTuple):
    """A question, and what is noted of it with the answer."""

    question: Question
    about: dict[str, Any]
    """``kind``, ``address``, ``side``."""


class Asker:
    """Asks what has no answer yet, until the server is given up on."""

    def __init__(self, server: Endpoint | BatchAnswers, store: AnswerStore, *, at_once: int) -> None:
        self.server, self.store = server, store
        self.n_asked = self.n_known = 0
        self.tokens_in = self.tokens_out = 0
        """As the server counts them; 0 where it does not."""
        self.n_read = self.n_yes = 0
        """Sentences that a judge said something of, and those it said yes to."""
        self.failures: Counter[str] = Counter()
        self.failed: dict[str, Failed] = {}
        """By the question's key."""
        self.stopped: EndpointError | None = None
        """Why no more is asked."""
        self._at_once, self._in_a_row, self._lock = at_once, 0, threading.Lock()
        self._seen: set[str] = set()
        self._first: tuple[ToAsk, Answered] | None = None

    def try_first(self, questions: Iterable[ToAsk]) -> None:
        """Ask the first that has no answer, so that a server that gives none changes nothing.

        Raises: EndpointError, where it does not answer.
        """
        for each in questions:
            if self.store.get(each.question) is None:
                found = self.server.ask(each.question)
                if isinstance(found, Answered):
                    self._first = (each, found)
                elif found.reason in (*AGAIN, NONSENSE):
                    what = f"{self.server.url} does not answer: {found.reason} ({found.said})."
                    raise EndpointError(what, hint=_HINTS.get(found.reason, _IS_THERE))
                return

    def keep_first(self) -> None:
        """Store what was asked first."""
        if self._first is not None:
            each, found = self._first
            self._add(each, found)
            self._seen.add(each.question.key)

    def ask_all(self, questions: Iterable[ToAsk], task: Task) -> None:
        """Ask all that have no answer, each once."""
        wanted = []
        for each in questions:
            key = each.question.key
            if key in self._seen:
                task.advance()
                continue
            self._seen.add(key)
            if self.store.get(each.question) is not None:
                self.n_known += 1
                task.advance()
            else:
                wanted.append(each)
        if self._at_once == 1:
            for each in wanted:
                self._ask(each, task)
            return
        try:
            with ThreadPoolExecutor(self._at_once) as pool:
                list(pool.map(lambda each: self._ask(each, task), wanted))
        except BaseException:
            hint = "The same command again asks only what is missing."
            # those that wait are not asked
            self.stopped = self.stopped or EndpointError("Asking was stopped.", hint=hint)
            raise

    def answer(self, question: Question) -> str | None:
        """Give the text of a question's answer; None where there is none."""
        found = self.store.get(question)
        return None if found is None else str(found["answer"])

    def _ask(self, each: ToAsk, task: Task) -> None:
        if self.stopped is not None:
            return
        try:
            found = self.server.ask(each.question)
        except EndpointError as error:
            self.stopped = self.stopped or error
            return
        if isinstance(found, Answered):
            self._add(each, found)
        with self._lock:
            if isinstance(found, Failed):
                self._count(each.question, found)
            task.advance()
            if self.failures.total():
                task.note(f"{self.failures.total():,} failed")

    def _add(self, each: ToAsk, found: Answered) -> None:
        """Store an answer, and count it."""
        self.store.add(each.question, self._record(each, found))
        with self._lock:
            self.n_asked, self._in_a_row = self.n_asked + 1, 0
            self.tokens_in += found.tokens_in or 0
            self.tokens_out += found.tokens_out or 0

    def _count(self, question: Question, found: Failed) -> None:
        """Note a failure; give the server up where it will not get better."""
        self.failures[found.reason] += 1
        self.failed[question.key] = found
        self._in_a_row = self._in_a_row + 1 if found.reason in AGAIN else 0
        if self._in_a_row >= (PATIENCE if self.n_asked else 1):
            what = f"{self.server.url} does not answer: {found.reason} ({found.said})."
            self.stopped = EndpointError(what, hint="Give the same command again when it does.")

    def _record(self, each: ToAsk, found: Answered) -> dict[str, Any]:
        usage = {"tokens_in": found.tokens_in, "tokens_out": found.tokens_out}
        asked = datetime.now(UTC).isoformat(timespec="seconds")
        return (
            {"asked": asked, "endpoint": self.server.url, "answered_by": found.model}
            | each.about
            | usage
            | {"cut": found.cut, "answer": found.text}
            | ({"chances": found.chances and found.chances._asdict()} if each.question.likely else {})
        )
