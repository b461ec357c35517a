"""Does memory stay flat while the corpus grows, and what does a checkpoint cost?

A random network of one narrow block whose feed-forward layer has as many neurons as a real model (its forward pass
is quick, and lists, moments, samples and monitor have their full size) collects from corpora of several sizes, each
in a process of its own. Text is random: 20,000 common words, and 7 % from a Zipf law without end, so that new words
keep coming about as they do in real text (60,000 in 100,000 sentences; 110,000 in 200,000). Resident memory is read
at every chunk; every checkpoint is timed.

    python benchmarks/bench_memory.py [--sentences 100000 1000000] [--neurons 2304] [--list-size 1000]
        [--backend torch] [--checkpoint-seconds 10]

With ``--bare-checkpoints`` checkpoints are written every ``--checkpoint-seconds`` whatever they cost; otherwise a
costly one is written more rarely, as always. Checkpoints come often enough for the smaller corpus to have some,
since their copies count in memory. For their cost at the largest lists, every minute at most:

    python benchmarks/bench_memory.py --sentences 200000 --neurons 9216 --list-size 10000 --checkpoint-seconds 60
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
_N_COMMON, _RARE, _ZIPF = 20_000, 0.07, 1.1
_LETTERS = np.array(list("etaoinshrdlucmfwypvbgkqjxz"))


def spell(rank: int) -> str:
    """Spell the word of a rank: short for the frequent ones, no two alike."""
    letters = []
    while True:
        rank, rest = divmod(rank, 26)
        letters.append(_LETTERS[rest])
        if not rank:
            return "".join(letters)


def write_corpus(folder: Path, n_sentences: int) -> Path:
    """Write documents of random words, ten sentences each."""
    rng = np.random.default_rng(0)
    weights = 1 / np.arange(10, _N_COMMON + 10)
    ends = np.cumsum(weights / weights.sum())
    path = folder / "documents.jsonl"
    with path.open("w") as file:
        for _ in range(-(-n_sentences * 11 // 100)):
            sentences = []
            for length in rng.integers(5, 20, size=10).tolist():
                common = np.minimum(np.searchsorted(ends, rng.random(length)), _N_COMMON - 1)
                rare = _N_COMMON + np.minimum(rng.zipf(_ZIPF, length), 1 << 40)
                words = [spell(rank) for rank in np.where(rng.random(length) < _RARE, rare, common).tolist()]
                # a last word that no splitter takes for an abbreviation
                sentences.append(" ".join([*words, "indeed"]).capitalize() + ".")
            file.write(json.dumps({"text": " ".join(sentences), "topic": "abcdefgh"[rng.integers(8)]}) + "\n")
    return path


def write_model(folder: Path, n_neurons: int) -> Path:
    """Write a random encoder of one block with so many neurons in its feed-forward layer."""
    import transformers
    from tests.tiny_models import N_TOKENS, tiny_tokenizer

    config = transformers.BertConfig(
        vocab_size=N_TOKENS,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=n_neurons,
        hidden_act="relu",
        max_position_embeddings=64,
    )
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def resident() -> int:
    """Read the resident size of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(model: str, corpus: str, out: str, n_sentences: int, arguments: argparse.Namespace) -> None:
    """Collect in this process, watching; print what was seen as JSON."""
    import torch

    from neurolect.collector import CollectOptions, checkpoint, collect
    from neurolect.collector.state import CollectState
    from neurolect.corpus import open_corpus
    from neurolect.model import ModelOptions, load_model

    torch.set_num_threads(1)
    sizes: list[tuple[int, int]] = []
    saves: list[float] = []
    end_chunk, save = CollectState.end_chunk, checkpoint.Checkpoints.save

    def watched(self, *given, **named):  # noqa: ANN001, ANN002, ANN003, ANN202
        sizes.append((self.n_sentences, resident()))
        return end_chunk(self, *given, **named)

    def timed(self, *given, **named):  # noqa: ANN001, ANN002, ANN003, ANN202
        start = time.perf_counter()
        save(self, *given, **named)
        saves.append(time.perf_counter() - start)

    CollectState.end_chunk, checkpoint.Checkpoints.save = watched, timed
    if arguments.bare_checkpoints:
        checkpoint._MAX_COST = float("inf")
    options = CollectOptions(
        list_size=arguments.list_size, limit=n_sentences, checkpoint_seconds=arguments.checkpoint_seconds
    )
    keywords = {"backend": arguments.backend} if arguments.backend else {}
    loaded = load_model(model, options=ModelOptions(sites=("mlp",), max_tokens=16, **keywords))
    opened = open_corpus(corpus)
    start = time.perf_counter()
    collect(loaded, opened, out=out, options=options)
    seconds = time.perf_counter() - start
    print(json.dumps({"n": n_sentences, "seconds": seconds, "sizes": sizes, "saves": saves, "end": resident()}))


def tell(found: list[dict]) -> None:
    """Print what was seen."""
    for each in found:
        top = max(size for _, size in each["sizes"])
        line = f"{each['n']:>9,} sentences: {each['n'] / each['seconds']:7,.0f}/s, resident at most "
        line += f"{top / 2**20:6.1f} MiB in the pass, {each['end'] / 2**20:6.1f} at the end"
        if each["saves"]:
            saves = each["saves"]
            line += f"; {len(saves)} checkpoints of {1000 * statistics.median(saves):.0f} ms (median, "
            line += f"{1000 * min(saves):.0f} to {1000 * max(saves):.0f}), {sum(saves) / each['seconds']:.1%} of it"
        print(line)
        marks = [each["n"] * share for share in (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0)]
        at = [next((row for row in each["sizes"] if row[0] >= mark), each["sizes"][-1]) for mark in marks]
        print("          " + ", ".join(f"{n:,}: {size / 2**20:.0f}" for n, size in at) + " MiB")
    first, last = found[0], found[-1]
    ratio = max(s for _, s in last["sizes"]) / max(s for _, s in first["sizes"])
    print(f"largest corpus / smallest: {last['n'] / first['n']:.0f} x sentences, {ratio:.3f} x memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--neurons", type=int, default=2304)
    parser.add_argument("--list-size", type=int, default=1000)
    parser.add_argument("--backend")
    parser.add_argument("--checkpoint-seconds", type=float, default=10.0)
    parser.add_argument("--bare-checkpoints", action="store_true")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        model, corpus, out, n = arguments.worker
        measure(model, corpus, out, int(n), arguments)
        return
    from neurolect.corpus import PrepareOptions, prepare

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = write_corpus(folder, max(arguments.sentences))
        corpus = prepare([source], out=folder / "corpus", options=PrepareOptions())
        model = write_model(folder / "model", arguments.neurons)
        found = []
        for n in arguments.sentences:
            job = [str(model), str(corpus.folder), str(folder / f"run-{n}"), str(min(n, corpus.n_mining))]
            done = subprocess.run(
                [sys.executable, *sys.argv, "--worker", *job], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{arguments.neurons:,} neurons, lists of {arguments.list_size:,} on both sides")
    tell(found)


if __name__ == "__main__":
    main()
