"""Does memory stay flat while the corpus grows, and what does a checkpoint cost?

The same tiny model (4 layers of 64) collects from corpora of several sizes, each in a process of its own. Resident
memory is read at every chunk. Every save of a checkpoint is timed, and a save is made every ``--every`` seconds
whatever it costs, to see the bare cost.

    python benchmarks/bench_memory.py [--sentences 20000 200000] [--list-size 500] [--every 2]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def write_corpus(folder: Path, n_sentences: int) -> Path:
    """Write documents of random words, ten sentences each."""
    choose = random.Random(0)
    words = [f"w{number}" for number in range(20_000)]
    weights = [1 / (number + 10) for number in range(20_000)]
    path = folder / "documents.jsonl"
    with path.open("w") as file:
        for _ in range(-(-n_sentences * 11 // 100)):
            text = " ".join(
                " ".join(choose.choices(words, weights, k=choose.randrange(5, 15))).capitalize() + "."
                for _ in range(10)
            )
            file.write(json.dumps({"text": text, "topic": choose.choice("abcdefgh")}) + "\n")
    return path


def resident() -> int:
    """Read the resident size of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(model: str, corpus: str, out: str, n_sentences: int, list_size: int, every: float) -> None:
    """Collect in this process, watching; print what was seen as JSON."""
    import torch

    from neurolect.collector import CollectOptions, checkpoint, collect
    from neurolect.collector.state import CollectState
    from neurolect.corpus import open_corpus
    from neurolect.model import load_model

    torch.set_num_threads(1)
    sizes: list[tuple[int, int]] = []
    saves: list[float] = []
    end_chunk, save = CollectState.end_chunk, checkpoint.Checkpoints.save

    def watched(self, *given, **named):  # noqa: ANN001, ANN002, ANN003, ANN202
        sizes.append((self.n_sentences, resident()))
        return end_chunk(self, *given, **named)

    def timed(self, *given):  # noqa: ANN001, ANN002, ANN202
        start = time.perf_counter()
        save(self, *given)
        saves.append(time.perf_counter() - start)

    CollectState.end_chunk, checkpoint.Checkpoints.save = watched, timed
    checkpoint._MAX_COST = float("inf")
    options = CollectOptions(list_size=list_size, limit=n_sentences, checkpoint_seconds=every)
    loaded, opened = load_model(model), open_corpus(corpus)
    start = time.perf_counter()
    collect(loaded, opened, out=out, options=options)
    seconds = time.perf_counter() - start
    print(json.dumps({"n": n_sentences, "seconds": seconds, "sizes": sizes, "saves": saves, "end": resident()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, nargs="+", default=[20_000, 200_000])
    parser.add_argument("--list-size", type=int, default=500)
    parser.add_argument("--every", type=float, default=2.0)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        model, corpus, out, n = arguments.worker
        measure(model, corpus, out, int(n), arguments.list_size, arguments.every)
        return
    from tests.tiny_models import write_tiny_bert

    from neurolect.corpus import PrepareOptions, prepare

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = write_corpus(folder, max(arguments.sentences))
        corpus = prepare([source], out=folder / "corpus", options=PrepareOptions())
        model = write_tiny_bert(folder / "model", n_layers=4, width=64)
        found = []
        for n in arguments.sentences:
            command = [sys.executable, __file__, "--list-size", str(arguments.list_size), "--every"]
            command += [str(arguments.every), "--worker", str(model), str(corpus.folder), str(folder / f"run-{n}")]
            done = subprocess.run(
                [*command, str(min(n, corpus.n_mining))], capture_output=True, text=True, check=False
            )
            if done.returncode:
                sys.exit(done.stderr)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    for each in found:
        top = max(size for _, size in each["sizes"])
        saves = sorted(each["saves"])
        line = f"{each['n']:>9,} sentences: {each['n'] / each['seconds']:7,.0f}/s, resident at most "
        line += f"{top / 2**20:6.1f} MiB in the pass, {each['end'] / 2**20:6.1f} at the end"
        if saves:
            median = saves[len(saves) // 2]
            line += (
                f"; {len(saves)} checkpoints of {1000 * median:.0f} ms (median), {sum(saves) / each['seconds']:.1%}"
            )
        print(line)
    ratio = max(s for _, s in found[-1]["sizes"]) / max(s for _, s in found[0]["sizes"])
    print(f"largest corpus / smallest: {found[-1]['n'] / found[0]['n']:.0f} x sentences, {ratio:.3f} x memory")


if __name__ == "__main__":
    main()
