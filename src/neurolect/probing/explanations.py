"""Formulas for the neurons of a store: atoms of its units, searched on training units, measured on others.

Dims: T units, N neurons, A atoms.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError, nearest
from neurolect.probing.activations.reader import ActivationStore, open_activations
from neurolect.probing.formulas import Explained, explain, measure
from neurolect.probing.labels import check_finite
from neurolect.probing.options import FormulaOptions
from neurolect.probing.rows import widened
from neurolect.probing.samples import Sample, draw_sample, fingerprints
from neurolect.progress import NullProgress, Progress
from neurolect.results import ranking_table

BATCH = 16


class Atoms(NamedTuple):
    """What is true of units, in words."""

    names: list[str]
    holds_AT: NDArray[np.bool_]
    is_open: NDArray[np.bool_]
    """Shape (A,): of a set without end (words), of which few are taken for each neuron."""


def explain_neurons(
    activations: ActivationStore | str | Path,
    *,
    neurons: Sequence[str] = (),
    random: ActivationStore | str | Path | None = None,
    options: FormulaOptions | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """Find for each neuron the formula over words and labels whose units are those that the neuron is highest at.

    Searched on training units and measured on test units, at the threshold of the training units.

    Parameters
    ----------
    activations : ActivationStore, str or Path
        From :func:`read_activations`, of words or sentences.
    neurons : sequence of str, optional
        Addresses (``hidden.3.99``) or layers (``hidden.3``); all when not given.
    random : ActivationStore, str or Path, optional
        The same units read by the model with random weights.
    options : FormulaOptions, optional
        Threshold, atoms and search.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    pyarrow.Table
        A ranking by ``score``, the intersection over union on the test units. ``formula``, ``n_atoms``, ``train``
        (intersection over union there), ``precision`` and ``recall`` (test), ``atom`` and ``atom_score`` (the best
        atom alone), ``free_score`` (of the formula without a penalty), ``shuffled_score`` (the search after the
        units are permuted) and ``random_score`` (null without `random`).

    Raises
    ------
    ProbingError
        If units are pairs, there is no atom, activations are not finite, or `random` has other units.
    OptionError
        If there is no such neuron.

    References
    ----------
    J. Mu, J. Andreas (2020), Compositional explanations of neurons, NeurIPS.
    """
    store = activations if isinstance(activations, ActivationStore) else open_activations(activations)
    options, progress = options or FormulaOptions(), progress or NullProgress()
    if store.n_parts > 1:
        what = "The units are pairs of words."
        raise ProbingError(what, expected="words or sentences", hint="Read them with another --concept.")
    columns = _columns(store, neurons)
    sample = draw_sample(store, sizes=_sizes(options), seed=options.seed)
    other = None if random is None else _same_units(store, random, options)
    atoms = atoms_of(store, sample, min_count=options.min_count)
    rows = list[dict[str, Any]]()
    with progress.task("Searching formulas", total=len(columns), unit="neurons") as task:
        for first in range(0, len(columns), BATCH):
            some = columns[first : first + BATCH]
            rows += _explained(sample, other, some, atoms, options)
            task.advance(len(some))
    addresses = [store.addresses[each] for each in columns.tolist()]
    scores = np.array([each["score"] for each in rows])
    order = np.argsort(-scores, kind="stable")
    made = {"address": [addresses[each] for each in order]}
    made |= {name: [rows[each][name] for each in order] for name in rows[0]}
    details = {"sample": sample.facts, "n_atoms": len(atoms.names), "concept": store.manifest["concept"]}
    asked = {"neurons": list(neurons)} | asdict(options)
    return ranking_table(
        made,
        runs=fingerprints(store),
        method="formulas",
        options=asked,
        seed=options.seed,
        details=details,
        models=[each for each in [store.manifest["model"].get("fingerprint")] if each],
    )


def _columns(store: ActivationStore, neurons: Sequence[str]) -> NDArray[np.int64]:
    """Give the columns of addresses and layers."""
    places = {address: [place] for place, address in enumerate(store.addresses)}
    for place, address in enumerate(store.addresses):
        places.setdefault(address.rpartition(".")[0], []).append(place)
    for each in neurons:
        if each not in places:
            what = f"The store has no neuron or layer {each!r}."
            raise OptionError(what, expected="addresses", hint=f"The nearest: {nearest(each, list(places))}.")
    chosen = [place for each in neurons for place in places[each]] or list(range(store.n_neurons))
    return np.array(sorted(set(chosen)), np.int64)


def _same_units(store: ActivationStore, random: ActivationStore | str | Path, options: FormulaOptions) -> Sample:
    """Read the same units of another store."""
    other = random if isinstance(random, ActivationStore) else open_activations(random)
    if fingerprints(other)[1] != fingerprints(store)[1] or other.addresses != store.addresses:
        what = f"{other.folder} has other units, labels, parts or neurons than {store.folder}."
        raise ProbingError(what, expected="the same data and options, read by the model with random weights")
    if fingerprints(other)[0] == fingerprints(store)[0]:
        what = f"{other.folder} has the activations of {store.folder} itself, not those of random weights."
        hint = "Read the same data with the model of: neurolect variant MODEL random --out FOLDER."
        raise ProbingError(what, expected="activations of another model", hint=hint)
    return draw_sample(other, sizes=_sizes(options), seed=options.seed)


def _sizes(options: FormulaOptions) -> tuple[int, int, int]:
    return options.units, 1, max(1, options.units // 2)


def atoms_of(store: ActivationStore, sample: Sample, *, min_count: int) -> Atoms:
    """Say what is true of the sampled units; atoms of fewer training units are left out.

    Labels, those of the words before and after, place and form are closed sets; words are an open one.
    """
    table = store.table(columns=["sentence_id", "word_index", "word", "class_id"])
    codes = table.column("class_id").to_numpy(zero_copy_only=False)
    found = {name: codes[sample.units] == code for code, name in enumerate(sample.classes)}
    words = list[str]()
    if store.unit == "word":
        words = [each.lower() for each in table.column("word").take(pa.array(sample.units)).to_pylist()]
        found |= _near_and_form(table, codes, sample)
    n_closed = len(found)
    if words:
        coded, names = np.unique(np.array(words, np.str_), return_inverse=True)
        often = np.flatnonzero(np.bincount(names[sample.parts.train], minlength=len(coded)) >= min_count)
        found |= {f'"{coded[each]}"': names == each for each in often.tolist()}
    holds_AT = np.stack(list(found.values())) if found else np.zeros((0, len(sample.units)), np.bool_)
    counts_A = holds_AT[:, sample.parts.train].sum(axis=1)
    kept = np.flatnonzero((counts_A >= min_count) & (counts_A < len(sample.parts.train)))
    if not len(kept):
        what = f"Nothing is known of {min_count} training units or more: they have no words and no classes."
        raise ProbingError(what, expected="words, or labels that are classes")
    said = list(found)
    return Atoms([said[each] for each in kept.tolist()], holds_AT[kept], kept >= n_closed)


def _near_and_form(table: pa.Table, codes: NDArray[np.int64], sample: Sample) -> dict[str, NDArray[np.bool_]]:
    """Give the classes of the words before and after, and what a word looks like."""
    sentences, places = (
        table.column(name).to_numpy(zero_copy_only=False) for name in ("sentence_id", "word_index")
    )
    known = dict(zip(zip(sentences.tolist(), places.tolist(), strict=True), codes.tolist(), strict=True))
    found = dict[str, NDArray[np.bool_]]()
    for side, step in (("after", -1), ("before", 1)):
        near = np.array([known.get((int(sentences[each]), int(places[each]) + step), -1) for each in sample.units])
        found |= {f"{side} {name}": near == code for code, name in enumerate(sample.classes)}
    words = table.column("word").take(pa.array(sample.units)).to_pylist()
    found["first word"] = places[sample.units] == 0
    found["capitalised"] = np.array([each[:1].isupper() for each in words])
    found["with a digit"] = np.array([any(map(str.isdigit, each)) for each in words])
    return found


class _Active(NamedTuple):
    """Units at which some neurons are high, of the training and of the test part; each (N, T)."""

    train: NDArray[np.bool_]
    test: NDArray[np.bool_]

    def permuted(self, seed: int) -> "_Active":
        """Permute the units of either part."""
        drawn = np.random.default_rng(seed)
        return _Active(*(each[:, drawn.permutation(each.shape[1])] for each in self))


def _active(sample: Sample, columns: NDArray[np.int64], share: float) -> _Active:
    """Say at which units neurons are above the value that a share of the training units is above."""
    train, test = (
        np.concatenate([widened(block) for _, block in sample.rows.blocks(part, columns)]).T
        for part in (sample.parts.train, sample.parts.test)
    )
    check_finite(int((~np.isfinite(train)).any(axis=1).sum()), n_columns=len(columns))
    place = train.shape[1] - 1 - int(share * train.shape[1])
    edge_N = np.partition(train, place, axis=1)[:, place, None]
    return _Active(train > edge_N, test > edge_N)


def _explained(
    sample: Sample, other: Sample | None, columns: NDArray[np.int64], atoms: Atoms, options: FormulaOptions
) -> list[dict[str, Any]]:
    """Search for the formulas of some neurons, and of their controls."""
    active = _active(sample, columns, options.share)
    searches = {
        "": (active, options.penalty),
        "free": (active, 1.0),
        "shuffled": (active.permuted(options.seed + int(columns[0])), options.penalty),
    }
    if other is not None:
        searches["random"] = (_active(other, columns, options.share), options.penalty)
    found = {name: _search(sample, each, atoms, penalty, options) for name, (each, penalty) in searches.items()}
    alone = _search(sample, active, atoms, 1.0, options, length=1)
    rows = []
    for number, (train, test) in enumerate(found[""]):
        row: dict[str, Any] = {
            "score": test.overlap,
            "formula": train.formula.text(atoms.names) if train.formula.atoms else "",
        }
        row |= {"n_atoms": len(train.formula.atoms), "train": train.overlap}
        row |= {"precision": test.precision, "recall": test.recall}
        best = alone[number]
        row |= {
            "atom": best[0].formula.text(atoms.names) if best[0].formula.atoms else "",
            "atom_score": best[1].overlap,
        }
        for name in ("free", "shuffled", "random"):
            row[f"{name}_score"] = found[name][number][1].overlap if name in found else None
        rows.append(row)
    return rows


def _search(
    sample: Sample,
    active: _Active,
    atoms: Atoms,
    penalty: float,
    options: FormulaOptions,
    *,
    length: int | None = None,
) -> list[tuple[Explained, Explained]]:
    """Find formulas on the training units, and measure them there and on the test units."""
    leaves_NA = _leaves(
        active.train, atoms.holds_AT[:, sample.parts.train], atoms.is_open, n_open=options.open_atoms
    )
    used = np.flatnonzero(np.any(leaves_NA, axis=0))
    train, test = (
        np.ascontiguousarray(atoms.holds_AT[used][:, part]) for part in (sample.parts.train, sample.parts.test)
    )
    made = explain(
        active.train,
        train,
        beam=options.beam,
        length=length or options.length,
        penalty=penalty,
        leaves_NA=leaves_NA[:, used],
        batch=BATCH,
    )
    found = []
    for number, each in enumerate(made):
        formula = each.formula._replace(atoms=tuple(int(used[atom]) for atom in each.formula.atoms))
        there = Explained(each.formula, 0.0, 0.0, 0.0, 0.0)
        if each.formula.atoms:
            there = measure(each.formula, active.test[number], test)
        found.append((each._replace(formula=formula), there))
    return found


def _leaves(
    active_NT: NDArray[np.bool_], holds_AT: NDArray[np.bool_], is_open: NDArray[np.bool_], *, n_open: int
) -> NDArray[np.bool_]:
    """Say which atoms each neuron's formula may have: all closed ones, and open ones of the greatest overlap."""
    both_NA = active_NT.astype(np.float32) @ holds_AT.T.astype(np.float32)
    either_NA = active_NT.sum(axis=1)[:, None] + holds_AT.sum(axis=1)[None] - both_NA
    overlap_NA = np.where(is_open, both_NA / np.maximum(either_NA, 1), -1.0)
    best_N = np.argsort(-overlap_NA, axis=1, kind="stable")[:, :n_open]
    leaves_NA = np.tile(~is_open, (len(active_NT), 1))
    np.put_along_axis(leaves_NA, best_N, np.take_along_axis(overlap_NA, best_N, 1) > 0, 1)
    leaves_NA[:, ~is_open] = True
    return leaves_NA
