"""Find the neurons whose lists have the most of something."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.finding.conditions import as_options, background_of, labels_like, parse_condition
from neurolect.finding.criteria import Asked, Found, find_sentences
from neurolect.finding.list_counts import CommonSets, count_in_lists
from neurolect.finding.patterns import parse_pattern
from neurolect.results.table import list_names, ranking_table
from neurolect.signatures.evidence.features import Rows
from neurolect.signatures.evidence.registry import kinds
from neurolect.signatures.evidence.subtrees import SUBTREE_ROWS
from neurolect.signatures.evidence.tags import TAG_ROWS
from neurolect.statistics.scores import PRIOR_SIZE, lift, log_odds_z
from neurolect.store import Run, open_run
from neurolect.store.sentence_index import SentenceIndex
from neurolect.store.sides import check_side, list_columns
from neurolect.store.tables import select_rows
from neurolect.visible import quoted


# Say that nothing was found, whether the corpus has it at all, and what is like it.
def nothing_found(run: Run, asked: Asked, found: Found, *, index: SentenceIndex) -> RunFolderError:
    """Make the error of a search that no list answers.

    Returns: With the nearest words or values, where something is not known at all.
    """
    what = f"No neuron's lists have a sentence with {found.label}."
    if list(asked.given) in (["word"], ["where"]):
        n = found.background[0] if found.background is not None else 0
        what += f" The corpus has it in {n:,} sentences." if n else " The corpus does not have it either."
    labels = None if asked.has is None else labels_like(asked.has, run)
    hints = [hint for hint in (_words_like(asked, index), _values_like(asked, run), labels) if hint]
    if len(found.rows):
        hints.append("Sentences of the sample have it, but none of a list.")
    return RunFolderError(what, hint=" ".join(hints) or None)


def _words_like(asked: Asked, index: SentenceIndex) -> str | None:
    """Name the words most like those that no kept sentence has."""
    texts = [text for text in (asked.word, asked.pattern) if text is not None]
    steps = [step for text in texts for step in parse_pattern(text, word_gap=0, tag_gap=0, is_word=index.has_word)]
    unknown = [step.item for step in steps if not step.is_tag and not len(index.places_of_word(step.item))]
    tags = [step.item for step in steps if step.is_tag and step.item not in index.tags]
    tags += [] if asked.tag is None else [tag for tag in asked.tag.upper().split() if tag not in index.tags]
    hints = [f"Nearest to {tag!r}: {nearest(tag, index.tags)}." for tag in tags if not tag.startswith("*")]
    for word in unknown:
        like = _alike(word, index)
        hints.append(f"No kept sentence has {word!r}" + (f"; nearest: {like}." if like else "."))
    return " ".join(hints) or None


def _alike(word: str, index: SentenceIndex) -> str:
    """Compare with words of the same first letter and about the same length: all of them would take seconds."""
    lengths = pc.utf8_length(index.words).to_numpy()
    begins = pc.starts_with(index.words, word[:1]).to_numpy(zero_copy_only=False)
    some = index.words.filter(begins & (np.abs(lengths - len(word)) <= 2)).to_pylist()
    return nearest(word, some) if some else ""


def _values_like(asked: Asked, run: Run) -> str | None:
    """Name the values of a field most like one that it does not have."""
    if asked.where is None:
        return None
    condition = parse_condition(asked.where, run)
    if condition.is_number or background_of(condition, run)[0]:
        return None
    table = run.table("background/metadata")
    values = table.filter(pc.equal(table.column("field"), condition.field)).column("value").drop_null().to_pylist()
    return f"Nearest: {nearest(condition.value, values)}." if values else None


# Find lists in a signature table, for what only the table has counted.
SCORES = ["n_list", "share_list", "n_background", "share_background", "lift", "log_odds_z"]


def find_in_table(run: Run, rows: Rows, label: str, *, side: str | None, limit: int) -> pa.Table:
    """Read neuron, side and scores of the strongest rows that have a label, by log-odds z."""
    (column,) = rows.labels
    if not rows.exist(run) and rows.table == "subtrees":
        what = f"The run {run.folder} has no subtrees: it was described without trees."
        hint = f"neurolect describe {quoted(run.folder)} --set describe.trees=dependencies"
        if run.manifest["options"].get("describe", {}).get("tagger") == "none":  # whose model has the parser
            hint += " --set describe.tagger=auto"
        raise RunFolderError(what, hint=hint)
    equal = {column: label} | ({} if side is None else {"side": side})
    columns = ["neuron_id", "side", *SCORES]
    found = select_rows(run.files, rows.name, equal=equal, columns=columns, highest="log_odds_z", limit=limit)
    if not found.num_rows:
        known = pc.unique(rows.labels_of(rows.read(run))).to_pylist()
        what = f"No neuron's lists have the {column} {label!r} among their evidence."
        raise RunFolderError(what, hint=f"Nearest: {nearest(label, known)}" if known else _none_at_all(run))
    return found


def _none_at_all(run: Run) -> str | None:
    """Say why a table is empty."""
    why: str | None = run.manifest["stages"].get("describe", {}).get("notice")
    return why


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
    writes: str | None = None,
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
        run's own patterns may (4, between two tags 1, unless ``describe`` had other options), ``*2`` up to two,
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
    writes : str, optional
        A token that the neuron promotes or suppresses clearly, as ``neurolect writes`` kept it, in any case and
        with or without a space before it; only by itself. Also ``has="writes=olympics"``.
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
        With `writes` ``score`` is the token's z, ``sign`` is -1 where it is suppressed, and there are no counts.
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
    kind, _, label = (has or "").partition("=")
    if kind.strip() == "writes":
        writes, has = label, None
    if writes is not None:
        others: dict[str, Any] = {
            "word": word,
            "pattern": pattern,
            "tag": tag,
            "subtree": subtree,
            "regex": regex,
            "where": where,
        }
        others |= {"has": has, "examples": examples, "side": side}
        return _find_writing(run, writes.strip(), others=others, limit=limit)
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
        return _with_provenance(run, ranked, text, options=options)
    if tag is not None and len(tag.split()) == 1 and len(asked.given) == 1:
        ranked = find_in_table(run, TAG_ROWS, tag.strip().upper(), side=side, limit=limit)
        return _with_provenance(run, ranked, tag.strip().upper(), options=options)
    of_entries = next((each for each in kinds() if each.name == kind.strip() and each.of_entries), None)
    if of_entries is not None and of_entries.rows is not None and len(asked.given) == 1:
        if not of_entries.present_in(run):
            what = f"{run.folder} has no {of_entries.name}: it was not collected with max pooling."
            raise RunFolderError(what, expected="a run collected with model.pooling=max")
        ranked = find_in_table(run, of_entries.rows, label.strip(), side=side, limit=limit)
        return _with_provenance(run, ranked, f"{of_entries.title} {label.strip()}", options=options)
    index = SentenceIndex(run.files)
    found = find_sentences(asked, run=run, index=index)
    ranked = _rank(run, found, index=index, side=side, limit=limit)
    if not ranked.num_rows:
        raise nothing_found(run, asked, found, index=index)
    return _with_provenance(run, ranked, found.label, options=options)


def _find_writing(run: Run, token: str, *, others: dict[str, Any], limit: int) -> pa.Table:
    """Rank the neurons that promote or suppress a token clearly."""
    given = [name for name, value in others.items() if value is not None]
    if given or not token or limit < 1:
        what = f"A token that neurons write was asked for: {token!r}, at most {limit}."
        raise OptionError(what, expected="a token by itself" + (f", without {', '.join(given)}" if given else ""))
    if not run.has("writes/neurons"):
        what = f"The run {run.folder} does not know what its neurons write."
        raise RunFolderError(what, hint=f"neurolect writes {quoted(run.folder)}")
    table, wanted = run.table("writes/neurons"), token.casefold()
    columns = ["neuron_id", "promotes", "suppresses", "promotes_z", "suppresses_z"]
    found: list[tuple[float, int, int]] = []
    tokens: set[str] = set()
    for row in table.select(columns).to_pylist():
        for sign, name in ((1, "promotes"), (-1, "suppresses")):
            own = [each.strip().casefold() for each in row[name]]
            tokens.update(own)
            if wanted in own:
                found.append((-row[f"{name}_z"][own.index(wanted)], row["neuron_id"], sign))
    if not found:
        what = f"No neuron promotes or suppresses {token!r} clearly."
        raise RunFolderError(what, hint=f"Nearest: {nearest(wanted, sorted(tokens))}." if tokens else None)
    found = sorted(found)[:limit]
    sides = run.sides[:1] * len(found)
    ids = pa.table({"neuron_id": pa.array([each[1] for each in found], pa.int32()), "side": sides})
    columns_of = {
        "neuron_id": ids.column("neuron_id"),
        "side": ids.column("side"),
        "score": pa.array([-each[0] for each in found], pa.float64()),
        "sign": pa.array([each[2] for each in found], pa.int64()),
        "evidence": [f"writes {token}" if each[2] > 0 else f"writes not {token}" for each in found],
        "name": list_names(run, ids) if run.has("signatures/summary") else pa.nulls(len(found), pa.string()),
    }
    return ranking_table(columns_of, runs=run, method="find", options={"writes": token, "limit": limit})


def _check(asked: Asked, *, subtree: str | None, side: str | None, limit: int) -> None:
    if subtree is not None and asked.given:
        what = "A subtree is searched for by itself."
        raise OptionError(what, expected=f"no {' or '.join(asked.given)} as well")
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


def _with_provenance(run: Run, ranked: pa.Table, evidence: str, *, options: dict[str, Any]) -> pa.Table:
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
    """Look up how well the lists' signatures predict their neurons, if these signatures were scored."""
    if not run.has("fidelity/scores"):
        return {}
    table = run.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc"])
    ids = pa.array([row["neuron_id"] for row in rows], pa.int32())
    few = (
        table.filter(pc.equal(table.column("evidence"), "all")).filter(pc.field("neuron_id").isin(ids)).to_pylist()
    )
    found = {(row["neuron_id"], row["side"]): row["auroc"] for row in few}
    return {"fidelity": pa.array([found.get((row["neuron_id"], row["side"])) for row in rows], pa.float32())}
