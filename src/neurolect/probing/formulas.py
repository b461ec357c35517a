"""Logical formulas over atoms whose units are those of a neuron: beam search on intersection over union.

Counts of all candidates are products of 0/1 matrices, exact in float32 up to 16 million units.
References: J. Mu, J. Andreas (2020), Compositional explanations of neurons, NeurIPS.
Dims: T units, N neurons, A atoms, B formulas of a beam.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import ProbingError

OPERATORS = ("OR", "AND", "AND NOT")


class Formula(NamedTuple):
    """Atoms joined from left to right: a, b, c by OR, AND NOT are (a OR b) AND NOT c."""

    atoms: tuple[int, ...]
    operators: tuple[str, ...] = ()

    def holds(self, atoms_AT: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say which units it is true of; shape (T,)."""
        found: NDArray[np.bool_] = atoms_AT[self.atoms[0]].copy()
        for operator, atom in zip(self.operators, self.atoms[1:], strict=True):
            other = atoms_AT[atom]
            found = found | other if operator == "OR" else found & (other if operator == "AND" else ~other)
        return found

    def text(self, names: Sequence[str]) -> str:
        """Write it with the atoms' names; brackets only where OR and AND meet."""
        found, kinds = names[self.atoms[0]], [each.split()[0] for each in self.operators]
        for place, (operator, atom) in enumerate(zip(self.operators, self.atoms[1:], strict=True)):
            if place and kinds[place] != kinds[place - 1]:
                found = f"({found})"
            found = f"{found} {operator} {names[atom]}"
        return found


class Explained(NamedTuple):
    """A neuron's best formula."""

    formula: Formula
    score: float
    """Intersection over union, times the penalty for each atom after the first."""
    overlap: float
    """Intersection over union."""
    precision: float
    """Share of the formula's units that are the neuron's."""
    recall: float
    """Share of the neuron's units that are the formula's."""


class _Member(NamedTuple):
    """A formula of a neuron's beam."""

    score: float
    formula: Formula
    units_T: Tensor
    fresh: bool


def explain(
    neurons_NT: NDArray[np.bool_],
    atoms_AT: NDArray[np.bool_],
    *,
    beam: int = 10,
    length: int = 5,
    penalty: float = 0.99,
    leaves_NA: NDArray[np.bool_] | None = None,
    batch: int = 16,
    device: str = "cpu",
) -> list[Explained]:
    """Find each neuron's best formula.

    A beam starts from the best atoms; each step joins its new formulas with every atom by OR, AND, AND NOT, and
    keeps the best of old and new. Ties go to what was there, then to the earlier formula, operator and atom.
    Candidates that change no unit of their formula, or are true of none, are left out.

    Parameters
    ----------
    neurons_NT : bool array, shape (n_neurons, n_units)
        Which units are each neuron's, e.g. those above a threshold.
    atoms_AT : bool array, shape (n_atoms, n_units)
        Which units each atom is true of.
    beam : int
        Formulas that are kept of a neuron.
    length : int
        Atoms at most.
    penalty : float
        What a score is multiplied by for each atom after the first; 1.00 in the paper.
    leaves_NA : bool array, shape (n_neurons, n_atoms), optional
        Which atoms may be in a neuron's formula; all when not given.
    batch : int
        Neurons that are searched for together.
    device : str
        A PyTorch device.

    Returns
    -------
    list of Explained
        By neuron: ``formula``, ``score``, ``overlap``, ``precision``, ``recall``.

    Raises
    ------
    ProbingError
        If units are not the same, or there is no atom.

    References
    ----------
    J. Mu, J. Andreas (2020), Compositional explanations of neurons, NeurIPS.

    Examples
    --------
    >>> units = np.array([[True, True, False, False]])
    >>> atoms = np.array([[True, False, False, False], [False, True, False, False], [False, False, True, True]])
    >>> explain(units, atoms)[0].formula
    Formula(atoms=(0, 1), operators=('OR',))
    """
    if neurons_NT.shape[1] != atoms_AT.shape[1] or not len(atoms_AT):
        what = f"There are {neurons_NT.shape[1]:,} units of neurons, and {len(atoms_AT):,} atoms of "
        what += f"{atoms_AT.shape[1]:,} units."
        raise ProbingError(what, expected="the same units, and an atom or more")
    atoms = torch.from_numpy(atoms_AT).to(device).float()
    found = list[Explained]()
    for first in range(0, len(neurons_NT), batch):
        of_batch = torch.from_numpy(neurons_NT[first : first + batch]).to(device).float()
        allowed = np.ones((len(of_batch), len(atoms)), np.bool_)
        if leaves_NA is not None:
            allowed = leaves_NA[first : first + batch]
        found += _explain_batch(of_batch, atoms, allowed, beam=beam, length=length, penalty=penalty)
    return found


def measure(formula: Formula, units_T: NDArray[np.bool_], atoms_AT: NDArray[np.bool_]) -> Explained:
    """Measure a formula on units of a neuron, e.g. on others than those it was searched for on.

    Parameters
    ----------
    formula : Formula
        From :func:`explain`.
    units_T : bool array, shape (n_units,)
        Which units are the neuron's.
    atoms_AT : bool array, shape (n_atoms, n_units)
        Which units each atom is true of.

    Returns
    -------
    Explained
        ``score`` and ``overlap`` are the intersection over union.
    """
    holds = formula.holds(atoms_AT)
    both, either = int((holds & units_T).sum()), int((holds | units_T).sum())
    overlap, precision = both / max(either, 1), both / max(int(holds.sum()), 1)
    return Explained(formula, overlap, overlap, precision, both / max(int(units_T.sum()), 1))


def _explain_batch(
    neurons: Tensor, atoms: Tensor, allowed: NDArray[np.bool_], *, beam: int, length: int, penalty: float
) -> list[Explained]:
    """Search for the formulas of some neurons together."""
    sizes_A, sizes_N = _counts(atoms.sum(1)), _counts(neurons.sum(1))
    own_NA = _counts(neurons @ atoms.T)
    beams = list[list[_Member]]()
    for number in range(len(neurons)):
        scores = own_NA[number] / np.maximum(sizes_A + sizes_N[number] - own_NA[number], 1)
        scores = np.where(allowed[number] & (sizes_A > 0), scores, -1.0)
        best = [each for each in _best(scores, beam) if scores[each] >= 0]
        beams.append([_Member(float(scores[each]), Formula((each,)), atoms[each], True) for each in best])
    for _ in range(length - 1):
        _grow(beams, neurons, atoms, allowed, (sizes_A, sizes_N, own_NA), beam=beam, penalty=penalty)
    found = []
    for number, members in enumerate(beams):
        if not members:
            found.append(Explained(Formula(()), 0.0, 0.0, 0.0, 0.0))
            continue
        units, own = members[0].units_T > 0, neurons[number] > 0
        both, size = int((units & own).sum()), int(units.sum())
        overlap = both / max(size + int(sizes_N[number]) - both, 1)
        recall = both / max(int(sizes_N[number]), 1)
        found.append(Explained(members[0].formula, members[0].score, overlap, both / max(size, 1), recall))
    return found


def _grow(
    beams: list[list[_Member]],
    neurons: Tensor,
    atoms: Tensor,
    allowed: NDArray[np.bool_],
    counts: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    *,
    beam: int,
    penalty: float,
) -> None:
    """Join the new formulas of all beams with all atoms, and keep the best of each beam."""
    sizes_A, sizes_N, own_NA = counts
    fresh = [(number, member) for number, members in enumerate(beams) for member in members if member.fresh]
    if not fresh:
        return
    units_BT = torch.stack([member.units_T for _, member in fresh])
    of_neuron_BT = units_BT * neurons[[number for number, _ in fresh]]
    shared_BA, common_BA = _counts(units_BT @ atoms.T), _counts(of_neuron_BT @ atoms.T)
    size_B, both_B = _counts(units_BT.sum(1)), _counts(of_neuron_BT.sum(1))
    at = 0
    for number, members in enumerate(beams):
        n_fresh = sum(member.fresh for member in members)
        part, at = slice(at, at + n_fresh), at + n_fresh
        if not n_fresh:
            continue
        size, shared = size_B[part, None], shared_BA[part]
        sizes = np.stack([size + sizes_A - shared, shared, size - shared], axis=1)
        both = both_B[part, None]
        common = common_BA[part]
        both = np.stack([both + own_NA[number] - common, common, both - common], axis=1)
        parents = [member for member in members if member.fresh]
        weights = np.array([penalty ** len(member.formula.atoms) for member in parents])[:, None, None]
        scores = both / np.maximum(sizes + sizes_N[number] - both, 1) * weights
        useless = (sizes == size[:, None]) | (sizes == 0) | ~allowed[number]
        scores = np.where(useless, -1.0, scores)
        old = [member._replace(fresh=False) for member in members]
        joined = np.concatenate([[member.score for member in old], scores.ravel()])
        beams[number] = [
            old[each] if each < len(old) else _joined(parents, each - len(old), float(joined[each]), atoms)
            for each in _best(joined, beam)
            if joined[each] >= 0
        ]


def _joined(parents: list[_Member], number: int, score: float, atoms: Tensor) -> _Member:
    """Make the candidate of a number: by formula, operator, atom."""
    parent, operator, atom = (int(each) for each in np.unravel_index(number, (len(parents), 3, len(atoms))))
    formula, units = parents[parent].formula, parents[parent].units_T
    other = atoms[atom]
    units = torch.maximum(units, other) if operator == 0 else units * (other if operator == 1 else 1 - other)
    return _Member(
        score, Formula((*formula.atoms, atom), (*formula.operators, OPERATORS[operator])), units, fresh=True
    )


def _best(scores: NDArray[np.float64], n: int) -> list[int]:
    """Give the places of the greatest, ties to the first."""
    if len(scores) > n:
        edge = np.partition(scores, -n)[-n]
        chosen = np.flatnonzero(scores >= edge)
    else:
        chosen = np.arange(len(scores))
    best: list[int] = chosen[np.argsort(-scores[chosen], kind="stable")][:n].tolist()
    return best


def _counts(values: Tensor) -> NDArray[np.int64]:
    return values.cpu().numpy().astype(np.int64)
