"""Write a small run folder by hand, to the letter of docs/run_folder.md: real sentences, invented neurons.

Sixteen neurons of two layers each like something on purpose (a domain, an author, a word, long sentences ...), so
that a test knows what a view has to show. Counts and scores are true ones of the invented lists.
Each size is made once in a test run, in half a second, and copied from then on.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.corpus.sentences.words import split_words
from neurolect.demo_data import documents_path
from neurolect.folders.atomic import write_npy, write_table
from neurolect.signatures.search_index.write import index_run
from neurolect.statistics.scores import lift, log_odds_z
from neurolect.store import new_manifest, open_run, write_manifest
from tests.made_once import copy_of

Row = dict[str, Any]

HOSTILE = 'The page says <script>alert(1)</script> & "quotes" </template> {{ 7 * 7 }}.'
FIELDS = ("domain", "author", "party", "sentiment")
N_LIST = 60
TAGS = {
    **dict.fromkeys("the a an this that these those".split(), "DT"),  # noqa: SIM905
    **dict.fromkeys("of in to for with on at by from upon".split(), "IN"),  # noqa: SIM905
    **dict.fromkeys("is was are were be been had have has shall will".split(), "VB"),  # noqa: SIM905
    **dict.fromkeys("he she it they we you i him her them".split(), "PRP"),  # noqa: SIM905
    **dict.fromkeys("and or but".split(), "CC"),  # noqa: SIM905
}
SUFFIXES = {"ing": "VBG", "ed": "VBD", "ly": "RB", "ous": "JJ", "ful": "JJ", "al": "JJ", "s": "NNS"}


def tag_of(word: str) -> str:
    """Guess a Penn tag; good enough to have something to show."""
    if not word[0].isalnum():
        return "."
    if word[0].isdigit():
        return "CD"
    found = TAGS.get(word.lower()) or next((t for s, t in SUFFIXES.items() if word.endswith(s)), None)
    return found or ("NNP" if word[0].isupper() else "NN")


def is_field(name: str, value: str) -> Callable[[Row], float]:
    return lambda row: float(row[name] == value)


def has_word(word: str) -> Callable[[Row], float]:
    return lambda row: float(word in row["lower"])


LIKES: tuple[Callable[[Row], float], ...] = (
    is_field("domain", "recipe"),
    is_field("domain", "scripture"),
    is_field("author", "Jane Austen"),
    has_word("shall"),
    lambda row: len(row["words"]) / 15,
    is_field("party", "Republican"),
    is_field("sentiment", "negative"),
    lambda row: 0.0,
    lambda row: 4.0 * row["tags"].count("NN") / len(row["tags"]),
    lambda row: float(" of the " in row["text"]),
    is_field("domain", "encyclopedia"),
    lambda row: 10 / len(row["words"]),
    is_field("domain", "technical"),
    lambda row: 9.0 * ("<script>" in row["text"]),
    has_word("water"),
    lambda row: 3.0 * row["tags"].count("PRP") / len(row["tags"]),
)


def example_sentences(n: int) -> list[Row]:
    """Take sentences of the embedded documents, and one that tries to break out of a page."""
    rows: list[Row] = []
    for number, document in enumerate(pq.read_table(documents_path()).to_pylist()):
        parts = document["text"].replace("\n", " ").replace(". ", ".\n").split("\n")
        for position, text in enumerate(parts[:6]):
            rows.append({**document, "document_id": number, "position": position, "text": text})
    rows = [row for row in rows if len(row["text"].split()) > 3][: n - 1]
    rows.append({**rows[0], "text": HOSTILE, "author": "<b>Eve</b> & co"})
    for number, row in enumerate(rows):
        row["sentence_id"] = 3 * number  # ids of a run folder have gaps
        row["words"] = split_words(row["text"])
        row["tags"] = [tag_of(word) for word in row["words"]]
        row["lower"] = {word.lower() for word in row["words"] if word[0].isalnum()}
    return rows


def holds(row: Row) -> Iterable[tuple[str, str, str]]:
    """Yield (table, group, value) of each piece of evidence in a sentence, once."""
    found = {("words", "all", word) for word in row["lower"]}
    for word, tag in zip(row["words"], row["tags"], strict=True):
        word_class = {"N": "noun", "V": "verb", "J": "adjective"}.get(tag[0])
        if word_class:
            found.add(("words", word_class, word.lower()))
    lower = [word.lower() for word in row["words"]]
    found |= {("skip_ngrams", "word", " ".join(pair)) for pair in pairwise(lower)}
    found |= {("skip_ngrams", "tag", " ".join(pair)) for pair in pairwise(row["tags"])}
    found |= {("metadata", field, row[field]) for field in FIELDS if row[field] is not None}
    return found


def score(counts: list[tuple[int, int]], *, size: int, total: int) -> dict[str, Any]:
    """Give the evidence columns for (in list, in background) counts."""
    n_list, n_background = np.array(counts, dtype=np.int64).T
    z = log_odds_z(n_list, size, n_background, total)
    by_frequency, by_z = np.argsort(-n_list, kind="stable"), np.argsort(-z, kind="stable")
    ranks = np.arange(1, len(z) + 1, dtype=np.int16)
    rank_frequency, rank_relative = np.empty_like(ranks), np.empty_like(ranks)
    rank_frequency[by_frequency], rank_relative[by_z] = ranks, ranks
    return {
        "n_list": pa.array(n_list, pa.int32()),
        "share_list": pa.array(n_list / size, pa.float32()),
        "n_background": pa.array(n_background, pa.int64()),
        "share_background": pa.array(n_background / total, pa.float32()),
        "lift": pa.array(lift(n_list, size, n_background, total), pa.float32(), from_pandas=True),
        "log_odds_z": pa.array(z, pa.float32()),
        "rank_frequency": pa.array(rank_frequency),
        "rank_relative": pa.array(rank_relative),
    }


def evidence_tables(
    listed: list[Row], rows: list[Row], background: Counter[tuple[str, str, str]]
) -> dict[str, list[pa.Table]]:
    """Compute all evidence of one list."""
    counts = Counter(each for row in listed for each in holds(row))
    names: dict[str, tuple[str, str]] = {
        "words": ("word_class", "word"),
        "skip_ngrams": ("item", "pattern"),
        "metadata": ("field", "value"),
    }
    tables: dict[str, list[pa.Table]] = {name: [] for name in [*names, "tags"]}
    for name, group in sorted({key[:2] for key in counts}):
        kept = sorted(key for key in counts if key[:2] == (name, group) and counts[key] > 1)
        if not kept:
            continue
        columns = score([(counts[key], background[key]) for key in kept], size=len(listed), total=len(rows))
        values = [key[2] for key in kept]
        left: dict[str, Any] = {names[name][0]: [group] * len(kept), names[name][1]: values}
        if name == "words":
            left["display"] = values
        if name == "skip_ngrams":
            left["length"] = pa.array([2] * len(kept), pa.int8())
            left["items"] = [value.split(" ") for value in values]
        table = pa.table({**left, **columns})
        tables[name].append(table.filter(pa.compute.less_equal(table["rank_relative"], 15)))
    tags, all_tags = (Counter(tag for row in part for tag in row["tags"]) for part in (listed, rows))
    pairs = [(tags[tag], all_tags[tag]) for tag in sorted(tags)]
    columns = score(pairs, size=tags.total(), total=all_tags.total())
    tables["tags"].append(pa.table({"tag": sorted(tags), **columns}))
    return tables


def summary_of(listed: list[Row], rows: list[Row], tables: dict[str, list[pa.Table]]) -> Row:
    """Name a list after its strongest word or metadata value."""
    best: tuple[float, str, str] = (0.0, "no clear theme", "none")
    for table in tables["words"] + tables["metadata"]:
        row = table.sort_by([("log_odds_z", "descending")]).slice(0, 1).to_pylist()[0]
        kind = "metadata" if "field" in row else "words"
        name = f"{row['field']}: {row['value']}" if "field" in row else f"\u201c{row['display']}\u201d"
        best = max(best, (row["log_odds_z"], name, kind))
    tags = Counter(tag[0] for row in listed for tag in row["tags"])
    lengths = [np.array([len(row["words"]) for row in part], dtype=float) for part in (listed, rows)]
    return {
        "name": best[1],
        "name_kind": best[2],
        "name_z": best[0],
        "n_sentences": len(listed),
        "mean_length": lengths[0].mean(),
        "background_mean_length": lengths[1].mean(),
        "noun_share": tags["N"] / tags.total(),
        "verb_share": tags["V"] / tags.total(),
        "adjective_share": tags["J"] / tags.total(),
        "typical_sentence_id": listed[0]["sentence_id"],
        "length_z": (lengths[0].mean() - lengths[1].mean()) / (lengths[1].std() / np.sqrt(len(listed))),
    }


def owned(table: pa.Table, neuron_id: int, side: str | None = None) -> pa.Table:
    """Put the neuron and side in front."""
    if side is not None:
        table = table.add_column(0, "side", pa.array([side] * table.num_rows))
    return table.add_column(0, "neuron_id", pa.array([neuron_id] * table.num_rows, pa.int32()))


def write_lists_and_signatures(folder: Path, rows: list[Row], acts_SN: np.ndarray[Any, Any]) -> None:
    """Write lists/ and signatures/."""
    background = Counter(each for row in rows for each in holds(row))
    out: dict[str, list[pa.Table]] = {}
    for neuron_id in range(acts_SN.shape[1]):
        order = np.argsort(-acts_SN[:, neuron_id], kind="stable")
        for side, chosen in (("top", order[:N_LIST]), ("bottom", order[::-1][:N_LIST])):
            listed = [rows[i] for i in chosen]
            tables = evidence_tables(listed, rows, background)
            summary = pa.Table.from_pylist([summary_of(listed, rows, tables)])
            ids = pa.array([row["sentence_id"] for row in listed], pa.int64())
            entries = {"rank": pa.array(range(N_LIST), pa.int32()), "sentence_id": ids}
            entries["activation"] = pa.array(acts_SN[chosen, neuron_id], pa.float32())
            out.setdefault(f"lists/{side}", []).append(owned(pa.table(entries), neuron_id))
            typical = pa.table({"rank": pa.array([0, 1, 2], pa.int16()), "sentence_id": ids[:3]})
            typical = typical.append_column("cosine", pa.array([0.9, 0.8, 0.7], pa.float32()))
            for name, parts in {**tables, "summary": [summary], "typical_sentences": [typical]}.items():
                out.setdefault(f"signatures/{name}", []).extend(owned(part, neuron_id, side) for part in parts)
    for name, parts in out.items():
        write_table(folder / f"{name}.parquet", pa.concat_tables(parts))


def write_neurons(folder: Path, acts_SN: np.ndarray[Any, Any], addresses: list[str]) -> None:
    """Write neurons.parquet and histograms.npy."""
    low, high = acts_SN.min(axis=0), acts_SN.max(axis=0)
    width = (high - low) / 64
    bins = np.clip(((acts_SN - low) / width).astype(int), 0, 63)
    write_npy(folder / "histograms.npy", np.stack([np.bincount(each, minlength=64) for each in bins.T]))
    mean, std = acts_SN.mean(axis=0), acts_SN.std(axis=0)
    standard = (acts_SN - mean) / std
    table = {
        "neuron_id": pa.array(range(len(addresses)), pa.int32()),
        "address": addresses,
        "site": [address.split(".")[0] for address in addresses],
        "layer": pa.array([int(address.split(".")[1]) for address in addresses], pa.int16()),
        "index": pa.array([int(address.split(".")[2]) for address in addresses], pa.int32()),
        "n": pa.array([len(acts_SN)] * len(addresses), pa.int64()),
        "mean": mean,
        "std": std,
        "skewness": (standard**3).mean(axis=0),
        "kurtosis": (standard**4).mean(axis=0) - 3,
        "minimum": low,
        "maximum": high,
        "bin_low": low,
        "bin_width": width,
    }
    write_table(folder / "neurons.parquet", pa.table(table))


def write_background(folder: Path, rows: list[Row]) -> None:
    """Write background/."""
    words = Counter(word for row in rows for word in row["lower"])
    table = pa.table({"word": sorted(words), "n_sentences": [words[word] for word in sorted(words)]})
    write_table(folder / "background" / "words.parquet", table)
    lengths = Counter(len(row["words"]) for row in rows)
    table = pa.table({"n_words": list(lengths), "n_sentences": list(lengths.values())})
    write_table(folder / "background" / "lengths.parquet", table)
    values = Counter((field, row[field]) for row in rows for field in (*FIELDS, "year"))
    listed = [
        {"field": field, "value": None if value is None else str(value), "n_sentences": n}
        for (field, value), n in values.items()
    ]
    write_table(folder / "background" / "metadata.parquet", pa.Table.from_pylist(listed))


def write_example_run(folder: Path, *, n_sentences: int = 900) -> Path:
    """Copy the example run folder to where the test may change it, and return that place."""
    return copy_of(_make, folder, n_sentences=n_sentences)


def _make(folder: Path, *, n_sentences: int) -> None:
    rows = example_sentences(n_sentences)
    noise = np.random.default_rng(7).normal(scale=0.25, size=(len(rows), len(LIKES)))
    acts_SN = np.array([[like(row) for like in LIKES] for row in rows]) + noise
    addresses = [f"hidden.{1 + i // 8}.{i % 8}" for i in range(len(LIKES))]
    for name in ("lists", "signatures", "background"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    sentences = [
        {name: row[name] for name in ("sentence_id", "document_id", "position")}
        | {"n_words": len(row["words"]), "text": row["text"], **{field: row[field] for field in FIELDS}}
        | {"year": row["year"]}
        for row in rows
    ]
    write_table(folder / "sentences.parquet", pa.Table.from_pylist(sentences))
    annotations = [{name: row[name] for name in ("sentence_id", "words", "tags")} for row in rows]
    write_table(folder / "annotations.parquet", pa.Table.from_pylist(annotations))
    write_table(folder / "sample" / "sentences.parquet", pa.Table.from_pylist(sentences).select(["sentence_id"]))
    write_neurons(folder, acts_SN, addresses)
    write_lists_and_signatures(folder, rows, acts_SN)
    write_background(folder, rows)
    sites = [{"site": "hidden", "layer": layer, "width": 8} for layer in (1, 2)]
    model = {"name": "example-model", "architecture": "BertModel", "fingerprint": "0" * 16, "n_layers": 2}
    fields = [{"name": name, "kind": "category"} for name in FIELDS] + [{"name": "year", "kind": "number"}]
    corpus = {
        "path": "example",
        "fingerprint": "1" * 16,
        "n_sentences": 1000,
        "n_mining": len(rows),
        "fields": fields,
    }
    manifest = new_manifest(
        model={**model, "n_parameters": 12345, "dtype": "float32", "sites": sites},
        corpus=corpus,
        options={"collect": {"n_list": N_LIST}},
    )
    done = {"status": "complete", "seconds": 1.5, "started": manifest["created"], "finished": manifest["created"]}
    manifest["stages"] = {"collect": done, "describe": done}
    manifest["notices"] = ["3 sentences were cut at 256 model tokens."]
    write_manifest(folder, manifest)
    index_run(open_run(folder))
