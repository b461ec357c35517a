"""Tokenizers that know more tokens than the network."""

from pathlib import Path

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from neurolect.errors import ModelError
from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from tests.model.families import network_of
from tests.model.networks import encoder
from tests.tiny_models import N_TOKENS, tiny_tokenizer


def model_with(*added: str, pad: str | None = None) -> Model:
    tokenizer: PreTrainedTokenizerFast = tiny_tokenizer(special=False)
    tokenizer.add_tokens(list(added))
    if pad is not None:
        tokenizer.add_special_tokens({"pad_token": pad})
    return Model(encoder("GPT2"), tokenizer, name="g", options=ModelOptions(), max_tokens=64)


def test_tokens_beyond_the_embedding_are_named_at_load_and_refused_by_name() -> None:
    model = model_with("<new1>", "<new2>")
    assert model.notices == [
        f"The tokenizer has {N_TOKENS + 2} tokens and the model {N_TOKENS}: "
        f"a sentence with a token from number {N_TOKENS} on is refused."
    ]
    assert np.isfinite(model.activations(["a car", "the movie was great"])).all()
    expected = rf"does not know: {N_TOKENS + 1} \('<new2>'\).\nExpected: token ids from 0 to {N_TOKENS - 1}\nHint: "
    with pytest.raises(ModelError, match=expected):
        model.activations(["a car", "the <new2> movie"])


def test_a_padding_token_beyond_the_embedding_is_another_one() -> None:
    model = model_with(pad="[PADDING]")
    assert (model.pad_id, len(model.tokenizer)) == (0, N_TOKENS + 1)
    assert np.isfinite(model.activations(["a car", "the movie was great"])).all()


@pytest.mark.parametrize("family", ["Canine", "IBert"])
def test_networks_without_a_usual_table_of_tokens_run(family: str) -> None:
    model = Model(network_of(family), tiny_tokenizer(), name="n", options=ModelOptions(), max_tokens=64)
    assert model.n_words == N_TOKENS
    assert (model.known_words is None) == (family == "Canine")


def test_what_takes_no_token_ids_is_refused_in_two_lines(tmp_path: Path) -> None:
    network = network_of("Bert")
    network.forward = lambda pixel_values: pixel_values
    with pytest.raises(ModelError, match=r"\(BertModel\) does not run with float32 on cpu(.|\n)*take token ids"):
        Model(network, tiny_tokenizer(), name="n", options=ModelOptions(dtype="float32"), max_tokens=64)
