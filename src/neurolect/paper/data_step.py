"""The step that gathers texts to train on and sentences to measure on, and says what labels are missing."""

import json
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from neurolect.collector.lists.sample import uniform_sample
from neurolect.config import load_config
from neurolect.corpus import Corpus, PrepareOptions, open_corpus, prepare
from neurolect.corpus.folder import Part
from neurolect.demo_data import documents_path
from neurolect.errors import OptionError, VariantError, nearest
from neurolect.folders.atomic import write_json, write_table
from neurolect.paper.folder import PaperFolder
from neurolect.paper.options import PaperOptions
from neurolect.progress import Progress
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.labelled_texts import part_texts, read_labelled

# Documents of a corpus with a label from their metadata: texts to train on, sentences to measure on.
LABELLED = pa.schema([("document_id", pa.int64()), ("text", pa.string()), ("label", pa.string())])
_POLES = (r"(?i)pos(itive)?", r"(?i)neg(ative)?")
_MOST_CHARACTERS = 4_000  # more than fine-tuning reads of a text


class _Document(NamedTuple):
    label: str
    parts: list[str]


def choose_field(corpus: Corpus, asked: str | None, *, usual: Sequence[str]) -> str | None:
    """Find the metadata field of a label.

    ``usual``: Names looked for when nothing is named, best first.
    Returns: None where nothing was named and none of the usual ones is there.
    """
    kinds = {each["name"]: each["kind"] for each in corpus.fields}
    if asked is None:
        return next((name for name in usual if kinds.get(name) == "category"), None)
    if kinds.get(asked) != "category":
        has = "holds numbers" if asked in kinds else "is not there"
        names = [name for name, kind in kinds.items() if kind == "category"]
        what = f"The metadata field {asked!r} of {corpus.location} {has}."
        expected = f"one of {', '.join(map(repr, names))}" if names else "a corpus with metadata: this one has none"
        raise OptionError(what, expected=expected, hint=f"the nearest: {nearest(asked, names)}" if names else None)
    return asked


def polarity_values(values: Collection[str]) -> list[str] | None:
    """Find the two poles among a field's values.

    Examples
    --------
    >>> polarity_values(["negative", "neutral", "Positive"])
    ['Positive', 'negative']
    """
    found = [next((value for value in sorted(values) if re.fullmatch(pole, value)), None) for pole in _POLES]
    poles = [value for value in found if value is not None]
    return poles if len(poles) == len(_POLES) else None


def labelled_documents(
    corpus: Corpus, field: str, *, part: Part, values: Collection[str] | None = None
) -> pa.Table:
    """Put the sentences of labelled documents together again.

    Returns: ``document_id``, ``text`` (its first 4,000 characters), ``label``; in the order of documents.
    """
    documents: dict[int, _Document] = {}
    for batch in corpus.batches(part=part, columns=["document_id", "text", field]):
        columns = (batch.column(name).to_pylist() for name in ("document_id", "text", field))
        for document, text, label in zip(*columns, strict=True):
            if label is not None and (values is None or label in values):
                documents.setdefault(document, _Document(str(label), [])).parts.append(text)
    rows = [
        {"document_id": number, "text": " ".join(each.parts)[:_MOST_CHARACTERS], "label": each.label}
        for number, each in documents.items()
    ]
    return pa.Table.from_pylist(rows, schema=LABELLED)


def sentences_of(corpus: Corpus, field: str, *, part: Part, documents: Collection[int] | None) -> pa.Table:
    """List sentences of documents, or of those without a label.

    ``documents``: Their numbers; when not given the documents whose field is empty.
    Returns: ``document_id``, ``text``, ``label``, a row for each sentence; in the order of the corpus.
    """
    numbers: list[int] = []
    texts: list[str] = []
    labels: list[str | None] = []
    for batch in corpus.batches(part=part, columns=["document_id", "text", field]):
        columns = (batch.column(name).to_pylist() for name in ("document_id", "text", field))
        for document, text, label in zip(*columns, strict=True):
            if (label is None) if documents is None else (document in documents):
                numbers.append(document)
                texts.append(text)
                labels.append(label)
    return pa.table([numbers, texts, labels], schema=LABELLED)


def count_labels(table: pa.Table) -> Counter[str]:
    """Count the documents of each label."""
    return Counter(table.column("label").to_pylist())


SENTIMENT = ("polarity", "sentiment")
CATEGORY = ("category", "topic", "group")
FEWEST = 10
"""Documents of a label, so that there is something to learn; rarer categories are left out."""
_FACTS = "data.json"
_SETS = pa.schema([("set", pa.string()), *LABELLED])


def main_corpus(
    folder: PaperFolder, options: PaperOptions, *, how: PrepareOptions, workers: int, progress: Progress
) -> Corpus:
    """Open the corpus that all models read; prepare it if documents were given."""
    if options.corpus is not None and (Path(options.corpus) / "manifest.json").is_file():
        return open_corpus(options.corpus)
    sources = [documents_path()] if options.corpus is None else [Path(options.corpus)]
    how = how.for_model(options.model)
    return _prepared(sources, folder.root / "corpus", how=how, workers=workers, progress=progress)


def _prepared(
    sources: Sequence[str | Path], out: Path, *, workers: int, progress: Progress, how: PrepareOptions | None = None
) -> Corpus:
    if (out / "manifest.json").is_file():
        return open_corpus(out)
    return prepare(sources, out=out, options=how, workers=workers, progress=progress)


def sentiment_training(options: PaperOptions) -> FinetuneOptions:
    """Say how the sentiment variant is trained: as in Oba et al. (2021), section 4.1."""
    return _training(options)


def category_training(options: PaperOptions) -> FinetuneOptions:
    """Say how the category variant is trained: as in the Japanese paper, section 4.4."""
    return replace(_training(options), dropout=0.5, batch_size=8)


def _training(options: PaperOptions) -> FinetuneOptions:
    own = {"text": "text", "label": "label", "epochs": options.epochs, "limit": options.texts, "seed": options.seed}
    return load_config(settings=["paper"], defaults={"finetune": own}).finetune


def gather_data(
    folder: PaperFolder, options: PaperOptions, *, corpus: Corpus, workers: int, progress: Progress
) -> None:
    """Write ``data``: ``sentiment.parquet``, ``category.parquet``, ``sentences.parquet``, ``data.json``."""
    if (folder.data / _FACTS).is_file():
        return
    own = {
        name: _prepared(sources, folder.data / f"{name}-corpus", workers=workers, progress=progress)
        for name, sources in (("sentiment", options.sentiment_data), ("category", options.category_data))
        if sources
    }
    facts: dict[str, Any] = {"notes": []}
    facts["sentiment"] = _sentiment(folder, options, own.get("sentiment", corpus), facts["notes"])
    facts["category"] = _category(folder, options, own.get("category", corpus), facts["notes"])
    if facts["category"] is not None:
        others = own.get("sentiment") if "category" in own else None
        facts["sets"] = _sentence_sets(folder, options, facts, own.get("category", corpus), others)
    for note in facts["notes"]:
        progress.message(note)
    write_json(folder.data / _FACTS, facts)


def read_facts(folder: PaperFolder) -> dict[str, Any]:
    """Read what :func:`gather_data` found.

    Returns: ``notes``; ``sentiment`` and ``category``, each None or ``field``, ``corpus``, ``labels``; ``sets``.
    """
    facts: dict[str, Any] = json.loads((folder.data / _FACTS).read_text(encoding="utf-8"))
    return facts


def _sentiment(
    folder: PaperFolder, options: PaperOptions, corpus: Corpus, notes: list[str]
) -> dict[str, Any] | None:
    field = choose_field(corpus, options.sentiment, usual=SENTIMENT)
    if field is None:
        _no_labels(_missing("sentiment", corpus, SENTIMENT), options.sentiment_data, notes)
        return None
    table = labelled_documents(corpus, field, part="mining")
    poles = polarity_values(count_labels(table))
    if poles is not None:
        table = table.filter(pa.compute.is_in(table.column("label"), value_set=pa.array(poles)))
    elif len(count_labels(table)) != 2:
        what = f"The field {field!r} of {corpus.location} has no positive and negative values."
        _no_labels(what, options.sentiment_data or options.sentiment, notes)
        return None
    return _write(folder, "sentiment", table, field, corpus, options.sentiment_data or options.sentiment, notes)


def _category(
    folder: PaperFolder, options: PaperOptions, corpus: Corpus, notes: list[str]
) -> dict[str, Any] | None:
    field = choose_field(corpus, options.category, usual=CATEGORY)
    if field is None:
        _no_labels(_missing("category", corpus, CATEGORY), options.category_data, notes)
        return None
    table = labelled_documents(corpus, field, part="mining")
    return _write(folder, "category", table, field, corpus, options.category_data or options.category, notes)


def _missing(name: str, corpus: Corpus, usual: Sequence[str]) -> str:
    return f"{corpus.location} has no metadata field {' or '.join(map(repr, usual))}: no {name} labels."


def _no_labels(what: str, asked: object, notes: list[str]) -> None:
    """Say that labels are missing: an error where they were asked for, else a note in the report."""
    if asked:
        what = f"The labels that were asked for are not there. {what}"
        raise VariantError(what, hint="name the field with --sentiment or --category, or give other documents")
    notes.append(f"{what} The findings that need them are left out.")


def _write(
    folder: PaperFolder,
    name: str,
    table: pa.Table,
    field: str,
    corpus: Corpus,
    asked: object,
    notes: list[str],
) -> dict[str, Any] | None:
    labels = count_labels(table)
    enough = sorted(label for label, n in labels.items() if n >= FEWEST)
    if len(enough) < 2:
        what = f"The field {field!r} of {corpus.location} has fewer than two values of {FEWEST} documents."
        _no_labels(what, asked, notes)
        return None
    kept = table.filter(pa.compute.is_in(table.column("label"), value_set=pa.array(enough)))
    write_table(folder.data / f"{name}.parquet", kept)
    return {
        "field": field,
        "corpus": corpus.location,
        "labels": {label: labels[label] for label in enough},
        "n_documents": kept.num_rows,
    }


def _sentence_sets(
    folder: PaperFolder, options: PaperOptions, facts: dict[str, Any], corpus: Corpus, others: Corpus | None
) -> dict[str, Any]:
    """Write sentences trained on, unseen ones of the same kind, and ones of another kind."""
    field, labels = facts["category"]["field"], set(facts["category"]["labels"])
    trained, aside = _parted(folder, category_training(options))
    part: Part = "held_out" if corpus.n_held_out else "mining"
    unseen = aside
    if corpus.n_held_out:
        unseen = set(labelled_documents(corpus, field, part=part, values=labels).column("document_id").to_pylist())
    sets = {
        "trained": sentences_of(corpus, field, part="mining", documents=_some(trained, options)),
        "unseen": sentences_of(corpus, field, part=part, documents=_some(unseen, options)),
        "other": _others(facts, corpus, others),
    }
    texts = sets["other"].num_rows
    chosen = np.sort(uniform_sample(np.arange(texts, dtype=np.int64), size=options.sentences, seed=options.seed))
    sets["other"] = sets["other"].take(chosen)
    named = [
        each.add_column(0, "set", pa.array([name] * each.num_rows, pa.string())) for name, each in sets.items()
    ]
    write_table(folder.data / "sentences.parquet", pa.concat_tables(named).cast(_SETS))
    empty = [name for name, each in sets.items() if not each.num_rows]
    if empty:
        facts["notes"].append(f"There are no sentences for: {', '.join(empty)}. Table 3 is left out.")
    return {name: each.num_rows for name, each in sets.items()}


def _some(documents: set[int], options: PaperOptions) -> set[int]:
    """Choose as many documents as sentences are wanted: of a larger corpus that is enough."""
    numbers = np.array(sorted(documents), dtype=np.int64)
    return set(uniform_sample(numbers, size=options.sentences, seed=options.seed).tolist())


def _others(facts: dict[str, Any], corpus: Corpus, others: Corpus | None) -> pa.Table:
    """Take sentences of another kind: those of the sentiment data, else those without a category."""
    if others is not None and facts["sentiment"] is not None:
        field = facts["sentiment"]["field"]
        documents = labelled_documents(others, field, part="mining").column("document_id").to_pylist()
        return sentences_of(others, field, part="mining", documents=set(documents))
    return sentences_of(corpus, facts["category"]["field"], part="mining", documents=None)


def _parted(folder: PaperFolder, training: FinetuneOptions) -> tuple[set[int], set[int]]:
    """Say which documents fine-tuning learns from, and which it sets aside to choose the epoch by."""
    path = folder.data / "category.parquet"
    texts = read_labelled([path], options=training)
    learnt, aside = part_texts(texts.labels, validation=training.validation, seed=training.seed)
    sides = {texts.texts[number]: 0 for number in learnt.tolist()} | {
        texts.texts[number]: 1 for number in aside.tolist()
    }
    table = pa.parquet.read_table(path, schema=LABELLED)
    found: tuple[set[int], set[int]] = (set(), set())
    columns = (table.column(name).to_pylist() for name in ("document_id", "text"))
    for document, text in zip(*columns, strict=True):
        if text.strip() in sides:
            found[sides[text.strip()]].add(document)
    return found
