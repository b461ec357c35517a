"""Watch whether the lists and what they say still change while the corpus streams by.

Going from n to n + m sentences of exchangeable order replaces an expected share m / (n + m) of ANY list, so churn
alone never shows that a list has settled; churn off that law shows an ordered corpus. What settles is what the
list's sentences have in common: at each step every list's leading words and metadata values are compared with
those at half as many sentences, when at least half of the list was another.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.convergence.leading_items import LeadingItems, kept_evidence, leading_items
from neurolect.collector.convergence.sampled_items import FoundItems, SampledItems, item_share
from neurolect.collector.parts import Lists

_STEPS = 20
_LEAST_STEP = 10_000


class Step(NamedTuple):
    """What was seen at one moment of the pass; arrays hold a row for each side and a column for each neuron.

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
    churn: list[NDArray[np.float64]]
    thresholds: list[NDArray[np.float32]]
    sampled: NDArray[np.int64]
    """Ids of the sampled sentences held then."""
    leading: "Future[tuple[list[LeadingItems], list[NDArray[np.float32]]]]"


class Convergence:
    """The monitor of one pass.

    ``sampled``: Sentences of each list that are looked into, about.
    ``aside``: Look into the lists in a thread while the pass goes on; steps are the same.
    """

    def __init__(self, fields: tuple[str, ...], *, list_size: int, length: int, sampled: int, seed: int) -> None:
        self.length = length
        self.aside = False
        self._steps: list[Step] = []
        self._look: _Look | None = None
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="neurolect-monitor")
        self._n_at_step = 0
        self._items = SampledItems(fields, share=item_share(sampled=sampled, list_size=list_size, seed=seed))
        self._leading: list[list[LeadingItems]] = []
        self._n = 0
        self._ids: list[NDArray[np.uint32]] = []

    @property
    def steps(self) -> list[Step]:
        """Steps taken, in their order; waits for the last."""
        self._finish()
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
        finished = self._look is not None and self._look.leading.done()
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
        self._finish()
        ids = np.concatenate(self._ids)
        rows, shares = self._items.rows(), self._items.shares
        churn, thresholds, entries = [], [], []
        for each in lists.values():
            n_new, fill = each.count_among(ids.astype(np.int64))
            churn.append(n_new / np.maximum(fill, 1))
            entries.append(each.entries_for(rows[0]))
            thresholds.append(each.thresholds.copy())
        number = len(self._steps) + 1
        before = self._leading[number // 2 - 1] if number > 1 else None

        def look() -> tuple[list[LeadingItems], list[NDArray[np.float32]]]:
            # Aside, half of the processors are left to what the pass does.
            share = 0.5 if self.aside else 1.0
            leading = [leading_items(*each, rows=rows, shares=shares, cores=share) for each in entries]
            if before is None:
                return leading, [np.full(len(each), np.nan, dtype=np.float32) for each in churn]
            return leading, [kept_evidence(*pair) for pair in zip(before, leading, strict=True)]

        self._look = _Look(self._n, len(ids), churn, thresholds, rows[0], self._looking.submit(look))
        self._ids, self._n_at_step = [], self._n
        if not self.aside:
            self._finish()

    def _finish(self) -> None:
        """Take in what was seen at the last step; the same whenever it is done before the next."""
        if self._look is None:
            return
        seen, self._look = self._look, None
        leading, stability = seen.leading.result()
        used = np.any([each.used for each in leading], axis=0)
        self._items.keep(_still_wanted(self._items.rows()[0], sampled=seen.sampled, used=used))
        nothing = np.empty(0, dtype=np.bool_)
        self._leading.append([LeadingItems(each.items, each.scores, nothing) for each in leading])
        # earlier ones than half of the next step's number are never looked at again
        for old in range((len(self._leading) + 1) // 2 - 1):
            self._leading[old] = []
        parts = (np.array(part, dtype=np.float32) for part in (seen.churn, seen.thresholds, stability))
        self._steps.append(Step(seen.n_sentences, seen.n_new, *parts))

    def merge(self, other: "Convergence", *, lists: Mapping[str, Lists], others: Mapping[str, Lists]) -> None:
        """Take other sentences' lists as one more step; whether evidence was kept is not known then."""
        self._finish()
        churn = []
        for side, each in lists.items():
            arrays, new = each.to_arrays(), others[side].to_arrays()
            keys, fill = arrays["keys"].astype(np.uint64, copy=False), arrays["fill"].astype(np.int64)
            last = np.where(np.arange(keys.shape[1]) < fill[:, None], keys, np.uint64(2**64 - 1)).min(axis=1)
            filled = np.arange(new["keys"].shape[1]) < new["fill"].astype(np.int64)[:, None]
            entered = filled & (new["keys"].astype(np.uint64) >= last[:, None])
            churn.append(entered.sum(axis=1) / np.maximum(fill, 1))
        self._n += other.n_read
        thresholds = np.array([each.thresholds for each in lists.values()], dtype=np.float32)
        unknown = np.full_like(thresholds, np.nan)
        self._steps.append(Step(self._n, other.n_read, np.array(churn, dtype=np.float32), thresholds, unknown))
        self._leading.append([])
        self._n_at_step = self._n

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        self._finish()
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
        parts = [arrays[name].astype(np.float32) for name in ("churn", "threshold", "stability")]
        sizes = arrays["steps"].astype(np.int64).tolist()
        self._steps = [Step(*size, *(part[number] for part in parts)) for number, size in enumerate(sizes)]
        self._n_at_step = self._steps[-1].n_sentences if self._steps else 0
        nothing = np.empty(0, dtype=np.bool_)
        self._leading = [[] for _ in self._steps]
        for number in range(len(self._steps)):
            if f"leading-{number}" in arrays:
                leading = arrays[f"leading-{number}"].astype(np.int32)
                scores = arrays[f"scores-{number}"].astype(np.float32)
                self._leading[number] = [LeadingItems(*both, nothing) for both in zip(leading, scores, strict=True)]


def _still_wanted(
    ids: NDArray[np.int64], *, sampled: NDArray[np.int64], used: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Say which sentences some list held when it was looked into, or were read since; ids ascend."""
    if len(ids) == len(sampled):
        return used
    places = np.minimum(np.searchsorted(sampled, ids), max(len(sampled) - 1, 0))
    wanted = np.ones(len(ids), dtype=np.bool_)
    if len(sampled):
        there = sampled[places] == ids
        wanted[there] = used[places[there]]
    return wanted
