"""Watch whether the lists and what they say still change while the corpus streams by.

Going from n to n + m sentences of exchangeable order replaces an expected share m / (n + m) of ANY list, so churn
alone never shows that a list has settled; churn off that law shows an ordered corpus. What settles is what the
list's sentences have in common: at each step every list's leading words and metadata values are compared with
those at half as many sentences, when at least half of the list was another.
"""

from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.convergence.leading_items import LeadingItems, kept_evidence, leading_items
from neurolect.collector.convergence.sampled_items import FoundItems, SampledItems, item_share
from neurolect.collector.lists.entry_keys import Watched
from neurolect.collector.parts import Lists

_STEPS = 20
_LEAST_STEP = 10_000
MOST_WATCHED = 16_384
"""Neurons whose lists are looked at; of a model with more, so many evenly spread ones."""


def watched_neurons(n_neurons: int) -> NDArray[np.int64]:
    """Choose the neurons that the monitor looks at, ascending.

    Examples
    --------
    >>> watched_neurons(3), len(watched_neurons(131_072))
    (array([0, 1, 2]), 16384)
    """
    n = min(n_neurons, MOST_WATCHED)
    return np.arange(n, dtype=np.int64) * n_neurons // max(n, 1)


class Step(NamedTuple):
    """What was seen at one moment of the pass; arrays hold a row for each side, a column for each watched neuron.

    ``n_sentences, n_new``: Sentences read so far, and since the step before.
    ``churn``: float32, shape (n_sides, n_neurons). Share of the list read since the step before.
    ``threshold``: float32, shape (n_sides, n_neurons). The list's last activation.
    ``stability``: float32, shape (n_sides, n_neurons). Share of the evidence kept since half as many sentences; NaN
        at the first step.
    """

    n_sentences: int
    n_new: int
    churn: NDArray[np.float32]
    threshold: NDArray[np.float32]
    stability: NDArray[np.float32]

    @property
    def expected_churn(self) -> float:
        """Churn of any list when sentences come in exchangeable order."""
        return self.n_new / max(self.n_sentences, 1)

    def share_settled(self, stable: float) -> float:
        """Share of neurons whose every list keeps at least ``stable`` of its evidence."""
        return float((self.stability >= stable).all(axis=0).mean())


def step_length(n_sentences: int, *, every: int | None, chunk: int) -> int:
    """Say how many sentences lie between two steps.

    ``every``: As asked for; a twentieth of the sentences, but at least 10,000, when not given.

    Examples
    --------
    >>> step_length(1_000_000, every=None, chunk=4096)
    53248
    """
    wanted = every or max(-(-n_sentences // _STEPS), _LEAST_STEP)
    return max(1, -(-wanted // chunk)) * chunk


class _Look(NamedTuple):
    """A step whose lists are still being looked into."""

    n_sentences: int
    n_new: int
    sampled: NDArray[np.int64]
    """Ids of the sampled sentences held then."""
    leading: "Future[tuple[list[Watched], list[LeadingItems], list[NDArray[np.float32]]]]"


class Convergence:
    """The monitor of one pass.

    ``sampled``: Sentences of each list that are looked into, about.
    ``aside``: Look into the lists in a thread while the pass goes on; steps are the same.
    """

    def __init__(
        self, fields: tuple[str, ...], *, n_neurons: int, list_size: int, length: int, sampled: int, seed: int
    ) -> None:
        self.length = length
        self.neurons = watched_neurons(n_neurons)
        # sampled sentences are chosen by hash: no list holds twice as many of them by chance
        self._width = 2 * sampled + 128
        self.aside = False
        self._steps: list[Step] = []
        self._looks: deque[_Look] = deque()
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="neurolect-monitor")
        self._n_at_step = 0
        self._items = SampledItems(fields, share=item_share(sampled=sampled, list_size=list_size, seed=seed))
        self._leading: list[list[LeadingItems]] = []
        self._n = 0
        self._ids: list[NDArray[np.uint32]] = []

    def look_aside(self) -> None:
        """Look into the lists in a thread from now on; what that needs is compiled now."""
        self.aside = True
        nothing = np.zeros(1, dtype=np.int64)
        rows = (nothing, np.zeros(2, dtype=np.int64), nothing[:0].astype(np.int32))
        leading_items(np.zeros((1, 1), dtype=np.uint64), nothing, rows=rows, shares=np.zeros(0))

    @property
    def steps(self) -> list[Step]:
        """Steps taken, in their order; waits for the last."""
        self._finish_all()
        return self._steps

    @property
    def finished_steps(self) -> list[Step]:
        """Steps whose lists were looked into by now."""
        return self._steps

    @property
    def n_read(self) -> int:
        """Sentences read, with those that have no token."""
        return self._n

    def end_chunk(
        self, sentences: pa.Table, lists: Mapping[str, Lists], *, items: FoundItems | None = None
    ) -> bool:
        """Take in a chunk that has gone through the model, and take a step if it is time.

        Returns: Whether a step was taken; if lists are looked into aside, whether one was finished.
        """
        self._items.update(sentences, found=items)
        self._ids.append(sentences.column("sentence_id").to_numpy().astype(np.uint32))
        self._n += sentences.num_rows
        finished = bool(self._looks) and self._looks[0].leading.done()
        if finished:
            self._finish()
        if self._n - self._n_at_step < self.length:
            return finished
        self.step(lists)
        return finished or not self.aside

    def step(self, lists: Mapping[str, Lists]) -> None:
        """Take a step now; nothing if no sentence was read since the last."""
        if not self._ids:
            return
        while len(self._looks) > 1:
            self._finish()
        ids = np.concatenate(self._ids)
        rows, shares = self._items.rows(), self._items.shares
        number = len(self._steps) + len(self._looks) + 1
        # the second step follows the first, which may still be looked into, in the same thread
        unknown = self._looks[-1].leading if self._looks and number == 2 else None
        known = self._leading[number // 2 - 1] if number > 1 and unknown is None else None
        read = ids.astype(np.int64)
        looks = [
            each.watch(read, sampled=rows[0], neurons=self.neurons, width=self._width) for each in lists.values()
        ]

        def look() -> tuple[list[Watched], list[LeadingItems], list[NDArray[np.float32]]]:
            # Aside, half of the processors are left to what the pass does.
            share = 0.5 if self.aside else 1.0
            seen = [each() for each in looks]
            found = [leading_items(one.keys, one.n_keys, rows=rows, shares=shares, cores=share) for one in seen]
            before = known if unknown is None else unknown.result()[1]
            if before is None:
                return seen, found, [np.full(len(one.fill), np.nan, dtype=np.float32) for one in seen]
            return seen, found, [kept_evidence(*pair) for pair in zip(before, found, strict=True)]

        self._looks.append(_Look(self._n, len(ids), rows[0], self._looking.submit(look)))
        self._ids, self._n_at_step = [], self._n
        if not self.aside:
            self._finish_all()

    def _finish_all(self) -> None:
        """Take in what was seen at all steps."""
        while self._looks:
            self._finish()

    def _finish(self) -> None:
        """Take in what was seen at the oldest step that waits; the same whenever it is done."""
        look = self._looks.popleft()
        seen, leading, stability = look.leading.result()
        used = np.any([each.used for each in leading], axis=0)
        self._items.keep(_still_wanted(self._items.rows()[0], sampled=look.sampled, used=used))
        nothing = np.empty(0, dtype=np.bool_)
        self._leading.append([LeadingItems(each.items, each.scores, nothing) for each in leading])
        # earlier ones than half of the next step's number are never looked at again
        for old in range((len(self._leading) + 1) // 2 - 1):
            self._leading[old] = []
        churn = [each.n_among / np.maximum(each.fill, 1) for each in seen]
        thresholds = [each.thresholds for each in seen]
        parts = (np.array(part, dtype=np.float32) for part in (churn, thresholds, stability))
        self._steps.append(Step(look.n_sentences, look.n_new, *parts))

    def merge(self, other: "Convergence", *, lists: Mapping[str, Lists], others: Mapping[str, Lists]) -> None:
        """Take other sentences' lists as one more step; whether evidence was kept is not known then."""
        self._finish_all()
        churn = []
        for side, each in lists.items():
            (keys, fill), (new, n_new) = (
                (arrays["keys"][self.neurons].astype(np.uint64), arrays["fill"][self.neurons].astype(np.int64))
                for arrays in (each.to_arrays(), others[side].to_arrays())
            )
            last = np.where(np.arange(keys.shape[1]) < fill[:, None], keys, np.uint64(2**64 - 1)).min(axis=1)
            entered = (np.arange(new.shape[1]) < n_new[:, None]) & (new >= last[:, None])
            churn.append(entered.sum(axis=1) / np.maximum(fill, 1))
        self._n += other.n_read
        thresholds = np.array([each.thresholds[self.neurons] for each in lists.values()], dtype=np.float32)
        unknown = np.full_like(thresholds, np.nan)
        self._steps.append(Step(self._n, other.n_read, np.array(churn, dtype=np.float32), thresholds, unknown))
        self._leading.append([])
        self._n_at_step = self._n

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        self._finish_all()
        arrays: dict[str, NDArray[np.generic]] = {
            f"items-{name}": array for name, array in self._items.to_arrays().items()
        }
        arrays["ids"] = np.concatenate([np.empty(0, dtype=np.uint32), *self._ids])
        arrays["n"] = np.array(self._n)
        arrays["steps"] = np.array([[step.n_sentences, step.n_new] for step in self.steps], dtype=np.int64)
        for name in ("churn", "threshold", "stability"):
            arrays[name] = np.array([getattr(step, name) for step in self.steps], dtype=np.float32)
        for number, sides in enumerate(self._leading):
            if sides:
                arrays[f"leading-{number}"] = np.stack([each.items for each in sides])
                arrays[f"scores-{number}"] = np.stack([each.scores for each in sides])
        return arrays

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take the place of the state that gave these arrays."""
        items = {name: array for name, array in arrays.items() if name.startswith("items-")}
        self._items.load({name.removeprefix("items-"): array for name, array in items.items()})
        self._ids = [arrays["ids"].astype(np.uint32)] if len(arrays["ids"]) else []
        self._n = int(arrays["n"].astype(np.int64))
        parts = [self._watched(arrays[name].astype(np.float32)) for name in ("churn", "threshold", "stability")]
        sizes = arrays["steps"].astype(np.int64).tolist()
        self._steps = [Step(*size, *(part[number] for part in parts)) for number, size in enumerate(sizes)]
        self._n_at_step = self._steps[-1].n_sentences if self._steps else 0
        nothing = np.empty(0, dtype=np.bool_)
        self._leading = [[] for _ in self._steps]
        for number in range(len(self._steps)):
            if f"leading-{number}" in arrays:
                leading = self._watched(arrays[f"leading-{number}"].astype(np.int32), axis=1)
                scores = self._watched(arrays[f"scores-{number}"].astype(np.float32), axis=1)
                self._leading[number] = [LeadingItems(*both, nothing) for both in zip(leading, scores, strict=True)]

    def _watched(self, array: NDArray[Any], *, axis: int = -1) -> NDArray[Any]:
        """Leave out neurons that an earlier version, which looked at all, has written down."""
        fits = not array.size or array.shape[axis] == len(self.neurons)
        return array if fits else array.take(self.neurons, axis=axis)


def _still_wanted(
    ids: NDArray[np.int64], *, sampled: NDArray[np.int64], used: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say which sentences some list held when it was looked into, or were read since; ids ascend."""
    if np.array_equal(ids, sampled):
        return used
    places = np.minimum(np.searchsorted(sampled, ids), max(len(sampled) - 1, 0))
    wanted = np.ones(len(ids), dtype=np.bool_)
    if len(sampled):
        there = sampled[places] == ids
        wanted[there] = used[places[there]]
    return wanted
