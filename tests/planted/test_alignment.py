"""Planted detectors are aligned with words of what they detect; random phrases of the corpus are not."""

from pathlib import Path

import numpy as np
import pytest

from neurolect import collect, load_model, prepare
from neurolect.collector import CollectOptions
from neurolect.interventions import AlignOptions, align
from neurolect.interventions.aligning import gather
from neurolect.interventions.aligning.listed import random_phrases
from neurolect.model import ModelOptions
from neurolect.planted import Truth, planted_corpus
from neurolect.planted.grammar import CONCEPTS


def fulfils(phrase: str, concept: str) -> bool:
    """Whether the concept holds at a word of the phrase, repeated."""
    words = phrase.lower().split() * 2
    return any(CONCEPTS[concept][1](words, at) for at in range(len(words)))


def test_detectors_are_aligned_with_what_they_detect(
    truth: Truth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = planted_corpus(tmp_path / "texts", sentences=900, seed=3)
    corpus = prepare([texts.documents], out=tmp_path / "corpus", workers=1)
    planted = [
        each
        for each in truth.neurons
        if each.address.startswith("mlp") and each.role in ("detector", "decoy") and each.concept in CONCEPTS
    ]
    model = load_model(str(truth.folder), options=ModelOptions(sites=("mlp",)))
    collect(model, corpus, out=tmp_path / "run", options=CollectOptions(list_size=20, sample_size=500))
    random: list[str] = []
    plain = random_phrases

    def keep(*given: object, **options: object) -> object:
        drawn = plain(*given, **options)  # type: ignore[arg-type]
        random.extend(each.text for each in drawn)
        return drawn

    monkeypatch.setattr(gather, "random_phrases", keep)
    addresses = [each.address for each in planted]
    run = align(tmp_path / "run", neurons=addresses, options=AlignOptions(longest=2, n_random=40))
    assert run.manifest["stages"]["align"]["phrases_from"] == "n-grams"
    found: dict[str, list[str]] = {}
    for row in run.table("align/phrases").to_pylist():
        found.setdefault(run.index.address(row["neuron_id"]), []).append(row["phrase"])
    assert len(planted) >= 20
    own, by_chance = [], []
    for each in planted:
        assert each.concept is not None
        own.append(np.mean([fulfils(phrase, each.concept) for phrase in found[each.address]]))
        by_chance.append(np.mean([fulfils(phrase, each.concept) for phrase in random]))
    assert min(own) == 1.0, dict(zip(addresses, own, strict=True))
    assert float(np.mean(by_chance)) < 0.25
    rows = run.table("align/neurons").to_pylist()
    known = [row for row in rows if row["selectivity"] is not None]
    assert len(known) >= 0.8 * len(rows)
    selectivity, random_ones = (
        np.array([row[name] for row in known]) for name in ("selectivity", "selectivity_random")
    )
    assert np.median(selectivity) > 0.15
    assert abs(np.median(random_ones)) < 0.05
    assert all(row["words_agree"] is None for row in rows)  # the run is not described
