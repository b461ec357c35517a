"""The step that makes neuron vectors."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.atomic import write_npy
from neurolect.relations.inputs import RelateInputs
from neurolect.relations.neuron_vectors import neuron_vectors
from neurolect.relations.sentence_vectors import encoder_sentence_vectors


def make_vectors(inputs: RelateInputs) -> dict[str, Any]:
    """Write the vector of every neuron and side, one file a side and kind of sentence vector."""
    given = Path(inputs.options.encoder_vectors)
    n_without = 0
    for kind in inputs.vector_kinds:
        vectors: NDArray[np.float32] = (
            inputs.word_vectors
            if kind == "words"
            else encoder_sentence_vectors(given, n_sentences=len(inputs.sentence_ids))
        )
        for side in inputs.sides:
            made = neuron_vectors(vectors, inputs.entries(side), workers=inputs.workers)
            n_without += int(np.isnan(made[:, 0]).sum())
            write_npy(inputs.run.folder / f"relations/vectors/{kind}_{side}.npy", made)
    if n_without:
        inputs.progress.message(f"{n_without:,} lists have no vector: none of their sentences has a known word.")
    return {"n_lists_without_vector": n_without}


def file_digest(given: str) -> str:
    """Name a file of vectors by its content."""
    if given == "none" or not Path(given).is_file():
        return given
    with Path(given).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
