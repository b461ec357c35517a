"""What neurons do with a sentence: the farthest from their usual range, and one neuron at every token."""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError
from neurolect.explorer.answers.columns import summary_column
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import shortened
from neurolect.model.language_model import Model
from neurolect.model.token_values import SentenceTokens, read_token_values
from neurolect.results.number import nearly_constant
from neurolect.store import Run

N_NEURONS = 10
"""Neurons of each layer."""


def sentence(of: OpenedRun, model: Model, text: str) -> dict[str, Any]:
    """Name the neurons of each layer that are farthest from their mean over the corpus, in standard deviations."""
    run = of.run()
    values = model.activations([text]).reshape(-1).astype(np.float64)
    mean, std = (np.asarray(run.table("neurons").column(name).to_numpy(), np.float64) for name in ("mean", "std"))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(nearly_constant(run), np.nan, (values - mean) / std)
    offsets = run.index.offsets
    chosen = [
        first + np.argsort(-np.nan_to_num(np.abs(z[first:last]), nan=-1.0), kind="stable")[:N_NEURONS]
        for first, last in pairwise(offsets)
    ]
    at_tokens = _at_tokens(model, text, np.concatenate(chosen))
    tops = np.argmax(np.where(z[np.concatenate(chosen)] < 0, -1, 1) * at_tokens.values, axis=0).tolist()
    token = dict(zip(np.concatenate(chosen).tolist(), tops, strict=True))
    names = of.kept(("summary", "name"), lambda run: summary_column(run, "name"))
    layers = []
    for layer, ids in zip(run.index.site_layers, chosen, strict=True):
        rows = [_row(run, each, values[each], z[each], token[each], names) for each in ids.tolist()]
        layers.append({"site": layer.site, "layer": layer.layer, "neurons": rows})
    return {"tokens": tokens_of(text, at_tokens), "layers": layers}


def _row(run: Run, neuron: int, value: float, z: float, token: int, names: Any) -> dict[str, Any]:  # noqa: ANN401
    side = "bottom" if z < 0 and "bottom" in run.sides else run.sides[0]
    name = names[neuron * len(run.sides) + run.sides.index(side)].as_py()
    return {
        "address": run.index.address(neuron),
        "value": float(value),
        "z": float(z),
        "percentile": _percentile(run, neuron, float(value)),
        "token": token,
        "side": side,
        "name": None if name is None else shortened(name, 120),
    }


def _percentile(run: Run, neuron: int, value: float) -> float | None:
    """Say which share of the sample has a lower activation, in percent; None without a sample."""
    if not run.files.has("sample/activations.npy"):
        return None
    sample = run.array("sample/activations")[neuron]
    return float(100 * np.mean(sample < value)) if len(sample) else None


def neuron(of: OpenedRun, model: Model, text: str, address: str) -> dict[str, Any]:
    """Give a neuron's activation at every token, and its usual range: from 5 % to 95 % of the sample."""
    run = of.run()
    number = run.index.neuron_id(address)
    found = _at_tokens(model, text, np.array([number]))
    row = run.neuron(address).row
    low, high = row["mean"] - 1.645 * row["std"], row["mean"] + 1.645 * row["std"]
    if run.files.has("sample/activations.npy"):
        low, high = np.quantile(run.array("sample/activations")[number], [0.05, 0.95]).tolist()
    return {"tokens": tokens_of(text, found), "values": found.values[:, 0].tolist(), "low": low, "high": high}


def _at_tokens(model: Model, text: str, neurons: NDArray[np.int64]) -> SentenceTokens:
    (found,) = read_token_values(model, [text], neurons=neurons.astype(np.int64))
    if not len(found.values):
        what = "The sentence has no token that the model reads."
        raise OptionError(what, expected="a sentence with words")
    return found


def tokens_of(text: str, found: SentenceTokens) -> list[str]:
    """Cut a text at its tokens; together they are the text, as far as the model reads it."""
    cut, at = [], 0
    for end in found.spans.ends[: len(found.values)].tolist():
        end = max(at, end)
        cut.append(text[at:end])
        at = end
    return cut
