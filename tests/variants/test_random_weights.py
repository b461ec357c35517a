import json
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from neurolect.errors import ModelError, OptionError, VariantError
from neurolect.model import load_model
from neurolect.variants import random_variant, variant
from tests.command_line import command, succeed
from tests.tiny_models import write_tiny, write_tiny_bert

TEXTS = ["The film was good.", "He made a bad movie of it", "oil and gas"]


def states(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return dict(network.named_parameters())


@pytest.mark.parametrize("family", ["Bert", "MPNet", "Albert", "GPT2", "T5"])
def test_all_but_the_word_embeddings_are_drawn_as_training_starts(family: str, tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "trained", family=family)
    made = random_variant(str(source), out=tmp_path / "random", seed=3)
    trained, drawn = AutoModel.from_pretrained(source), AutoModel.from_pretrained(tmp_path / "random")
    assert torch.equal(trained.get_input_embeddings().weight, drawn.get_input_embeddings().weight)
    torch.manual_seed(3)
    plain = states(AutoModel.from_config(trained.config))
    ours, old = states(drawn), states(trained)
    assert set(made.kept) | set(made.redrawn) == set(ours)
    assert len(made.kept) == 1
    for name in made.redrawn:
        assert torch.equal(ours[name], plain[name]), name
    # the tiny models' parameters were all moved, biases too
    assert not any(torch.equal(ours[name], old[name]) for name in made.redrawn)
    assert made.n_kept + made.n_redrawn == sum(each.numel() for each in ours.values())


def test_the_word_embeddings_may_be_drawn_too(tmp_path: Path) -> None:
    source, out = write_tiny_bert(tmp_path / "trained"), tmp_path / "random"
    said = succeed("variant", str(source), "random", "--new-embeddings", "--out", str(out))
    assert "Kept: nothing (0 numbers)." in said
    old, new = (AutoModel.from_pretrained(each).get_input_embeddings().weight for each in (source, out))
    assert not torch.isclose(old, new).any()
    with pytest.raises(OptionError, match=r"starts with all weights of the model"):
        variant(str(source), "finetuned", out=tmp_path / "other", keep_embeddings=False)


def test_it_is_read_like_the_model_it_was_made_from(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "trained")
    made = random_variant(str(source), out=tmp_path / "random")
    model, trained = load_model(str(made.folder)), load_model(str(source))
    assert model.neurons == trained.neurons
    assert model.max_tokens == trained.max_tokens
    assert model.fingerprint != trained.fingerprint
    tokens, plain = model.tokenize(TEXTS), trained.tokenize(TEXTS)
    assert np.array_equal(tokens.ids, plain.ids)
    rows = np.arange(3)
    values = model.read(model.pad(tokens, rows)).values
    assert not np.allclose(values, trained.read(trained.pad(plain, rows)).values, atol=0.1)
    assert AutoTokenizer.from_pretrained(made.folder)("the film")["input_ids"]


def test_the_seed_chooses_the_draw_and_nothing_else_does(tmp_path: Path) -> None:
    source = str(write_tiny_bert(tmp_path / "trained"))
    weights = []
    for number, seed in enumerate([5, 5, 6]):
        torch.manual_seed(number)
        before = torch.random.get_rng_state()
        random_variant(source, out=tmp_path / str(number), seed=seed)
        assert torch.equal(torch.random.get_rng_state(), before)
        weights.append((tmp_path / str(number) / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_the_folder_says_what_it_is(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "trained")
    made = random_variant(str(source), out=tmp_path / "random", seed=2)
    record = json.loads((made.folder / "variant.json").read_text())
    assert (record["format"], record["kind"], record["seed"]) == ("neurolect-variant", "random", 2)
    assert record["made_from"] == {"name": str(source), "fingerprint": load_model(str(source)).fingerprint}
    assert record["kept"] == ["embeddings.word_embeddings.weight"]
    assert "embeddings.position_embeddings.weight" in record["redrawn"]
    assert "encoder.layer.0.output.LayerNorm.bias" in record["constant"]
    assert "encoder.layer.0.output.dense.weight" not in record["constant"]
    assert "seed 2" in (made.folder / "README.md").read_text()
    modes = {each.stat().st_mode for each in made.folder.iterdir()}
    assert len(modes) == 1


def test_nothing_is_overwritten_and_nothing_half_made_stays(tmp_path: Path) -> None:
    source = str(write_tiny_bert(tmp_path / "trained"))
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(VariantError, match="is there already; nothing is overwritten"):
        random_variant(source, out=taken)
    with pytest.raises(ModelError, match="There is no model folder"):
        random_variant(str(tmp_path / "none"), out=tmp_path / "random")
    (tmp_path / "file").write_text("")
    with pytest.raises(VariantError, match="random could not be written: "):
        random_variant(source, out=tmp_path / "file" / "random")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "taken", "trained"]


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "random").mkdir()
    made = random_variant(str(write_tiny_bert(tmp_path / "trained")), out=tmp_path / "random")
    assert (made.folder / "model.safetensors").is_file()


def test_the_verb(tmp_path: Path) -> None:
    source = write_tiny_bert(tmp_path / "trained")
    said = succeed("variant", source, "random", "--out", tmp_path / "a random one", "--seed", 4)
    assert "Kept: embeddings.word_embeddings.weight (" in said
    assert "Reinitialised by BertModel: 38 parameters" in said
    assert f"neurolect collect '{tmp_path / 'a random one'}' CORPUS" in said
    again = command("variant", source, "random", "--out", tmp_path / "a random one")
    assert again.code == 1
    assert "Hint: give another --out" in again.err
