"""Do names say what was planted?

    python benchmarks/bench_names.py [--work FOLDER] [--out TABLE.md] [--show]

Lists of the demo corpus's sentences with a planted theme (questions, a negation, a topic in the strongest 20 only,
one document, a word of two spellings, two themes, nothing at all ...) are written as a run folder and described as
any run is. Each theme has lists of three purities: every sentence of the strongest part has the theme, or one of
ten or of five has not, at random; below it are random sentences. A name is right where it says the theme (an
expression per theme, below), in its first part or, of what only a further part can say, anywhere. The same script
runs with versions of before: PYTHONPATH chooses.
"""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect import describe, open_corpus, prepare
from neurolect.demo_data import documents_path
from neurolect.signatures import DescribeOptions
from neurolect.store import new_manifest, write_manifest

N_LIST, N_SAMPLE, N_RANDOM = 500, 8_000, 30
PURITIES, SEEDS = (1.0, 0.9, 0.8), 3
WHOLE = "whole name"


class Sentences(NamedTuple):
    """What themes are planted by."""

    texts: list[str]
    table: pa.Table

    def matching(self, expression: str) -> NDArray[np.int64]:
        """Give the rows whose text matches."""
        found = re.compile(expression)
        return np.flatnonzero([found.search(text) is not None for text in self.texts])

    def column(self, name: str) -> NDArray[Any]:
        """Give one column."""
        return np.asarray(self.table.column(name).to_numpy(zero_copy_only=False))


class Theme(NamedTuple):
    """One theme: its sentences, how far down it reaches, and what its name must say."""

    rows: Callable[[Sentences], NDArray[np.int64]]
    name: str
    depth: int = N_LIST
    where: str = "first part"


TOPIC = r"(?i)\b(sea|ships?|boats?|sail|captain)\b"
KITCHEN = r"(?i)\b(sugar|butter|flour|oven|salt)\b"
NO = r"(?i)n't\b|\b(not|no|never|nothing)\b"


def _half(one: str, other: str) -> Callable[[Sentences], NDArray[np.int64]]:
    def rows(sentences: Sentences) -> NDArray[np.int64]:
        first, second = (np.random.default_rng(7).permutation(sentences.matching(each)) for each in (one, other))
        n = min(len(first), len(second))
        return np.stack([first[:n], second[:n]], axis=1).ravel()

    return rows


def _both(one: str, other: str) -> Callable[[Sentences], NDArray[np.int64]]:
    return lambda sentences: np.intersect1d(sentences.matching(one), sentences.matching(other))


def _first_of_document(sentences: Sentences) -> NDArray[np.int64]:
    several = np.bincount(sentences.column("document_id")) > 1
    return np.flatnonzero((sentences.column("position") == 0) & several[sentences.column("document_id")])


def _last_of_document(sentences: Sentences) -> NDArray[np.int64]:
    documents = sentences.column("document_id")
    last = np.append(documents[1:] != documents[:-1], True)
    return np.flatnonzero(last & (sentences.column("position") > 0))


def _one_document(sentences: Sentences) -> NDArray[np.int64]:
    return np.flatnonzero(sentences.column("document_id") == 2822)


THEMES = {
    "questions": Theme(lambda each: each.matching(r"\?[\"')]*$"), r"question"),
    "exclamations": Theme(lambda each: each.matching(r"![\"')]*$"), r"exclamation"),
    "negation": Theme(lambda each: each.matching(NO), r'"(n\'t|not|no|never|nothing)"|negat'),
    "a topic in the strongest 20 only": Theme(
        lambda each: each.matching(TOPIC), r'(?i)"(sea|ships?|boats?|sail|captain)"', 20
    ),
    "one document": Theme(_one_document, r"one document", 14, WHOLE),
    "long sentences": Theme(lambda each: np.flatnonzero(each.column("n_words") >= 60), r"long sentences"),
    "short sentences": Theme(lambda each: np.flatnonzero(each.column("n_words") <= 4), r"short sentences"),
    "a word in capitals": Theme(lambda each: each.matching(r"\b[A-Z]{2,}\b"), r"capitals"),
    "digits": Theme(lambda each: each.matching(r"\d"), r'digits|number|CD|"\d+"'),
    "a word": Theme(lambda each: each.matching(r"(?i)\bkings?\b"), r'(?i)"king'),
    "a word of two spellings": Theme(
        lambda each: each.matching(r"(?i)\bcolou?rs?\b"), r'(?i)"colou?rs?".*"colou?rs?"'
    ),
    "two themes, half each": Theme(
        _half(r"\?[\"')]*$", KITCHEN),
        r'(?i)(?=.*question)(?=.*"(sugar|butter|flour|oven|salt)|.*recipe)',
        where=WHOLE,
    ),
    "two conditions together": Theme(
        _both(r"\?[\"')]*$", r"(?i)\byour?\b"), r'(?i)(?=.*question)(?=.*"your?"|.*second person)', 100, WHOLE
    ),
    "first words": Theme(lambda each: each.matching(r"^And\b"), r"(?i)begin\S* with .*and"),
    "first of a document": Theme(_first_of_document, r"(?i)\bfirst\b"),
    "last of a document": Theme(_last_of_document, r"(?i)\blast\b"),
    "nothing at all": Theme(lambda each: np.empty(0, np.int64), r"^no clear theme"),
}


def plant(theme: Theme, sentences: Sentences, *, purity: float, seed: int) -> NDArray[np.int64]:
    """Make one list: sentences of the theme as far down as it reaches, then random ones."""
    random = np.random.default_rng((seed, round(100 * purity)))
    rows = theme.rows(sentences)
    others = random.permutation(np.setdiff1d(np.arange(len(sentences.texts)), rows))
    holding = random.permutation(rows)
    reach = min(theme.depth, int(len(rows) / purity), N_LIST)
    has = random.random(reach) < purity
    has[np.cumsum(has) > len(rows)] = False
    top = np.empty(reach, np.int64)
    top[has], top[~has] = holding[: has.sum()], others[: (~has).sum()]
    return np.concatenate([top, others[(~has).sum() :]])[:N_LIST]


def write_run(folder: Path, sentences: Sentences, lists: NDArray[np.int64], *, corpus: Path) -> None:
    """Write lists as a collected run; the bottom lists are random sentences."""
    table, ids = sentences.table, sentences.column("sentence_id")
    random = np.random.default_rng(1)
    bottom = np.stack([random.permutation(len(ids))[:N_LIST] for _ in lists])
    sample = np.sort(random.permutation(len(ids))[:N_SAMPLE])
    fields = open_corpus(corpus).fields
    tables = {
        "sentences": table.drop_columns(["held_out"]),
        "lists/top": _entries(lists, ids),
        "lists/bottom": _entries(bottom, ids),
        "sample/sentences": pa.table({"sentence_id": ids[sample]}),
        "background/words": _words(sentences.texts),
        "background/lengths": _lengths(sentences.column("n_words")),
        "background/metadata": _metadata(table, [each["name"] for each in fields]),
        "neurons": pa.table(
            {
                "neuron_id": np.arange(len(lists), dtype=np.int32),
                "n": np.full(len(lists), len(ids)),
                "mean": np.zeros(len(lists)),
                "std": np.ones(len(lists)),
            }
        ),
    }
    for name, each in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(each, folder / f"{name}.parquet")
    manifest: Any = new_manifest(
        model={"name": "planted", "sites": [{"site": "hidden", "layer": 1, "width": len(lists)}]},
        corpus={"path": str(corpus), "fields": fields, "n_mining": len(ids)},
        options={"collect": {"list_size": N_LIST}},
    )
    manifest["stages"]["collect"] = {"status": "complete", "n_sentences": len(ids), "id": "planted"}
    write_manifest(folder, manifest)


def _entries(lists: NDArray[np.int64], ids: NDArray[np.int64]) -> pa.Table:
    n, size = lists.shape
    ranks = np.tile(np.arange(size, dtype=np.int32), n)
    neurons = np.repeat(np.arange(n, dtype=np.int32), size)
    acts = (1.0 - ranks / size).astype(np.float32)
    return pa.table({"neuron_id": neurons, "rank": ranks, "sentence_id": ids[lists.ravel()], "activation": acts})


def _words(texts: list[str]) -> pa.Table:
    try:
        from neurolect.corpus.sentences.words import split_words
    except ImportError:  # where it was
        from neurolect.corpus.words import split_words
    counts = Counter(word for text in texts for word in {each.lower() for each in split_words(text)})
    return pa.table({"word": list(counts), "n_sentences": pa.array(list(counts.values()), pa.int64())})


def _lengths(n_words: NDArray[np.int64]) -> pa.Table:
    values, counts = np.unique(n_words, return_counts=True)
    return pa.table({"n_words": values.astype(np.int32), "n_sentences": counts.astype(np.int64)})


def _metadata(table: pa.Table, fields: list[str]) -> pa.Table:
    rows = []
    for field in fields:
        for value, n in Counter(table.column(field).to_pylist()).items():
            text = None if value is None else value if isinstance(value, str) else str(int(value))
            rows.append({"field": field, "value": text, "n_sentences": n})
    return pa.Table.from_pylist(rows)


def is_right(theme: Theme, name: str) -> bool:
    """Say whether a name says the theme."""
    part = name if theme.where == WHOLE else name.split(" \u00b7 ")[0]
    return re.search(theme.name, part) is not None


def main() -> None:
    """Plant, describe, and count the names that are right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--show", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = given.work or Path(temporary)
        corpus = work / "corpus"
        if not corpus.exists():
            prepare([documents_path()], out=corpus)
        opened = open_corpus(corpus)
        table = opened.take(opened.sentence_ids())
        sentences = Sentences(table.column("text").to_pylist(), table)
        planted = [
            (name, purity, seed)
            for name in THEMES
            for purity in PURITIES
            for seed in range(SEEDS if name != "nothing at all" else N_RANDOM // len(PURITIES))
        ]
        lists = np.stack([plant(THEMES[name], sentences, purity=p, seed=seed) for name, p, seed in planted])
        with tempfile.TemporaryDirectory() as run:
            write_run(Path(run), sentences, lists, corpus=corpus)
            start = time.process_time()
            described = describe(run, options=DescribeOptions(vectors="none", max_senses=1))
            seconds = time.process_time() - start
            names = described.table("signatures/summary", columns=["side", "name"]).to_pylist()
    top = [each["name"] for each in names if each["side"] == "top"]
    text = table_of(planted, top, [each["name"] for each in names if each["side"] == "bottom"])
    print(f"{text}\n{seconds:.0f} s of processor time to describe {2 * len(lists)} lists")
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    if given.show:
        for (name, purity, _), said in zip(planted, top, strict=True):
            print(json.dumps([name, purity, is_right(THEMES[name], said), said]))


def table_of(planted: list[tuple[str, float, int]], names: list[str], random: list[str]) -> str:
    """Write a row a theme."""
    lines = [
        f"| planted | must say it in | {' | '.join(f'purity {each:g}' for each in PURITIES)} | the first name |",
        f"|---|---|{'---|' * len(PURITIES)}---|",
    ]
    total = [0, 0]
    for theme, what in THEMES.items():
        cells = []
        own = [(p, said) for (each, p, _), said in zip(planted, names, strict=True) if each == theme]
        for purity in PURITIES:
            graded = [is_right(what, said) for p, said in own if p == purity]
            cells.append(f"{sum(graded)} of {len(graded)}")
            if theme != "nothing at all":
                total = [total[0] + sum(graded), total[1] + len(graded)]
        lines.append(f"| {theme} | {what.where} | {' | '.join(cells)} | {own[0][1]} |")
    silent = sum(is_right(THEMES["nothing at all"], said) for said in random)
    lines += [
        "",
        f"Planted themes that their names say: {total[0]} of {total[1]}.",
        f"Random lists (the bottom ones) with no theme said: {silent} of {len(random)}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
