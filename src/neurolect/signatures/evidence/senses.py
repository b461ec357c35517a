"""Senses as evidence: how near a sentence's vector is to the middle of each sense of a list.

The one kind that is not the same for all lists: every sentence has some of every list's senses, so its features are
products made where they are needed (see ``fidelity/inputs.py``), and they come last among those of a list.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Executor, wait
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Labelled, SentenceFeatures, nothing
from neurolect.signatures.evidence.kind import EvidenceKind, SenseItems
from neurolect.store import Run
from neurolect.store.sides import lists_of

if TYPE_CHECKING:
    from neurolect.signatures.vectors.senses import Senses


def has_senses(run: Run) -> bool:
    """Tell whether a run's lists have senses that sentences can be compared with: not without word vectors."""
    files = ("word_vectors.npy", "senses.parquet", "sense_members.parquet")
    described = run.manifest["options"].get("describe", {}).get("vectors", "none") != "none"
    return described and all(run.files.has(f"signatures/{name}") for name in files)


class SenseSearch:
    """Looks for the senses of all lists while other steps work; a bar is shown from when they are waited for."""

    def __init__(self, collected: Collected, background: Executor) -> None:
        self._collected, self._n_done, self._stopped = collected, 0, threading.Event()
        self._found = background.submit(self._find)
        if collected.stage.workers == 1:
            wait([self._found])

    def _find(self) -> "Senses":
        from neurolect.signatures.vectors.senses import find_senses

        stage = self._collected.stage
        _, vectors = self._collected.meanings.result()
        with stage.timed("senses"):
            lists, options = self._collected.lists, stage.options
            return find_senses(vectors, lists, options=options, workers=stage.workers, advance=self._advance)

    def _advance(self, n: int) -> None:
        if self._stopped.is_set():
            raise CancelledError
        self._n_done += n

    def stop(self) -> None:
        """Let the search end early."""
        self._stopped.set()

    def tables(self, by: Sequence[Callable[[Collected], SenseItems | None]]) -> dict[str, pa.Table]:
        """Wait for the senses, and find what tells them apart by the items given."""
        from neurolect.signatures.evidence.sense_tables import sense_tables

        stage, shown = self._collected.stage, self._n_done
        with stage.progress.task("senses", total=len(self._collected.lists.rows), unit="lists") as task:
            task.resume(shown)
            while shown < self._n_done or not self._found.done():
                wait([self._found], timeout=0.2)
                task.advance(self._n_done - shown)
                shown = self._n_done
        with stage.timed("sense evidence"):
            items = [found for each in by if (found := each(self._collected)) is not None]
            return sense_tables(
                self._found.result(),
                items,
                inputs=self._collected.inputs,
                times_longer=self._collected.lengths.times_longer,
                workers=stage.workers,
            )


def _labels(run: Run, sides: Sequence[str]) -> Labelled:
    """Give the senses of every list labels, where sentences have vectors; two digits keep them in order."""
    if not has_senses(run):
        return Labelled(np.empty(0, np.int64), pa.array([], pa.string()))
    table = run.table("signatures/senses", columns=["neuron_id", "side", "sense"])
    labels = [f"sense {number:02}" for number in table.column("sense").to_pylist()]
    return Labelled(lists_of(table, sides), pa.array(labels, pa.string()))


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    return nothing(sentences.coded.n_sentences)


SENSES = EvidenceKind(name="senses", title="senses", features=_features, labels_of_lists=_labels, searchable=False)
