"""Stored activations are the network's own at the right tokens; killed and resumed, they have the same bytes."""

import json
import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from neurolect import verify
from neurolect.errors import OptionError, ProbingError
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model import token_values as token_values_module
from neurolect.probing import ActivationsOptions, ActivationStore, open_activations, read_activations
from neurolect.probing.activations import shards as shards_module
from neurolect.probing.activations.plan import Shard
from neurolect.probing.rows import Rows
from tests.model.networks import encoder, tiny_model
from tests.probing.treebanks import sentences, write_treebank
from tests.tiny_models import tiny_network, tiny_tokenizer
from tests.tiny_tokenizers import tokenizer_of

FEW: dict[str, Any] = {"min_train": 5, "min_test": 1}
ALL = ActivationsOptions(min_train=1, min_test=1, dtype="float32")


def read(tmp_path: Path, *, concept: Any = "tags", name: str = "acts", **options: Any) -> ActivationStore:
    data = tmp_path / "treebank.jsonl"
    if not data.exists():
        write_treebank(data)
    return read_activations(
        tiny_model("Bert"), data, out=tmp_path / name, concept=concept, options=ActivationsOptions(**FEW | options)
    )


def whole(store: ActivationStore) -> NDArray[Any]:
    return np.concatenate([values for _, values in store.blocks()])


def own_states(model: Model, words: list[str]) -> tuple[NDArray[np.float32], list[list[int]]]:
    """Run the network on one sentence as Hugging Face does, and let its tokenizer say which tokens are whose."""
    encoded = model.tokenizer(words, is_split_into_words=True, truncation=True, max_length=64)
    with torch.no_grad():
        states = model.network(input_ids=torch.tensor([encoded["input_ids"]]), output_hidden_states=True)
    of_word: list[list[int]] = [[] for _ in words]
    for place, word in enumerate(encoded.word_ids()):  # type: ignore[attr-defined]
        if word is not None:
            of_word[word].append(place)
    return np.concatenate([each[0].numpy() for each in states.hidden_states[1:]], axis=1), of_word


@pytest.mark.parametrize("aggregate", ["last", "first", "mean"])
def test_values_are_the_networks_own_at_a_words_tokens(aggregate: str, tmp_path: Path) -> None:
    rows = sentences()
    store = read(tmp_path, aggregate=aggregate, dtype="float32", min_train=1)
    model, found = tiny_model("Bert"), whole(store)
    index = store.table().to_pylist()
    assert store.n_rows > 300
    for sentence in range(0, len(rows), 7):
        words: Any = rows[sentence]["tokens"]
        states, of_word = own_states(model, words)
        for unit in (each for each in index if each["sentence_id"] == sentence):
            tokens = of_word[unit["word_index"]]
            part = {"last": states[tokens[-1]], "first": states[tokens[0]], "mean": states[tokens].mean(axis=0)}
            np.testing.assert_allclose(found[unit["row"]], part[aggregate], atol=2e-5)
            assert unit["word"] == words[unit["word_index"]]


def test_a_token_before_each_sentence_is_no_words_and_batches_do_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_network("Llama").save_pretrained(tmp_path / "model")
    tokenizer: Any = tiny_tokenizer(special=False)
    tokenizer.add_special_tokens({"bos_token": "[CLS]", "pad_token": "[PAD]"})
    tokenizer.save_pretrained(tmp_path / "model")
    rows = sentences(60)
    data = write_treebank(tmp_path / "treebank.jsonl", rows)
    stores = []
    for number, budget in enumerate((1_024, 48, 3)):
        monkeypatch.setattr(token_values_module, "_TOKEN_BUDGET", budget)
        model = load_model(str(tmp_path / "model"), options=ModelOptions(prepend_bos=True))
        stores.append(read_activations(model, data, out=tmp_path / f"acts{number}", concept="tags", options=ALL))
    found, index = whole(stores[0]), stores[0].table().to_pylist()
    for other in stores[1:]:
        assert other.table().equals(stores[0].table())
        np.testing.assert_allclose(whole(other), found, atol=2e-5)
    for sentence in range(0, len(rows), 9):
        words: Any = rows[sentence]["tokens"]
        encoded: Any = tokenizer(words, is_split_into_words=True)
        last = {word: place for place, word in enumerate(encoded.word_ids())}
        ids = torch.tensor([[tokenizer.bos_token_id, *encoded["input_ids"]]])
        with torch.no_grad():
            states = model.network(input_ids=ids, output_hidden_states=True).hidden_states
        values = np.concatenate([each[0].numpy() for each in states[1:]], axis=1)
        for unit in (each for each in index if each["sentence_id"] == sentence):
            np.testing.assert_allclose(found[unit["row"]], values[1 + last[unit["word_index"]]], atol=2e-5)


def test_float16_is_the_same_rounded(tmp_path: Path) -> None:
    wide, narrow = read(tmp_path, dtype="float32"), read(tmp_path, name="narrow")
    assert whole(narrow).dtype == np.float16
    np.testing.assert_array_equal(whole(narrow), whole(wide).astype(np.float16))


def test_what_is_read_and_what_is_not_add_up(tmp_path: Path) -> None:
    rows = sentences(40)
    rows[3]["tags"] = ["A"]
    rows[5]["tokens"] = rows[5]["tags"] = []
    rows[7] |= {"tokens": ["of"] * 70, "tags": ["O"] * 70}
    rows[11] |= {"tokens": ["of", " "], "tags": ["O", "I"]}
    write_treebank(tmp_path / "treebank.jsonl", rows)
    store = read(tmp_path, min_train=5, min_test=1)
    counts = store.manifest["counts"]
    listed = dict(zip(*store.skipped().to_pydict().values(), strict=True))
    assert {name.partition(" (")[2]: why for name, why in listed.items()} == {
        "s3)": f"{len(rows[3]['tokens'])} words and 1 values of 'tags'",
        "s5)": "no words",
        "s11)": "a word that is empty or no text",
    }
    assert counts["sentences"] == 40
    assert counts["sentences_skipped"] == 3
    assert counts["units_cut"] == 70 - 62  # [CLS] and [SEP] leave 62 of 64
    dropped = ("units_cut", "units_without_token", "units_of_small_classes", "units_undersampled")
    assert counts["units_labelled"] == store.n_rows + sum(counts[name] for name in dropped)
    in_skipped = sum(len(rows[each]["tokens"]) for each in (3, 11))
    assert counts["units_labelled"] + in_skipped == sum(len(each["tokens"]) for each in rows)
    assert sum(store.manifest["left_out"].values()) == counts["units_of_small_classes"]


def test_pairs_are_the_words_side_by_side_and_every_word_is_stored_once(tmp_path: Path) -> None:
    words = read(tmp_path, dtype="float32", min_train=1)
    store = read(tmp_path, concept="arcs", name="arcs", dtype="float32", shard_mb=1)
    assert (store.unit, store.n_parts, store.n_neurons) == ("pair", 2, 2 * words.n_neurons)
    assert store.addresses == words.addresses * 2
    assert store.classes == ["det", "nsubj"]
    assert store.manifest["n_rows"] < 2 * store.n_rows
    place = {(each["sentence_id"], each["word_index"]): each["row"] for each in words.table().to_pylist()}
    found, own = whole(store), whole(words)
    n_checked = 0
    for unit in store.table().to_pylist():
        pair = [(unit["sentence_id"], unit[name]) for name in ("word_index", "head_index")]
        if all(each in place for each in pair):
            expected = np.concatenate([own[place[each]] for each in pair])
            np.testing.assert_allclose(found[unit["unit_id"]], expected, atol=2e-5)
            n_checked += 1
    assert n_checked > 50


def test_sentences_are_pooled(tmp_path: Path) -> None:
    store = read(tmp_path, concept="topic", name="topics", dtype="float32")
    texts = [" ".join(each["tokens"]) for each in sentences()]
    ids = store.table(columns=["sentence_id"]).column(0).to_pylist()
    expected = tiny_model("Bert").activations([texts[each] for each in ids])
    np.testing.assert_allclose(whole(store), expected, atol=2e-5)
    assert (store.unit, store.classes) == ("sentence", ["film", "oil"])


def test_numbers_are_labels_of_their_own(tmp_path: Path) -> None:
    store = read(tmp_path, concept="score")
    assert (store.classes, str(store.labels.dtype)) == ([], "float64")
    scores = {number: each["score"] for number, each in enumerate(sentences())}
    assert store.labels.tolist() == [scores[each] for each in store.table().column("sentence_id").to_pylist()]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".npy", ".parquet")}


def test_a_killed_command_is_resumed_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neurolect.probing.activations.plan._shards", small_shards)
    undisturbed = read(tmp_path, name="undisturbed")
    assert len(undisturbed.manifest["shards"]) > 3
    write, n_written = shards_module._write, [0]

    def killed(*given: Any) -> None:
        n_written[0] += 1
        if n_written[0] in (3, 5):
            raise KeyboardInterrupt
        write(*given)

    monkeypatch.setattr(shards_module, "_write", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            read(tmp_path)
        with pytest.raises(ProbingError, match=r"is not a store of activations: it has no manifest\.json"):
            open_activations(tmp_path / "acts")
    store = read(tmp_path)
    assert n_written[0] == len(store.manifest["shards"]) + 2
    assert files(tmp_path / "acts") == files(tmp_path / "undisturbed")
    assert not (tmp_path / "acts" / "plan.json").exists()
    again = n_written[0]
    read(tmp_path)
    assert n_written[0] == again, "what is there is not read again"


def small_shards(first_row: NDArray[np.int64], **_: object) -> list[Any]:
    cuts = [*range(0, len(first_row) - 1, 16), len(first_row) - 1]
    return [
        Shard(f"rows/{n:05d}.npy", slice(a, b), slice(int(first_row[a]), int(first_row[b])))
        for n, (a, b) in enumerate(pairwise(cuts))
    ]


def test_shards_hold_whole_sentences_and_do_not_change_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = read(tmp_path, dtype="float32")
    monkeypatch.setattr("neurolect.probing.activations.plan._shards", small_shards)
    many = read(tmp_path, name="many", dtype="float32")
    assert len(one.manifest["shards"]) == 1
    np.testing.assert_allclose(whole(many), whole(one), atol=2e-5)
    random = np.random.default_rng(0)
    rows = random.permutation(one.n_rows)[:100]
    [(ids, values)] = many.blocks(rows, np.array([3, 1]))
    assert ids.tolist() == rows.tolist()
    np.testing.assert_array_equal(values, whole(many)[rows][:, [3, 1]])


@pytest.fixture(scope="module", params=["tags", "arcs"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ActivationStore:
    return read(tmp_path_factory.mktemp("store"), concept=request.param)


@settings(max_examples=50)
@given(data=st.data())
def test_any_rows_and_columns_are_those_of_the_whole(data: st.DataObject, store: ActivationStore) -> None:
    def selection(n: int) -> Any:
        numbers = st.lists(st.integers(0, n - 1), max_size=8).map(lambda each: np.array(each, np.int64))
        bounds = st.tuples(st.integers(0, n), st.integers(0, n)).map(lambda pair: slice(*sorted(pair)))
        return data.draw(st.one_of(st.none(), numbers, bounds))

    rows, columns = selection(store.n_rows), selection(store.n_neurons)
    matrix = whole(store)
    expected = matrix[slice(None) if rows is None else rows][:, slice(None) if columns is None else columns]
    blocks = list(store.blocks(rows, columns))
    found = np.concatenate([values for _, values in blocks]) if blocks else expected[:0]
    np.testing.assert_array_equal(found, expected)
    assert isinstance(store, Rows)


def test_other_work_is_refused_and_the_beginning_of_other_work_replaced(tmp_path: Path) -> None:
    read(tmp_path)
    with pytest.raises(ProbingError, match=r"has activations of another model, other data or other options"):
        read(tmp_path, seed=1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    with pytest.raises(ProbingError, match=r"is there already; nothing is overwritten"):
        read(tmp_path, name="other")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ProbingError, match=r"is there already; nothing is overwritten"):
        read(tmp_path, name="file")
    (tmp_path / "begun" / "rows").mkdir(parents=True)
    (tmp_path / "begun" / "rows" / "00000.npy").write_text("of other work")
    (tmp_path / "begun" / "plan.json").write_text("{}")
    assert read(tmp_path, name="begun").n_rows


@pytest.mark.parametrize("name", ["rows/00000.npy", "units.parquet", "skipped.parquet"])
@pytest.mark.parametrize("how", ["cut", "gone", "changed"])
def test_damage_is_found(name: str, how: str, tmp_path: Path) -> None:
    read(tmp_path)
    folder = tmp_path / "acts"
    assert [part.state for part in verify(folder).parts] == ["as written"] * 3 + ["all resolve"]
    path = folder / name
    whole = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(whole[:-9] if how == "cut" else whole[:-9] + bytes([whole[-9] ^ 255]) + whole[-8:])
    [part] = verify(folder).damaged
    assert part.name == name
    with pytest.raises(ProbingError, match=r"is damaged: "):
        open_activations(folder)


def test_references_are_followed(tmp_path: Path) -> None:
    read(tmp_path)
    path = tmp_path / "acts" / "manifest.json"
    manifest = json.loads(path.read_text())
    del manifest["files"]
    manifest["n_units"] += 1
    manifest["classes"] = manifest["classes"][:2]
    path.write_text(json.dumps(manifest))
    assert [part.note for part in verify(tmp_path / "acts").damaged] == [
        f"units.parquet has {manifest['n_units'] - 1} rows, the manifest {manifest['n_units']} units",
        "units.parquet names classes that are not among the 2",
    ]


def test_activations_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = tiny_model("Bert", ModelOptions(layers=(1,)))
    weights = model.network.get_parameter("encoder.layer.0.output.LayerNorm.bias")
    before = weights[3].item()
    with torch.no_grad():
        weights[3] = 1e6
    try:
        data = write_treebank(tmp_path / "treebank.jsonl")
        with pytest.raises(ProbingError, match=r"too large for float16 at hidden\.1\.3\.(.|\n)*dtype=float32"):
            read_activations(model, data, out=tmp_path / "acts", concept="tags", options=ActivationsOptions(**FEW))
        assert not list((tmp_path / "acts").rglob("*.npy"))
        wide = ActivationsOptions(**FEW, dtype="float32")
        store = read_activations(model, data, out=tmp_path / "acts", concept="tags", options=wide)
        assert np.isfinite(whole(store)).all()
    finally:
        with torch.no_grad():
            weights[3] = before


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    data = write_treebank(tmp_path / "treebank.jsonl")
    with pytest.raises(OptionError, match=r"A loaded model and options of the model were both given"):
        read_activations(
            tiny_model("Bert"), data, out=tmp_path / "acts", concept="tags", model_options=ModelOptions()
        )
    with pytest.raises(ProbingError, match=r"There is no part 'training'\.\n.*train, dev, test"):
        read(tmp_path).rows_of("training")


def test_words_that_the_tokenizer_makes_nothing_of_are_counted(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("word piece")
    model = Model(encoder("Bert"), tokenizer, name="accents", options=ModelOptions(), max_tokens=64)
    rows: list[dict[str, Any]] = []
    for number in range(30):
        rows += [{"tokens": ["a", "\u0301", str(number)], "tags": ["A", "M", "B"]}]
        rows += [{"tokens": ["\u0301"], "tags": ["M"]}]
    data = write_treebank(tmp_path / "treebank.jsonl", rows)
    store = read_activations(model, data, out=tmp_path / "acts", concept="tags", options=ALL)
    assert (store.manifest["counts"]["units_without_token"], store.classes) == (60, ["A", "B"])
    assert store.skipped().column("why").to_pylist() == ["all its units are without a model token"] * 30
    write_treebank(data, rows[1::2])
    with pytest.raises(ProbingError, match=r"None of the units can be read: 30 without a model token"):
        read_activations(model, data, out=tmp_path / "none", concept="tags", options=ALL)
    assert not (tmp_path / "none").exists()


def test_progress_has_a_total(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from neurolect.progress import LogProgress

    data = write_treebank(tmp_path / "treebank.jsonl")
    with caplog.at_level(logging.INFO):
        store = read_activations(
            tiny_model("Bert"), data, out=tmp_path / "acts", concept="tags", options=ALL, progress=LogProgress()
        )
    assert f"activations: {store.n_rows:,} of {store.n_rows:,} words" in caplog.text
