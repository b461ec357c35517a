import json
import random
from pathlib import Path

import pytest

from neurolect.corpus import Corpus, PrepareOptions, prepare
from neurolect.corpus.account import said_sums
from neurolect.corpus.options import Duplicates


def adds_up(corpus: Corpus) -> bool:
    sums = corpus.manifest["sums"]
    assert [parts["read"] for parts in sums.values()] == [
        sum(parts.values()) - parts["read"] for parts in sums.values()
    ]
    texts = [text for table in corpus.batches(part="all") for text in table["text"].to_pylist()]
    assert sums["characters"]["kept"] == sum(map(len, texts))
    assert sums["sentences"]["kept"] == len(texts) == corpus.n_sentences
    assert sums["rows"]["documents"] == corpus.manifest["n_documents"]
    return True


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("duplicates", ["drop", "near", "keep"])
def test_what_goes_in_is_documents_and_losses(tmp_path: Path, duplicates: Duplicates, workers: int) -> None:
    rng = random.Random(0)
    texts = [
        "One two three four. Two words. ",
        "<p>Same  again, and again!!! </p>",
        "word " * 900,
        "x" * 5000,
        "e\u0301 a b c. ",
    ]
    rows = [json.dumps({"text": "".join(rng.choices(texts, k=rng.randrange(6)))}) for _ in range(300)]
    rows += ["{broken", '{"text": 12345}', '{"other": "x"}', "[1, 2]"]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    options = PrepareOptions(skip_broken_lines=True, duplicates=duplicates)
    corpus = prepare(tmp_path / "a.jsonl", out=tmp_path / "corpus", options=options, workers=workers)
    assert adds_up(corpus)
    sums = corpus.manifest["sums"]
    assert sums["rows"]["read"] == 304
    assert sums["rows"]["broken"] == 2
    assert sums["characters"]["broken"] == len("{broken\n[1, 2]")
    assert (sums["sentences"]["duplicates"] > 0) == (duplicates != "keep")


def test_sums_are_written_on_a_line_each() -> None:
    sums = {
        "rows": {"read": 3, "broken": 1, "documents": 2},
        "characters": {"read": 5, "markup and spaces": -1, "kept": 6},
    }
    assert said_sums(sums) == [
        "3 rows read = 1 broken + 2 documents",
        "5 characters read = -1 markup and spaces + 6 kept",
    ]


def test_a_text_without_sentence_ends_is_all_there(tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(10_000)]
    (tmp_path / "a.txt").write_text(" ".join(words))
    corpus = prepare(tmp_path / "a.txt", out=tmp_path / "corpus", options=PrepareOptions(held_out=0.0))
    texts = next(corpus.batches())["text"].to_pylist()
    assert " ".join(texts).split() == words
    assert max(map(len, texts)) <= 2000
    assert "1 sentence was too long and was divided into 30 pieces." in corpus.manifest["notices"]
    assert adds_up(corpus)
