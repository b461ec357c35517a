"""Everything a pass accumulates, as one state that is updated, merged, saved and loaded."""

import json
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.background import Background
from neurolect.collector.moments import Moments
from neurolect.collector.sample_activations import SampleActivations
from neurolect.collector.top_lists import TopLists

__all__ = ["CollectState", "Plan"]


class Plan(NamedTuple):
    """What the state is made for; part of no checkpoint, but the same on every start.

    Attributes
    ----------
    n_neurons : int
        Neurons.
    list_size : int
        N.
    sides : tuple of str
        Lists kept.
    with_tokens : bool
        Whether lists keep the model token (max pooling).
    fields : tuple of str
        Metadata fields counted.
    """

    n_neurons: int
    list_size: int
    sides: tuple[str, ...]
    with_tokens: bool
    fields: tuple[str, ...]


class CollectState:
    """Lists, moments, sample and background of the sentences read so far.

    Parameters
    ----------
    plan : Plan
        Sizes.
    moments : Moments
        Empty, with shift and bins chosen.
    sample : SampleActivations
        Empty, with the sample chosen.

    Attributes
    ----------
    n_sentences, n_cut, n_empty : int
        Sentences fed, cut at the model's limit, without any token.
    n_skipped : dict of str to int
        Sentences left out of a layer's lists because its activations were not finite, by ``site.layer``.
    """

    def __init__(self, plan: Plan, *, moments: Moments, sample: SampleActivations) -> None:
        self.plan = plan
        self.lists = {
            side: TopLists(plan.n_neurons, plan.list_size, side=side, with_tokens=plan.with_tokens)
            for side in plan.sides
        }
        self.moments = moments
        self.sample = sample
        self.background = Background(plan.fields)
        self.n_sentences = 0
        self.n_cut = 0
        self.n_empty = 0
        self.n_skipped: dict[str, int] = {}

    def update(
        self,
        activations: NDArray[np.float32],
        *,
        sentence_ids: NDArray[np.int64],
        tokens: NDArray[np.int16] | None = None,
    ) -> None:
        """Take in one batch.

        Parameters
        ----------
        activations : float32, shape (n_sentences, n_neurons)
            NaN where they are to be left out.
        sentence_ids : int64, shape (n_sentences,)
            Of the rows.
        tokens : int16, shape (n_sentences, n_neurons), optional
            With max pooling.
        """
        for lists in self.lists.values():
            lists.update(activations, sentence_ids=sentence_ids, tokens=tokens)
        self.moments.update(activations)
        self.sample.update(activations, sentence_ids=sentence_ids)
        self.n_sentences += len(sentence_ids)

    def end_chunk(self, sentences: pa.Table, *, n_cut: int, n_empty: int) -> None:
        """Count what needs no model once a chunk's batches are through.

        Parameters
        ----------
        sentences : pyarrow.Table
            All sentences of the chunk.
        n_cut, n_empty : int
            Sentences cut at the model's limit, and without any token.
        """
        self.background.update(sentences)
        self.n_cut += n_cut
        self.n_empty += n_empty

    def merge(self, other: "CollectState") -> None:
        """Take in the state of other sentences.

        Parameters
        ----------
        other : CollectState
            Same plan, shift, bins and sample.

        Raises
        ------
        CollectError
            If they do not fit together.
        """
        for side, lists in self.lists.items():
            lists.merge(other.lists[side])
        self.moments.merge(other.moments)
        self.sample.merge(other.sample)
        self.background.merge(other.background)
        self.n_sentences += other.n_sentences
        self.n_cut += other.n_cut
        self.n_empty += other.n_empty
        for key, n in other.n_skipped.items():
            self.n_skipped[key] = self.n_skipped.get(key, 0) + n

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays.

        Returns
        -------
        dict of str to ndarray
            Keys ``part.name``.
        """
        parts: dict[str, Any] = {f"lists-{side}": lists for side, lists in self.lists.items()}
        parts |= {"moments": self.moments, "sample": self.sample, "background": self.background}
        arrays = {
            f"{part}.{name}": array for part, state in parts.items() for name, array in state.to_arrays().items()
        }
        counts = {
            "n_sentences": self.n_sentences,
            "n_cut": self.n_cut,
            "n_empty": self.n_empty,
            "n_skipped": self.n_skipped,
        }
        arrays["counts.json"] = np.frombuffer(json.dumps(counts).encode(), dtype=np.uint8)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[np.generic]], *, plan: Plan) -> "CollectState":
        """Make a state from arrays.

        Parameters
        ----------
        arrays : dict of str to ndarray
            From :meth:`to_arrays`.
        plan : Plan
            As the state was made with.

        Returns
        -------
        CollectState
            Goes on exactly as the one it was taken from.
        """

        def part(name: str) -> dict[str, NDArray[np.generic]]:
            return {key.split(".", 1)[1]: array for key, array in arrays.items() if key.startswith(f"{name}.")}

        moments = Moments.from_arrays(part("moments"))
        state = cls(plan, moments=moments, sample=SampleActivations.from_arrays(part("sample")))
        state.background = Background.from_arrays(part("background"), fields=plan.fields)
        for side in plan.sides:
            state.lists[side] = TopLists.from_arrays(
                part(f"lists-{side}"), list_size=plan.list_size, side=side, with_tokens=plan.with_tokens
            )
        counts = json.loads(arrays["counts.json"].astype(np.uint8).tobytes())
        state.n_sentences, state.n_cut, state.n_empty = counts["n_sentences"], counts["n_cut"], counts["n_empty"]
        state.n_skipped = counts["n_skipped"]
        return state
