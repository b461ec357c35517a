"""Rankings for a concept against signatures that name it: whether both find the same neurons.

Dims: N neurons.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.folders.atomic import write_table
from neurolect.probing.concepts.penn_tags import penn_tags
from neurolect.results import provenance, read_ranking
from neurolect.results.number import nearly_constant
from neurolect.statistics.sorting import mean_ranks
from neurolect.store import Run, open_run
from neurolect.store.stages import check_current, making

logger = logging.getLogger(__name__)

RANKS, AGREEMENT = "concepts/ranks", "concepts/agreement"
SIDES = {1: "top", -1: "bottom"}
N_EXAMPLES = 5
DRAWS = 1_000


class _OneConcept(NamedTuple):
    """A ranking of a run's neurons for one concept."""

    method: str
    concept: str
    order: NDArray[np.int64]
    """Neuron ids, the best first."""
    scores: NDArray[np.float64]
    """In that order."""
    signs_N: NDArray[np.int8] | None
    """By neuron id; 0: none."""


class _Named(NamedTuple):
    """What the lists of a run name."""

    evidence: str
    holds_N2: NDArray[np.bool_]
    """Whether the top and the bottom list of each neuron name the concept."""


def bridge(
    run: Run | str | Path, rankings: Sequence[str | Path | pa.Table], *, first: int = 20, seed: int = 0
) -> Run:
    """Compare rankings of a run's neurons for concepts with the signatures that name those concepts.

    A list names a tag where no other tag of it has a greater log-odds z by documents, and a value of a field
    likewise. Written into the run (``concepts/``), and shown on cards until it is described again.

    Parameters
    ----------
    run : Run, str or Path
        A described run of the model that was probed.
    rankings : sequence of str, Path or pyarrow.Table
        From :func:`rank_activations`: for a concept, or of all classes with ``class_scores``, each of which counts.
        A class is a tag of Penn, Brown or the universal set, or a value of one of the run's fields.
    first : int, 1 or more
        First neurons of a ranking that are looked at.
    seed : int
        Of the permutations.

    Returns
    -------
    Run
        With the tables ``concepts/agreement`` (a row a ranking and concept) and ``concepts/ranks``.

    Raises
    ------
    OptionError
        If `first` is not 1 or more.
    ProbingError
        If a ranking has neurons that the run does not have, or no concept is one that signatures can name.
    RunFolderError
        If the run is not described.
    """
    run = open_run(run)
    if first < 1:
        what = f"The number of first neurons is {first}."
        raise OptionError(what, expected="1 or more")
    check_current(run.folder, run.manifest, "describe")
    known = {address: neuron for neuron, address in enumerate(run.index.addresses())}
    given = [one for each in rankings for one in _concepts_of(each, known, run)]
    named = {concept: _named(run, concept) for concept in dict.fromkeys(each.concept for each in given)}
    unknown = [concept for concept, found in named.items() if found is None]
    rows, ranks = list[dict[str, Any]](), list[dict[str, Any]]()
    for one in given:
        found = named[one.concept]
        if found is not None:
            rows.append(_agreement(run, one, found, first=first, seed=seed))
        ranks += _rank_rows(one, found, first=first)
    if not rows:
        what = f"Signatures cannot name {', '.join(map(repr, unknown[:5]))}: no tag, and no value of a field."
        raise ProbingError(
            what, expected="rankings for tags of Penn, Brown or the universal set, or for such values"
        )
    with making(run.folder, "bridge") as record:
        write_table(
            run.folder / f"{RANKS}.parquet", pa.Table.from_pylist(ranks, schema=_RANKS).sort_by("neuron_id")
        )
        write_table(run.folder / f"{AGREEMENT}.parquet", pa.Table.from_pylist(rows, schema=_AGREEMENT))
        record.entry |= {"first": first, "seed": seed, "not_named": unknown}
    return Run(run.folder)


_RANKS = pa.schema(
    [
        *(("neuron_id", pa.int32()), ("side", pa.string()), ("method", pa.string()), ("concept", pa.string())),
        *(("rank", pa.int32()), ("sign", pa.int8()), ("named", pa.bool_())),
    ]
)
_TEXTS = pa.list_(pa.string())
_AGREEMENT = pa.schema(
    [
        *(("method", pa.string()), ("concept", pa.string()), ("evidence", pa.string()), ("n_first", pa.int32())),
        *(("n_named_first", pa.int32()), ("n_named", pa.int32()), ("n_neurons", pa.int32()), ("p", pa.float64())),
        *(("auroc", pa.float64()), ("auroc_low", pa.float64()), ("auroc_high", pa.float64())),
        *(("n_signed", pa.int32()), ("n_sides_agree", pa.int32())),
        *(("first_not_named", _TEXTS), ("named_last", _TEXTS)),
    ]
)


def _concepts_of(ranking: str | Path | pa.Table, known: dict[str, int], run: Run) -> Iterator[_OneConcept]:
    """Take a ranking apart into its concepts."""
    table = ranking if isinstance(ranking, pa.Table) else read_ranking(ranking)
    table, made = table.sort_by("rank"), provenance(table)
    source = "The ranking" if isinstance(ranking, pa.Table) else str(ranking)
    own = run.manifest["model"].get("fingerprint")
    if made.models and own and own not in made.models:
        logger.warning("%s is of another model than the run (%s, not %s).", source, ", ".join(made.models), own)
    addresses = table.column("address").to_pylist()
    if others := [each for each in addresses if each not in known]:
        what = f"{source} has {len(others):,} neurons that the run does not have, {others[0]} for one."
        raise ProbingError(what, expected="a ranking of the same model, site and layers")
    ids = np.array([known[each] for each in addresses], np.int64)
    scores = table.column("score").fill_null(float("nan")).to_numpy().astype(np.float64)
    concept = table.column("concept")[0].as_py() if "concept" in table.column_names and len(ids) else None
    if concept is not None:
        signs = table.column("sign").fill_null(0).to_numpy().astype(np.int8)
        by_neuron = np.zeros(len(known), np.int8)
        by_neuron[ids] = signs
        yield _OneConcept(made.method, concept, ids, scores, by_neuron if signs.any() else None)
        return
    if "class_scores" not in table.column_names:
        what = f"{source} is for no concept, and has no scores of classes."
        hint = "Rank for one: neurolect rank ACTS --by lca --concept CLASS --out RANKING.parquet"
        raise ProbingError(what, expected="a concept, or the column class_scores", hint=hint)
    scores_NK = np.array(
        [[np.nan if one is None else one for one in each] for each in table["class_scores"].to_pylist()]
    )
    for place, name in enumerate(made.details["classes"]):
        order = np.argsort(-np.nan_to_num(scores_NK[:, place], nan=-np.inf), kind="stable")
        yield _OneConcept(made.method, name, ids[order], scores_NK[order, place], None)


def _named(run: Run, concept: str) -> _Named | None:
    """Say which lists name a concept; None where it is nothing that lists name."""
    tags = run.table("signatures/tags", columns=["neuron_id", "side", "tag", "z_documents"])
    own = sorted(penn_tags(concept) & set(pc.unique(tags.column("tag")).to_pylist()))
    if own:
        return _Named(f"tags {', '.join(own)}", _leading(run, tags, "tag", own))
    table = run.table("signatures/metadata", columns=["neuron_id", "side", "field", "value", "z_documents"])
    fields = pc.unique(table.filter(pc.field("value") == concept).column("field")).to_pylist()
    if len(fields) != 1:
        return None
    return _Named(
        f"{fields[0]} {concept}", _leading(run, table.filter(pc.field("field") == fields[0]), "value", [concept])
    )


def _leading(run: Run, table: pa.Table, column: str, own: list[str]) -> NDArray[np.bool_]:
    """Say in which lists something of its own has the greatest z, above 0."""
    holds_N2 = np.zeros((run.n_neurons, 2), np.bool_)
    table = table.filter(pc.field("z_documents") > 0)
    table = table.sort_by([("neuron_id", "ascending"), ("side", "ascending"), ("z_documents", "descending")])
    ids = table.column("neuron_id").to_numpy()
    is_bottom = pc.equal(table.column("side"), "bottom").to_numpy().astype(np.int64)
    _, leads = np.unique(ids.astype(np.int64) * 2 + is_bottom, return_index=True)
    is_own = pc.is_in(table.column(column), value_set=pa.array(own)).to_numpy()
    holds_N2[ids[leads], is_bottom[leads]] = is_own[leads]
    holds_N2[nearly_constant(run)] = False
    return holds_N2


def _agreement(run: Run, one: _OneConcept, found: _Named, *, first: int, seed: int) -> dict[str, Any]:
    """Compare a ranking with what lists name, and with the same after the lists are shuffled."""
    from scipy.stats import hypergeom

    named_N: NDArray[np.bool_] = np.any(found.holds_N2, axis=1)
    names, ranks = _names(run), mean_ranks(-one.scores)
    n, top = len(one.order), one.order[:first]
    ranked_named = named_N[one.order]
    n_named, n_first = int(ranked_named.sum()), int(ranked_named[:first].sum())
    low, high = _auroc_by_chance(ranks, n_named, seed=seed)
    signed = np.zeros(0, np.int64)
    agree = 0
    if one.signs_N is not None:
        sides = (one.signs_N[top] < 0).astype(np.int64)
        only = named_N[top] & (one.signs_N[top] != 0) & ~np.all(found.holds_N2[top], axis=1)
        signed = top[only]
        agree = int(found.holds_N2[signed, sides[only]].sum())
    return {
        "method": one.method,
        "concept": one.concept,
        "evidence": found.evidence,
        "n_first": len(top),
        "n_named_first": n_first,
        "n_named": n_named,
        "n_neurons": n,
        "p": float(hypergeom.sf(n_first - 1, n, n_named, len(top))),
        "auroc": auroc(ranks, ranked_named),
        "auroc_low": low,
        "auroc_high": high,
        "n_signed": len(signed),
        "n_sides_agree": agree,
        "first_not_named": [_shown(run, names, each) for each in top[~named_N[top]][:N_EXAMPLES].tolist()],
        "named_last": [_shown(run, names, each) for each in one.order[ranked_named][::-1][:N_EXAMPLES].tolist()],
    }


def auroc(ranks: NDArray[np.float64], hits: NDArray[np.bool_]) -> float | None:
    """Give the chance that a hit ranks before another neuron, ties half; None where all or none are hits."""
    n, n_hits = len(hits), int(hits.sum())
    if n_hits in (0, n):
        return None
    return float(1 - (ranks[hits].sum() - n_hits * (n_hits + 1) / 2) / (n_hits * (n - n_hits)))


def _auroc_by_chance(ranks: NDArray[np.float64], n_hits: int, *, seed: int) -> tuple[float | None, float | None]:
    """Give the middle 95 % of the AUROC when signatures are shuffled over neurons."""
    if n_hits in (0, len(ranks)):
        return None, None
    drawn, hits = np.random.default_rng(seed), np.arange(len(ranks)) < n_hits
    found = [auroc(ranks, drawn.permutation(hits)) or 0.0 for _ in range(DRAWS)]
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return low, high


def _names(run: Run) -> dict[tuple[int, str], str | None]:
    table = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    return {(each["neuron_id"], each["side"]): each["name"] for each in table.to_pylist()}


def _shown(run: Run, names: dict[tuple[int, str], str | None], neuron: int) -> str:
    """Write a neuron with the names of its lists."""
    said = [
        f"{side}: {names[neuron, side] or 'no clear theme'}" for side in SIDES.values() if (neuron, side) in names
    ]
    return f"{run.index.address(neuron)} ({'; '.join(said)})"


def _rank_rows(one: _OneConcept, found: _Named | None, *, first: int) -> Iterator[dict[str, Any]]:
    """Give a row for each first neuron, for cards."""
    for place, neuron in enumerate(one.order[:first].tolist()):
        sign = 0 if one.signs_N is None else int(one.signs_N[neuron])
        side = SIDES.get(sign, "top")
        named = None if found is None else bool(found.holds_N2[neuron, 1 if side == "bottom" else 0])
        row = {"neuron_id": neuron, "side": side, "method": one.method, "concept": one.concept}
        yield row | {"rank": place + 1, "sign": sign or None, "named": named}
