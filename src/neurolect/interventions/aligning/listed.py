"""What phrases are taken from: sentences of lists and of the sample, with their words and trees."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words
from neurolect.errors import RunFolderError
from neurolect.interventions.aligning.candidates import Phrase, phrases_of
from neurolect.signatures.trees.subtrees import trees_field
from neurolect.store import Run

DEPENDENCIES, BRACKETS, NGRAMS = "dependencies", "brackets", "n-grams"
"""Where candidate phrases come from."""


class Sentences(NamedTuple):
    """Kept sentences of a run; lists in the same order."""

    ids: NDArray[np.int64]
    """Ascending."""
    texts: list[str]
    words: list[list[str]]
    heads: list[list[int] | None]
    trees: list[str | None]
    source: str
    """Where their phrases come from."""

    def phrases(self, row: int, longest: int) -> list[Phrase]:
        """Give the candidate phrases of a sentence."""
        return phrases_of(
            self.texts[row], self.words[row], longest=longest, heads=self.heads[row], trees=self.trees[row]
        )


def read_sentences(run: Run, sentence_ids: NDArray[np.integer]) -> Sentences:
    """Read sentences with the words, heads or trees that the run was described with."""
    ids = np.unique(sentence_ids).astype(np.int64)
    kept = run.take_sentences(ids)
    texts = kept.column("text").to_pylist()
    nothing: list[None] = [None] * len(ids)
    heads: Sequence[list[int] | None] = nothing
    trees: Sequence[str | None] = nothing
    source, words = NGRAMS, None
    if run.has("annotations"):
        table = run.table("annotations")
        # sentences of the run in their order, as the kept ones
        table = table.take(np.searchsorted(table.column("sentence_id").to_numpy(), ids))
        words = table.column("words").to_pylist()
        field = trees_field(str(run.manifest["options"].get("describe", {}).get("trees", "none")))
        if field is not None and field in kept.column_names:
            source, trees = BRACKETS, kept.column(field).to_pylist()
        elif "heads" in table.column_names:
            source, heads = DEPENDENCIES, table.column("heads").to_pylist()
    if words is None:
        words = [split_words(text) for text in texts]
    return Sentences(ids, texts, words, list(heads), list(trees), source)


def first_sentences(run: Run, neuron_ids: NDArray[np.int64], side: str, n: int) -> list[NDArray[np.int64]]:
    """Give the first sentences of neurons' lists, by rank."""
    found = []
    for each in neuron_ids.tolist():
        rows = run.rows(f"lists/{side}", neuron_id=each)
        found.append(rows.column("sentence_id").to_numpy()[:n].astype(np.int64))
    short = sum(not len(each) for each in found)
    if found and short == len(found):
        what = f"The {side} lists asked for of {run.folder} are empty."
        raise RunFolderError(what, expected="lists with sentences to take phrases from")
    return found


def random_phrases(
    sentences: Sequence[list[Phrase]], *, longest: int, n: int, random: np.random.Generator
) -> list[Phrase]:
    """Draw distinct phrases of the sample: of every length up to ``n``, each of another sentence.

    ``sentences``: Candidates of each sentence.
    """
    drawn: list[Phrase] = []
    for length in range(1, longest + 1):
        own: dict[tuple[str, ...], Phrase] = {}
        for row in random.permutation(len(sentences)).tolist():
            fitting = [each for each in sentences[row] if len(each.words) == length]
            if fitting:
                chosen = fitting[int(random.integers(len(fitting)))]
                own.setdefault(chosen.words, chosen)
            if len(own) == n:
                break
        drawn += own.values()
    return drawn
