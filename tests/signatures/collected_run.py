"""A small collected run: 300 sentences of two domains, five neurons that like something on purpose."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.corpus.sentences.words import split_words
from neurolect.folders.atomic import write_table
from neurolect.store import new_manifest, write_manifest

N_SENTENCES, N_LIST = 300, 40
COOKING = (
    "Add the {a} to the {b} and stir well.",
    "Bake the {a} with {b} until golden.",
    "Mix {a} and {b} in a bowl.",
)
THINGS = ("salt", "flour", "butter", "sugar", "milk", "cheese", "onion")
NEWS = (
    "The minister of {a} said that the talks with {b} had failed again in the old capital last week.",
    "Shares of {a} fell after {b} warned of losses.",
    "Voters in {a} and {b} went to the polls.",
)
PLACES = ("France", "Spain", "Chile", "Kenya", "Japan")


def sentences() -> pa.Table:
    rows = []
    for number in range(N_SENTENCES):
        cooking = number % 3 == 0
        templates, names = (COOKING, THINGS) if cooking else (NEWS, PLACES)
        turn = number // 3
        text = templates[turn % len(templates)].format(
            a=names[turn % len(names)], b=names[(turn // 2 + 1) % len(names)]
        )
        rows.append(
            {
                "sentence_id": 10 + 2 * number,
                "document_id": turn,
                "position": 0,
                "n_words": sum(any(map(str.isalnum, word)) for word in split_words(text)),
                "text": text,
                "domain": "recipe" if cooking else "news",
                "year": None if cooking else float(1990 + number % 30),
                "empty": None,
            }
        )
    schema = pa.schema(
        {
            "sentence_id": pa.int64(), "document_id": pa.int64(), "position": pa.int32(), "n_words": pa.int32(),
            "text": pa.string(), "domain": pa.string(), "year": pa.float64(), "empty": pa.string(),
        }
    )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=schema)


def activations(table: pa.Table) -> NDArray[np.float64]:
    """Recipe, the word "golden", sentence length, a constant, and nothing in particular."""
    noise = np.random.default_rng(0).random(len(table)) / 10
    texts = table.column("text").to_pylist()
    recipe = np.array([each == "recipe" for each in table.column("domain").to_pylist()], dtype=np.float64)
    golden = np.array(["golden" in text for text in texts], dtype=np.float64)
    length = table.column("n_words").to_numpy().astype(np.float64)
    return np.stack([recipe + noise, golden + noise, length + noise, np.zeros(len(table)), noise])


def write_background(folder: Path, table: pa.Table) -> None:
    words = Counter(
        word for text in table.column("text").to_pylist() for word in {w.lower() for w in split_words(text)}
    )
    write_table(
        folder / "background" / "words.parquet",
        pa.table({"word": list(words), "n_sentences": pa.array(list(words.values()), pa.int64())}),
    )
    lengths = Counter(table.column("n_words").to_pylist())
    columns = {
        "n_words": pa.array(list(lengths), pa.int32()),
        "n_sentences": pa.array(list(lengths.values()), pa.int64()),
    }
    write_table(folder / "background" / "lengths.parquet", pa.table(columns))
    rows = []
    for field in ("domain", "year", "empty"):
        for value, n in Counter(table.column(field).to_pylist()).items():
            text = None if value is None else value if isinstance(value, str) else str(int(value))
            rows.append({"field": field, "value": text, "n_sentences": n})
    write_table(folder / "background" / "metadata.parquet", pa.Table.from_pylist(rows))


def write_lists(folder: Path, table: pa.Table, acts: NDArray[np.float64]) -> None:
    ids = table.column("sentence_id").to_numpy()
    for side, sign in (("top", -1.0), ("bottom", 1.0)):
        rows = []
        for neuron, values in enumerate(acts):
            order = np.lexsort((ids, sign * values))[: N_LIST - 5 * (neuron == 1)]  # one list is shorter
            rows += [
                {"neuron_id": neuron, "rank": rank, "sentence_id": int(ids[row]), "activation": float(values[row])}
                for rank, row in enumerate(order)
            ]
        schema = pa.schema(
            {"neuron_id": pa.int32(), "rank": pa.int32(), "sentence_id": pa.int64(), "activation": pa.float32()}
        )
        write_table(folder / "lists" / f"{side}.parquet", pa.Table.from_pylist(rows, schema=schema))


def write_collected_run(folder: Path) -> Path:
    table = sentences()
    acts = activations(table)
    write_table(folder / "sentences.parquet", table)
    write_lists(folder, table, acts)
    write_background(folder, table)
    sample = table.column("sentence_id").to_numpy()[::2]
    write_table(folder / "sample" / "sentences.parquet", pa.table({"sentence_id": sample}))
    n = pa.array([acts.shape[1]] * len(acts), pa.int64())
    neurons = {"neuron_id": pa.array(range(len(acts)), pa.int32()), "n": n, "std": pa.array(acts.std(axis=1))}
    write_table(folder / "neurons.parquet", pa.table(neurons))
    fields = [
        {"name": "domain", "kind": "category"},
        {"name": "year", "kind": "number"},
        {"name": "empty", "kind": "category"},
    ]
    manifest = new_manifest(
        model={"name": "toy", "sites": [{"site": "hidden", "layer": 1, "width": len(acts)}]},
        corpus={"path": str(folder / "no_corpus"), "fields": fields},
        options={"collect": {"list_size": N_LIST}},
    )
    manifest["stages"]["collect"] = {"status": "complete", "n_sentences": N_SENTENCES}
    write_manifest(folder, manifest)
    return folder
