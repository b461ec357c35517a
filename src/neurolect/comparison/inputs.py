"""The activations of the same sentences in several models, some at a time: stored ones, or of a pass now."""

import dataclasses
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.lists.sample import uniform_sample
from neurolect.corpus import open_corpus
from neurolect.corpus.folder import PARTS, Part
from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.fields import find_text_column, survey_rows
from neurolect.corpus.reading.rows import RowReader
from neurolect.corpus.reading.sources import find_sources
from neurolect.errors import CorpusError, ModelError, OptionError, RunFolderError
from neurolect.folders.parts import Parts
from neurolect.model.language_model import Model
from neurolect.model.load import load_model
from neurolect.model.options import ModelOptions
from neurolect.progress import Task
from neurolect.store import Run

_SENTENCES = 2048
_STORED = 512
_TOKENS = {"cpu": 2048, "cuda": 65536}


def load_models(runs: Sequence[Run], *, names: Sequence[str], device: str) -> list[Model]:
    """Load the models of runs with the options they were collected with; ``names`` say where they are now."""
    if names and len(names) != len(runs):
        what = f"{len(names)} models were named for {len(runs)} runs."
        raise OptionError(what, expected="one for each run, in their order, or none")
    models = []
    for run, name in zip(runs, names or [each.manifest["model"]["name"] for each in runs], strict=True):
        known = {each.name for each in dataclasses.fields(ModelOptions)}
        stored: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in run.manifest["options"]["model"].items()
            if key in known
        }
        options = ModelOptions(**stored)
        try:
            model = load_model(name, options=options, device=device)
        except ModelError as error:
            if names:
                raise
            hint = "if it was moved: --model says where it is now, once for each run, in their order"
            what = f"The model of {run.folder} cannot be loaded. {error.what}"
            raise RunFolderError(what, hint=hint) from error
        if model.fingerprint != run.manifest["model"]["fingerprint"]:
            what = f"The model {name!r} is not the one that {run.folder} was collected with."
            raise RunFolderError(what, expected="the same files", hint="name it with --model, once for each run")
        models.append(model)
    return models


def joint_values(
    models: Sequence[Model], texts: Sequence[str], *, task: Task
) -> Iterator[list[NDArray[np.float32]]]:
    """Run models over sentences, some at a time: float32 (n_sentences, n_neurons), model by model.

    Sentences without a token in some model are left out; ``task`` is advanced as models have read sentences.
    """
    for _, values in joint_chunks(models, texts, task=task, parts=Parts()):
        if len(values[0]):
            yield values


def joint_chunks(
    models: Sequence[Model], texts: Sequence[str], *, task: Task, parts: Parts, first: int = 0
) -> Iterator[tuple[int, list[NDArray[np.float32]]]]:
    """Run models over sentences from one on; give with the values where in the sentences they end.

    What was read of a chunk before a stop is not read again.
    """
    if first:
        task.resume(first)
    for start in range(first, len(texts), _SENTENCES):
        part = list(texts[start : start + _SENTENCES])
        tokens = [model.tokenize(part) for model in models]
        empty = np.unique(np.concatenate([each.empty for each in tokens]))
        rows = np.setdiff1d(np.arange(len(part)), empty)
        name = f"sentences-{start}"
        state = parts.read(name) or {}
        for number, model in enumerate(models):
            state.setdefault(f"values.{number}", np.empty((len(part), model.neurons.n_neurons), np.float32))
            state.setdefault(f"done.{number}", np.zeros(len(part), bool))
        with parts.growing(name, lambda state=state: state, whole=False) as grown:  # type: ignore[misc]
            for number, (model, own) in enumerate(zip(models, tokens, strict=True)):
                found, done = state[f"values.{number}"], state[f"done.{number}"]
                budget = _TOKENS.get(model.device.type, _TOKENS["cpu"])
                for batch in model.way.plan(own, token_budget=budget, rows=rows):
                    if not done[batch].all():
                        found[batch] = model.read(model.batch(own, batch)).values
                        done[batch] = True
                        grown()
                    task.advance(len(batch) / len(models))
        task.advance(len(empty))
        yield start + len(part), [state[f"values.{number}"][rows] for number in range(len(models))]
        parts.drop(name)


def stored_values(
    runs: Sequence[Run], *, columns: Sequence[NDArray[np.int64]], task: Task
) -> Iterator[list[NDArray[np.float32]]]:
    """Read the same stored sentences of several runs, some at a time: float32 (n_sentences, n_neurons), run by run.

    ``columns`` are those of each run's stored activations; NaN where a run skipped a sentence.
    """
    arrays = [run.array("sample/activations") for run in runs]
    for start in range(0, len(columns[0]), _STORED):
        part = slice(start, start + _STORED)
        yield [
            np.ascontiguousarray(array[:, own[part]].T, dtype=np.float32)
            for array, own in zip(arrays, columns, strict=True)
        ]
        task.advance(len(columns[0][part]))


# Sets of sentences that models are run on again: a corpus, or a file with a sentence in each row.
class SentenceSet(NamedTuple):
    """Sentences under a name."""

    name: str
    texts: tuple[str, ...]


def parse_set(text: str) -> tuple[str, str]:
    """Split ``NAME=SOURCE``.

    >>> parse_set("unseen=corpus:held_out")
    ('unseen', 'corpus:held_out')
    """
    name, equals, source = text.partition("=")
    if not (equals and name.strip() and source.strip()):
        what = f"The sentence set {text!r} cannot be read."
        raise OptionError(what, expected="NAME=SOURCE, e.g. unseen=corpus:held_out or tweets=tweets.csv")
    return name.strip(), source.strip()


def read_set(name: str, source: str, *, limit: int, seed: int) -> SentenceSet:
    """Read a sentence set: at most ``limit`` sentences, a seeded uniform choice, in the order of the source.

    A corpus folder is read for its mining part, or with ``:held_out``, ``:all`` another one; of files, a folder or
    a glob as for ``prepare`` each row (of a text file each line) is one sentence.
    """
    folder, colon, part = source.rpartition(":")
    if not (colon and part in PARTS):
        folder, part = source, "mining"
    texts = (
        _of_corpus(folder, part=_part(part), limit=limit, seed=seed)
        if (Path(folder) / "manifest.json").is_file()
        else _of_files(source, limit=limit, seed=seed)
    )
    if not texts:
        what = f"The sentence set {name!r} is empty: {source} holds no sentence."
        raise CorpusError(what, hint="check the source, and the part of a corpus")
    return SentenceSet(name, tuple(texts))


def _part(name: str) -> Part:
    return "held_out" if name == "held_out" else "all" if name == "all" else "mining"


def _of_corpus(folder: str, *, part: Part, limit: int, seed: int) -> list[str]:
    corpus = open_corpus(folder)
    ids = uniform_sample(corpus.sentence_ids(part), size=limit, seed=seed)
    texts: list[str] = corpus.take(np.sort(ids), columns=["text"]).column("text").to_pylist()
    return texts


def _of_files(source: str, *, limit: int, seed: int) -> list[str]:
    texts = [text.strip() for text in _rows(source) if text.strip()]
    chosen = np.sort(uniform_sample(np.arange(len(texts), dtype=np.int64), size=limit, seed=seed))
    return [texts[number] for number in chosen.tolist()]


def _rows(source: str) -> Iterator[str]:
    for found in find_sources([source]):
        reader = RowReader(PrepareOptions(text_documents="line"))
        surveys = survey_rows(islice(reader.rows(found), 1000), numbers_in_text=found.format == "csv")
        if not surveys:
            continue
        column = "text" if found.format == "text" else find_text_column(surveys, source=found.name)
        for row in reader.rows(found):
            text = row.get(column)
            if isinstance(text, str):
                yield text


def check_names(names: Sequence[str]) -> None:
    """Refuse two sets of one name."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        what = f"Two sentence sets are called {twice[0]!r}."
        raise OptionError(what, expected="a name for each")
