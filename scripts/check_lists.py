"""Recompute the top lists of some neurons by plain Hugging Face calls and compare them with a run's.

Nothing of neurolect's reading of models or keeping of lists is used: the sentences come from the corpus's Parquet
files, the activations from ``output_hidden_states`` of ``AutoModel``, sentence by sentence in corpus order, and the
lists from sorting all of them.

    python scripts/check_lists.py RUN MODEL_FOLDER [--neurons 20] [--seed 0]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import torch
from transformers import AutoModel, AutoTokenizer

# two activations this near may change places: batches round differently
NEAR = 2e-6


def activations_of(texts: list[str], folder: str, places: list[tuple[int, int]]) -> np.ndarray:
    """Give mean activations of hidden neurons (layer, index), float32 (n_sentences, n_neurons)."""
    tokenizer, network = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    layers, indices = zip(*places, strict=True)
    rows = np.empty((len(texts), len(places)), dtype=np.float32)
    for number, text in enumerate(texts):
        encoded = tokenizer(
            text, return_tensors="pt", truncation=True, max_length=512, return_special_tokens_mask=True
        )
        own = encoded.pop("special_tokens_mask")[0] == 0
        with torch.inference_mode():
            states = network(**encoded, output_hidden_states=True).hidden_states
        for column, (layer, index) in enumerate(zip(layers, indices, strict=True)):
            rows[number, column] = states[layer][0, own, index].mean().item()
        if number % 2000 == 0:
            print(f"{number:,} of {len(texts):,} sentences", file=sys.stderr)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("model")
    parser.add_argument("--neurons", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    manifest = json.loads((arguments.run / "manifest.json").read_text())
    neurons = pq.read_table(arguments.run / "neurons.parquet", columns=["neuron_id", "address", "layer", "index"])
    chosen = np.random.default_rng(arguments.seed).choice(neurons.num_rows, arguments.neurons, replace=False)
    rows = neurons.take(np.sort(chosen)).to_pylist()
    corpus = ds.dataset(Path(manifest["corpus"]["path"]) / "sentences", format="parquet")
    mining = corpus.to_table(columns=["sentence_id", "text"], filter=~ds.field("held_out")).sort_by("sentence_id")
    mining = mining.slice(0, manifest["options"]["collect"]["limit"] or mining.num_rows)
    ids = mining.column("sentence_id").to_numpy()
    places = [(row["layer"], row["index"]) for row in rows]
    activations = activations_of(mining.column("text").to_pylist(), arguments.model, places)
    n_same = 0
    for column, row in enumerate(rows):
        for side in manifest["options"]["collect"]["sides"]:
            path = arguments.run / "lists" / f"{side}.parquet"
            kept = pq.read_table(path, filters=[("neuron_id", "=", row["neuron_id"])])
            values = activations[:, column] * (-1 if side == "top" else 1)
            order = np.lexsort((ids, values))[: kept.num_rows]
            same = kept.column("sentence_id").to_numpy() == ids[order]
            apart = np.abs(kept.column("activation").to_numpy() - activations[order, column]).max()
            same_set = len(np.intersect1d(kept.column("sentence_id").to_numpy(), ids[order])) / kept.num_rows
            ok = apart < NEAR
            n_same += ok
            print(
                f"{row['address']:>16} {side:<6} {'same' if ok else 'DIFFERS'}: sentences {same_set:.4f}, "
                f"ranks {same.mean():.4f}, largest difference at a rank {apart:.1e}"
            )
    n_lists = len(rows) * len(manifest["options"]["collect"]["sides"])
    print(f"{n_same} of {n_lists} lists are the same.")
    sys.exit(0 if n_same == n_lists else 1)


if __name__ == "__main__":
    main()
