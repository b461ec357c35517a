import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from neurolect.errors import ModelError, OptionError, VariantError
from neurolect.model import load_model
from neurolect.variants import FinetunedVariant, FinetuneOptions, finetuned_variant
from tests.command_line import command, succeed
from tests.tiny_corpora import FILL
from tests.tiny_models import write_tiny, write_tiny_bert

QUICK = FinetuneOptions(label="mood", learning_rate=3e-3, epochs=4, batch_size=8, validation=0.25, dropout=0.1)


def write_reviews(path: Path, *, n: int = 120) -> Path:
    """Texts that are good or bad by one word."""
    choose = np.random.default_rng(0)
    rows = []
    for number in range(n):
        mood = ("bad", "good")[number % 2]
        words = [*choose.choice(FILL, size=6).tolist(), mood, *choose.choice(FILL, size=3).tolist()]
        rows.append(json.dumps({"text": " ".join(words) + f" {number}", "mood": mood, "stars": 4.0 * (number % 2)}))
    path.write_text("\n".join(rows))
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> FinetunedVariant:
    folder = tmp_path_factory.mktemp("finetuned")
    model, data = write_tiny_bert(folder / "bert"), write_reviews(folder / "reviews.jsonl")
    return finetuned_variant(str(model), [data], out=folder / "tuned", options=QUICK)


def test_it_learns_and_says_how_well(trained: FinetunedVariant) -> None:
    assert trained.classes == ("bad", "good")
    assert (trained.n_train, trained.n_validation, trained.majority) == (90, 30, 0.5)
    assert trained.best.validation_accuracy > 0.9
    record = json.loads((trained.folder / "variant.json").read_text())
    assert record["validation_accuracy"] == trained.best.validation_accuracy
    assert record["best_epoch"] == trained.best.number
    assert [each["number"] for each in record["epochs"]] == [each.number for each in trained.history]
    assert record["options"]["label"] == "mood"
    assert f"{trained.best.validation_accuracy:.2%}" in (trained.folder / "README.md").read_text()


def test_hugging_face_classifies_with_it(trained: FinetunedVariant) -> None:
    network = AutoModelForSequenceClassification.from_pretrained(trained.folder)
    tokenizer = AutoTokenizer.from_pretrained(trained.folder)
    rows = [json.loads(line) for line in (trained.folder.parent / "reviews.jsonl").read_text().splitlines()]
    with torch.inference_mode():
        tokens = tokenizer([row["text"] for row in rows], return_tensors="pt", padding=True)
        found = network(**tokens).logits.argmax(dim=1).tolist()
    n_right = sum(network.config.id2label[own] == row["mood"] for own, row in zip(found, rows, strict=True))
    assert n_right > 0.9 * len(rows)


def test_neurolect_reads_its_encoder(trained: FinetunedVariant) -> None:
    model, plain = load_model(str(trained.folder)), load_model(str(trained.folder.parent / "bert"))
    assert model.neurons == plain.neurons
    texts = ["the film was good", "a bad movie"]
    tokens = model.tokenize(texts)
    assert np.array_equal(tokens.ids, plain.tokenize(texts).ids)
    rows = np.arange(2)
    values = model.read(model.pad(tokens, rows)).values
    assert not np.allclose(values, plain.read(plain.pad(tokens, rows)).values)
    encoder = AutoModelForSequenceClassification.from_pretrained(trained.folder).bert
    states = encoder(input_ids=torch.from_numpy(tokens.ids[: int(tokens.offsets[1])].astype(np.int64))[None])
    np.testing.assert_allclose(values[0, -16:], states.last_hidden_state[0, 1:-1].mean(0).detach(), atol=1e-5)


def test_the_same_seed_gives_the_same_weights(trained: FinetunedVariant, tmp_path: Path) -> None:
    source = trained.folder.parent
    torch.manual_seed(99)
    before = torch.random.get_rng_state()
    again = finetuned_variant(
        str(source / "bert"), [source / "reviews.jsonl"], out=tmp_path / "again", options=QUICK
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    ours, first = (load_file(each / "model.safetensors") for each in (again.folder, trained.folder))
    assert all(torch.equal(ours[name], first[name]) for name in first)


def test_the_mean_of_all_tokens(trained: FinetunedVariant, tmp_path: Path) -> None:
    source = trained.folder.parent
    options = FinetuneOptions(label="mood", head="mean", learning_rate=1e-2, epochs=5, batch_size=8)
    made = finetuned_variant(
        str(source / "bert"), [source / "reviews.jsonl"], out=tmp_path / "mean", options=options
    )
    assert made.best.validation_accuracy > 0.9
    linear = load_file(made.folder / "classifier.safetensors")
    model = load_model(str(made.folder))
    rows = [json.loads(line) for line in (source / "reviews.jsonl").read_text().splitlines()]
    tokens = model.tokenize([row["text"] for row in rows])
    pooled = model.read(model.pad(tokens, np.arange(len(rows)))).values[:, -16:]
    logits = pooled @ linear["linear.weight"].numpy().T + linear["linear.bias"].numpy()
    n_right = sum(made.classes[own] == row["mood"] for own, row in zip(logits.argmax(axis=1), rows, strict=True))
    assert n_right > 0.9 * len(rows)


@pytest.mark.parametrize(("family", "place"), [("Bert", 0), ("GPT2", -1)])
def test_one_linear_layer_on_one_token_and_all_epochs(family: str, place: int, tmp_path: Path) -> None:
    from neurolect.presets import preset

    model = write_tiny(tmp_path / "model", family=family)
    data = write_reviews(tmp_path / "reviews.jsonl", n=60)
    asked = {"label": "mood", "learning_rate": 3e-3, "batch_size": 8, **preset("paper")["finetune"]}
    made = finetuned_variant(str(model), [data], out=tmp_path / "tuned", options=FinetuneOptions(**asked))  # type: ignore[arg-type]
    assert (len(made.history), made.best.number) == (5, 5)
    assert made.architecture == f"{family}Model"
    linear = load_file(made.folder / "classifier.safetensors")
    read = load_model(str(made.folder))
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    tokens = read.tokenize([row["text"] for row in rows])
    found = []
    for row in range(len(rows)):
        ids = torch.from_numpy(tokens.ids[tokens.offsets[row] : tokens.offsets[row + 1]].astype(np.int64))[None]
        with torch.inference_mode():
            state = read.body(input_ids=ids).last_hidden_state[0, place]
        found.append(int((linear["linear.weight"] @ state + linear["linear.bias"]).argmax()))
    n_right = sum(made.classes[own] == row["mood"] for own, row in zip(found, rows, strict=True))
    assert n_right >= made.best.validation_accuracy * made.n_validation
    assert n_right > 0.6 * len(rows)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_gpu_that_is_not_there(trained: FinetunedVariant, tmp_path: Path) -> None:
    source = trained.folder.parent
    for device in ("cuda", "cuda:1"):
        with pytest.raises(ModelError, match=f"cannot go to the device '{device}'"):
            finetuned_variant(
                str(source / "bert"), [source / "reviews.jsonl"], out=tmp_path / "g", options=QUICK, device=device
            )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.gpu
def test_it_learns_on_a_gpu(trained: FinetunedVariant, tmp_path: Path) -> None:
    source = trained.folder.parent
    before = torch.cuda.get_rng_state()
    made = finetuned_variant(
        str(source / "bert"), [source / "reviews.jsonl"], out=tmp_path / "g", options=QUICK, device="cuda"
    )
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert made.best.validation_accuracy > 0.9
    assert load_model(str(made.folder)).neurons.n_neurons == 32


@pytest.mark.parametrize("family", ["MPNet", "GPT2"])
def test_other_families(family: str, tmp_path: Path) -> None:
    model, data = write_tiny(tmp_path / "model", family=family), write_reviews(tmp_path / "reviews.jsonl", n=40)
    options = FinetuneOptions(label="mood", epochs=1, batch_size=8)
    made = finetuned_variant(str(model), [data], out=tmp_path / "tuned", options=options)
    assert made.architecture == f"{family}ForSequenceClassification"
    assert load_model(str(made.folder)).neurons.n_neurons == 32


def test_dropout_is_the_heads(tmp_path: Path) -> None:
    from neurolect.model import ModelOptions
    from neurolect.variants.training import load_classifier

    model = write_tiny(tmp_path / "model", family="MPNet")
    made = load_classifier(
        str(model), head="first", classes=("a", "b"), dropout=0.45, max_tokens=99, options=ModelOptions()
    )
    rates = {name: each.p for name, each in made.network.named_modules() if isinstance(each, torch.nn.Dropout)}
    assert {rate for name, rate in rates.items() if name.startswith("classifier")} == {0.45}
    assert {rate for name, rate in rates.items() if not name.startswith("classifier")} == {0.1}
    assert made.max_tokens == 64


def test_what_cannot_be_trained(tmp_path: Path) -> None:
    bart, data = write_tiny(tmp_path / "bart", family="Bart"), write_reviews(tmp_path / "reviews.jsonl", n=40)
    with pytest.raises(VariantError, match="is an encoder-decoder"):
        finetuned_variant(str(bart), [data], out=tmp_path / "tuned", options=FinetuneOptions(label="mood"))
    bert = write_tiny_bert(tmp_path / "bert")
    wild = FinetuneOptions(label="mood", learning_rate=1e35)
    with pytest.raises(VariantError, match=r"The loss became (nan|inf) with a learning rate of 1e\+35"):
        finetuned_variant(str(bert), [data], out=tmp_path / "tuned", options=wild)
    with pytest.raises(ModelError, match="cannot go to the device 'nowhere'"):
        finetuned_variant(
            str(bert), [data], out=tmp_path / "tuned", options=FinetuneOptions(label="mood"), device="nowhere"
        )
    with pytest.raises(VariantError, match="is there already"):
        finetuned_variant(str(bert), [data], out=bert, options=FinetuneOptions(label="mood"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bart", "bert", "reviews.jsonl"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("head", "last", "finetune.head is 'last'"),
        ("learning_rate", 0.0, "finetune.learning_rate is 0.0"),
        ("dropout", 1.0, "finetune.dropout is 1.0"),
        ("batch_size", 0, "finetune.batch_size is 0"),
        ("epochs", 0, "finetune.epochs is 0"),
        ("patience", -1, "patience"),
        ("validation", 1.0, "finetune.validation is 1.0"),
        ("max_tokens", 3, "finetune.max_tokens is 3"),
        ("min_rows", 1, "finetune.min_rows is 1"),
        ("limit", 0, "limit"),
    ],
)
def test_options_are_checked(name: str, value: object, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        FinetuneOptions(label="mood", **{name: value})  # type: ignore[arg-type]


def test_the_verb(trained: FinetunedVariant, tmp_path: Path) -> None:
    source = trained.folder.parent
    basics = ("variant", source / "bert", "finetuned", "--out", tmp_path / "tuned")
    assert "needs data" in command(*basics, "--label", "mood").err
    data = ("--data", source / "reviews.jsonl")
    assert "has no column 'label'" in command(*basics, *data).err
    wrong = command(*basics, *data, "--label", "moot").err
    assert "has no column 'moot'" in wrong
    assert "'text', 'mood', 'stars'" in wrong
    said = succeed(
        *basics, *data, "--label", "mood", "--set=finetune.epochs=1", "--set=finetune.learning_rate=0.001"
    )
    assert "Epoch 1: loss" in said
    assert "2 classes" in said
    assert "12 texts set aside (the largest class alone: 50.00%)" in said
    random = ("variant", source / "bert", "random", "--out", tmp_path / "random")
    assert "A random variant uses no data" in command(*random, *data).err
