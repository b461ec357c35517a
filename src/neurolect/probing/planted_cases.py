"""Cases of the planted bench: a planted model's neurons at labelled words, and which are right for a concept.

Dims: T units, N neurons.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.folders.atomic import write_table
from neurolect.model import ModelOptions
from neurolect.planted import PlantedNeuron, planted_corpus, planted_model, read_truth
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.activations.stage import read_activations
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.splits import PARTS
from neurolect.probing.labels import Parts
from neurolect.probing.options import BenchOptions
from neurolect.probing.rows import ArrayRows
from neurolect.probing.samples import Sample

LABELS = "labels.parquet"
TRAPS = ("distractor", "scale", "doer")
"""Roles that no concept is planted for."""
_SAME_INPUT = {"first_two": "position"}
"""What a distractor reads is what a planted neuron of this concept reads."""
_FEWEST = 20
"""Training units of a concept."""


class PlantedCase(NamedTuple):
    """One planted model with the activations of its mlp neurons at every word of texts."""

    seed: int
    noise: float
    folder: Path
    addresses: list[str]
    values_TN: NDArray[np.float32]
    split_T: NDArray[np.int8]
    """0 train, 1 dev, 2 test."""
    sentences_T: NDArray[np.int64]
    concepts: dict[str, NDArray[np.bool_]]
    """Of every concept that neurons are planted for: which words it holds of, shape (T,)."""
    neurons: tuple[PlantedNeuron, ...]
    """The planted mlp neurons."""
    kin: dict[str, frozenset[str]]
    """Of every concept the others that imply it or that it implies: neither right nor wrong."""

    def right(self, concept: str, role: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Say which neurons are of a role and concept, and which are left out; each of shape (N,)."""
        places = {address: place for place, address in enumerate(self.addresses)}
        right, left_out = (np.zeros(len(places), np.bool_) for _ in range(2))
        for each in self.neurons:
            if each.concept == concept and each.role == role:
                right[places[each.address]] = True
            elif each.concept is not None and each.concept in self.kin[concept]:
                left_out[places[each.address]] = True
        return right, left_out

    def of_role(self, role: str) -> NDArray[np.int64]:
        """Give the neurons of a role."""
        addresses = {each.address for each in self.neurons if each.role == role}
        return np.array([place for place, each in enumerate(self.addresses) if each in addresses], np.int64)

    def sample(self, concept: str, *, units: int) -> Sample | None:
        """Sample words it holds of and as many others in every part; None where there are too few."""
        holds, split = self.concepts[concept], self.split_T
        drawn = np.random.default_rng([self.seed, sorted(self.concepts).index(concept)])
        chosen = []
        for part, most in enumerate((units, max(2, units // 4), max(2, units // 4))):
            own, rest = (np.flatnonzero((split == part) & which) for which in (holds, ~holds))
            n = min(len(own), len(rest), most // 2)
            both = [drawn.choice(each, n, replace=False) for each in (own, rest)]
            chosen.append(np.sort(np.concatenate(both)))
        if len(chosen[0]) < 2 * _FEWEST or min(map(len, chosen)) == 0:
            return None
        ids, ends = np.concatenate(chosen), np.cumsum([0, *map(len, chosen)])
        parts = Parts(*(np.arange(ends[part], ends[part + 1]) for part in range(3)))
        facts = {name: {"units": len(each)} for name, each in zip(PARTS, parts, strict=True)}
        labels, classes = holds[ids].astype(np.int64), ("other", concept)
        return Sample(ArrayRows(self.values_TN[ids]), labels, classes, parts, ids, self.sentences_T[ids], facts)


def make_case(folder: Path, *, seed: int, noise: float, options: BenchOptions) -> PlantedCase:
    """Make a model, texts and a store of activations, or open those that were made before."""
    own = folder / f"seed{seed}_noise{noise:g}_{options.sentences}"
    texts = folder / f"texts_seed{seed}_{options.sentences}"
    if not texts.exists():
        planted_corpus(texts, sentences=options.sentences, seed=seed + 1)
    if not (own / "model").exists():
        planted_model(own / "model", seed=seed, noise=noise)
    store = read_activations(
        str(own / "model"),
        texts / LABELS,
        out=own / "activations",
        concept="position",  # so that every word is a unit
        options=ActivationsOptions(dtype="float32"),
        model_options=ModelOptions(sites=("mlp",)),
    )
    truth = read_truth(own / "model")
    neurons = tuple(each for each in truth.neurons if each.address.startswith("mlp."))
    names = sorted({each.concept for each in neurons if each.concept in truth.concepts and each.role not in TRAPS})
    concepts = _held(store, texts / LABELS, names)
    values = np.concatenate([np.asarray(block, np.float32) for _, block in store.blocks()])
    sentences = store.table(columns=["sentence_id"]).column("sentence_id").to_numpy()
    kin = kin_of(concepts)
    made = PlantedCase(seed, noise, own, store.addresses, values, store.split, sentences, concepts, neurons, kin)
    _write_labels(made, store, options)
    return made


def _held(store: ActivationStore, labels: Path, names: list[str]) -> dict[str, NDArray[np.bool_]]:
    """Look up of which units concepts hold."""
    units, table = store.table(columns=["sentence_id", "word_index"]), pq.read_table(labels, columns=names)
    lengths = pc.list_value_length(table.column(names[0])).to_numpy()
    firsts = np.cumsum(lengths) - lengths
    places = firsts[units.column("sentence_id").to_numpy()] + units.column("word_index").to_numpy()
    return {
        name: table.column(name).combine_chunks().flatten().to_numpy(zero_copy_only=False)[places] for name in names
    }


def kin_of(concepts: Mapping[str, NDArray[np.bool_]]) -> dict[str, frozenset[str]]:
    """Find the concepts that imply each or that it implies, itself included."""
    found = {}
    for name, own in concepts.items():
        kin = {other for other, each in concepts.items() if not (own & ~each).any() or not (each & ~own).any()}
        found[name] = frozenset(kin | ({_SAME_INPUT[name]} if name in _SAME_INPUT else set()))
    return found


def _write_labels(case: PlantedCase, store: ActivationStore, options: BenchOptions) -> None:
    """Write of every unit whether each concept holds, null where it is not among the sampled ones."""
    units = store.table(columns=["unit_id", "split"])
    columns = {name: units.column(name) for name in units.column_names}
    for concept, holds in case.concepts.items():
        sample = case.sample(concept, units=options.units)
        sampled = np.isin(np.arange(len(holds)), [] if sample is None else sample.units)
        columns[concept] = pa.array(holds, pa.bool_(), mask=~sampled)
    write_table(case.folder / LABELS, pa.table(columns))
