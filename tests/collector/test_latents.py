"""Latents of sparse autoencoders are collected as neurons; where they are 0 is no evidence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from neurolect.collector import CollectOptions, collect, merge
from neurolect.collector.lists.moments import choose_bins
from neurolect.collector.record import with_chunks
from neurolect.corpus import open_corpus
from neurolect.errors import CollectError
from neurolect.fidelity import FidelityOptions, score_fidelity
from neurolect.finding import find
from neurolect.model import Model, ModelOptions, load_model
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run, open_run
from neurolect.verification import verify
from neurolect.views import card, card_text
from neurolect.views.cards.facts import run_facts
from neurolect.views.texts.fidelity import fidelity_of_run, fidelity_text
from tests.command_line import command, succeed
from tests.model.autoencoders.folders import LATENTS, write_sae_lens
from tests.reference.top_lists import sorted_lists
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

DEAD, RARE = 3, 8
OPTIONS = CollectOptions(list_size=40, chunk_sentences=64, token_budget=128)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a corpus, and an autoencoder some of whose latents are dead or rarely above 0."""
    folder = tmp_path_factory.mktemp("latents")
    write_tiny_bert(folder / "bert")
    tiny_corpus(folder, n_documents=30)
    write_sae_lens(folder / "sae", hook_name="encoder.layer.0", model_name="bert")
    weights = load_file(folder / "sae" / "sae_weights.safetensors")
    weights["b_enc"][:DEAD] = -100.0
    save_file(weights, folder / "sae" / "sae_weights.safetensors")
    values = loaded(folder, pooling="max").activations(texts(folder))[:, DEAD : DEAD + RARE]
    # above 0 in a few sentences
    weights["b_enc"][DEAD : DEAD + RARE] -= torch.from_numpy(np.sort(values, axis=0)[-7:-5].mean(axis=0))
    save_file(weights, folder / "sae" / "sae_weights.safetensors")
    return folder


def loaded(place: Path, **options: Any) -> Model:
    given = {"sites": ("latent",), "sae": (f"own={place / 'sae'}",), **options}
    return load_model(str(place / "bert"), options=ModelOptions(**given))


def texts(place: Path) -> list[str]:
    table = next(open_corpus(place / "corpus").batches(columns=["text"], batch_size=10_000))
    return [str(each) for each in table.column("text").to_pylist()]


@pytest.fixture(scope="module", params=["mean", "max"])
def run(request: pytest.FixtureRequest, place: Path) -> Run:
    model = loaded(place, pooling=request.param)
    collect(model, place / "corpus", out=place / request.param, options=OPTIONS)
    return describe(place / request.param, options=DescribeOptions(tagger="none"))


def test_lists_hold_sentences_where_a_latent_is_above_0_and_no_others(place: Path, run: Run) -> None:
    table = next(open_corpus(place / "corpus").batches(columns=["sentence_id", "text"], batch_size=10_000))
    pooling = run.manifest["options"]["model"]["pooling"]
    values = loaded(place, pooling=pooling).activations(table.column("text").to_pylist())
    values = np.where(values > 0, values, np.nan)
    expected = sorted_lists(values, table.column("sentence_id").to_numpy(), list_size=40, side="top")
    lists = run.table("lists/top")
    assert run.sides == ("top",)
    for neuron in range(LATENTS):
        own = lists.filter(np.asarray(lists.column("neuron_id")) == neuron)
        n = int((expected[1][neuron] >= 0).sum())
        assert own.num_rows == n
        np.testing.assert_allclose(own.column("activation"), expected[0][neuron, :n], atol=1e-5)
    n_entries = np.bincount(lists.column("neuron_id"), minlength=LATENTS)
    assert (n_entries[:DEAD] == 0).all()
    assert (n_entries[DEAD : DEAD + RARE] > 0).all()
    assert n_entries[DEAD : DEAD + RARE].max() < 10


def test_dead_latents_are_counted(run: Run) -> None:
    said = [each for each in run.manifest["notices"] if "dead" in each]
    assert len(said) == 1
    assert said[0].startswith(f"Of {LATENTS} latents {DEAD} are dead: above 0 on no sentence read; {RARE} more are")


def test_addresses_cards_and_questions_work_as_for_neurons(run: Run) -> None:
    neuron = run.neuron("latent.own.1.20")
    assert (neuron.site, neuron.layer, neuron.index) == ("latent.own", 1, 20)
    assert "latent.own.1.20" in card_text(card(neuron))
    assert "latent.own.1.0" in card_text(card(run.neuron("latent.own.1.0")))  # a dead one has a card, too
    found = find(run, word="film")
    assert all(each.startswith("latent.own.1.") for each in found.column("address").to_pylist())
    assert not verify(run.folder).damaged
    facts = run.manifest["model"]["autoencoders"]
    assert [(each["name"], each["layer"], each["kind"], each["hook"]) for each in facts] == [
        ("own", 1, "standard", "encoder.layer.0")
    ]


def test_a_card_says_latent_and_facts_say_what_was_read(place: Path, tmp_path: Path) -> None:
    """Of a run that a limit ended: the sentences it read, not those that there are."""
    few = CollectOptions(list_size=40, limit=50)
    run = describe(
        collect(loaded(place), open_corpus(place / "corpus"), out=tmp_path / "few", options=few),
        options=DescribeOptions(tagger="none", vectors="none"),
    )
    shown = card(run.neuron(f"latent.own.1.{LATENTS - 1}"))
    assert f"latent.own, block 1 of 2, latent {LATENTS - 1}" in card_text(shown, width=100)
    n = run.manifest["corpus"]["n_sentences"]
    assert n > 50
    assert ("Sentences read", f"50 of {n:,}") in run_facts(run)
    assert shown["sides"][0]["corpus_share"] == pytest.approx(shown["sides"][0]["n_sentences"] / 50)


def test_a_latent_that_is_rarely_above_0_is_not_scored_on_zeros(run: Run) -> None:
    options = FidelityOptions(min_positives=2, n_bootstrap=10)
    scored = score_fidelity(run, options=options)
    rows = scored.table("fidelity/neurons", columns=["neuron_id", "n_positives", "refused"]).to_pylist()
    held = scored.array("held_out/activations")
    for row in rows:
        assert row["n_positives"] <= (held[row["neuron_id"]] > 0).sum()
        assert row["refused"] != "constant" or row["neuron_id"] < DEAD + RARE
    n = sum(row["refused"] is None for row in rows)
    assert 0 < n < LATENTS
    expected = f"Of {LATENTS} latents {n} are scored: those above 0 on at least 2 of {held.shape[1]} held-out"
    assert expected in fidelity_text(fidelity_of_run(scored))


def test_hidden_neurons_keep_both_sides_next_to_latents(place: Path, tmp_path: Path) -> None:
    both = collect(
        loaded(place, sites=("hidden", "latent")), place / "corpus", out=tmp_path / "both", options=OPTIONS
    )
    alone = collect(
        loaded(place, sites=("hidden",), sae=()), place / "corpus", out=tmp_path / "alone", options=OPTIONS
    )
    assert both.sides == ("top", "bottom")
    n_hidden = alone.n_neurons
    for side in both.sides:
        lists = both.table(f"lists/{side}")
        hidden = lists.filter(np.asarray(lists.column("neuron_id")) < n_hidden)
        assert hidden.equals(alone.table(f"lists/{side}"))
        assert (hidden.num_rows < lists.num_rows) == (side == "top")  # latents have no bottom list


@pytest.mark.parametrize("keep_on", ["device", "host"])
def test_shards_give_the_lists_of_one_pass(place: Path, tmp_path: Path, keep_on: str) -> None:
    options = CollectOptions(list_size=40, chunk_sentences=64, token_budget=128, keep_on=keep_on)
    whole = collect(loaded(place), place / "corpus", out=tmp_path / "whole", options=options)
    parts = [tmp_path / f"part-{number}" for number in range(2)]
    for number, part in enumerate(parts):
        collect(loaded(place), place / "corpus", out=part, options=options, shard=f"{number}/2")
    merged = merge(parts, out=tmp_path / "merged")
    for name in ("lists/top", "neurons"):
        assert merged.table(name).equals(whole.table(name))
    assert [each for each in merged.manifest["notices"] if "dead" in each]


def test_another_autoencoder_is_another_run_wherever_it_lies(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    first = collect(loaded(place), place / "corpus", out=out, options=OPTIONS)
    moved = tmp_path / "moved" / "sae"
    write_sae_lens(moved)
    for name in ("cfg.json", "sae_weights.safetensors"):
        (moved / name).write_bytes((place / "sae" / name).read_bytes())
    again = collect(loaded(place, sae=(f"own={moved}",)), place / "corpus", out=out, options=OPTIONS)
    assert again.manifest["model"]["fingerprint"] == first.manifest["model"]["fingerprint"]
    other = write_sae_lens(tmp_path / "other", seed=9, hook_name="encoder.layer.0", model_name="bert")
    with pytest.raises(CollectError, match="differs in model:"):
        collect(loaded(place, sae=(f"own={other}",)), place / "corpus", out=out, options=OPTIONS)


def test_batches_are_small_where_latents_are_many(place: Path, tmp_path: Path) -> None:
    model = loaded(place)
    assert with_chunks(CollectOptions(), model, tmp_path).token_budget == 2048
    many = model.neurons.site_layers[0]._replace(width=65_536)
    model.neurons = type(model.neurons)((many,))
    assert with_chunks(CollectOptions(), model, tmp_path).token_budget == 1024
    assert with_chunks(CollectOptions(token_budget=4096), model, tmp_path).token_budget == 4096


def test_bins_of_latents_begin_at_0() -> None:
    pilot = np.zeros((50, 3), np.float32)
    pilot[7, 0] = 5.0
    pilot[8, 1] = 0.1
    bins = choose_bins(pilot, n_bins=64, from_zero=[(0, 3)])
    assert bins.low.tolist() == [0.0, 0.0, 0.0]
    tops = bins.width * 64
    assert (tops >= [10.0, 0.2, 2.55 * 2]).all()  # of what is 0 throughout: as of the middle one
    assert (tops <= [20.0, 0.4, 2.55 * 4]).all()


def test_the_command_reads_latents_of_a_folder(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    model, corpus = place / "bert", place / "corpus"
    said = succeed("collect", model, corpus, "--out", out, "--sae", place / "sae", "--set", "collect.list_size=20")
    assert f"Lists of {LATENTS} neurons" in said
    assert "are dead" in said
    assert open_run(out).neuron("latent.sae.1.5").site == "latent.sae"
    named = f"mine={place / 'sae'}"
    again = ["collect", model, corpus, "--out", tmp_path / "named", "--set", "collect.list_size=20"]
    succeed(*again, "--sae", named, "--set", "model.sites=hidden,latent")
    sites = open_run(tmp_path / "named").manifest["model"]["sites"]
    assert [(each["site"], each["layer"]) for each in sites] == [
        ("hidden", 1),
        ("hidden", 2),
        ("latent.mine", 1),
    ]
    wrong = command("collect", model, corpus, "--out", tmp_path / "no", "--sae", tmp_path / "nothing")
    assert wrong.code == 2 or wrong.code == 1
    assert "There is no folder" in wrong.err
    assert not (tmp_path / "no").exists()
