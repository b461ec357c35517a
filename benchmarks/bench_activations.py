"""Activations at labelled words against NeuroX's way, in one run, taking turns: CPU seconds and their ratio.

Three things stand for NeuroX (neurox/data/extraction/transformers_extractor.py and writer.py, read, not copied):

* a sentence at a time: all hidden states to NumPy, a word's last token, rows in lists that are put together at the
  end; the tokenizer's own word numbers say which token is whose; nothing is written;
* word by word: the same, but every word of every sentence is also tokenized by itself, as NeuroX does to find how
  many tokens it has; nothing is written;
* word by word, JSON: that, written as JSON with 8 decimals, its default format, and read back.

neurolect's figure is of the whole: reading the labelled data, aligning, running, writing the store.

    python benchmarks/bench_activations.py --sentences 400 --rounds 3 --data brown.parquet
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from neurolect.model import Model, ModelOptions, load_model
from neurolect.probing import ActivationsOptions, read_activations


def neurox_way(model: Model, sentences: list[list[str]]) -> NDArray[np.float32]:
    """Read one sentence after the other."""
    found: list[NDArray[np.float32]] = []
    for words in sentences:
        encoded = model.tokenizer(words, is_split_into_words=True, return_tensors="pt", truncation=True)
        encoded = encoded.to(model.device)  # type: ignore[attr-defined]
        with torch.no_grad():
            states = model.network(**encoded, output_hidden_states=True).hidden_states
        arrays = [each[0].detach().cpu().numpy() for each in states]
        last: dict[int, int] = {}
        for place, word in enumerate(encoded.word_ids()):
            if word is not None:
                last[word] = place
        found += [np.concatenate([each[place] for each in arrays[1:]]) for place in last.values()]
    return np.vstack(found)


def word_by_word(model: Model, sentences: list[list[str]], *, out: Path | None = None) -> NDArray[np.float32]:
    """Read one sentence after the other, tokenizing every word by itself as well; through a JSON file, if given."""
    tokenizer: Any = model.tokenizer
    special = set(tokenizer.all_special_ids) - {tokenizer.unk_token_id}
    found: list[NDArray[np.float32]] = []
    file = out.open("w", encoding="utf-8") if out is not None else None
    for number, words in enumerate(sentences):
        # a letter before each word but the first: some tokenizers look at spaces
        texts = [word if not place else f"a {word}" for place, word in enumerate(words)]
        counts = [
            sum(each not in special for each in tokenizer.encode(text)) - (place > 0)
            for place, text in enumerate(texts)
        ]
        ids = tokenizer.encode(" ".join(words), truncation=True)
        with torch.no_grad():
            states = model.network(
                input_ids=torch.tensor([ids], device=model.device), output_hidden_states=True
            ).hidden_states
        arrays = np.array([each[0].cpu().numpy() for each in states[1:]])[:, [each not in special for each in ids]]
        rows = arrays[:, np.cumsum(counts) - 1].transpose(1, 0, 2)
        if file is None:
            found += list(rows.reshape(len(words), -1))
            continue
        features = [
            {
                "token": word,
                "layers": [
                    {"index": layer, "values": [round(each.item(), 8) for each in values]}
                    for layer, values in enumerate(row)
                ],
            }
            for word, row in zip(words, rows, strict=True)
        ]
        file.write(json.dumps({"linex_index": number, "features": features}) + "\n")
    if file is not None and out is not None:
        file.close()
        for line in out.read_text(encoding="utf-8").splitlines():
            for word in json.loads(line)["features"]:
                found.append(np.concatenate([np.array(each["values"], np.float32) for each in word["layers"]]))
    return np.vstack(found)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """Measure CPU seconds and seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()  # ends with arrays on the CPU: nothing is left running on a device
    return time.process_time() - cpu, time.perf_counter() - wall, made


def main() -> None:
    """Measure and print a line for each way."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--sentences", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dtypes", default="float32")
    parser.add_argument("--no-json", action="store_true", help="leave out the slowest way")
    parser.add_argument(
        "--device", default="cpu", help="where the network runs; on a GPU ratios are of seconds of the clock"
    )
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    table = pq.read_table(given.data).slice(0, given.sentences)
    sentences = table.column("tokens").to_pylist()
    models = {
        dtype: load_model(given.model, options=ModelOptions(dtype=dtype), device=given.device)
        for dtype in given.dtypes.split(",")
    }
    plain = models["float32"]
    options = ActivationsOptions(dtype="float32", min_train=1, min_test=1)
    seconds: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.parquet"
        pq.write_table(table, data)
        neurox_way(plain, sentences[:50])
        ways: dict[str, Callable[[], NDArray[np.float32]]] = {
            "a sentence at a time": lambda: neurox_way(plain, sentences),
            "word by word": lambda: word_by_word(plain, sentences),
            "word by word, JSON": lambda: word_by_word(plain, sentences, out=Path(folder) / "rows.json"),
        }
        if given.no_json:
            del ways["word by word, JSON"]
        for number in range(given.rounds):
            for name, work in ways.items():
                cpu, wall, rows = timed(work)
                seconds.setdefault(name, []).append((cpu, wall))
            for dtype, model in models.items():
                out = Path(folder) / f"{dtype}-{number}"

                def ours(model: Model = model, out: Path = out) -> Any:
                    return read_activations(model, data, out=out, concept="tags_universal", options=options)

                cpu, wall, store = timed(ours)
                seconds.setdefault(f"neurolect, {dtype}", []).append((cpu, wall))
                if store.n_rows == len(rows):
                    found = np.concatenate([values for _, values in store.blocks()])
                    print(f"  largest difference, {dtype}: {np.abs(found - rows).max():.2g}")
                else:
                    print(f"  {len(rows) - store.n_rows} rows of small classes left out")
    n_words = sum(map(len, sentences))
    size = f"{len(sentences):,} sentences, {n_words:,} words, {plain.neurons.n_neurons:,} neurons"
    print(f"{size}, {given.threads} threads, {given.rounds} rounds.")
    print("Medians, and how many times neurolect's (from, to):")
    fast = [name for name in seconds if name.startswith("neurolect")]
    for name, each in seconds.items():
        cpu, wall = (statistics.median(values) for values in zip(*each, strict=True))
        line = f"{name:22} {cpu:7.2f} CPU s {wall:7.2f} s"
        for other in fast if name not in fast else []:
            which = int(given.device != "cpu")
            ratios = [one[which] / two[which] for one, two in zip(each, seconds[other], strict=True)]
            line += f"   {statistics.median(ratios):6.2f} ({min(ratios):.2f}, {max(ratios):.2f}) of {other}"
        print(line)


if __name__ == "__main__":
    main()
