"""Lists as a model's neurons would have them, made from a prepared corpus without a model."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus import open_corpus
from neurolect.progress import LogProgress
from neurolect.signatures.annotation.annotate import Annotations, annotate, annotation_cache
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.annotation.tagger import find_tagger
from neurolect.signatures.inputs import Inputs, Lists

DIMENSIONS = 64
N_SAMPLE = 20_000


def read_sentences(folder: Path, *, n_sentences: int) -> pa.Table:
    """Take the first sentences of the mining part."""
    corpus = open_corpus(folder)
    ids = corpus.sentence_ids()[:n_sentences]
    return corpus.take(ids)


def read_annotations(folder: Path, sentences: pa.Table, *, parse: bool, workers: int) -> Annotations:
    """Tag and parse, or read what was kept in the corpus folder."""
    tagger = find_tagger("auto")
    cache = annotation_cache(folder, tagger=tagger, parse=parse)
    texts = sentences.column("text").to_pylist()
    return annotate(texts, tagger=tagger, parse=parse, cache=cache, workers=workers, progress=LogProgress())


def make_inputs(sentences: pa.Table, lists: Lists) -> Inputs:
    """Say of the sentences what a run folder would; the sample is a uniform one."""
    lengths, counts = np.unique(sentences.column("n_words").to_numpy(), return_counts=True)
    in_sample = np.zeros(len(sentences), np.bool_)
    chosen = np.random.default_rng(2).permutation(len(sentences))[:N_SAMPLE]
    in_sample[chosen] = True
    return Inputs(
        sentences=sentences,
        sentence_ids=sentences.column("sentence_id").to_numpy(),
        lists=lists,
        in_sample=in_sample,
        constant=np.zeros(len(lists.rows), np.bool_),
        not_finite=np.zeros(len(lists.rows), np.bool_),
        length_values=lengths.astype(np.int64),
        length_counts=counts.astype(np.int64),
    )


def make_lists(coded: CodedSentences, *, n_neurons: int, size: int) -> Lists:
    """Take the sentences highest on random directions of a space of words, divided by a root of the length."""
    random = np.random.default_rng(0)
    words = random.standard_normal((len(coded.vocabulary), DIMENSIONS), dtype=np.float32)
    sums = np.add.reduceat(words[coded.words], coded.offsets[:-1], axis=0)
    sums /= np.maximum(np.diff(coded.offsets), 1)[:, None].astype(np.float32) ** 0.6
    rows = np.empty((n_neurons, size), np.int32)
    for start in range(0, n_neurons, 64):
        directions = random.standard_normal((DIMENSIONS, min(64, n_neurons - start)), dtype=np.float32)
        for place, scores in enumerate(np.ascontiguousarray((sums @ directions).T), start=start):
            rows[place] = highest(scores, size)
    return Lists(rows=rows, sides=("top",))


def highest(scores: NDArray[np.float32], size: int) -> NDArray[np.intp]:
    """Places of the highest scores, highest first."""
    found = np.argpartition(-scores, size)[:size]
    return found[np.argsort(-scores[found])]
