"""Formulas against a plain beam search over Python sets."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.errors import ProbingError
from neurolect.probing.formulas import OPERATORS, Formula, explain, measure


def plain_search(
    own: set[int], atoms: list[set[int]], *, beam: int, length: int, penalty: float, leaves: set[int]
) -> list[tuple[float, Formula]]:
    def score(units: set[int], n: int) -> float:
        return len(units & own) / max(len(units | own), 1) * penalty ** (n - 1)

    members = [(score(atoms[a], 1), Formula((a,)), atoms[a]) for a in sorted(leaves) if atoms[a]]
    members = sorted(members, key=lambda each: -each[0])[:beam]
    done: set[Formula] = set()
    for _ in range(length - 1):
        new = []
        for _value, formula, units in members:
            if formula in done:
                continue
            done.add(formula)
            for operator, atom in itertools.product(OPERATORS, sorted(leaves)):
                other = atoms[atom]
                joined = {"OR": units | other, "AND": units & other, "AND NOT": units - other}[operator]
                if joined and len(joined) != len(units):
                    longer = Formula((*formula.atoms, atom), (*formula.operators, operator))
                    new.append((score(joined, len(longer.atoms)), longer, joined))
        members = sorted([*members, *new], key=lambda each: -each[0])[:beam]
    return [(value, formula) for value, formula, _ in members]


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([1.0, 0.99, 0.8]), st.integers(1, 4), st.integers(1, 4))
def test_the_formula_is_that_of_the_plain_search(seed: int, penalty: float, beam: int, length: int) -> None:
    rng = np.random.default_rng(seed)
    atoms = rng.random((6, 40)) < rng.uniform(0.05, 0.6, (6, 1))
    neurons = rng.random((3, 40)) < 0.3
    leaves = rng.random((3, 6)) < 0.8
    leaves[:, 0] = True
    found = explain(neurons, atoms, beam=beam, length=length, penalty=penalty, leaves_NA=leaves, batch=2)
    for number, each in enumerate(found):
        own = set(np.flatnonzero(neurons[number]).tolist())
        expected = plain_search(
            own,
            [set(np.flatnonzero(row).tolist()) for row in atoms],
            beam=beam,
            length=length,
            penalty=penalty,
            leaves=set(np.flatnonzero(leaves[number]).tolist()),
        )
        if not expected:
            assert each.formula == Formula(())
            continue
        assert each.score == pytest.approx(expected[0][0])
        assert each.formula == expected[0][1]
        measured = measure(each.formula, neurons[number], atoms)
        assert each.overlap == measured.overlap
        assert (each.precision, each.recall) == (measured.precision, measured.recall)
        assert each.score == pytest.approx(each.overlap * penalty ** (len(each.formula.atoms) - 1))


def test_a_planted_formula_is_found_and_written() -> None:
    rng = np.random.default_rng(0)
    atoms = rng.random((12, 4000)) < 0.1
    wanted = (atoms[3] | atoms[7]) & ~atoms[5]
    found = explain(wanted[None], atoms, length=3)[0]
    assert found.overlap == 1.0
    assert np.array_equal(found.formula.holds(atoms), wanted)
    names = [f"w{each}" for each in range(12)]
    assert found.formula.text(names) in ("(w3 OR w7) AND NOT w5", "(w7 OR w3) AND NOT w5")
    other = rng.random((12, 4000)) < 0.1
    held_out = measure(found.formula, (other[3] | other[7]) & ~other[5], other)
    assert (held_out.overlap, held_out.precision, held_out.recall) == (1.0, 1.0, 1.0)
    shuffled = explain(rng.permutation(wanted)[None], atoms, length=3)[0]
    assert shuffled.overlap < 0.3


def test_units_must_be_the_same() -> None:
    with pytest.raises(ProbingError, match="5 units of neurons, and 2 atoms of 4 units"):
        explain(np.ones((1, 5), np.bool_), np.ones((2, 4), np.bool_))
