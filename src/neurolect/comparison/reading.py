"""Take in the activations of sentences in several models as they are read, and resume after a stop."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.collector.process import stop_requests
from neurolect.comparison.inputs import joint_chunks
from neurolect.comparison.joint_moments import JointMoments
from neurolect.comparison.layers import DistanceSums
from neurolect.errors import RunFolderError
from neurolect.folders.parts import Parts
from neurolect.model.language_model import Model
from neurolect.progress import Task

Values = list[NDArray[np.float32]]
_READ, _N = "read", "n_read"


class Taking(Protocol):
    """What activations are taken into."""

    def take(self, values: Values) -> None:
        """Take in the next sentences, model by model."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the state as arrays."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a state."""


def read_all(models: Sequence[Model], texts: Sequence[str], into: Taking, *, parts: Parts, task: Task) -> None:
    """Run models over sentences; what was taken in before a stop is not read again."""
    n = 0
    if (kept := parts.read(_READ)) is not None:
        n = int(kept.pop(_N))
        into.restore(kept)
    with parts.growing(_READ, lambda: {**into.to_arrays(), _N: np.array(n)} if n else None) as grown:
        for end, values in joint_chunks(models, texts, task=task, parts=parts, first=n):
            # sums that are half taken in could not be kept
            with stop_requests(patient=True) as request:
                into.take(values)
                n = end
            if request.name is not None:
                raise KeyboardInterrupt
            grown()


class Gathered:
    """Moments of all sentences whose activations are finite in every model; the others are counted."""

    def __init__(self, *, device: str | torch.device = "cpu", keep_values: bool = False) -> None:
        self.moments: JointMoments | None = None
        self.dropped = 0
        self._device, self._keep_values = device, keep_values

    def take(self, values: Values) -> None:
        """Take in the next sentences, model by model."""
        finite = _finite(values)
        self.dropped += int((~finite).sum())
        own = values if finite.all() else [each[finite] for each in values]
        if not len(own[0]):
            return
        if self.moments is None:
            means, deviations = ([getattr(each, of)(axis=0) for each in own] for of in ("mean", "std"))
            self.moments = JointMoments(means, deviations, device=self._device, keep_values=self._keep_values)
        self.moments.update(own)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the state as arrays."""
        return {"dropped": np.array(self.dropped), **(self.moments.to_arrays() if self.moments else {})}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a state."""
        self.dropped = int(arrays["dropped"])
        if "n" in arrays:
            own = {name: each for name, each in arrays.items() if name != "dropped"}
            self.moments = JointMoments.from_arrays(own, device=self._device)

    def of_all(self) -> tuple[JointMoments, int]:
        """Give moments and how many sentences were left out; refuse what nothing can be said of."""
        if self.moments is None or self.moments.n_sentences < 2:
            what = f"No two sentences have finite activations in all models ({self.dropped:,} were left out)."
            hint = "collect again with --set model.dtype=float32, or compare other sentences"
            raise RunFolderError(what, hint=hint)
        return self.moments, self.dropped


class Apart:
    """How far apart every two of some models are."""

    def __init__(self, bounds: Mapping[tuple[int, int], NDArray[np.int64]]) -> None:
        self.sums = {pair: DistanceSums(each) for pair, each in bounds.items()}
        self.dropped = 0

    def take(self, values: Values) -> None:
        """Take in the next sentences, model by model."""
        finite = _finite(values)
        self.dropped += int((~finite).sum())
        for (first, second), own in self.sums.items():
            own.update(values[first][finite], values[second][finite])

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Give the state as arrays."""
        found: dict[str, NDArray[Any]] = {"dropped": np.array(self.dropped)}
        for number, own in enumerate(self.sums.values()):
            found |= {f"{number}.{name}": each for name, each in own.to_arrays().items()}
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Resume from a state."""
        self.dropped = int(arrays["dropped"])
        for number, pair in enumerate(self.sums):
            own = {name: arrays[f"{number}.{name}"] for name in ("bounds", "n", "sums")}
            self.sums[pair] = DistanceSums.from_arrays(own)


def _finite(values: Values) -> NDArray[np.bool_]:
    """Say of which sentences all activations are finite."""
    return np.asarray(np.logical_and.reduce([np.isfinite(each).all(axis=1) for each in values]))
