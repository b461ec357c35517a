"""The model's own sentence vectors: its first token, or the mean of its tokens, from the last block."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from neurolect import CollectOptions, DescribeOptions, collect, describe, load_model, prepare
from neurolect.errors import ModelError, OptionError
from neurolect.relations import relate
from neurolect.relations.diversity import read_diversity
from neurolect.store import Run
from neurolect.views import plot
from tests.relations.related_run import QUICK
from tests.tiny_corpora import FILL
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Run:
    home = tmp_path_factory.mktemp("own")
    choose = np.random.default_rng(0)
    lines = [" ".join(choose.choice(FILL, size=7)).capitalize() + "." for _ in range(80)]
    (home / "a.txt").write_text("\n\n".join(lines))
    write_tiny_bert(home / "bert")
    corpus = prepare([home / "a.txt"], out=home / "corpus")
    options = CollectOptions(list_size=8, held_out_size=0)
    run = collect(str(home / "bert"), corpus, out=home / "run", options=options)
    plain = DescribeOptions(tagger="none", pattern_length=1, vector_size=6, sentence_vectors="plain")
    pytest.importorskip("gensim")
    return describe(run, options=plain)


@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_they_are_the_last_blocks_output(described: Run, pooling: str) -> None:
    run = relate(described, options=dataclasses.replace(QUICK, encoder_vectors=pooling))
    vectors = np.asarray(run.array("relations/sentence_vectors"))
    texts = run.table("sentences", columns=["text"]).column("text").to_pylist()
    model = load_model(str(described.folder.parent / "bert"))
    tokens = model.tokenize(texts[:1])
    with torch.inference_mode():
        ids = torch.from_numpy(tokens.ids[: tokens.offsets[1]].astype(np.int64))[None]
        states = model.body(input_ids=ids).last_hidden_state[0]
    expected = states[0] if pooling == "first" else states[1:-1].mean(dim=0)
    np.testing.assert_allclose(vectors[0], expected.numpy(), atol=1e-5)
    assert vectors.shape == (len(texts), len(expected))


def test_diversity_is_measured_by_both_kinds(described: Run, tmp_path: Path) -> None:
    run = relate(described, options=dataclasses.replace(QUICK, encoder_vectors="first"))
    of_words, _ = read_diversity(run, side="top", vectors="words")
    of_model, kind = read_diversity(run, side="top")
    assert kind == "encoder"
    assert of_words.num_rows == of_model.num_rows > 0
    assert of_words.column("sse").to_pylist() != of_model.column("sse").to_pylist()
    # as they are, for the run was described with plain vectors: the error of one group is the variance
    row = of_model.to_pylist()[0]
    assert row["k"] == 1
    lists = run.table("lists/top").to_pylist()
    ids = run.table("sentences", columns=["sentence_id"]).column("sentence_id").to_pylist()
    vectors = np.asarray(run.array("relations/sentence_vectors"), dtype=np.float64)
    first = [each for each in lists if each["rank"] < 5 and each["neuron_id"] < 16]
    points = np.array([vectors[ids.index(each["sentence_id"])] for each in first])
    assert row["sse"] == pytest.approx(((points - points.mean(axis=0)) ** 2).sum(), rel=1e-3)
    for by, words in ((None, "own first token"), ("words", "mean word vectors")):
        plot(run, "diversity", by=by, out=tmp_path / "a.html")
        assert words in (tmp_path / "a.html").read_text()
    with pytest.raises(OptionError, match=r"not measured by 'cls' vectors(.|\n)*words or encoder"):
        plot(run, "diversity", by="cls", out=tmp_path / "a.html")


def test_a_model_that_has_moved_is_asked_for(described: Run, tmp_path: Path) -> None:
    options = dataclasses.replace(QUICK, encoder_vectors="first", seed=3)
    with pytest.raises(ModelError, match=r"relate\.encoder_vectors is 'mean'(.|\n)*--model FOLDER"):
        relate(
            described, options=dataclasses.replace(options, encoder_vectors="mean"), model=str(tmp_path / "none")
        )
    (described.folder.parent / "bert").rename(described.folder.parent / "moved")
    related = relate(described, options=options, model=str(described.folder.parent / "moved"))
    assert related.is_current("relate")
