"""Whether activations say little but where a sentence begins: decoders often put an attention sink there.

Its norm may be a hundred times that of others (Sun et al. 2024, Massive Activations in Large Language Models), so
that maxima lie there, and means over tokens are nearly a constant divided by the length.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.model.language_model import Activations
from neurolect.model.neurons import NeuronIndex
from neurolect.model.tokens import TokenizedSentences

FEWEST = 20
"""Sentences that anything is said of."""
MOST, OF_NEURONS = 0.5, 0.1
"""Share of a neuron's maxima that is most of them; share of a layer's neurons that have most of theirs at the first
token from which that is said."""
EXPLAINED = 0.3
"""Median share of the variance that 1 / length explains from which that is said."""


def first_token_notice(
    read: Sequence[Activations],
    tokens: TokenizedSentences,
    batches: Sequence[NDArray[np.int64]],
    *,
    neurons: NeuronIndex,
    begins: bool = False,
) -> str | None:
    """Say what the first token does to the layer where it does most; None where that is little.

    ``read``: Activations of batches of the tokenized sentences.
    ``begins``: Whether the tokenizer has a token that begins a text, and does not put it there.
    """
    rows = np.concatenate(batches)
    lengths = (tokens.end - tokens.first)[rows].astype(np.float64)
    if len(rows) < FEWEST:
        return None
    places = [each.tokens for each in read if each.tokens is not None]
    if places:
        at = np.concatenate(places)
        at_first = np.where(at < 0, ~at, at) == tokens.first[rows, None]
        # where a latent is 0 its first token is as good as any
        counts = ~neurons.latent | (np.concatenate([each.values for each in read]) > 0)
        shares = (at_first & counts).sum(axis=0) / np.maximum(
            counts.sum(axis=0), np.where(neurons.latent, FEWEST, 1)
        )
        layer, share = _greatest(shares > MOST, neurons, np.mean)
        if share < OF_NEURONS:
            return None
        chance = float((1 / lengths).mean())
        what = f"{share:.0%} of the neurons of {layer} have most of their maxima at the first token"
        what += f" (by chance {chance:.0%} of all are there)"
    else:
        explained = _explained(np.concatenate([each.values for each in read]), 1 / lengths)
        layer, share = _greatest(explained, neurons, np.median)
        if share < EXPLAINED:
            return None
        what = f"1 / length explains {share:.0%} of the variance of the middle neuron of {layer}"
    hint = "--set model.skip_first=1 leaves the first token out of pooling"
    if begins:
        hint += ", --set model.prepend_bos=true puts one before it that is not pooled"
    return f"{what}: an attention sink, most likely. {hint}."


def _greatest(
    values: NDArray[np.generic], neurons: NeuronIndex, of: Callable[..., np.floating]
) -> tuple[str, float]:
    """Give the site and layer of the greatest value, and that."""
    offsets = neurons.offsets.tolist()
    places = [f"{each.site}.{each.layer}" for each in neurons.site_layers]
    found = {
        place: float(of(values[start:stop]))
        for place, start, stop in zip(places, offsets, offsets[1:], strict=False)
    }
    layer = max(found, key=lambda each: found[each])
    return layer, found[layer]


def _explained(values: NDArray[np.float32], given: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the share of each neuron's variance that a number explains, shape (n_neurons,); 0 for a constant."""
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    shift = given - given.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (shift @ centred) ** 2 / ((shift @ shift) * (centred**2).sum(axis=0))
    return np.where(np.isfinite(found), found, 0.0)
