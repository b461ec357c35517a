"""Tags are counted over tokens; word classes follow them."""

import numpy as np
import pyarrow as pa
import pytest

from neurolect.signatures.annotation.annotate import WORDS, Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.counting.counts import evidence_table
from neurolect.signatures.evidence import words
from neurolect.signatures.evidence.tags import class_shares, tag_evidence
from neurolect.signatures.evidence.words import word_evidence, words_table
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

SENTENCES = [["cats", "watch", "cats"], ["a", "watch"], ["watch", "red", "cats"], ["the", "end", "!"]]
TAGS = [["NNS", "VBP", "NNS"], ["DT", "NN"], ["VB", "JJ", "NNS"], ["DT", "NN", "."]]
CODED = code_sentences(Annotations(words=pa.array(SENTENCES, type=WORDS), tags=pa.array(TAGS, type=WORDS)))
LISTS = Lists(rows=np.array([[0, 2], [1, -1]], dtype=np.int32), sides=("top", "bottom"))
SAMPLE = np.array([True, True, False, True])
OPTIONS = DescribeOptions(min_count=1)


def test_tag_counts_are_of_tokens() -> None:
    evidence = tag_evidence(CODED, LISTS, in_sample=SAMPLE, prior_size=10.0)
    rows = evidence_table(evidence, labels={"tag": CODED.tag_names}, lists=LISTS).to_pylist()
    first = {row["tag"]: row for row in rows if row["side"] == "top"}
    assert first["NNS"]["n_list"] == 3
    assert first["NNS"]["share_list"] == pytest.approx(0.5)
    assert (first["NNS"]["n_background"], first["NNS"]["share_background"]) == (2, pytest.approx(2 / 8))
    assert first["JJ"]["lift"] is None
    assert [row["neuron_id"] for row in rows] == [0] * len(rows)


def test_shares_of_word_classes() -> None:
    evidence = tag_evidence(CODED, LISTS, in_sample=SAMPLE, prior_size=10.0)
    shares = class_shares(evidence, tag_names=CODED.tag_names, n_lists=2)
    assert shares["noun_share"].tolist() == pytest.approx([0.5, 0.5])
    assert shares["verb_share"].tolist() == pytest.approx([2 / 6, 0.0])
    assert shares["adjective_share"].tolist() == pytest.approx([1 / 6, 0.0])


def test_without_tags_shares_are_missing() -> None:
    bare = code_sentences(Annotations(words=pa.array(SENTENCES, type=WORDS), tags=pa.nulls(4, type=WORDS)))
    evidence = tag_evidence(bare, LISTS, in_sample=SAMPLE, prior_size=10.0)
    assert len(evidence.lists) == 0
    assert np.isnan(class_shares(evidence, tag_names=[], n_lists=2)["noun_share"]).all()


@pytest.mark.parametrize("at_once", [1, 2, 8192])
def test_a_word_counts_in_the_classes_it_has_in_the_sentence(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    background = np.array([sum(word in sentence for sentence in SENTENCES) for word in CODED.vocabulary])
    found = word_evidence(CODED, LISTS, background=background, n_background=4, in_sample=SAMPLE, options=OPTIONS)
    rows = words_table(found, coded=CODED, lists=LISTS).to_pylist()
    monkeypatch.setattr(words, "LISTS_AT_ONCE", at_once)
    assert words_table(found, coded=CODED, lists=LISTS).to_pylist() == rows
    counts = {(row["side"], row["word_class"], row["word"]): (row["n_list"], row["n_background"]) for row in rows}
    assert counts["top", "all", "watch"] == (2, 3)
    assert counts["top", "verb", "watch"] == (2, 1)
    assert counts["bottom", "noun", "watch"] == (1, 1)
    assert ("top", "noun", "watch") not in counts
    assert counts["top", "adjective", "red"] == (1, 0)
    assert not any(word == "!" for _, _, word in counts)
