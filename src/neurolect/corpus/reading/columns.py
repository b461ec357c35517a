"""Read CoNLL-like files: a word a line with its columns, a blank line after each sentence."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from neurolect.corpus.reading.names import unique_names

COLUMNS_OF_CONLL_U = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_BY_WIDTH = {
    1: ("form",),
    2: ("form", "tag"),
    3: ("form", "pos", "chunk"),
    4: ("form", "pos", "chunk", "ner"),
    10: COLUMNS_OF_CONLL_U,
}
_COMMENT = re.compile(r"#\s*(?P<key>[\w.]+(?: id)?)\s*(?:=\s*(?P<value>.*))?$")
_RANGE = re.compile(r"\d+[-.]\d+\Z")
_DOCUMENT = "-DOCSTART-"
Broken = Callable[[int, str, str], None]


def read_columns(lines: Iterable[str], *, broken: Broken) -> Iterator[dict[str, object]]:
    """Yield the sentences of a file: a list for every column, and what comments say.

    Columns are between tabs where the first word's line has a tab, else between spaces. They are named by a line
    ``# global.columns = ...``, as in CoNLL-U (ten) or the tasks of 2000 and 2003 (three, four), else column_1 ...
    Ranges (3-4) and empty nodes (8.1) of CoNLL-U are no words.

    ``broken``: Called with the number of a line that has another number of columns, why, and the line; where it
        returns, the sentence of the line is left out.
    Yields: ``text`` (as a comment gives it, else the words with spaces between them), ``tokens``, the other
        columns, ``document`` (where the file says where they begin) and ``sent_id``.
    """
    file = _File()
    sentence: list[list[str]] = []
    said: dict[str, str] = {}
    whole = True
    for number, line in enumerate(lines, start=1):
        stripped = line.rstrip("\r\n")
        if not stripped.strip():
            if sentence and whole:
                yield file.row(sentence, said)
            sentence, said, whole = [], {}, True
            continue
        if not sentence and file.is_comment(stripped):
            file.note(stripped, said)
            continue
        values = file.split(stripped)
        if values[0] == _DOCUMENT:
            file.begin_document(None)
            continue
        if len(values) != file.width and whole:
            whole = False
            broken(number, f"no word's line: it has {len(values)} columns, the first {file.width}", line)
        sentence.append(values)
    if sentence and whole:
        yield file.row(sentence, said)


class _File:
    """What the lines so far say of the file."""

    def __init__(self) -> None:
        self.width = 0
        self._separator: str | None = None
        self._names: Sequence[str] = ()
        self._n_documents = 0
        self._document: str | None = None

    def is_comment(self, line: str) -> bool:
        """Tell a comment from a word that is a hash mark."""
        if not line.startswith("#"):
            return False
        if self.width and len(line.split(self._separator)) == self.width:
            return False
        return "\t" not in line

    def note(self, line: str, said: dict[str, str]) -> None:
        found = _COMMENT.match(line)
        if found is None:
            return
        key, value = found["key"], (found["value"] or "").strip()
        if key == "global.columns":
            self._names = [each.lower() for each in value.split()]
        elif key.partition(" ")[0] == "newdoc":
            self.begin_document(value or None)
        elif key in ("text", "sent_id"):
            said[key] = value

    def begin_document(self, name: str | None) -> None:
        self._n_documents += 1
        self._document = name or str(self._n_documents)

    def split(self, line: str) -> list[str]:
        """Split a word's line; the first one says how."""
        if not self.width:
            self._separator = "\t" if "\t" in line else None
            self.width = len(line.split(self._separator))
            if len(self._names) != self.width:
                names = _BY_WIDTH.get(self.width) or [f"column_{each + 1}" for each in range(self.width)]
                self._names = unique_names(names)[0]
        return line.split(self._separator)

    def row(self, sentence: list[list[str]], said: dict[str, str]) -> dict[str, object]:
        by_name = dict(zip(self._names, zip(*self._words(sentence), strict=True), strict=False))
        words = list(by_name.pop("form" if "form" in by_name else self._names[0], ()))
        row: dict[str, object] = {"text": said.get("text") or " ".join(words), "tokens": words}
        absent = "_" if self.width == len(COLUMNS_OF_CONLL_U) else None
        for name, values in by_name.items():
            row[name if name not in row else f"{name}_"] = [None if each == absent else each for each in values]
        if "sent_id" in said:
            row["sent_id"] = said["sent_id"]
        if self._document is not None:
            row["document"] = self._document
        return row

    def _words(self, sentence: list[list[str]]) -> list[list[str]]:
        if "id" not in self._names:
            return sentence
        at = list(self._names).index("id")
        return [values for values in sentence if not _RANGE.match(values[at])]
