"""Answers as they arrive: a line of JSON each, on the disk before the next question is asked.

A question that has an answer is not asked again, whatever happened since: another description of the run, a kill, a
failure. A line that a kill cut off is dropped.
"""

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any

from neurolect.naming.questions import Question
from neurolect.visible import escaped_json

ANSWERS = "names/answers.jsonl"
logger = logging.getLogger(__name__)


class AnswerStore:
    """The answers that there are; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ANSWERS
        self._lock = threading.Lock()
        self._found: dict[str, dict[str, Any]] = {}
        self._whole = 0  # bytes up to the end of the last whole line
        n_damaged = 0
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            text = b""
        for line in text.splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            self._whole += len(line)
            record = _read(line)
            if record is None:
                n_damaged += 1
            else:
                self._found[record["key"]] = record
        if n_damaged:
            logger.warning("%s: %s damaged lines are left out.", self._path, f"{n_damaged:,}")

    def get(self, question: Question) -> dict[str, Any] | None:
        """Give the record of a question's answer: ``answer``, ``asked`` ...; None where there is none."""
        return self._found.get(question.key)

    def add(self, question: Question, record: dict[str, Any]) -> None:
        """Write an answer on the disk."""
        whole = {"key": question.key} | record | {"request": question.body}
        line = escaped_json(json.dumps(whole, ensure_ascii=False)).encode("utf-8") + b"\n"
        with self._lock:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("r+b" if self._path.exists() else "xb") as file:
                file.truncate(self._whole)  # what a kill cut off
                file.seek(self._whole)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            self._whole += len(line)
            self._found[question.key] = whole


def _read(line: bytes) -> dict[str, Any] | None:
    """Read a line; None where it is damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    texts = ("key", "answer", "asked")
    is_one = isinstance(record, dict) and all(isinstance(record.get(name), str) for name in texts)
    return record if is_one else None
