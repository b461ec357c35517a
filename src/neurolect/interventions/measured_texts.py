"""The texts that effects are measured on: given, of a corpus folder, or of files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus import Corpus, Part, PrepareOptions, open_corpus, prepare
from neurolect.errors import OptionError
from neurolect.folders.atomic import scratch_folder
from neurolect.folders.formats import CORPUS, format_of
from neurolect.interventions.options import EditOptions
from neurolect.interventions.outcomes import CLASS, Texts, kind_of
from neurolect.model.language_model import Model
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.labelled_texts import read_labelled


class Measured(NamedTuple):
    """What effects are measured on."""

    texts: Texts
    source: str
    """Where they are from, for people."""
    n_found: int
    """How many there are; the texts are a sample of them."""
    notices: tuple[str, ...]


def measured_texts(model: Model, on: Sequence[str] | str | Path, *, options: EditOptions) -> Measured:
    """Read texts, and their classes where the model has a classifier and a label column is named.

    ``on``: Texts, or a corpus folder, or files that a corpus can be prepared from.
    """
    labels: NDArray[np.int64] | None = None
    notices: tuple[str, ...] = ()
    sources: list[str | None] | None = None
    if not isinstance(on, str | Path):
        texts, source = list(on), "texts"
    elif options.label is not None:
        texts, labels, notices = _labelled(model, on, options)
        source = str(on)
    else:
        texts, sources = _sentences(on, options, model.source_columns)
        source = str(on)
    if not texts:
        what = f"There is no text in {source}."
        raise OptionError(what, expected="sentences to measure on")
    chosen = np.sort(np.random.default_rng(options.seed).permutation(len(texts))[: options.texts])
    some = [texts[each] for each in chosen.tolist()]
    own = None if labels is None else labels[chosen]
    given = None if sources is None else [sources[each] for each in chosen.tolist()]
    return Measured(Texts(model, some, labels=own, sources=given, seed=options.seed), source, len(texts), notices)


def _sentences(
    on: str | Path, options: EditOptions, fields: Sequence[str]
) -> tuple[list[str], list[str | None] | None]:
    """Read the sentences of a corpus folder, or of files, and the field that an encoder is given, if one is."""
    if Path(on).is_dir() and format_of(Path(on)) is CORPUS:
        return _columns(open_corpus(on), "all", fields)
    with scratch_folder() as folder:
        corpus = prepare(
            [on], out=folder / "corpus", options=PrepareOptions(text_column=options.text, held_out=0.0)
        )
        return _columns(corpus, "mining", fields)


def _columns(corpus: Corpus, part: Part, fields: Sequence[str]) -> tuple[list[str], list[str | None] | None]:
    """Read texts, and one field where one is named."""
    found = corpus.take(corpus.sentence_ids(part), columns=["text", *fields])
    return found.column("text").to_pylist(), found.column(fields[0]).to_pylist() if fields else None


def _labelled(
    model: Model, on: str | Path, options: EditOptions
) -> tuple[list[str], NDArray[np.int64], tuple[str, ...]]:
    """Read rows with a class; its names are those that the model has."""
    if kind_of(model) != CLASS:
        what = f"The classes of {options.label!r} were named, and {model.name!r} has no classifier."
        raise OptionError(what, expected="a fine-tuned model", hint="leave edit.label out")
    found = read_labelled([on], options=FinetuneOptions(label=str(options.label), text=options.text, min_rows=2))
    network: Any = model.network
    names = {int(number): str(name) for number, name in network.config.id2label.items()}
    known = {name: number for number, name in names.items()}
    if not set(found.classes) & set(known):  # files often hold the numbers of classes
        known |= {str(number): number for number in names}
    unknown = sorted(set(found.classes) - set(known))
    if unknown:
        what = f"{on} has the class {unknown[0]!r} in {options.label!r}."
        listed = ", ".join(f"{number} {name!r}" for number, name in sorted(names.items()))
        raise OptionError(what, expected=f"the model's classes, by name or by number: {listed}")
    return list(found.texts), np.array([known[found.classes[each]] for each in found.labels]), found.notices
