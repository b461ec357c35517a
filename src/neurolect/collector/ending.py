"""When and why a pass ends, and what is left of its monitor."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.atomic import write_table
from neurolect.collector.convergence import Convergence
from neurolect.collector.convergence_tables import (
    neurons_table,
    order_notice,
    sentences_needed,
    step_note,
    steps_table,
)
from neurolect.collector.options import CollectOptions
from neurolect.collector.sample import streamed_sample
from neurolect.collector.shuffle import shuffled_ids
from neurolect.collector.state import CollectState
from neurolect.collector.stop_rule import StopRule, parse_stop_rule
from neurolect.corpus import Corpus

_USUAL = StopRule(stable=0.8, share=0.9)


class Ending(NamedTuple):
    """Why a pass ended, as the manifest says it.

    ``reason``: ``corpus`` (all was read), ``limit``, ``stable`` or ``max_seconds``.
    ``share_settled``: Share of neurons settled at the end; None where there was but one step.
    ``n_sentences_needed``: Sentences until that share is reached, estimated; None where nothing can be said.
    """

    reason: str
    stable: float
    share_settled: float | None
    share_wanted: float
    n_sentences_needed: int | None


class Watch:
    """Looks at the monitor while the pass goes on."""

    def __init__(self, options: CollectOptions, convergence: Convergence) -> None:
        self._options, self._convergence = options, convergence
        self._rule = parse_stop_rule(options.stop_when) if options.stop_when else _USUAL
        self._reason = "corpus" if options.limit is None else "limit"

    def note(self) -> str:
        """Say the last step in a few words."""
        return step_note(self._convergence.steps[-1], stable=self._rule.stable)

    def enough(self, *, stepped: bool, seconds: float) -> bool:
        """Say at the end of a chunk whether the pass may end here."""
        if self._options.max_seconds is not None and seconds >= self._options.max_seconds:
            self._reason = "max_seconds"
            return True
        if stepped and self._options.stop_when and self._share() >= self._rule.share:
            self._reason = "stable"
            return True
        return False

    def _share(self) -> float:
        return self._convergence.steps[-1].share_settled(self._rule.stable)

    def ending(self) -> Ending:
        """Say how it ended, after the last step."""
        steps = self._convergence.steps
        stable, share = self._rule
        known = not np.isnan(steps[-1].stability).all()
        return Ending(
            self._reason,
            stable,
            round(self._share(), 4) if known else None,
            share,
            sentences_needed(steps, stable=stable, share=share) if known else None,
        )


def sample_of(corpus: Corpus, n_sentences: int, options: CollectOptions) -> NDArray[np.int64]:
    """Choose the uniform sample of the sentences to be read.

    ``n_sentences``: So many of its mining part will be read.
    Returns: int64, shape (n_sample,). In sample order.
    """

    def parts() -> Iterator[NDArray[np.int64]]:
        left = n_sentences
        for ids in corpus.id_blocks("mining"):
            yield ids[:left]
            left -= len(ids)
            if left <= 0:
                return

    return streamed_sample(parts(), size=options.sample_size, seed=options.seed)


def read_of(
    sample_ids: NDArray[np.int64], corpus: Corpus, n_sentences: int, *, state: CollectState, options: CollectOptions
) -> NDArray[np.int64]:
    """Leave out the sentences of the sample that a pass ended early has not read.

    ``sample_ids``: int64, shape (n_sample,). The sample, in its order.
    ``n_sentences``: So many of its mining part were to be read.
    Returns: int64, shape (at most n_sample,). In the same order; a uniform sample of what was read.
    """
    n_read = state.convergence.n_read
    if n_read >= n_sentences:
        return sample_ids
    mining_ids = corpus.sentence_ids("mining")[:n_sentences]
    if options.shuffle:
        mining_ids = shuffled_ids(mining_ids, size=options.chunk_sentences or 1, seed=options.seed)
    return sample_ids[np.isin(sample_ids, mining_ids[:n_read])]


def write_convergence(folder: Path, state: CollectState, ending: Ending) -> None:
    """Write what the monitor saw."""
    steps, sides = state.convergence.steps, tuple(state.lists)
    table = steps_table(steps, sides=sides, list_size=state.plan.list_size, stable=ending.stable)
    write_table(folder / "convergence" / "steps.parquet", table)
    write_table(folder / "convergence" / "neurons.parquet", neurons_table(steps, sides=sides))


def ending_notices(state: CollectState, ending: Ending) -> list[str]:
    """Say in sentences what the monitor found."""
    notices = []
    settled = ending.share_settled
    if ending.reason in ("stable", "max_seconds"):
        why = {"stable": "enough neurons had settled", "max_seconds": "its time was up"}[ending.reason]
        notices.append(f"The pass ended after {state.n_sentences:,} sentences because {why}.")
    if settled is not None and settled < ending.share_wanted:
        notice = f"{1 - settled:.0%} of the neurons had not settled: their lists still change what they say"
        if ending.n_sentences_needed:
            notice += f" (about {_rounded(ending.n_sentences_needed):,} sentences would do)"
        notices.append(f"{notice}.")
    ordered = order_notice(state.convergence.steps, list_size=state.plan.list_size)
    return [*notices, ordered] if ordered else notices


def _rounded(n: int) -> int:
    """Round to two digits: it is an estimate."""
    return int(float(f"{n:.1e}"))
