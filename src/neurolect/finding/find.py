"""Find the neurons whose lists have the most of something."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.finding.criteria import Asked, Found, find_sentences
from neurolect.finding.evidence_labels import as_options
from neurolect.finding.list_counts import CommonSets, count_in_lists
from neurolect.finding.not_found import nothing_found
from neurolect.finding.table_search import find_in_table
from neurolect.results.table import list_names, ranking_table
from neurolect.signatures.evidence.subtrees import SUBTREE_ROWS
from neurolect.signatures.evidence.tags import TAG_ROWS
from neurolect.statistics.scores import PRIOR_SIZE, lift, log_odds_z
from neurolect.store import Run, open_run
from neurolect.store.sentence_index import SentenceIndex
from neurolect.store.sides import check_side, list_columns


def find(
    run: Run | str | Path,
    *,
    word: str | None = None,
    pattern: str | None = None,
    tag: str | None = None,
    subtree: str | None = None,
    regex: str | None = None,
    where: str | None = None,
    has: str | None = None,
    examples: Sequence[str] | None = None,
    side: str | None = None,
    limit: int = 10,
) -> pa.Table:
    """Rank the neurons whose lists have the most of something.

    What is asked for together has to be in the same sentence.

    Parameters
    ----------
    run : Run, str or Path
        A described run.
    word : str, optional
        A word, or several side by side; upper and lower case are the same.
    pattern : str, optional
        Words and tags in order, e.g. ``"united * states"``, ``"<DT> <JJ> house"``: ``*`` skips as many words as the
        run's own patterns may (4, between two tags 1, unless ``describe`` was told otherwise), ``*2`` up to two,
        ``**`` any number.
    tag : str, optional
        A Penn tag, e.g. ``"NNP"``: by its share of tokens; or a pattern of tags, e.g. ``"DT JJ * NN"``.
    subtree : str, optional
        A subtree as cards write it, e.g. ``"VBD(NN(DT) IN)"``; only by itself, of runs described with trees.
    regex : str, optional
        A regular expression (RE2) that a sentence's text matches somewhere; cases differ unless it begins ``(?i)``.
    where : str, optional
        A condition on metadata, e.g. ``"author=Jane Austen"``, ``"year>=1990"``, ``"year=1990-1999"``.
    has : str, optional
        A label of any kind of evidence, e.g. ``"tag_patterns=DT NN"``; the kinds are those of
        :func:`neurolect.signatures.evidence.kinds`.
    examples : sequence of str, optional
        Sentences; looked for is the hundredth of the kept sentences that shares most rare words with one of them.
    side : str, optional
        ``top`` or ``bottom``; both when not given.
    limit : int, >= 1
        Rows at most.

    Returns
    -------
    pyarrow.Table
        ``rank``, ``address``, ``side``, ``score`` (the log-odds z), ``sign`` (+1 for top lists, -1 for bottom),
        ``evidence``, ``name`` (of that side), ``n_list``, ``share_list``, ``n_background``, ``share_background``,
        ``lift``, ``log_odds_z``, and ``fidelity`` (AUROC of the whole signature on held-out sentences) where the
        run has it; highest score first, ties by neuron number.
        Counts are of sentences (of a single `tag`: of tokens) and exact. The background of a word and of a
        condition are all sentences read, that of anything else the uniform sample.

    Raises
    ------
    OptionError
        If nothing is asked for, something cannot be understood, or `side` or `limit` is out of range.
    RunFolderError
        If no list has it (names the nearest things there are), or the run has not been described.
    """
    run = open_run(run)
    if has is not None:
        given: dict[str, Any] = {"word": word, "pattern": pattern, "tag": tag, "subtree": subtree, "where": where}
        more = as_options(has, given)
        if "has" not in more:
            given |= more
            return find(run, **given, regex=regex, examples=examples, side=side, limit=limit)
    tag = None if tag is None else re.sub(r"(\*[\d*]?)", r" \1 ", tag)  # DT*NN: no tag has a star in it
    asked = Asked(word=word, pattern=pattern, tag=tag, regex=regex, where=where, has=has)._replace(
        examples=None if examples is None else tuple(examples)
    )
    _check(asked, subtree=subtree, side=side, limit=limit)
    options = asked._asdict() | {"subtree": subtree, "side": side, "limit": limit}
    if subtree is not None:
        text = " ".join(subtree.split())
        ranked = find_in_table(run, SUBTREE_ROWS, text, side=side, limit=limit)
        return _told(run, ranked, text, options=options)
    if tag is not None and len(tag.split()) == 1 and len(asked.given) == 1:
        ranked = find_in_table(run, TAG_ROWS, tag.strip().upper(), side=side, limit=limit)
        return _told(run, ranked, tag.strip().upper(), options=options)
    index = SentenceIndex(run.folder)
    found = find_sentences(asked, run=run, index=index)
    ranked = _rank(run, found, index=index, side=side, limit=limit)
    if not ranked.num_rows:
        raise nothing_found(run, asked, found, index=index)
    return _told(run, ranked, found.label, options=options)


def _check(asked: Asked, *, subtree: str | None, side: str | None, limit: int) -> None:
    if subtree is not None and asked.given:
        what = "A subtree is searched for by itself."
        raise OptionError(what, expected=f"no {' or '.join(asked.given)} beside it")
    if subtree is None and not asked.given:
        what = "A search has to be for something."
        expected = "a word, a pattern, a tag, a subtree, a regular expression, a condition field=value or a label"
        raise OptionError(what, expected=expected, hint="neurolect find --help")
    if side is not None:
        check_side(side)
    if limit < 1:
        what = f"The limit is {limit}."
        raise OptionError(what, expected="1 or more")


class _Counts(NamedTuple):
    """Of every list."""

    size: NDArray[np.int64]
    n_list: NDArray[np.int64]
    size_overlap: NDArray[np.int64]
    n_overlap: NDArray[np.int64]


def _rank(run: Run, found: Found, *, index: SentenceIndex, side: str | None, limit: int) -> pa.Table:
    """Score every list and keep the best."""
    n_background, size_background = found.background or _in_sample(found.rows, index)
    counts = _count(found, index)
    z = log_odds_z(
        counts.n_list,
        counts.size,
        n_background,
        size_background,
        n_overlap=counts.n_overlap,
        size_overlap=counts.size_overlap,
        prior_size=float(run.manifest["options"].get("describe", {}).get("prior_size", PRIOR_SIZE)),
    )
    sides = run.sides
    lists = np.flatnonzero(counts.n_list)
    if side is not None:
        lists = lists[[sides[each] == side for each in lists % len(sides)]] if side in sides else lists[:0]
    lists = lists[np.argsort(-z[lists], kind="stable")[:limit]]
    share = n_background / max(size_background, 1)
    columns = {
        **list_columns(lists, sides),
        "n_list": pa.array(counts.n_list[lists].astype(np.int32)),
        "share_list": pa.array((counts.n_list[lists] / counts.size[lists]).astype(np.float32)),
        "n_background": pa.array(np.full(len(lists), n_background, dtype=np.int64)),
        "share_background": pa.array(np.full(len(lists), share, dtype=np.float32)),
        "lift": pa.array(
            lift(counts.n_list[lists], counts.size[lists], n_background, size_background).astype(np.float32),
            from_pandas=True,
        ),
        "log_odds_z": pa.array(z[lists].astype(np.float32)),
    }
    return pa.table(columns)


def _in_sample(rows: NDArray[np.int64], index: SentenceIndex) -> tuple[int, int]:
    """Count in the uniform sample."""
    return int(np.count_nonzero(index.in_sample[rows])), int(np.count_nonzero(index.in_sample))


def _count(found: Found, index: SentenceIndex) -> _Counts:
    """Count in all lists; the part of a list that lies in the background is all of it, or that in the sample."""
    size, within = index.list_sizes.T
    common = CommonSets(index.common_members, index.common_counts) if index.has_common_sets else None
    stored = {"starts": index.list_starts, "sizes": size}
    n_list = count_in_lists(found.rows, numbers=index.list_numbers, common=common, **stored)
    if found.background is not None:
        return _Counts(size, n_list, size, n_list)
    sampled = found.rows[index.in_sample[found.rows]]
    n_overlap = count_in_lists(sampled, numbers=index.list_numbers, **stored)
    return _Counts(size, n_list, within, n_overlap)


def _told(run: Run, ranked: pa.Table, evidence: str, *, options: dict[str, Any]) -> pa.Table:
    """Make the ranking: with names, and with fidelity where the run has it."""
    score = ranked.column("log_odds_z")
    columns = {name: ranked.column(name) for name in ("neuron_id", "side")} | {
        "score": score,
        "sign": pc.if_else(pc.equal(ranked.column("side"), "top"), 1, -1),
        "evidence": pa.array([evidence] * len(ranked), pa.string()),
        "name": list_names(run, ranked),
    }
    rest = {name: ranked.column(name) for name in ranked.column_names if name not in columns}
    fidelity = _fidelity(run, ranked.select(["neuron_id", "side"]).to_pylist())
    return ranking_table(columns | rest | fidelity, runs=run, method="find", options=options)


def _fidelity(run: Run, rows: list[dict[str, Any]]) -> dict[str, pa.Array]:
    """Look up how well the lists' signatures foretell their neurons, if these signatures were scored."""
    if not run.has("fidelity/scores"):
        return {}
    table = run.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc"])
    ids = pa.array([row["neuron_id"] for row in rows], pa.int32())
    few = (
        table.filter(pc.equal(table.column("evidence"), "all")).filter(pc.field("neuron_id").isin(ids)).to_pylist()
    )
    found = {(row["neuron_id"], row["side"]): row["auroc"] for row in few}
    return {"fidelity": pa.array([found.get((row["neuron_id"], row["side"])) for row in rows], pa.float32())}
