"""Make the planted model's folder: network, tokenizer, truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from safetensors.torch import save
from torch import Tensor

from neurolect.errors import ModelError
from neurolect.folders.atomic import replacing_folder
from neurolect.planted.grammar import CONCEPTS, document
from neurolect.planted.plan import CARRIED, N_BLOCKS
from neurolect.planted.truth import PlantedNeuron, Truth, refuse_taken, write_truth
from neurolect.planted.weights import SPECIAL, VOCABULARY, Placed, Planted, build
from neurolect.ranges import SEED, Range, check_ranges

_FIRES = 0.5
_DOCUMENTS = 40
"""That effects are measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for."""

    seed: Annotated[int, SEED]
    noise: Annotated[float, Range(0.0, 10.0)]


def planted_model(out: str | Path, *, seed: int = 0, noise: float = 0.0) -> Truth:
    """Make a small decoder in which it is known what some neurons read and whether anything reads them.

    A Llama with a language-modelling head (4 blocks, 128 dimensions, 512 mlp neurons of which 48 are planted) and a
    tokenizer of whole words. Its weights are computed, not trained, and the same for the same seed and noise.

    Parameters
    ----------
    out : str or Path
        The folder to make; ``load_model`` and transformers read it.
    seed : int, >= 0
        Of the places of planted neurons and dimensions, and of all that is random.
    noise : float, 0 to 10
        Standard deviation over words of what is added to the inputs of planted neurons, as a share of the distance
        between the words of a concept and the others: 0 plants exact detectors, 0.5 ones of an average precision
        of about 0.6.

    Returns
    -------
    Truth
        What is planted; also in the folder's ``planted.json``.

    Raises
    ------
    OptionError
        If the seed or noise is out of its range.
    ModelError
        If ``out`` is taken or cannot be written.

    Examples
    --------
    >>> truth = planted_model("planted", noise=0.25)  # doctest: +SKIP
    >>> [each.address for each in truth.neurons if each.concept == "tool"]  # doctest: +SKIP
    """
    folder = Path(out)
    check_ranges(_Asked(seed=seed, noise=noise), "planted")
    refuse_taken(folder)
    planted = build(seed=seed, noise=float(noise))
    neurons = sorted([*_of_mlp(planted), *_carriers(planted)], key=_order)
    concepts = {name: said for name, (said, _) in CONCEPTS.items()}
    truth = Truth(folder, seed, float(noise), concepts, tuple(neurons))
    with replacing_folder(folder, error=ModelError) as fresh:
        planted.network.config.save_pretrained(fresh)
        weights = {name: value.contiguous() for name, value in planted.network.state_dict().items()}
        (fresh / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
        _tokenizer().save_pretrained(fresh)
        write_truth(fresh, truth)
    return truth


def _order(neuron: PlantedNeuron) -> tuple[str, int, int]:
    site, layer, index = neuron.address.split(".")
    return site, int(layer), int(index)


def _of_mlp(planted: Planted) -> Iterator[PlantedNeuron]:
    """Say what is true of the planted neurons of the feed-forward layers."""
    tokens = _sample()
    before = _losses(planted.network, tokens)
    for each in planted.placed:
        change = round(_effect(planted.network, each, tokens, before), 3) if each.plant.used else 0.0
        plant = each.plant
        address = f"mlp.{each.block}.{each.column}"
        yield PlantedNeuron(address, plant.role, plant.concept, plant.used, plant.sign, change)


def _carriers(planted: Planted) -> Iterator[PlantedNeuron]:
    """Say what is true of the dimensions that hold a concept, and of the constant one, after every block."""
    for layer in range(1, N_BLOCKS + 1):
        later = [each.plant for each in planted.placed if each.block > layer and each.plant.used]
        for name, concept in CARRIED.items():
            used = any(name in plant.reads for plant in later)
            address = f"hidden.{layer}.{planted.dimensions[name]}"
            yield PlantedNeuron(address, "carrier", concept, used, 1, None)
        yield PlantedNeuron(f"hidden.{layer}.{planted.dimensions['constant']}", "constant", None, True, 1, None)


def _sample() -> Tensor:
    """Give sentences of the grammar as tokens, padded on the right; shape (sentences, tokens)."""
    numbers = {word: number for number, word in enumerate(VOCABULARY)}
    sentences = [sentence for number in range(_DOCUMENTS) for sentence in document(number, seed=1)[1]]
    rows = [torch.tensor([numbers["<s>"], *(numbers[word] for word in each)]) for each in sentences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


@torch.no_grad()
def _losses(network: Any, tokens: Tensor) -> Tensor:  # noqa: ANN401 - transformers has no types
    """Give the loss of the next token at every token; NaN at the start, at the last and in the padding."""
    scores = network(tokens).logits[:, :-1].transpose(1, 2)
    loss = torch.nn.functional.cross_entropy(scores, tokens[:, 1:], reduction="none")
    loss[tokens[:, 1:] == 0] = torch.nan
    loss[:, 0] = torch.nan
    return loss


def _effect(network: Any, neuron: Placed, tokens: Tensor, before: Tensor) -> float:  # noqa: ANN401
    """Set one neuron to 0, and give by how much the loss rises where it had fired."""
    fired: list[Tensor] = []

    def silence(_: object, given: tuple[Tensor]) -> tuple[Tensor]:
        values = given[0].clone()
        fired.append(values[:, :-1, neuron.column].abs() > _FIRES)
        values[..., neuron.column] = 0.0
        return (values,)

    layer = network.model.layers[neuron.block - 1].mlp.down_proj
    hook = layer.register_forward_pre_hook(silence)
    try:
        change = _losses(network, tokens) - before
    finally:
        hook.remove()
    return float(torch.nan_to_num(change[fired[-1]].nanmean()))


def _tokenizer() -> Any:  # noqa: ANN401 - transformers has no types
    """Build a tokenizer of whole words in lower case, with a start token."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    numbers = {word: number for number, word in enumerate(VOCABULARY)}
    backend = Tokenizer(models.WordLevel(numbers, unk_token="<unk>"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", numbers["<s>"])]
    )
    pad, unknown, start = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, model_max_length=512, pad_token=pad, unk_token=unknown, bos_token=start
    )
