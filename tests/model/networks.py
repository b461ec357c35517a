"""Models around tiny networks, built once for all tests of this folder."""

from functools import cache

from transformers import PreTrainedModel

from neurolect.model.language_model import Model
from neurolect.model.options import ModelOptions
from tests.tiny_models import tiny_network, tiny_tokenizer

TEXTS = [
    "The movie was great!",
    "of",
    "Zebras, yes.",
    "This film is the most about music that they have ever made, and it was not good at all.",
    "a car",
    "my team would then do no more",
    "oil",
    "Her price of time is first to go down through years of war and bank after bank.",
]


@cache
def encoder(family: str) -> PreTrainedModel:
    """Return the network of a family that neurons are read from."""
    network = tiny_network(family)
    return network.get_encoder() if network.config.is_encoder_decoder else network


@cache
def tiny_model(family: str, options: ModelOptions | None = None) -> Model:
    """Return a model of a family; decoders have no special tokens, as is usual."""
    special = family not in ("GPT2", "GPTNeoX", "Llama", "Qwen2", "Mixtral", "OPT")
    tokenizer = tiny_tokenizer(special=special)
    return Model(
        encoder(family), tokenizer, name=family, options=options or ModelOptions(), max_tokens=64, fingerprint="x"
    )
