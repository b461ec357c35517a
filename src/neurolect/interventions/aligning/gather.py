"""Phrases of all lists in one table, each once; their activations from one pass; then list by list."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.interventions.aligning.candidates import Phrase
from neurolect.interventions.aligning.evidence import read_evidence
from neurolect.interventions.aligning.listed import Sentences, random_phrases, read_sentences
from neurolect.interventions.aligning.lists import Candidates, Sample, align_list
from neurolect.interventions.aligning.options import AlignOptions
from neurolect.interventions.aligning.replicated import Pairs, n_tokens_of, read_pairs, replicate
from neurolect.interventions.aligning.sentences import WordPlaces
from neurolect.model.language_model import Model
from neurolect.progress import Progress
from neurolect.signatures.firing.listed_tokens import firing_sides
from neurolect.store import Run
from neurolect.store.stages import StageRecord

_N_LENGTHS = 2_000
"""Sentences of the sample that the mean length in model tokens is taken over."""


class List(NamedTuple):
    """A list that is aligned."""

    neuron: int
    side: str
    first: NDArray[np.int64]
    """Its first sentences."""

    @property
    def sign(self) -> int:
        """Say whether it is of the highest or of the lowest values."""
        return 1 if self.side == "top" else -1


class Gathered(NamedTuple):
    """Everything that lists are aligned from."""

    phrases: list[Phrase]
    """Distinct ones: those of lists, and random ones of the sample."""
    of_list: list[tuple[NDArray[np.int64], NDArray[np.int64]]]
    """Of each list its candidates, and the sentences they are of."""
    random: NDArray[np.int64]
    """The random ones."""
    sample: Sentences
    columns: NDArray[np.int64]
    """Of each of its sentences the column of ``sample/activations``."""
    source: str
    """Where phrases come from."""


def gather(run: Run, lists: Sequence[List], options: AlignOptions) -> Gathered:
    """Gather candidates of lists, and random phrases."""
    number: dict[Phrase, int] = {}

    def numbered(phrases: Sequence[Phrase]) -> list[int]:
        return [number.setdefault(each, len(number)) for each in phrases]

    sentences = read_sentences(run, np.concatenate([each.first for each in lists]))
    phrases = [numbered(sentences.phrases(row, options.longest)) for row in range(len(sentences.ids))]
    n = run.array("sample/activations").shape[1]
    ids = run.table("sample/sentences")["sentence_id"].to_numpy()[:n]
    sample = read_sentences(run, ids)
    of_sample = [sample.phrases(row, options.longest) for row in range(len(sample.ids))]
    drawn = random_phrases(
        of_sample, longest=options.longest, n=options.n_random, random=np.random.default_rng(options.seed)
    )
    random = np.array(numbered(drawn), np.int64)
    of_list = []
    for each in lists:
        own: dict[int, int] = {}
        for sentence_id in each.first.tolist():
            for phrase in phrases[int(np.searchsorted(sentences.ids, sentence_id))]:
                own.setdefault(phrase, sentence_id)
        of_list.append((np.array(list(own), np.int64), np.array(list(own.values()), np.int64)))
    if not any(len(candidates) for candidates, _ in of_list):
        what = f"The first sentences of the lists of {run.folder} hold no phrase."
        raise RunFolderError(what, expected="sentences with words")
    return Gathered(list(number), of_list, random, sample, np.argsort(ids, kind="stable"), sentences.source)


def align_lists(
    run: Run,
    model: Model,
    lists: Sequence[List],
    options: AlignOptions,
    *,
    progress: Progress,
    record: StageRecord,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Read the model on repeated phrases and align all lists.

    Returns: a row a phrase, and a row a list.
    """
    with record.timed("phrases"):
        gathered = gather(run, lists, options)
    texts, length = _repeated(model, gathered)
    record.entry |= {"phrases_from": gathered.source, "n_phrases": len(texts), "n_tokens": round(length, 2)}
    with record.timed("activations"):
        values = _activations(run, model, texts, lists, gathered, progress=progress)
    phrases: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    with record.timed("lists"), progress.task("lists", total=len(lists), unit="lists") as task:
        made = _Lists(run, lists, gathered, options)
        for place, own in enumerate(values):
            of_list, row = made.rows(place, own)
            phrases += of_list
            rows.append(row)
            task.advance()
    return phrases, rows


def _repeated(model: Model, gathered: Gathered) -> tuple[list[str], float]:
    """Repeat every phrase to the mean length of the sample's sentences in model tokens; give that, too."""
    every = gathered.sample.texts
    chosen = every[:: max(1, len(every) // _N_LENGTHS)]
    length = float(n_tokens_of(model, chosen).mean())
    written = [each.text for each in gathered.phrases]
    sizes = n_tokens_of(model, written).tolist()
    texts = [replicate(text, n_tokens=size, length=length) for text, size in zip(written, sizes, strict=True)]
    return texts, length


def _activations(
    run: Run, model: Model, texts: list[str], lists: Sequence[List], gathered: Gathered, *, progress: Progress
) -> list[NDArray[np.float32]]:
    """Read for each list its candidates, then the random phrases."""
    own = [np.concatenate([candidates, gathered.random]) for candidates, _ in gathered.of_list]
    sizes = [len(each) for each in own]
    of, flat = np.repeat(np.arange(len(lists)), sizes), np.concatenate(own)
    order = np.argsort(flat, kind="stable")
    neuron = np.array([each.neuron for each in lists])[of[order]]
    low = np.array([_of_lowest(run, each.side) for each in lists])[of[order]]
    values = np.empty(len(flat), np.float32)
    folder = run.folder / "align" / "partial"
    values[order] = read_pairs(model, texts, Pairs(flat[order], neuron, low), folder=folder, progress=progress)
    return np.split(values, np.cumsum(sizes)[:-1])


def _of_lowest(run: Run, side: str) -> bool:
    """Tell whether a side's lists are of the lowest values over tokens, which are not kept of the sample."""
    return side == "bottom" and side in firing_sides(run)


class _Lists:
    """Aligns one list after the other."""

    def __init__(self, run: Run, lists: Sequence[List], gathered: Gathered, options: AlignOptions) -> None:
        self.lists, self.gathered, self.options = lists, gathered, options
        self.sample = run.array("sample/activations")
        self.lowest = {each.side: _of_lowest(run, each.side) for each in lists}
        self.moments = run.table("neurons", columns=["mean", "std"]).to_pydict()
        self.evidence = {
            side: read_evidence(run, np.array([each.neuron for each in lists if each.side == side]), side)
            for side in self.lowest
        }
        self.holding = _holding(gathered.sample)

    def rows(self, place: int, values: NDArray[np.float32]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Align a list; ``values`` are those of its candidates, then of the random phrases."""
        of, (own, sentence_ids) = self.lists[place], self.gathered.of_list[place]
        found = values.astype(np.float64)
        ids, random = self.gathered.sample.ids, self.gathered.random
        evidence = self.evidence[of.side]
        rows, row = align_list(
            Candidates(self._phrases(own), sentence_ids, found[: len(own)]),
            Candidates(self._phrases(random), np.full(len(random), -1), found[len(own) :]),
            Sample(
                None if self.lowest[of.side] else self.sample[of.neuron][self.gathered.columns],
                ~np.isin(ids, of.first),
                self.holding,
                float(self.moments["mean"][of.neuron]),
                float(self.moments["std"][of.neuron]),
            ),
            None if evidence is None else evidence[of.neuron],
            sign=of.sign,
            options=self.options,
            seed=(self.options.seed, of.neuron, of.sign + 1),
        )
        where = {"neuron_id": of.neuron, "side": of.side}
        return [where | each for each in rows], where | row

    def _phrases(self, numbers: NDArray[np.int64]) -> list[Phrase]:
        return [self.gathered.phrases[each] for each in numbers.tolist()]


def _holding(sample: Sentences) -> Callable[[Sequence[Phrase]], NDArray[np.bool_]]:
    """Make what says which sentences of the sample hold one of some phrases."""
    places = WordPlaces([[word.lower() for word in words] for words in sample.words])
    found = cache(places.holding)

    def holding(phrases: Sequence[Phrase]) -> NDArray[np.bool_]:
        flags = np.zeros(len(sample.ids), np.bool_)
        for each in phrases:
            flags[found(each.words)] = True
        return flags

    return holding
