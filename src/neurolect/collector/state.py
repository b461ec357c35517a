"""Everything a pass accumulates, as one state that is updated, merged, saved and loaded."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.collector.background import Background
from neurolect.collector.convergence.monitor import Convergence
from neurolect.collector.convergence.sampled_items import FoundItems, ItemShare, item_share
from neurolect.collector.lists.moments import ChunkSums, Moments
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.lists.top_lists import TopLists
from neurolect.collector.parts import Lists, MomentSums, SampleRows
from neurolect.model.options import LATENT

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neurolect.collector.device.lists import DeviceTopLists
    from neurolect.collector.device.peaks import Peaks
    from neurolect.collector.device.transfers import OnItsWay


class Plan(NamedTuple):
    """What the state is made for; part of no checkpoint, but the same on every start.

    ``with_tokens``: Whether lists keep the model token (max pooling).
    ``gated``: Whether tokens say the sign of the neuron's gate, by their complement.
    ``by_minimum``: Whether bottom lists are of the lowest values of sentences.
    ``latents``: Ranges of neurons that are latents of sparse autoencoders: where they are 0 is no evidence.
    ``peak_entries``: First entries of each list whose values about the firing token are kept.
    ``step_length``: Sentences between two looks of the convergence monitor.
    """

    n_neurons: int
    list_size: int
    sides: tuple[str, ...]
    with_tokens: bool
    fields: tuple[str, ...]
    gated: bool = False
    by_minimum: bool = False
    latents: tuple[tuple[int, int], ...] = ()
    peak_entries: int = 0
    step_length: int = 1 << 62
    monitor_sentences: int = 200
    seed: int = 0

    @property
    def n_list_bytes(self) -> int:
        """Bytes of full lists, which are most of a checkpoint."""
        n_lists = self.n_neurons * len(self.sides)
        return n_lists * (self.list_size * (10 if self.with_tokens else 8) + 34 * self.peak_entries)

    @property
    def peak_sides(self) -> tuple[str, ...]:
        """Sides whose entries are the extremes of a sentence's values."""
        return tuple(side for side in self.sides if self.peak_entries and (side == "top" or self.by_minimum))

    @property
    def monitor_seed(self) -> int:
        """Chooses the sentences; not the seed itself, for then the uniform sample would be looked into."""
        return ~self.seed

    @property
    def watched(self) -> ItemShare:
        """Which sentences the monitor looks into."""
        return item_share(sampled=self.monitor_sentences, list_size=self.list_size, seed=self.monitor_seed)


def latents_of(site_layers: Iterable[tuple[str, int, int]]) -> tuple[tuple[int, int], ...]:
    """Say which neurons are latents of sparse autoencoders.

    ``site_layers``: Site, layer and width of each, in neuron order.

    Examples
    --------
    >>> latents_of([("hidden", 1, 4), ("latent.own", 1, 32)])
    ((4, 36),)
    """
    found, start = [], 0
    for site, _, width in site_layers:
        if site.partition(".")[0] == LATENT:
            found.append((start, start + width))
        start += width
    return tuple(found)


class CollectState:
    """Lists, moments, sample and background of the sentences read so far.

    ``n_sentences, n_cut, n_empty``: Sentences fed, cut at the model's limit, without any token.
    ``n_skipped``: Sentences left out of a layer's lists because its activations were not finite, by ``site.layer``.
    ``n_widened``: Sentences run again in a wider number format because the usual one overflowed, by format.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        moments: Moments,
        sample: SampleActivations,
        device: "torch.device | None" = None,
        spilled: bool = False,
    ) -> None:
        self.plan, self.device = plan, device
        self.lists = {side: _new_lists(plan, side, device, spilled=spilled) for side in plan.sides}
        self.moments: MomentSums = moments
        self.sample: SampleRows = sample
        if device is not None:
            from neurolect.collector.device.moments import DeviceMoments, DeviceSample

            self.moments = DeviceMoments(moments, device=device)
            self.sample = DeviceSample(sample, device=device)
        self.peaks = new_peaks(plan, device)
        self.background = Background(plan.fields)
        self.convergence = Convergence(
            plan.fields,
            n_neurons=plan.n_neurons,
            list_size=plan.list_size,
            length=plan.step_length,
            sampled=plan.monitor_sentences,
            seed=plan.monitor_seed,
        )
        self._sums = ChunkSums()
        self._powers: tuple[int, NDArray[np.float64] | OnItsWay] | None = None
        self.n_sentences = 0
        self.n_cut = 0
        self.n_empty = 0
        self.n_skipped: dict[str, int] = {}
        self.n_widened: dict[str, int] = {}

    def look(self, activations: "Tensor", lows: "Tensor | None" = None) -> "dict[str, OnItsWay | None]":
        """Ask what the next update must know of a batch, where the state is kept on a device.

        ``activations``: float32 Tensor, shape (n_sentences, n_neurons). The batch.
        ``lows``: Same shape. Its lowest values, where bottom lists are of these.
        """
        low = activations if lows is None else lows
        return {
            side: lists.look(self._evidence(activations if side == "top" else low, side))
            for side, lists in self.lists.items()
        }

    def _evidence(self, activations: Any, side: str) -> Any:  # noqa: ANN401 - array or tensor
        """Blank latents where they are 0, and on the other side everywhere: lists pass NaN over."""
        if not self.plan.latents:
            return activations
        made = activations.copy() if isinstance(activations, np.ndarray) else activations.clone()
        for start, stop in self.plan.latents:
            part = made[:, start:stop]
            part[(part <= 0) if side == "top" else (part == part)] = np.nan
        return made

    def update(
        self,
        activations: Any,  # noqa: ANN401 - an array of the host's, or a tensor of the device's
        *,
        sentence_ids: NDArray[np.int64],
        tokens: Any = None,  # noqa: ANN401
        lows: Any = None,  # noqa: ANN401
        low_tokens: Any = None,  # noqa: ANN401
        looks: "Mapping[str, OnItsWay | None] | None" = None,
    ) -> None:
        """Take in one batch; what is kept about firing tokens was taken in while it ran.

        ``activations``: float32 array, or tensor where the state is kept on a device; (n_sentences, n_neurons). NaN
            where they are to be left out.
        ``sentence_ids``: int64, shape (n_sentences,). Of the rows.
        ``tokens``: int16, shape (n_sentences, n_neurons). With max pooling.
        ``lows``, ``low_tokens``: As the first and the third, where bottom lists are of the lowest values.
        ``looks``: From :meth:`look`, with the same activations and no update since.
        """
        for side, lists in self.lists.items():
            look = None if looks is None else looks[side]
            values, at = (activations, tokens) if lows is None or side == "top" else (lows, low_tokens)
            lists.update(self._evidence(values, side), sentence_ids=sentence_ids, tokens=at, look=look)
        self.moments.update(activations)
        self.sample.update(activations, sentence_ids=sentence_ids)
        self.n_sentences += len(sentence_ids)

    def end_chunk(
        self,
        sentences: pa.Table,
        *,
        number: int,
        n_cut: int,
        n_empty: int,
        background: Background | None = None,
        items: FoundItems | None = None,
    ) -> bool:
        """Count what needs no model once a chunk's batches are through, and watch the lists.

        ``items``: Words and metadata values of some, for the convergence monitor, where they are found already.
        Returns: Whether the convergence monitor took a step.
        """
        self._add_powers()
        self._powers = number, self.moments.take_powers()
        if background is None:
            self.background.update(sentences)
        else:
            self.background.merge(background)
        self.n_cut += n_cut
        self.n_empty += n_empty
        return self.convergence.end_chunk(sentences, self.lists, items=items)

    def _add_powers(self) -> None:
        """Add the last chunk's sums, which a device may still have been at work on."""
        if self._powers is not None:
            number, powers = self._powers
            self._sums.add(number, powers if isinstance(powers, np.ndarray) else powers.array())
        self._powers = None

    def merge(self, other: "CollectState") -> None:
        """Take in the state of other sentences.

        ``other``: Same plan, shift, bins and sample.
        """
        for side, lists in self.lists.items():
            lists.merge(other.lists[side])
        self.merge_peaks(other.peaks)
        self.convergence.merge(other.convergence, lists=self.lists, others=other.lists)
        self.moments.merge(other.moments)
        self._add_powers()
        other._add_powers()
        self._sums.merge(other._sums)
        self.sample.merge(other.sample)
        self.background.merge(other.background)
        self.n_sentences += other.n_sentences
        self.n_cut += other.n_cut
        self.n_empty += other.n_empty
        for key, n in other.n_skipped.items():
            self.n_skipped[key] = self.n_skipped.get(key, 0) + n
        for key, n in other.n_widened.items():
            self.n_widened[key] = self.n_widened.get(key, 0) + n

    @property
    def reach(self) -> "tuple[Tensor, Tensor] | None":
        """What highest and lowest values must reach to be listed, where lists on a device are of both."""
        if self.device is None or not self.plan.by_minimum or len(self.lists) < 2:
            return None
        lists: Any = self.lists
        return lists["top"].reach, lists["bottom"].reach

    def merge_peaks(self, other: "Mapping[str, Peaks]") -> None:
        """Take in what was kept about the firing tokens of other sentences."""
        for side, peaks in self.peaks.items():
            peaks.merge(other[side])

    def settle(self) -> None:
        """Bring moments and sample to the host, to be finished; lists are finished where they are. Done once."""
        moments = self.moments.to_host()
        self.moments, self.sample = moments, self.sample.to_host()
        self._add_powers()
        moments.add_powers(self._sums.total())
        self._sums = ChunkSums()

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Give the state as arrays."""
        self._add_powers()
        parts: dict[str, Any] = {f"lists-{side}": lists for side, lists in self.lists.items()}
        parts |= {f"peaks-{side}": peaks for side, peaks in self.peaks.items()}
        parts |= {
            "moments": self.moments,
            "sums": self._sums,
            "sample": self.sample,
            "background": self.background,
            "convergence": self.convergence,
        }
        arrays = {
            f"{part}.{name}": array for part, state in parts.items() for name, array in state.to_arrays().items()
        }
        counts = {
            "n_sentences": self.n_sentences,
            "n_cut": self.n_cut,
            "n_empty": self.n_empty,
            "n_skipped": self.n_skipped,
            "n_widened": self.n_widened,
        }
        arrays["counts.json"] = np.frombuffer(json.dumps(counts).encode(), dtype=np.uint8)
        return arrays

    @classmethod
    def from_arrays(
        cls,
        arrays: dict[str, NDArray[np.generic]],
        *,
        plan: Plan,
        device: "torch.device | None" = None,
        spilled: bool = False,
    ) -> "CollectState":
        """Make a state from arrays."""

        def part(name: str) -> dict[str, NDArray[np.generic]]:
            return {key.split(".", 1)[1]: array for key, array in arrays.items() if key.startswith(f"{name}.")}

        moments = Moments.from_arrays(part("moments"))
        state = cls(
            plan,
            moments=moments,
            sample=SampleActivations.from_arrays(part("sample")),
            device=device,
            spilled=spilled,
        )
        state.background = Background.from_arrays(part("background"), fields=plan.fields)
        for side in plan.sides:
            state.lists[side] = _lists_from(part(f"lists-{side}"), plan, side, device, spilled=spilled)
        for side, peaks in state.peaks.items():
            state.peaks[side] = peaks.from_arrays(part(f"peaks-{side}"), side=side, device=peaks.device)
        state._sums = ChunkSums.from_arrays(part("sums"))
        state.convergence.load(part("convergence"))
        counts = json.loads(arrays["counts.json"].astype(np.uint8).tobytes())
        state.n_sentences, state.n_cut, state.n_empty = counts["n_sentences"], counts["n_cut"], counts["n_empty"]
        state.n_skipped, state.n_widened = counts["n_skipped"], counts.get("n_widened", {})
        return state


def new_peaks(
    plan: Plan, device: "torch.device | None", *, floor: "Mapping[str, Peaks] | None" = None
) -> "dict[str, Peaks]":
    """Start what is kept about firing tokens, by side; on the host where there is no device.

    ``floor``: What it will be merged into.
    """
    if not plan.peak_sides:
        return {}
    import torch

    from neurolect.collector.device.peaks import Peaks

    place = torch.device("cpu") if device is None else device
    return {
        side: Peaks(plan.n_neurons, plan.peak_entries, side=side, device=place, floor=(floor or {}).get(side))
        for side in plan.peak_sides
    }


def _new_lists(plan: Plan, side: str, device: "torch.device | None", *, spilled: bool) -> Lists:
    known: dict[str, Any] = {"side": side, "with_tokens": plan.with_tokens}
    if device is None:
        return TopLists(plan.n_neurons, plan.list_size, **known)
    return _kind(spilled=spilled)(plan.n_neurons, plan.list_size, device=device, **known)


def _lists_from(
    arrays: dict[str, NDArray[np.generic]], plan: Plan, side: str, device: "torch.device | None", *, spilled: bool
) -> Lists:
    known: dict[str, Any] = {"list_size": plan.list_size, "side": side, "with_tokens": plan.with_tokens}
    if device is None:
        return TopLists.from_arrays(arrays, **known)
    return _kind(spilled=spilled).from_arrays(arrays, device=device, **known)


def _kind(*, spilled: bool) -> "type[DeviceTopLists]":
    """Choose how lists are kept on a device."""
    from neurolect.collector.device.lists import DeviceTopLists
    from neurolect.collector.device.spilled import SpilledTopLists

    return SpilledTopLists if spilled else DeviceTopLists
