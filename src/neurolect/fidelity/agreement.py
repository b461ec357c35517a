"""Whether a neuron has the same signature on another corpus, kind of evidence by kind of evidence.

Two signatures agree by the cosine of their log-odds z: 1 where the same words (patterns, tags, ...) are over- and
under-represented in the same proportions, 0 where they have nothing in common; two mean lengths, each a multiple of
its corpus's, agree by the smaller over the greater. Next to it is what chance gives:
the agreement with the signature that another neuron of the same layer has on the other corpus.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.fidelity.evaluate import derangement
from neurolect.results import provenance, ranking_table
from neurolect.signatures.annotation.word_rule import check_same_rule, rule_of
from neurolect.signatures.evidence.features import Rows
from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.registry import kinds
from neurolect.signatures.inputs import groups_of
from neurolect.store import Run, open_run
from neurolect.store.sides import list_columns, lists_of

CHANCE = 0.95
"""A neuron keeps its signature where it agrees more than this share of the strangers."""


class _Signed(NamedTuple):
    """Evidence of one kind: list, label and score of each row."""

    lists: NDArray[np.int64]
    labels: pa.Array
    scores: NDArray[np.float64]


def stability(one: Run | str | Path, other: Run | str | Path, *, seed: int = 0) -> pa.Table:
    """Compare the signatures that the neurons of a model have on two corpora.

    Parameters
    ----------
    one, other : Run, str or Path
        Described runs of one model on different corpora.
    seed : int
        Chooses the neuron that stands for a stranger.

    Returns
    -------
    pyarrow.Table
        ``rank`` (within a kind of evidence), ``address``, ``side``, ``score`` (the agreement), ``sign`` (null),
        ``evidence``, ``chance`` (agreement with the stranger), from -1 to 1; by evidence, then rank. A list without
        evidence of a kind in one of the runs has no row. The details of its provenance are ``summary``: see
        :func:`stability_summary`.

    Raises
    ------
    RunFolderError
        If one has not been described, or their models or neurons differ.

    References
    ----------
    Bolukbasi et al.: An Interpretability Illusion for BERT (2021), for why one corpus is not enough.
    """
    one, other = open_run(one), open_run(other)
    for name in ("fingerprint", "sites"):
        here, there = (run.manifest["model"].get(name) for run in (one, other))
        if here != there:
            what = f"{one.folder} and {other.folder} are not of one model: {name} {here} and {there}."
            raise RunFolderError(what, expected="two runs of the same neurons on different corpora")
    if rule_of(one, "describe") != rule_of(other, "describe"):
        for run in (one, other):
            check_same_rule(run, doing=f"the other run, {(other if run is one else one).folder},")
    sides = [side for side in one.sides if side in other.sides]
    stranger = derangement(groups_of(one, n_sides=len(sides)), seed=seed)
    n_lists = one.n_neurons * len(sides)
    parts = []
    partners = (np.arange(n_lists), stranger)
    for kind in _compared():
        if kind.size_of_lists is not None:
            here, there = (kind.size_of_lists(run, sides) for run in (one, other))
            own, chance = (_alike(here, there, partner) for partner in partners)
        elif kind.rows is not None and all(map(kind.present_in, (one, other))):
            first, second = (_read(run, kind.rows, sides) for run in (one, other))
            own, chance = (_agreement(first, second, partner, n_lists=n_lists) for partner in partners)
        else:
            continue
        lists = np.argsort(-own, kind="stable")[: np.isfinite(own).sum()]
        columns = {
            "rank": pa.array(np.arange(1, len(lists) + 1)),
            **list_columns(lists, sides),
            "score": pa.array(own[lists].astype(np.float32)),
            "evidence": pa.array([kind.name] * len(lists), pa.string()),
            "chance": pa.array(chance[lists].astype(np.float32), from_pandas=True),
        }
        parts.append(pa.table(columns))
    table = pa.concat_tables(parts)
    columns = {name: table.column(name) for name in table.column_names}
    details = {"summary": _summary(table)}
    return ranking_table(columns, runs=[one, other], method="stability", seed=seed, details=details)


def _compared() -> list[EvidenceKind]:
    """Give the kinds in the order of the table: labels first, then sizes."""
    return sorted(kinds(), key=lambda kind: kind.size_of_lists is not None)


def _read(run: Run, rows: Rows, sides: list[str]) -> _Signed:
    """Read one kind of evidence with its signed scores."""
    table = rows.read(run, "log_odds_z")
    table = table.filter(pc.is_in(table.column("side"), value_set=pa.array(sides)))
    table = table.filter(pc.is_valid(table.column("log_odds_z")))
    scores = table.column("log_odds_z").to_numpy().astype(np.float64)
    return _Signed(lists_of(table, sides), rows.labels_of(table), scores)


def _alike(one: NDArray[np.float64], other: NDArray[np.float64], partner: NDArray[np.int64]) -> NDArray[np.float64]:
    """Compare the lengths of each list with its partner's."""
    return np.where(partner >= 0, np.exp(-np.abs(one - other[partner])), np.nan)


def _agreement(one: _Signed, other: _Signed, partner: NDArray[np.int64], *, n_lists: int) -> NDArray[np.float64]:
    """Give the cosine of each list of one run with its partner of the other; NaN where one has no evidence."""
    both = pa.chunked_array([one.labels, other.labels]).dictionary_encode().combine_chunks()
    codes = both.indices.to_numpy().astype(np.int64) if isinstance(both, pa.DictionaryArray) else _codes(both)
    n_labels = int(codes.max(initial=0)) + 1
    keys = one.lists * n_labels + codes[: len(one.lists)]
    back = np.full(n_lists, -1, dtype=np.int64)
    has = partner >= 0
    back[partner[has]] = np.flatnonzero(has)
    moved = back[other.lists]
    other_keys = np.where(moved >= 0, moved * n_labels + codes[len(one.lists) :], -1)
    _, at_one, at_other = np.intersect1d(keys, other_keys, return_indices=True)
    product = one.scores[at_one] * other.scores[at_other]
    inner = np.bincount(one.lists[at_one], weights=product, minlength=n_lists)
    length = np.sqrt(np.bincount(one.lists, weights=one.scores**2, minlength=n_lists))
    kept = moved >= 0
    others = np.sqrt(np.bincount(moved[kept], weights=other.scores[kept] ** 2, minlength=n_lists))
    scale = length * others
    cosine: NDArray[np.float64] = np.divide(inner, scale, out=np.full(n_lists, np.nan), where=scale > 0)
    return cosine


def _codes(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks]).astype(np.int64)


def stability_summary(table: pa.Table) -> list[dict[str, Any]]:
    """Say for each kind of evidence how many neurons keep their signature.

    Returns: ``evidence``, ``n_lists``, ``agreement`` and ``chance`` (medians), ``needed`` (95th percentile of
        chance) and ``share_kept`` (share of lists that agree more; 0.05 by chance).
    """
    summary: list[dict[str, Any]] = provenance(table).details["summary"]
    return summary


def _summary(table: pa.Table) -> list[dict[str, Any]]:
    rows = []
    for evidence in (kind.name for kind in _compared()):
        own = table.filter(pc.equal(table.column("evidence"), evidence))
        agreement = own.column("score").to_numpy().astype(np.float64)
        chance = own.column("chance").to_numpy().astype(np.float64)
        chance = chance[np.isfinite(chance)]
        if not len(agreement) or not len(chance):
            continue
        needed = float(np.quantile(chance, CHANCE))
        rows.append(
            {
                "evidence": evidence,
                "n_lists": len(agreement),
                "agreement": round(float(np.median(agreement)), 4),
                "chance": round(float(np.median(chance)), 4),
                "needed": round(needed, 4),
                "share_kept": round(float(np.mean(agreement > needed)), 4),
            }
        )
    return rows
