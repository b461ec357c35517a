"""Which neurons are named, from which sentences, and on which held-out ones their names are judged."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.finding.labelled import matched
from neurolect.interventions.changes import read_address
from neurolect.naming.options import NameOptions
from neurolect.results.number import nearly_constant
from neurolect.signatures.firing.listed_tokens import firing_sides
from neurolect.store import Neuron, Run
from neurolect.store.sides import check_side
from neurolect.store.stages import check_current
from neurolect.visible import quoted

FEWEST = 3
"""Held-out sentences of a neuron at least; with fewer a name is not judged."""


class Judged(NamedTuple):
    """Held-out sentences in the order in which a judge reads them."""

    sentence_ids: list[int]
    texts: list[str]
    activations: list[float]
    fits: NDArray[np.bool_]
    """Which are the neuron's highest (of a bottom list lowest)."""


class HeldOut:
    """The held-out part of a run."""

    def __init__(self, run: Run, options: NameOptions) -> None:
        check_side(options.side, run.sides, of=run.folder)
        check_current(run.folder, run.manifest, "describe")
        if not run.files.has("held_out/activations.npy"):
            what = f"The run folder {run.folder} has no held-out sentences to judge names on."
            hint = f"Have the model read them now: neurolect fidelity {quoted(run.folder)} --model MODEL"
            raise RunFolderError(what, hint=hint)
        if options.side == "bottom" and "bottom" in firing_sides(run):
            what = f"The bottom lists of {run.folder} are of lowest values, on which names are not judged."
            raise RunFolderError(what, hint="Name the top lists: --set name.side=top")
        self._activations = run.array("held_out/activations")
        table = run.table("held_out/sentences")
        self._texts: pa.ChunkedArray = table.column("text")
        self._ids: NDArray[np.int64] = table.column("sentence_id").to_numpy()
        self._lengths = np.array([len(each.split()) for each in self._texts.to_pylist()], np.int64)
        self._still, self._options = nearly_constant(run), options

    def judged(self, neuron_id: int) -> Judged | None:
        """Choose a neuron's highest sentences and as many of the lower half, as long; None for too few.

        Names are blind to them: lists are of other documents.
        """
        values = np.asarray(self._activations[neuron_id], np.float64)
        values = values if self._options.side == "top" else -values
        rows = np.flatnonzero(np.isfinite(values))
        n = min(self._options.judged, len(rows) // 4)
        if n < FEWEST or self._still[neuron_id]:
            return None
        random = np.random.default_rng([self._options.seed, neuron_id])
        order = rows[np.argsort(-values[rows], kind="stable")]
        highest, others = order[:n], random.permutation(order[len(order) // 2 :])  # of equally long ones any
        other = matched(highest, others, n_words=self._lengths, groups=np.zeros(len(values), np.int64))
        order = random.permutation(2 * n)
        chosen = np.concatenate([highest, other])[order]
        sign = 1.0 if self._options.side == "top" else -1.0
        return Judged(
            self._ids[chosen].tolist(),
            self._texts.take(pa.array(chosen)).to_pylist(),
            (sign * values[chosen]).tolist(),
            order < n,
        )


def shown_sentences(neuron: Neuron, options: NameOptions) -> tuple[list[str], list[str]]:
    """Give the first sentences of a list, each once, and random ones of the sample that are not in it."""
    listed = neuron.list(options.side, limit=20 * options.shown)
    texts = list(dict.fromkeys(listed.column("text").to_pylist()))[: options.shown]
    whole = neuron.rows(f"lists/{options.side}").column("sentence_id").to_numpy()
    sample = neuron.run.table("sample/sentences", columns=["sentence_id"]).column("sentence_id").to_numpy()
    others = np.setdiff1d(sample, whole)
    random = np.random.default_rng([options.seed, neuron.neuron_id])
    drawn = np.sort(random.choice(others, min(options.contrast, len(others)), replace=False))
    contrast = neuron.run.take_sentences(drawn).column("text").to_pylist() if len(drawn) else []
    return texts, contrast


def choose_neurons(run: Run, neurons: Sequence[str], options: NameOptions) -> NDArray[np.int64]:
    """Give the ids of the neurons to name, ascending.

    ``neurons``: Addresses (``mlp.15.200``, ``mlp.15.0-9``, ``mlp.15``); with none ``name.neurons`` at random,
        equally by layer, but no constant ones.
    """
    if neurons:
        return np.unique(np.concatenate([_ids(run, each) for each in neurons]))
    still, random = nearly_constant(run), np.random.default_rng(options.seed)
    groups, first = [], 0
    for each in run.manifest["model"]["sites"]:
        own = np.arange(first, first + int(each["width"]))
        groups.append(random.permutation(own[~still[own]]))
        first += int(each["width"])
    longest = max(map(len, groups))
    turns = [group[turn] for turn in range(longest) for group in groups if turn < len(group)]
    return np.sort(np.array(turns[: options.neurons], np.int64))


def _ids(run: Run, address: str) -> NDArray[np.int64]:
    """Give the neurons of an address."""
    if address.count(".") == 2 and "-" not in address:
        return np.array([run.index.neuron_id(address)], np.int64)
    site, layer, columns = read_address(address)
    if columns is None:
        widths = [
            int(each["width"])
            for each in run.manifest["model"]["sites"]
            if (each["site"], int(each["layer"])) == (site, layer)
        ]
        columns = np.arange(widths[0]) if widths else np.zeros(1, np.int64)
    first = run.index.neuron_id(f"{site}.{layer}.{columns[0]}")
    run.index.neuron_id(f"{site}.{layer}.{columns[-1]}")
    return np.asarray(first + np.arange(len(columns)), np.int64)
