"""What the first token does to a decoder is found, reported, and left out where the options say so."""

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from neurolect.collector import CollectOptions, collect
from neurolect.collector.first_token import first_token_notice
from neurolect.corpus import prepare
from neurolect.errors import ModelError
from neurolect.model import ModelOptions, load_model
from neurolect.model.language_model import Activations
from neurolect.model.neurons import NeuronIndex, SiteLayer
from neurolect.model.token_values import read_token_values
from neurolect.model.tokens import TokenizedSentences
from tests.tiny_corpora import write_documents
from tests.tiny_models import tiny_network, tiny_tokenizer

NEURONS = NeuronIndex((SiteLayer("hidden", 1, 4), SiteLayer("hidden", 2, 4)))
LENGTHS = np.random.default_rng(0).integers(3, 30, 40)
TOKENS = TokenizedSentences(
    ids=np.zeros(LENGTHS.sum(), np.int32),
    offsets=np.concatenate([[0], np.cumsum(LENGTHS)]),
    first=np.zeros(40, np.int32),
    end=LENGTHS.astype(np.int32),
    n_cut=0,
    empty=np.empty(0, np.int64),
)
BATCHES = [np.arange(0, 40, 2), np.arange(1, 40, 2)]


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny Llama whose tokenizer adds nothing, but has a token that begins a text."""
    folder = tmp_path_factory.mktemp("decoder")
    tiny_network("Llama").save_pretrained(folder)
    tokenizer = tiny_tokenizer(special=False)
    tokenizer.add_special_tokens({"bos_token": "[CLS]", "pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    return str(folder)


def notice(values: np.ndarray, places: np.ndarray | None = None) -> str | None:
    read = [Activations(values[rows], None if places is None else places[rows]) for rows in BATCHES]
    return first_token_notice(read, TOKENS, BATCHES, neurons=NEURONS)


def test_maxima_at_the_first_token_are_reported_with_their_layer() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(40, 8)).astype(np.float32)
    places = (random.random((40, 8)) * LENGTHS[:, None]).astype(np.int16)
    assert notice(values, places) is None
    places[:, 5] = 0
    found = notice(values, places)
    assert found is not None
    assert found.startswith("25% of the neurons of hidden.2 have most of their maxima at the first token")
    assert "model.skip_first=1" in found


def test_means_that_are_a_constant_by_the_length_are_reported() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(40, 8)).astype(np.float32)
    assert notice(values) is None
    values[:, :3] = 100 / LENGTHS[:, None] + 0.1 * values[:, :3]
    found = notice(values)
    assert found is not None
    assert "of the variance of the middle neuron of hidden.1" in found
    values[:, 4:] = 1.0  # constants explain nothing
    assert notice(values) == found


def test_a_token_before_each_sentence_is_read_and_not_pooled(decoder: str) -> None:
    texts = ["the movie was great", "no", "oil price of the bank"]
    model = load_model(decoder, options=ModelOptions(pooling="max", prepend_bos=True))
    plain = load_model(decoder, options=ModelOptions(pooling="max"))
    assert (plain.may_begin, model.may_begin) == (True, False)
    sentences = model.tokenize(texts)
    begin = model.tokenizer.bos_token_id
    for row, text in enumerate(texts):
        ids = sentences.ids[sentences.offsets[row] : sentences.offsets[row + 1]].tolist()
        assert ids == [begin, *transformers.AutoTokenizer.from_pretrained(decoder)(text)["input_ids"]]
        with torch.no_grad():
            states = model.network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
        flat = np.concatenate([each[0].numpy() for each in states[1:]], axis=1)
        got = model.read(model.pad(sentences, np.array([row])))
        np.testing.assert_allclose(got.values[0], flat[1:].max(axis=0), atol=1e-5)
        assert got.tokens is not None
        assert got.tokens.min() >= 1
    chosen = [np.arange(3)] * len(texts)
    for model_, spans in ((model, 1), (plain, 0)):
        for each in read_token_values(model_, texts, neurons=chosen):
            words = [texts[each.number][a:b] for a, b in zip(*each.spans, strict=True)]
            assert "".join(words) == texts[each.number].replace(" ", "")
            assert len(each.values) == len(words), spans


def test_passes_agree_whatever_tokenizes(decoder: str, tmp_path: Path) -> None:
    documents = write_documents(tmp_path / "documents.jsonl", n_documents=20)
    corpus = prepare([documents], out=tmp_path / "corpus")
    model = load_model(decoder, options=ModelOptions(pooling="max", prepend_bos=True, skip_first=1))
    found = []
    for workers in (1, 2):
        options = CollectOptions(list_size=5, workers=workers, held_out_size=0)
        run = collect(model, corpus, out=tmp_path / f"run{workers}", options=options)
        found.append(run.table("lists/top"))
        assert run.manifest["model"]["n_prepended"] == 1
    assert found[0].equals(found[1])
    assert int(np.asarray(found[0].column("token")).min()) >= 2


def test_a_tokenizer_without_such_a_token_is_refused(tmp_path: Path) -> None:
    tiny_network("Llama").save_pretrained(tmp_path)
    tiny_tokenizer(special=False).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="has no token that begins a text"):
        load_model(str(tmp_path), options=ModelOptions(prepend_bos=True))
