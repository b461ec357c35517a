"""A small diverse sub-corpus that keeps what a run found, as [E] section 5 wants: sentences that lists need."""

import heapq
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurolect.corpus import Corpus, open_corpus
from neurolect.corpus.extract import extract
from neurolect.corpus.folder import open_recorded
from neurolect.errors import OptionError, RunFolderError
from neurolect.results.list_entries import ListEntries, read_list_entries
from neurolect.store import Run, open_run

BACKGROUND = 0.5
"""Share of the sub-corpus that is a uniform choice: what lists are compared with has to be like the corpus."""


def subset(
    run: Run | str | Path,
    *,
    out: str | Path,
    sentences: int,
    corpus: str | Path | None = None,
    seed: int = 0,
) -> Corpus:
    """Write a small corpus whose sentences keep the lists of a run as well as they can.

    Half of it is a uniform choice, the background. The other half is chosen one by one: always the sentence that
    adds most to the sum, over all lists, of the square root of what the list has of it so far; a list's strongest
    sentences count most. So lists that have little come first, and sentences that many lists share.

    Parameters
    ----------
    run : Run, str or Path
        A collected run.
    out : str or Path
        The corpus folder to write; its held-out part is that of the run's corpus.
    sentences : int, >= 2
        Sentences of the mining part.
    corpus : str or Path, optional
        Where the run's corpus is, if it has moved.
    seed : int
        Of the uniform choice.

    Returns
    -------
    Corpus
        The sub-corpus, opened.

    Raises
    ------
    OptionError
        If fewer than 2 sentences are asked for, or more than the corpus has.
    RunFolderError
        If the corpus is not the run's.
    CorpusError
        If it cannot be read, or ``out`` is taken.

    References
    ----------
    Oba, Yoshinaga, Toyoda: Exploratory Model Analysis Using Data-Driven Neuron Representations (2021), section 5.
    """
    run = open_run(run)
    whole = open_recorded(run.manifest["corpus"]["path"]) if corpus is None else open_corpus(corpus)
    if whole.fingerprint != run.manifest["corpus"]["fingerprint"]:
        what = f"{whole.location} is not the corpus of {run.folder}."
        raise RunFolderError(what, hint="Say where that corpus is: --corpus FOLDER")
    if not 2 <= sentences <= whole.n_mining:
        what = f"{sentences:,} sentences were asked for."
        raise OptionError(what, expected=f"2 to {whole.n_mining:,}, the sentences of the mining part")
    everything = whole.sentence_ids("mining")
    random = np.random.default_rng([seed, 13])
    uniform = np.sort(random.choice(everything, size=round(BACKGROUND * sentences), replace=False))
    kept = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    sides = [read_list_entries(run, side, sentence_ids=kept) for side in run.sides]
    first = np.flatnonzero(np.isin(kept, uniform))
    chosen = kept[greedy(sides, n_sentences=len(kept), first=first, n=sentences - len(uniform))]
    missing = sentences - len(uniform) - len(chosen)
    if missing:  # lists need no more
        rest = np.setdiff1d(everything, np.concatenate([uniform, chosen]))
        chosen = np.concatenate([chosen, random.choice(rest, size=missing, replace=False)])
    notice = f"{sentences:,} of {whole.n_mining:,} sentences of {whole.location}, chosen by neurolect subset."
    return extract(whole, np.concatenate([uniform, chosen]), out=out, notices=[notice])


def greedy(sides: list[ListEntries], *, n_sentences: int, first: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Choose sentences one by one by what they add to the lists.

    ``sides``: Lists of one side or both.
    ``first``: Rows of the kept sentences that are chosen already.
    Returns: int64, shape (up to n,). Rows in the order of the choice; fewer where the others add nothing.

    What a list has is the sum of 1 / log2(2 + rank) over its chosen sentences (rank from 0), and its worth the
    square root of that. The gain of a sentence only falls as others are chosen, so one that is still the best
    after it was computed again is the best of all (M. Minoux 1978).
    """
    starts, lists, weights = _by_sentence(sides, n_sentences)
    has = np.zeros(int(lists.max(initial=-1)) + 1)
    for row in first.tolist():
        has[lists[starts[row] : starts[row + 1]]] += weights[starts[row] : starts[row + 1]]

    def gain(row: int) -> float:
        own, more = lists[starts[row] : starts[row + 1]], weights[starts[row] : starts[row + 1]]
        return float((np.sqrt(has[own] + more) - np.sqrt(has[own])).sum())

    taken = set(first.tolist())
    queue = [(-gain(row), row) for row in range(n_sentences) if row not in taken]
    heapq.heapify(queue)
    chosen: list[int] = []
    while queue and len(chosen) < n and queue[0][0] < 0.0:
        _, row = heapq.heappop(queue)
        now = -gain(row)
        if queue and now > queue[0][0]:
            heapq.heappush(queue, (now, row))
            continue
        chosen.append(row)
        has[lists[starts[row] : starts[row + 1]]] += weights[starts[row] : starts[row + 1]]
    return np.array(chosen, dtype=np.int64)


def _by_sentence(
    sides: list[ListEntries], n_sentences: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Turn lists round: the lists of each sentence, and the weight of its rank in each."""
    rows, lists, weights, n_lists = [], [], [], 0
    for side in sides:
        sizes = side.sizes
        ranks = np.arange(len(side.positions)) - np.repeat(side.starts[:-1], sizes)
        rows.append(side.positions.astype(np.int64))
        lists.append(n_lists + np.repeat(np.arange(len(sizes)), sizes))
        weights.append(1.0 / np.log2(2.0 + ranks))
        n_lists += len(sizes)
    row, of_list, weight = (np.concatenate(each) for each in (rows, lists, weights))
    order = np.argsort(row, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=n_sentences))]).astype(np.int64)
    return starts, of_list[order], weight[order]
