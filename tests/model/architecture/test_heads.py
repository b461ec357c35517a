"""With a head or without: the same neurons; and a head that is not in the files is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from neurolect.errors import MissingHeadError, ModelError
from neurolect.model import ModelOptions, load_model
from neurolect.model.load import load_with_head
from tests.model.networks import TEXTS
from tests.tiny_models import tiny_network, tiny_tokenizer, write_tiny

SITES = ModelOptions(sites=("hidden", "mlp", "attn", "head"))
HEADS = {
    "MaskedLM": ["Bert", "Roberta", "MPNet", "DistilBert", "Electra", "ModernBert"],
    "CausalLM": ["GPT2", "Llama", "Qwen2", "GPTNeoX", "OPT"],
    "Seq2SeqLM": ["T5", "Bart"],
    "SequenceClassification": ["Bert", "GPT2", "DistilBert"],
}


def write_with_head(folder: Path, family: str, head: str) -> Path:
    config = tiny_network(family).config
    torch.manual_seed(1)
    network = getattr(transformers, f"AutoModelFor{head}").from_config(config)
    network.save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("head", "family"), [(head, each) for head, families in HEADS.items() for each in families]
)
def test_neurons_are_the_same_with_a_head(tmp_path: Path, head: str, family: str) -> None:
    folder = str(write_with_head(tmp_path, family, head))
    asked = "classifier" if head == "SequenceClassification" else "lm"
    without, with_head = load_model(folder, options=SITES), load_model(folder, options=SITES, head=asked)
    assert with_head.addresses == without.addresses
    assert np.array_equal(with_head.activations(TEXTS), without.activations(TEXTS))
    assert with_head.n_layers == without.n_layers
    assert with_head.network is not with_head.body
    assert head in type(with_head.network).__name__.replace("LMHeadModel", "CausalLM").replace(
        "ForConditionalGeneration", "Seq2SeqLM"
    )
    network: Any = with_head.network
    given = with_head.tokenizer([TEXTS[0]])
    with torch.no_grad():
        ids = {"input_ids": torch.tensor(given["input_ids"])}
        ids |= {"decoder_input_ids": ids["input_ids"]} if head == "Seq2SeqLM" else {}
        assert torch.isfinite(network(**ids).logits).all()


@pytest.mark.parametrize(("family", "head"), [("Bert", "lm"), ("Bert", "classifier"), ("Llama", "lm")])
def test_a_head_that_is_not_in_the_files_is_refused(tmp_path: Path, family: str, head: str) -> None:
    folder = write_tiny(tmp_path, family=family)
    with pytest.raises(
        ModelError, match=rf"has no {head} head: its files lack .*\.\n(.|\n)*Hint: the head would be"
    ):
        load_model(str(folder), head=head)
    assert load_model(str(folder)).neurons.n_neurons == 32


def test_an_unknown_head_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"The head 'mlm' was asked for.\nExpected: lm or classifier"):
        load_model(str(tmp_path), head="mlm")


def test_a_model_is_measured_by_its_embedding_only_where_its_head_is_missing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = write_tiny(tmp_path / "made", family="Llama")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["LlamaForCausalLM"]}))
    without = load_with_head(str(folder))
    assert without.network is without.body
    assert "has no lm head" in caplog.text
    with pytest.raises(MissingHeadError):
        load_model(str(folder), head="lm")
    # a name with "head" in it is another error, and stays one
    headless = folder.rename(tmp_path / "headless")
    weights = load_file(headless / "model.safetensors")
    kept = {name: each for name, each in weights.items() if "mlp" not in name}
    save_file(kept, headless / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match="are not in its files") as found:
        load_with_head(str(headless))
    assert not isinstance(found.value, MissingHeadError)
