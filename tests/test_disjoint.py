"""Nothing that signatures are made from comes from a held-out document: proved by changing those documents."""

import codecs
import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from neurolect.collector import CollectOptions
from neurolect.config import RunConfig
from neurolect.corpus import open_corpus
from neurolect.fidelity import FidelityOptions
from neurolect.fidelity.inputs import ALL
from neurolect.pipeline import run
from neurolect.signatures import DescribeOptions
from neurolect.signatures.evidence.registry import kind_names
from neurolect.store import Run
from tests.tiny_corpora import FILL, TOPICS, write_documents
from tests.tiny_models import write_tiny_bert

CONFIG = RunConfig(
    collect=CollectOptions(list_size=20, sample_size=90, activation_sample_size=50, monitor_every=120),
    describe=DescribeOptions(tagger="none", vectors="none"),
    fidelity=FidelityOptions(top_share=0.2, min_positives=2, n_bootstrap=20),
)
SECRET, YEAR, TREE = "secret", 2050, "(S (SECRET secret))"
TREES = {
    "film": "(S (NP film) (VP (V was)))",
    "sport": "(S (VP (V win) (NP game)))",
    "money": "(S (NP oil) (NP price))",
}
KNOWS_THE_HELD_OUT_PART = {"manifest.json", "fidelity/scores.parquet", "fidelity/neurons.parquet"}


def go(folder: Path, documents: Path) -> Run:
    """Describe with subtrees from a field and senses from word vectors, so that they are scored too."""
    vectors = folder / "words.vec"
    words = sorted({*FILL, *(word for topic in TOPICS.values() for word in topic)})
    lines = [f"{word} {np.cos(place):.4f} {np.sin(place):.4f} 0.1" for place, word in enumerate(words)]
    vectors.write_text("\n".join(lines) + "\n", encoding="utf-8")
    describe = dataclasses.replace(CONFIG.describe, vectors=str(vectors), trees="field:tree")
    config = dataclasses.replace(CONFIG, describe=describe)
    return run(str(folder / "bert"), [documents], out=folder / documents.stem, config=config)


def with_trees(path: Path) -> Path:
    documents = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [json.dumps(each | {"tree": TREES[each["topic"]]}) for each in documents]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def change_held_out_documents(path: Path, corpus: Path, out: Path) -> Path:
    """Put every word of the held-out documents into rot13 and their metadata out of the world of the others."""
    table = pq.read_table(corpus / "sentences").select(["document_id", "held_out"])
    rows = zip(*(table.column(name).to_pylist() for name in table.column_names), strict=True)
    set_aside = {document for document, held_out in rows if held_out}
    lines = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        document = json.loads(line)
        if number in set_aside:
            document = {
                "text": codecs.encode(document["text"], "rot13"),
                "topic": SECRET,
                "year": YEAR,
                "tree": TREE,
            }
        lines.append(json.dumps(document))
    out.write_text("\n".join(lines), encoding="utf-8")
    return out


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    folder = tmp_path_factory.mktemp("disjoint")
    write_tiny_bert(folder / "bert")
    documents = with_trees(write_documents(folder / "original.jsonl", n_documents=80))
    original = go(folder, documents)
    corpus = folder / "original-corpus"
    changed = go(folder, change_held_out_documents(documents, corpus, folder / "changed.jsonl"))
    return original, changed


def files(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and "held_out" not in path.parts)
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
    return {name: content for name, content in found.items() if name not in KNOWS_THE_HELD_OUT_PART}


def test_other_held_out_documents_change_nothing_but_the_scores(both: tuple[Run, Run]) -> None:
    original, changed = both
    sizes = [open_corpus(each.manifest["corpus"]["path"]).n_held_out for each in both]
    assert sizes[0] == sizes[1] > 20
    first, second = files(original.folder), files(changed.folder)
    assert first.keys() == second.keys()
    assert {"lists/top.parquet", "fidelity/weights.parquet", "signatures/words.parquet"} <= first.keys()
    assert {
        "fidelity/sense_centroids.npy",
        "fidelity/mean_vector.npy",
        "signatures/subtrees.parquet",
    } <= first.keys()
    kinds = set(original.table("fidelity/weights").column("evidence").to_pylist())
    # no tagger here, and no maximum over tokens
    assert kinds == {each for each in kind_names() if "tag" not in each and not each.startswith("firing_")}
    assert set(original.table("fidelity/scores").column("evidence").to_pylist()) == {ALL, *kinds}
    assert [name for name in first if first[name] != second[name]] == []


def test_the_change_did_reach_what_is_scored_on(both: tuple[Run, Run]) -> None:
    original, changed = both
    assert set(changed.table("held_out/sentences").column("topic").to_pylist()) == {SECRET}
    texts = [each.table("held_out/sentences").column("text").to_pylist() for each in both]
    assert texts[1] == [codecs.encode(text, "rot13") for text in texts[0]]
    assert not changed.table("fidelity/scores").equals(original.table("fidelity/scores"))


def test_no_planted_value_is_anywhere_else(both: tuple[Run, Run]) -> None:
    changed = both[1]
    planted = {SECRET, str(YEAR), TREE.lower(), "s(secret)", "gur", "naq"}  # rot13 of: the, and
    for path in sorted(changed.folder.rglob("*.parquet")):
        if "held_out" not in path.parts:
            values = {str(value).lower() for row in pq.read_table(path).to_pylist() for value in row.values()}
            words = {word for value in values for word in value.split()}
            assert not planted & (values | words), path
