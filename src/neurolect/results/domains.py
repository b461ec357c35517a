"""Statistics of a corpus by domain, or by any other field: sentences, lengths, model tokens, parts of speech."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.corpus import Corpus, open_corpus
from neurolect.corpus.reading.fields import OWN_COLUMNS
from neurolect.errors import OptionError, nearest
from neurolect.folders.formats import RUN, format_of
from neurolect.folders.remote import place
from neurolect.results.table import fingerprint, with_provenance
from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.store import Run, open_run

MOST_VALUES = 50
"""Fields of more values, such as titles, are left out unless they are asked for."""
_AT_ONCE = 1 << 14
_LONGEST = 1 << 20
_SUMS = ("sentences", "documents", "words", "tokens", "tagged", *WORD_CLASSES)

CountTokens = Callable[[Sequence[str]], NDArray[np.int64]]


def corpus_statistics(
    corpus: Corpus | Run | str | Path, *, field: str | None = None, tokenizer: str | None = None
) -> pa.Table:
    """Sum up a corpus, whole and by the values of its fields.

    Parameters
    ----------
    corpus : Corpus, Run, str or Path
        A corpus, of which all sentences are counted, or a run, of which its uniform sample is.
    field : str, optional
        The field by which; all categories of at most 50 values when not given.
    tokenizer : str, optional
        A model, as for ``load_model``, whose tokens are counted too, special ones not.

    Returns
    -------
    pyarrow.Table
        ``field``, ``value`` (both null: the whole; only ``value``: the field is empty), ``n_documents``,
        ``n_sentences``, ``share`` of all sentences, ``words`` and ``tokens`` a sentence (null without a tokenizer),
        ``noun``, ``verb`` and ``adjective``: shares of the words (null unless it is a run that a tagger was at).
        The whole first, then by field, most sentences first.

    Raises
    ------
    OptionError
        If there is no such field.

    References
    ----------
    Oba, Yoshinaga, Toyoda: Exploratory Model Analysis Using Data-Driven Neuron Representations (2021), table 1.
    """
    if isinstance(corpus, str | Path):
        corpus = open_run(corpus) if format_of(place(corpus)) is RUN else open_corpus(corpus)
    entries = corpus.manifest["corpus"]["fields"] if isinstance(corpus, Run) else corpus.fields
    entries = [each for each in entries if each["name"] not in OWN_COLUMNS]
    names = [each["name"] for each in entries]
    if field is not None and field not in names:
        what = f"The corpus has no field {field!r}."
        hint = f"Nearest: {nearest(field, names)}." if names else None
        raise OptionError(what, expected="a metadata field of the corpus", hint=hint)
    fields = [each["name"] for each in entries if each["kind"] == "category"] if field is None else [field]
    count = None if tokenizer is None else _counter(tokenizer)
    columns = ["document_id", "n_words", *fields, *([] if count is None else ["text"])]
    sums = _Sums(fields)
    tables = _of_run(corpus, columns) if isinstance(corpus, Run) else _of_corpus(corpus, columns)
    for table in tables:
        sums.update(table, count)
    made = sums.table(most=MOST_VALUES if field is None else None, with_tokens=count is not None)
    of = fingerprint(corpus) if isinstance(corpus, Run) else corpus.fingerprint
    return with_provenance(made, runs=[of], method="corpus", options={"field": field, "tokenizer": tokenizer})


def _counter(model: str) -> CountTokens:
    """Load a model's tokenizer."""
    from neurolect.model import ModelOptions
    from neurolect.model.files import find_model_files, one_line_errors
    from neurolect.model.load import load_tokenizer
    from neurolect.model.tokens import tokenize

    with one_line_errors(model):
        tokens_of = load_tokenizer(find_model_files(model, ModelOptions()), ModelOptions())

    def count(texts: Sequence[str]) -> NDArray[np.int64]:
        made = tokenize(tokens_of, texts, max_tokens=_LONGEST)
        return (made.end - made.first).astype(np.int64)

    return count


def _of_corpus(corpus: Corpus, columns: list[str]) -> Iterator[pa.Table]:
    yield from corpus.batches(part="all", columns=columns, batch_size=_AT_ONCE)


def _of_run(run: Run, columns: list[str]) -> Iterator[pa.Table]:
    """Give the sentences of the uniform sample, with their tags where there are any."""
    sample = run.table("sample/sentences").column("sentence_id").combine_chunks()
    table = run.table("sentences", columns=["sentence_id", *columns])
    table = table.filter(pc.is_in(table.column("sentence_id"), value_set=sample))
    if run.has("annotations"):
        annotated = run.table("annotations", columns=["sentence_id", "tags"])
        at = pc.index_in(table.column("sentence_id"), value_set=annotated.column("sentence_id").combine_chunks())
        table = table.append_column("tags", annotated.column("tags").take(at))
    for start in range(0, len(table), _AT_ONCE):
        yield table.slice(start, _AT_ONCE)


class _Sums:
    """Sums over sentences, of all and by value of each field.

    ``sums``: By field and value, float64, shape (n_sums,); both None: all.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = tuple(fields)
        self.sums: dict[tuple[str | None, str | None], NDArray[np.float64]] = {(None, None): np.zeros(len(_SUMS))}
        self._last = -1

    def update(self, table: pa.Table, count: CountTokens | None) -> None:
        """Take in sentences, those of a document one after the other."""
        n = len(table)
        documents = table.column("document_id").to_numpy()
        begins = np.diff(documents, prepend=self._last) != 0
        self._last = int(documents[-1]) if n else self._last
        tokens = np.zeros(n) if count is None else count(table.column("text").to_pylist())
        tags = _tag_counts(table.column("tags")) if "tags" in table.column_names else np.zeros((4, n))
        rows = np.stack([np.ones(n), begins, table.column("n_words").to_numpy(), tokens, *tags])
        self.sums[None, None] += rows.sum(axis=1)
        for field in self.fields:
            column = table.column(field).combine_chunks()
            column = column.cast(pa.string()).dictionary_encode(null_encoding="encode")
            codes = column.indices.to_numpy(zero_copy_only=False)
            for code, value in enumerate(column.dictionary.to_pylist()):
                sums = self.sums.setdefault((field, value), np.zeros(len(_SUMS)))
                sums += rows[:, codes == code].sum(axis=1)

    def table(self, *, most: int | None, with_tokens: bool) -> pa.Table:
        """Finish; ``most``: fields of more values are left out."""
        n_values = {field: sum(each == field for each, _ in self.sums) for field in self.fields}
        shown = [key for key in self.sums if key[0] is None or most is None or n_values[key[0]] <= most]
        places = {field: place for place, field in enumerate([None, *self.fields])}
        shown.sort(key=lambda key: (places[key[0]], -self.sums[key][0], key[1] or ""))
        sums = dict(zip(_SUMS, np.stack([self.sums[key] for key in shown], axis=1), strict=True))
        n, tagged = np.maximum(sums["sentences"], 1), sums["tagged"]
        columns = {
            "field": pa.array([field for field, _ in shown], pa.string()),
            "value": pa.array([value for _, value in shown], pa.string()),
            "n_documents": pa.array(sums["documents"].astype(np.int64)),
            "n_sentences": pa.array(sums["sentences"].astype(np.int64)),
            "share": pa.array(sums["sentences"] / max(sums["sentences"][0], 1)),
            "words": pa.array(sums["words"] / n),
            "tokens": pa.array(sums["tokens"] / n, mask=np.full(len(n), not with_tokens)),
        }
        for name in WORD_CLASSES:
            columns[name] = pa.array(sums[name] / np.maximum(tagged, 1), mask=tagged == 0)
        return pa.table(columns)


def _tag_counts(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Count the tagged words of every sentence, and those of each class.

    Returns: float64, shape (4, n_sentences).
    """
    lists = column.combine_chunks()
    if pa.types.is_null(lists.type):
        return np.zeros((1 + len(WORD_CLASSES), len(lists)))
    sentences = pc.list_parent_indices(lists).to_numpy()
    tags = pc.list_flatten(lists)
    hits = [pc.starts_with(tags, letter).to_numpy(zero_copy_only=False) for letter in WORD_CLASSES.values()]
    found = [sentences, *(sentences[each.astype(bool)] for each in hits)]
    return np.stack([np.bincount(each, minlength=len(lists)) for each in found]).astype(np.float64)
