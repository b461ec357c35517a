"""Senses as evidence: how near a sentence's vector is to the middle of each sense of a list.

The one kind that is not the same for all lists: every sentence has some of every list's senses, so its features are
products made where they are needed (see ``fidelity/inputs.py``), and they come last among those of a list.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Labelled, SentenceFeatures, nothing
from neurolect.signatures.evidence.kind import EvidenceKind, SenseItems
from neurolect.store import Run
from neurolect.store.sides import lists_of


def has_senses(run: Run) -> bool:
    """Tell whether a run's lists have senses that sentences can be compared with: not without word vectors."""
    files = ("word_vectors.npy", "senses.parquet", "sense_members.parquet")
    described = run.manifest["options"].get("describe", {}).get("vectors", "none") != "none"
    return described and all(run.files.has(f"signatures/{name}") for name in files)


def count_senses(
    collected: Collected, by: Sequence[Callable[[Collected], SenseItems | None]]
) -> dict[str, pa.Table]:
    """Find the senses of all lists, and what tells them apart by the items given."""
    from neurolect.signatures.evidence.sense_tables import sense_tables
    from neurolect.signatures.vectors.senses import find_senses

    stage, lists = collected.stage, collected.lists
    _, vectors = collected.meanings.result()
    with stage.timed("senses"), stage.progress.task("senses", total=len(lists.rows), unit="lists") as task:
        senses = find_senses(vectors, lists, options=stage.options, workers=stage.workers, advance=task.advance)
    with stage.timed("sense evidence"):
        items = [found for each in by if (found := each(collected)) is not None]
        longer = collected.lengths.times_longer
        return sense_tables(senses, items, inputs=collected.inputs, times_longer=longer, workers=stage.workers)


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
