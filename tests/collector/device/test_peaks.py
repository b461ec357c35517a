"""Values about firing tokens, signs of gates and lowest values: right, and the same however a corpus is read."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurolect.collector import CollectOptions, collect
from neurolect.collector.device.peaks import Peaks, watch_for
from neurolect.collector.engines.merging import merge
from neurolect.collector.feed.shards import Shard
from neurolect.corpus import Corpus
from neurolect.errors import OptionError
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.pooling.packed import Segments
from neurolect.model.pooling.receive import Seen
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run
from neurolect.store.sides import PEAK_AFTER, PEAK_BEFORE, peaks_of
from neurolect.views import card, card_text
from tests.collector.test_corpus_pass import all_arrays
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny

CPU = torch.device("cpu")
OPTIONS: dict[str, Any] = {"list_size": 20, "chunk_sentences": 150, "token_budget": 400, "sample_size": 60}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return tiny_corpus(tmp_path_factory.mktemp("corpus"), n_documents=30)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("llama"), family="Llama")


def load(folder: Path, **options: Any) -> Model:
    return load_model(str(folder), options=ModelOptions(sites=("mlp",), pooling="max", **options))


def about(values: list[float], token: int) -> list[float]:
    """Cut the values about a token out of a sentence's, the plain way."""
    padded = [np.nan] * PEAK_BEFORE + values + [np.nan] * PEAK_AFTER
    return padded[token : token + PEAK_BEFORE + 1 + PEAK_AFTER]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_entries=st.integers(1, 4),
    side=st.sampled_from(["top", "bottom"]),
    merged=st.booleans(),
    n_sentences=st.integers(0, 180),
)
def test_peaks_are_the_first_entries(seed: int, n_entries: int, side: str, merged: bool, n_sentences: int) -> None:
    rng = np.random.default_rng(seed)
    ids = rng.permutation(1000)[:n_sentences].astype(np.int64)
    sentences = [rng.integers(-3, 4, size=(rng.integers(1, 20), 3)).astype(np.float32) for _ in ids]
    cuts = [0, *sorted(rng.integers(0, n_sentences + 1, size=2)), n_sentences]
    kept = Peaks(3, n_entries, side=side, device=CPU)
    for start, stop in pairwise(cuts):
        part = Peaks(3, n_entries, side=side, device=CPU) if merged else kept
        own, lengths = sentences[start:stop], [len(each) for each in sentences[start:stop]]
        ends = torch.tensor(np.cumsum([0, *lengths]), dtype=torch.int32)
        extremes = [np.stack([f(each, axis=0) for each in own] or [np.zeros((0, 3))]) for f in (np.max, np.min)]
        places = [np.stack([f(each, axis=0) for each in own] or [np.zeros((0, 3))]) for f in (np.argmax, np.argmin)]
        values, lows = (torch.tensor(each, dtype=torch.float32) for each in extremes)
        tokens, low_tokens = (torch.tensor(each, dtype=torch.int16) for each in places)
        states = torch.tensor(np.concatenate([*own, np.zeros((0, 3))]), dtype=torch.float32)
        segments = Segments(ends[:-1], ends[:-1], ends[1:])
        watch = watch_for({side: part}, ids[start:stop], device=CPU)
        assert watch is not None
        watch(Seen(slice(0, 3), states, segments, values, tokens, lows, low_tokens))
        if merged:
            kept.merge(part)
    again = Peaks.from_arrays(kept.to_arrays(), side=side, device=CPU)
    for found in (kept.sorted(), again.sorted()):
        for neuron in range(3):
            sign = 1 if side == "top" else -1
            ranked = sorted(
                (-float((sign * each[:, neuron]).max()), number, each[:, neuron].tolist())
                for number, each in zip(ids.tolist(), sentences, strict=True)
            )[:n_entries]
            expected_ids = [number for _, number, _ in ranked] + [-1] * (n_entries - len(ranked))
            assert found[0][neuron].tolist() == expected_ids
            for place, (_, _, values_of) in enumerate(ranked):
                token = int(np.argmax(sign * np.array(values_of)))
                np.testing.assert_array_equal(
                    found[1][neuron, place], np.array(about(values_of, token), np.float16)
                )


def by_hand(model: Model, text: str, *, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Read the mlp neurons of a block and their gates at the text's own tokens with hooks of the test's own."""
    mlp: Any = model.body.layers[layer - 1].mlp  # type: ignore[index,union-attr]
    found: list[torch.Tensor] = []
    hooks = [
        mlp.down_proj.register_forward_pre_hook(lambda _, args: found.append(args[0])),
        mlp.gate_proj.register_forward_hook(lambda _, __, output: found.append(output)),
    ]
    with torch.no_grad():
        model.body(**model.tokenizer([text], return_tensors="pt", return_token_type_ids=False))
    for each in hooks:
        each.remove()
    return found[1][0], found[0][0]


def test_lists_of_a_gated_network_say_where_and_how_it_fires(corpus: Corpus, llama: Path, tmp_path: Path) -> None:
    model = load(llama)
    run = collect(model, corpus, out=tmp_path / "run", options=CollectOptions(**OPTIONS))
    assert run.sides == ("top", "bottom")
    assert run.manifest["options"]["collect"]["bottom_by"] == "minimum"
    for address, side in (("mlp.1.3", "top"), ("mlp.2.7", "top"), ("mlp.1.3", "bottom"), ("mlp.2.7", "bottom")):
        neuron = run.neuron(address)
        listed = neuron.list(side).to_pylist()
        kept = run.array(peaks_of(side))[neuron.neuron_id]
        assert kept.shape == (10, 13)
        lowest = [each["activation"] for each in listed]
        assert lowest == sorted(lowest, reverse=side == "top")
        for place, entry in enumerate(listed):
            values, gates = by_hand(model, entry["text"], layer=neuron.layer)
            own = values[1:-1, neuron.index]
            extreme = own.max() if side == "top" else own.min()
            assert float(extreme) == pytest.approx(entry["activation"], abs=1e-5)
            assert float(values[entry["token"], neuron.index]) == pytest.approx(entry["activation"], abs=1e-5)
            assert entry["gate"] == bool(gates[entry["token"], neuron.index] >= 0)
            if place < len(kept):
                expected = about(own.tolist(), entry["token"] - 1)
                np.testing.assert_allclose(kept[place], expected, rtol=2e-3, atol=1e-4)


def test_shards_devices_and_packing_keep_the_same(corpus: Corpus, llama: Path, tmp_path: Path) -> None:
    whole = collect(load(llama), corpus, out=tmp_path / "whole", options=CollectOptions(**OPTIONS))
    parts = [tmp_path / "0", tmp_path / "1"]
    for number, part in enumerate(parts):
        collect(load(llama), corpus, out=part, options=CollectOptions(**OPTIONS), shard=Shard(number, 2))
    merge(parts, out=tmp_path / "merged")
    one, two = (all_arrays(tmp_path / name) for name in ("whole", "merged"))
    assert "lists/bottom_peaks.npy" in one
    assert all(one[name] == two[name] for name in one if not name.startswith("convergence"))  # looks are at chunks
    for packing in ("off", "on"):
        options = CollectOptions(**OPTIONS, keep_on="device")
        other = collect(load(llama, packing=packing), corpus, out=tmp_path / packing, options=options)
        for side in whole.sides:
            np.testing.assert_allclose(whole.array(peaks_of(side)), other.array(peaks_of(side)), atol=2e-3)
            gates = [each.table(f"lists/{side}").column("gate").to_numpy(False) for each in (whole, other)]
            assert (gates[0] == gates[1]).mean() > 0.99


@pytest.mark.parametrize(
    ("family", "gated"),
    [("Llama", True), ("Qwen2", True), ("ModernBert", True), ("Bert", False), ("GPT2", False), ("T5", False)],
)
def test_gates_are_found_by_trial(family: str, gated: bool) -> None:
    options, tokenizer = ModelOptions(sites=("mlp",), pooling="max"), tiny_tokenizer()
    network = tiny_network(family)
    body = network.encoder if family == "T5" else network
    model = Model(body, tokenizer, name=family, options=options, max_tokens=64)
    assert len(model.gates) == (len(model.taps) if gated else 0)
    if family == "ModernBert":  # both factors come from one module
        assert {each.half for each in model.gates.values()} == {0}


def collected(folder: Path, corpus: Corpus, out: Path, *, sites: str, pooling: str = "max", **options: Any) -> Run:
    model = load_model(str(folder), options=ModelOptions(sites=(sites,), pooling=pooling))
    return collect(model, corpus, out=out, options=CollectOptions(**OPTIONS, **options))


def test_sides_are_those_that_say_something(corpus: Corpus, llama: Path, tmp_path: Path) -> None:
    bert = write_tiny(tmp_path / "bert", family="Bert")
    plain = collected(bert, corpus, tmp_path / "plain", sites="mlp")
    assert plain.sides == ("top",)
    assert "gate" not in plain.table("lists/top").column_names
    hidden = collected(llama, corpus, tmp_path / "hidden", sites="hidden")
    assert hidden.sides == ("top", "bottom")
    assert hidden.files.has("lists/top_peaks.npy")
    assert not hidden.files.has("lists/bottom_peaks.npy")  # the highest value of a low sentence is no peak
    lowest = collected(llama, corpus, tmp_path / "lowest", sites="hidden", bottom_by="minimum", peak_entries=3)
    assert lowest.array(peaks_of("bottom")).shape[1] == 3
    none = collected(llama, corpus, tmp_path / "none", sites="mlp", peak_entries=0, bottom_by="pooled")
    assert not none.files.has("lists/top_peaks.npy")
    again = collected(llama, corpus, tmp_path / "none", sites="mlp", peak_entries=0, bottom_by="pooled")
    assert again.manifest == none.manifest
    with pytest.raises(OptionError, match=r"bottom_by is minimum.*model\.pooling is mean\.(?s:.*)pooling=max"):
        collected(llama, corpus, tmp_path / "mean", sites="mlp", pooling="mean", bottom_by="minimum")


def test_cards_shade_what_is_about_the_firing_token(corpus: Corpus, llama: Path, tmp_path: Path) -> None:
    run = collected(llama, corpus, tmp_path / "run", sites="mlp", held_out_size=20)
    run = describe(run, options=DescribeOptions(tagger="none", vectors="none", pattern_length=1, max_senses=1))
    assert set(run.table("signatures/firing_words").column("side").to_pylist()) == {"top", "bottom"}
    made = card(run.neuron("mlp.2.7"))
    spans = {row["sentence_id"]: row for row in run.table("token_spans").to_pylist()}
    for side in made["sides"]:
        rows = run.neuron("mlp.2.7").list(side["side"]).to_pylist()
        assert side["gate_positive"] == pytest.approx(np.mean([each["gate"] for each in rows]), rel=1e-3)
        for each in side["examples"]:
            values, _ = by_hand(load(llama), each["text"], layer=2)
            own = spans[each["sentence_id"]]
            triples = zip(own["starts"], own["ends"], values[:, 7].tolist(), strict=False)
            of_token = {
                start: value for start, end, value in triples if start < end
            }  # special tokens cover nothing
            weights = {start: weight for start, _, weight in each["activating"]}
            peak = own["starts"][each["token"]]
            assert weights[peak] == 1
            assert 1 not in (weight for start, weight in weights.items() if start != peak)
            for start, weight in weights.items():
                assert weight == pytest.approx(min(1, of_token[start] / each["activation"]), abs=0.02)
    assert "gate positive at" in card_text(made)
    scored = score_fidelity(run, options=FidelityOptions(top_share=0.2, min_positives=3))
    refused = scored.table("fidelity/neurons").to_pylist()
    assert {each["refused"] for each in refused if each["side"] == "bottom"} == {None}
