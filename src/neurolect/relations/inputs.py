"""What the steps of the relate stage read, each thing once and only when it is needed."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.progress import Progress
from neurolect.relations.options import RelateOptions
from neurolect.relations.responses import finite_sentences, standardised
from neurolect.relations.sentence_vectors import word_sentence_vectors
from neurolect.results.list_entries import ListEntries, read_list_entries
from neurolect.store import Run


class RelateInputs:
    """A described run, read as the steps need it."""

    def __init__(self, run: Run, options: RelateOptions, workers: int, progress: Progress) -> None:
        self.run, self.options, self.workers, self.progress = run, options, workers, progress
        self.sides = run.sides
        self._entries: dict[str, ListEntries] = {}

    @cached_property
    def sentence_ids(self) -> NDArray[np.int64]:
        """Ids of the kept sentences, ascending."""
        ids: NDArray[np.int64] = (
            self.run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
        )
        return ids

    @cached_property
    def word_vectors(self) -> NDArray[np.float32]:
        """Sentence vectors made of word vectors, shape (n_sentences, D)."""
        return word_sentence_vectors(self.run, progress=self.progress)

    def entries(self, side: str) -> ListEntries:
        """Read the lists of a side."""
        if side not in self._entries:
            self._entries[side] = read_list_entries(self.run, side, sentence_ids=self.sentence_ids)
        return self._entries[side]

    def responses(self, *, tell: bool = False) -> NDArray[np.float32]:
        """Read the neurons' responses to the sample.

        ``tell``: Say how many sentences were left out because an activation was not finite.
        Returns: float32, shape (n_neurons, n_sentences). As :func:`neurolect.relations.responses.standardised`
            gives them; not kept, since they are large.
        """
        held = self.run.array("sample/activations")
        finite = finite_sentences(held)
        n_out = len(finite) - int(finite.sum())
        if n_out and tell:
            what = f"{n_out:,} sentence{'' if n_out == 1 else 's'} of the sample left out of responses"
            self.progress.message(f"{what}: an activation was not finite.")
        return standardised(np.asarray(held[:, finite] if n_out else held, dtype=np.float32))

    @cached_property
    def site_layers(self) -> list[tuple[str, int]]:
        """Site and layer of each block of neurons, in their order."""
        return [(each["site"], int(each["layer"])) for each in self.run.manifest["model"]["sites"]]

    @cached_property
    def block_of(self) -> NDArray[np.int32]:
        """Number of each neuron's site and layer in that order, shape (n_neurons,)."""
        widths = [each["width"] for each in self.run.manifest["model"]["sites"]]
        return np.repeat(np.arange(len(widths), dtype=np.int32), widths)

    @property
    def vector_kinds(self) -> tuple[str, ...]:
        """Which sentence vectors there are: ``words``, and ``encoder`` if they were given."""
        return ("words",) if self.options.encoder_vectors == "none" else ("words", "encoder")

    @property
    def vector_files(self) -> list[str]:
        """Files of neuron vectors, within the run folder."""
        return [f"relations/vectors/{kind}_{side}.npy" for kind in self.vector_kinds for side in self.sides]

    def neuron_vectors(self, kind: str, side: str) -> NDArray[np.float32]:
        """Read the neurons' vectors.

        Returns: float32, shape (n_neurons, D). NaN for a neuron without one.
        """
        array: NDArray[Any] = self.run.array(f"relations/vectors/{kind}_{side}")
        return np.asarray(array, dtype=np.float32)
