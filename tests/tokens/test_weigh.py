"""The tokens stage on a tiny run, end to end."""

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

from neurolect.corpus.sentences.words import split_words, word_spans
from neurolect.errors import ModelError, OptionError, RunFolderError
from neurolect.model import load_model
from neurolect.model.word_alignment import align
from neurolect.store import Run, open_run
from neurolect.tokens import forward_pass, read_tokens, weigh
from neurolect.tokens.entries import unpack_values, word_weights
from neurolect.views import card, card_text
from neurolect.views.cards.activating_words import activating_words, bracketed, pieces
from neurolect.views.cards.numbers import card_activation
from neurolect.views.report.page import card_html
from tests.command_line import command, succeed
from tests.damaged import forget_sums
from tests.documented_folder import check_folder
from tests.reference.occurrences_plain import mean_of_occurrences
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

SETTINGS = (
    "--set=describe.tagger=none",
    "--set=describe.vectors=none",
    "--set=collect.list_size=30",
    "--workers=1",
)


@pytest.fixture(scope="module", params=["mean", "max"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("tokens")
    model = write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=30)
    succeed("run", model, documents, "--out", folder / "run", f"--set=model.pooling={request.param}", *SETTINGS)
    return read_tokens(open_run(folder / "run"), n_sentences=8)


def test_pooled_again_they_are_the_listed_activations(run: Run) -> None:
    pooling = run.manifest["options"]["model"]["pooling"]
    entries = run.table("tokens/entries")
    assert entries.num_rows == run.n_neurons * 2 * 8
    values = unpack_values(entries)
    for side in ("top", "bottom"):
        rows = [i for i, each in enumerate(entries.column("side").to_pylist()) if each == side]
        pooled = np.array([getattr(values[i], pooling)() for i in rows]).reshape(run.n_neurons, 8)
        steps = entries.column("step").to_numpy()[rows].reshape(run.n_neurons, 8)
        listed = run.table(f"lists/{side}").column("activation").to_numpy().reshape(run.n_neurons, -1)[:, :8]
        assert (np.abs(pooled - listed) <= 0.51 * steps + 1e-5).all()


def test_values_are_plain_hugging_face_at_the_characters(run: Run) -> None:
    model = load_model(run.manifest["model"]["name"])
    entry = run.rows("tokens/entries", neuron_id=5, side="top").slice(0, 1)
    text = run.take_sentences(entry.column("sentence_id").to_numpy()).column("text")[0].as_py()
    encoded = model.tokenizer.backend_tokenizer.encode(text)  # type: ignore[attr-defined]
    with torch.no_grad():
        states = model.network(input_ids=torch.tensor([encoded.ids]), output_hidden_states=True).hidden_states
    np.testing.assert_allclose(
        unpack_values(entry)[0], states[1][0, 1:-1, 5].numpy(), atol=entry.column("step")[0].as_py()
    )
    spans = run.table("tokens/sentences")
    place = spans.column("sentence_id").to_pylist().index(entry.column("sentence_id")[0].as_py())
    assert spans.column("starts")[place].as_py() == [start for start, _ in encoded.offsets[1:-1]]


def test_words_have_their_share_of_the_activation(run: Run) -> None:
    words = run.table("signatures/token_words")
    assert words.num_rows
    assert (words.column("gain").to_numpy() >= 0).all()
    total = words.group_by(["neuron_id", "side"]).aggregate([("share_activation", "sum")])
    assert max(total.column("share_activation_sum").to_pylist()) <= 1 + 1e-5


def test_patterns_are_weighed_at_all_their_occurrences(run: Run) -> None:
    """Every row of one list, from the words' weights and the plain placing of items."""
    neuron, gap = run.neuron("hidden.1.3"), int(run.manifest["options"]["describe"]["word_gap"])
    entries = neuron.rows("tokens/entries", side="top")
    texts = run.take_sentences(entries.column("sentence_id").to_numpy()).column("text").to_pylist()
    spans = {row["sentence_id"]: row for row in run.table("tokens/sentences").to_pylist()}
    read = []
    for text, values, key in zip(texts, unpack_values(entries), entries["sentence_id"].to_pylist(), strict=True):
        starts, ends = (np.array(spans[key][name], np.int32) for name in ("starts", "ends"))
        aligned = align(word_spans(text, split_words(text)), starts=starts, ends=ends)
        _, weights = word_weights(values, aligned, mean=float(neuron.row["mean"]), sign=1.0)
        if weights.any():
            read.append(([word.lower() for word in split_words(text)], weights.tolist()))
    rows = neuron.rows("signatures/token_patterns", side="top").to_pylist()
    found = {row["pattern"]: row for row in rows if row["item"] == "word"}
    n_words, expected = sum(len(words) for words, _ in read), set()
    table = neuron.rows("signatures/skip_ngrams", side="top")
    for pattern in table.filter(pc.equal(table["item"], "word"))["pattern"].to_pylist():
        items = pattern.split(" ")
        means = [mean_of_occurrences(*each, items, max_gap=gap) for each in read]
        held = [mean for mean in means if mean is not None]
        if len(held) >= 2:
            expected.add(pattern)
            row = found[pattern]
            assert row["n_sentences"] == len(held)
            assert row["gain"] == pytest.approx(np.mean(held), rel=1e-4)
            assert row["share_words"] == pytest.approx(len(held) * len(items) / n_words, rel=1e-4)
            assert row["share_activation"] == pytest.approx(sum(held) * len(items) / n_words, rel=1e-4)
    assert set(found) == expected
    assert len(expected) > 3
    z = [row["weighted_z"] for row in rows]
    assert z == sorted(z, reverse=True)


def test_a_card_says_what_the_neuron_responds_to(run: Run) -> None:
    found = card_activation(run.neuron("hidden.1.3"), "top")
    assert found is not None
    assert all(row["gain"] >= 1.1 for row in found["answers_to"])
    assert all(row["gain"] <= 0.8 and row["plain_z"] > row["weighted_z"] for row in found["beside_it"])
    made = card(run.neuron("hidden.1.3"), sides=("top",))
    assert "responds to" in card_text(made)
    assert "responds to" in card_html(made)


def test_without_signatures_there_are_no_patterns_to_weigh(run: Run, tmp_path: Path) -> None:
    folder = copytree(run.folder, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["stages"]["describe"]["status"] = "running"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    read_tokens(open_run(folder), neurons=["hidden.1.0"], n_sentences=2)
    assert not (folder / "signatures" / "token_patterns.parquet").exists()
    (forget_sums(folder) / "signatures" / "token_words.parquet").unlink()
    assert card_activation(open_run(folder).neuron("hidden.1.0"), "top") is None


def test_neurons_are_added_and_an_interruption_is_no_loss(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copytree(run.folder, tmp_path / "run")
    for name in ("entries", "sentences"):
        (folder / "tokens" / f"{name}.parquet").unlink()
    monkeypatch.setattr(forward_pass, "PART_SENTENCES", 3)
    read_tokens(open_run(folder), neurons=["hidden.1.3"], n_sentences=8, sides=["top"])
    calls = []
    plain = forward_pass._read_part

    def stop_once(*arguments: object, **more: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return plain(*arguments, **more)  # type: ignore[arg-type]

    def stop_while_writing(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(forward_pass, "_read_part", stop_once)
    with pytest.raises(KeyboardInterrupt):
        read_tokens(open_run(folder), neurons=["hidden.2.1"], n_sentences=8)
    with monkeypatch.context() as patch:
        patch.setattr(weigh, "_write", stop_while_writing)
        with pytest.raises(KeyboardInterrupt):
            read_tokens(open_run(folder), neurons=["hidden.2.1"], n_sentences=8)
    n_read = len(calls)
    again = read_tokens(open_run(folder), neurons=["hidden.2.1"], n_sentences=8)
    assert len(calls) == n_read > 2  # what was read before the tables were written is not read again
    assert not (folder / "tokens" / "partial").exists()
    entries = again.table("tokens/entries")
    assert entries.num_rows == 24
    kept = again.rows("tokens/entries", neuron_id=3, side="top")
    assert kept.drop_columns(["low", "step"]).equals(
        run.rows("tokens/entries", neuron_id=3, side="top").drop_columns(["low", "step"])
    )


def test_words_of_a_card(run: Run) -> None:
    neuron = run.neuron("hidden.1.3")
    found = activating_words(neuron, "top", [0, 1, 29])
    assert sorted(found) == [0, 1]
    text = neuron.list("top", limit=1).column("text")[0].as_py()
    assert max(weight for _, _, weight in found[0]) == 1.0
    assert "".join(piece for piece, _ in pieces(text, found[0])) == text
    assert bracketed(text, found[0]).count("\u2039") >= 1
    assert "\u2039" in succeed("show", run.folder, "hidden.1.3")


def test_another_model_is_refused(run: Run, tmp_path: Path) -> None:
    other = write_tiny_bert(tmp_path / "other", seed=5)
    with pytest.raises(ModelError, match="another fingerprint"):
        read_tokens(run, model=str(other), neurons=["hidden.1.0"], n_sentences=9)
    with pytest.raises(ModelError, match="There is no model folder"):
        read_tokens(run, model=str(tmp_path / "none"), neurons=["hidden.1.0"], n_sentences=9)


def test_a_model_that_gives_other_activations_is_refused(run: Run, tmp_path: Path) -> None:
    folder = copytree(run.folder, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["fingerprint"] = ""
    manifest["model"]["name"] = str(write_tiny_bert(tmp_path / "other", seed=5))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelError, match="gives other activations than the lists"):
        read_tokens(open_run(folder), neurons=["hidden.1.0", "hidden.2.0"], n_sentences=20)


def test_a_model_that_has_moved_is_asked_for(run: Run, tmp_path: Path) -> None:
    folder = copytree(run.folder, tmp_path / "run")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["name"] = "/nowhere/bert"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    answer = command("tokens", folder, "--neurons=hidden.1.0", "--sentences=12")  # more than were read
    assert answer.code == 1
    assert "--model FOLDER" in answer.err
    model = run.manifest["model"]["name"]
    printed = succeed("tokens", folder, "--neurons=hidden.1.0", "--sentences=2", f"--model={model}", "--side=top")
    assert "2 list entries" in printed


def test_options_that_do_not_fit(run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no side 'left'"):
        read_tokens(run, sides=["left"])
    with pytest.raises(OptionError, match="number of sentences is 0"):
        read_tokens(run, n_sentences=0)
    folder = copytree(run.folder, tmp_path / "run")
    (forget_sums(folder) / "lists" / "bottom.parquet").unlink()
    with pytest.raises(RunFolderError, match="has no bottom lists"):
        read_tokens(open_run(folder))


def test_files_columns_and_types_are_those_of_the_page(run: Run) -> None:
    assert len(check_folder(run.folder, page="run_folder.md", below="tokens")) == 2
    signatures = check_folder(run.folder, page="run_folder.md", below="signatures")
    assert signatures >= {"signatures/token_words.parquet", "signatures/token_patterns.parquet"}
