"""Neurons as SAEDashboard writes them for Neuronpedia, and names as Neuronpedia's explanations."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from neurolect.folders.atomic import write_text
from neurolect.naming.plan import ListToName, Plan
from neurolect.store import Neuron, Run
from neurolect.store.sides import SIDES
from neurolect.tokens.entries import unpack_values
from neurolect.visible import escaped_json, strict_json

N_SHOWN = 20
"""Sentences of each neuron."""
_EMPTY = (
    *("neuron_alignment_indices", "neuron_alignment_values", "neuron_alignment_l1"),
    *("correlated_neurons_indices", "correlated_neurons_l1", "correlated_neurons_pearson"),
    *("correlated_features_indices", "correlated_features_l1", "correlated_features_pearson"),
    *("neg_str", "neg_values", "pos_str", "pos_values", "logits_hist_data_bar_heights"),
    *("logits_hist_data_bar_values", "decoder_weights_dist", "vector"),
)
"""What SAEDashboard knows of a latent and a run does not of a neuron."""


def write_dashboards(run: Run, plan: Plan, names: Mapping[int, tuple[str, str]], folder: Path) -> str:
    """Write ``SITE.LAYER/batch-0.json`` and ``SITE.LAYER/explanations/batch-0.jsonl``; say what was written."""
    layers: dict[str, list[ListToName]] = {}
    for each in plan.lists:
        layers.setdefault(each.address.rpartition(".")[0], []).append(each)
    corpus = Path(str(run.manifest["corpus"].get("path", ""))).name
    model = Path(run.manifest["model"]["name"]).name
    n_names = 0
    for place, lists in layers.items():
        first = run.neuron(lists[0].address)
        features = [_feature(run.neuron(each.address), side=plan.options.side, dataset=corpus) for each in lists]
        batch = {
            "model_id": model,
            "layer": first.layer,
            "sae_set": first.site,
            "sae_id_suffix": None,
            "features": features,
        }
        write_text(folder / place / "batch-0.json", _json(batch) + "\n")
        rows = list(_explanations(run, lists, names, model=model, source=f"{first.layer}-{first.site}"))
        n_names += len(rows)
        text = "".join(_json(row) + "\n" for row in rows)
        write_text(folder / place / "explanations" / "batch-0.jsonl", text)
    return f"{len(plan.lists):,} neurons of {len(layers):,} layers, {n_names:,} explanations"


def _json(value: dict[str, Any]) -> str:
    return escaped_json(strict_json(value))


def _feature(neuron: Neuron, *, side: str, dataset: str) -> dict[str, Any]:
    """Give one neuron, every key of SAEDashboard's there."""
    row = neuron.row
    counts = neuron.run.array("histograms")[neuron.neuron_id].astype(np.float64)
    middles = row["bin_low"] + row["bin_width"] * (np.arange(len(counts)) + 0.5)
    has_one = counts > 0
    above = float(counts[middles > 0].sum() / max(counts.sum(), 1.0))
    listed = list(_activations(neuron, side))
    return dict.fromkeys(_EMPTY, ()) | {
        "feature_index": neuron.index,
        "frac_nonzero": round(above, 5),
        "freq_hist_data_bar_values": np.round(middles[has_one], 5).tolist(),
        "freq_hist_data_bar_heights": counts[has_one].tolist(),
        "n_prompts_total": int(row["n"]),
        "n_tokens_in_prompt": max((len(each["tokens"]) for each in listed), default=0),
        "dataset": dataset,
        "activations": listed,
    }


def _activations(neuron: Neuron, side: str) -> Iterator[dict[str, Any]]:
    """Yield the first sentences of a list, token by token where ``neurolect tokens`` has read them.

    Otherwise a sentence is one token with the activation of the whole.
    """
    rows = neuron.list(side, limit=N_SHOWN).to_pylist()
    values = _token_values(neuron, side)
    activations = [row["activation"] for row in rows]
    low, high = (min(activations), max(activations)) if rows else (0.0, 0.0)
    for row in rows:
        tokens, own = values.get(row["sentence_id"], ([row["text"]], [row["activation"]]))
        own = [round(float(each), 5) for each in own]
        yield {
            "bin_min": round(float(low), 5),
            "bin_max": round(float(high), 5),
            "bin_contains": 1.0,
            "tokens": list(tokens),
            "values": own,
            "qualifying_token_index": int(np.argmax(own) if side == SIDES[0] else np.argmin(own)),
        }


def _token_values(neuron: Neuron, side: str) -> dict[int, tuple[list[str], list[float]]]:
    """Give the tokens and values of a list's sentences as far as they were read; sentence id to both."""
    if not neuron.run.has("tokens/entries"):
        return {}
    rows = neuron.rows("tokens/entries", side=side).slice(0, N_SHOWN)
    spans = neuron.run.table("tokens/sentences")
    spans = spans.take(pc.index_in(rows.column("sentence_id"), value_set=spans.column("sentence_id")))
    ids = rows.column("sentence_id").to_numpy()
    texts = neuron.run.take_sentences(ids).column("text").to_pylist()
    found = {}
    for place, values in enumerate(unpack_values(rows)):
        ends = spans.column("ends")[place].as_py()
        bounds = [0, *ends[:-1], len(texts[place])] if ends else []  # put together they are the sentence
        tokens = [texts[place][start:end] for start, end in pairwise(bounds)]
        if tokens and len(tokens) == len(values):
            found[int(ids[place])] = (tokens, values.tolist())
    return found


def _explanations(
    run: Run, lists: list[ListToName], names: Mapping[int, tuple[str, str]], *, model: str, source: str
) -> Iterator[dict[str, Any]]:
    """Yield names as rows of Neuronpedia's table of explanations; who loads them fills in the author."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for each in lists:
        if each.neuron_id not in names:
            continue
        name, by = names[each.neuron_id]
        yield {
            "id": f"neurolect-{run.manifest['model'].get('fingerprint', '')[:8]}-{each.address}",
            "modelId": model,
            "layer": source,
            "index": str(run.neuron(each.address).index),
            "description": name,
            "authorId": "",
            "embedding": None,
            "triggeredById": None,
            "typeName": None,
            "explanationModelName": by,
            "notes": None,
            "createdAt": now,
        }
