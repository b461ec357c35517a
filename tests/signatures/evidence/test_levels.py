"""Conditions on lengths and tags hold for the sentences that a plain look at each finds."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import code_sentences
from neurolect.signatures.counting.items import Items
from neurolect.signatures.evidence.features import SentenceFeatures
from neurolect.signatures.evidence.length import length_notice
from neurolect.signatures.evidence.levels import (
    length_labels,
    meets_lengths,
    meets_tag_shares,
    tag_share_labels,
    without,
)

TAGS = ["NN", "NNP", "VBD", "JJ", "."]


def labels_of(found: SentenceFeatures, labels: list[str]) -> list[set[str]]:
    rows = zip(found.offsets[:-1].tolist(), found.offsets[1:].tolist(), strict=True)
    return [{labels[code] for code in found.codes[start:stop].tolist()} for start, stop in rows]


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12), min_size=1, max_size=6))
def test_shares_of_tags_are_of_words_and_classes_add_up(tags: list[list[str]]) -> None:
    words = [[f"w{place}" for place in range(len(each))] for each in tags]
    kind = pa.list_(pa.string())
    coded = code_sentences(Annotations(words=pa.array(words, kind), tags=pa.array(tags, kind)))
    labels = tag_share_labels(coded.tag_names)
    found = labels_of(meets_tag_shares(labels, SimpleNamespace(coded=coded)), labels)  # type: ignore[arg-type]
    for own, each in zip(found, tags, strict=True):
        counted = [tag for tag in each if tag != "."]
        shares = {tag: counted.count(tag) for tag in {*counted}}
        for name, letter in (("noun", "N"), ("verb", "V"), ("adjective", "J")):
            shares[name] = sum(tag.startswith(letter) for tag in counted)
        wanted = {
            label
            for label in labels
            if 100 * shares.get(label.split(" ")[0], 0) >= int(label.split(" ")[2]) * max(len(counted), 1)
        }
        assert own == wanted


def test_lengths_are_met_from_both_sides() -> None:
    table = pa.table({"n_words": pa.array([2, 5, 6, 40], pa.int32())})
    labels = length_labels()
    found = labels_of(meets_lengths(labels, SimpleNamespace(table=table)), labels)  # type: ignore[arg-type]
    assert {"<= 3 words", "<= 5 words", "<= 15 words"} <= found[0]
    assert "<= 3 words" not in found[1]
    assert "<= 5 words" not in found[2]
    assert found[3] == {">= 25 words", ">= 30 words", ">= 40 words"}


def test_only_runs_whose_lists_are_mostly_long_or_short_say_so() -> None:
    assert length_notice(np.array([1.0, 1.4, 2.0])) is None
    short = length_notice(np.array([0.5, 0.5, 2.0]))
    assert short is not None
    assert short.startswith("67 % of the lists hold short sentences (1/1.5 of the mean of the corpus, or less)")


def test_items_left_out_leave_the_others_where_they_are() -> None:
    items = Items(np.array([0, 2, 2, 5]), np.array([0, 1, 0, 1, 2], np.int32), np.ones(5, np.int32), 3)
    kept = without(items, np.array([False, True, False]))
    assert (kept.offsets.tolist(), kept.codes.tolist(), len(kept.weights)) == ([0, 1, 1, 3], [0, 0, 2], 3)
