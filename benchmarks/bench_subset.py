"""Whether `subset` keeps lists and signatures better than random sentences: a run, its sub-corpus, random ones.

    python benchmarks/bench_subset.py CORPUS --sentences 4000 --size 800 --draws 3

Reads a uniform part of the corpus (``--sentences``) with some layers of a model, makes ``neurolect subset`` of it
and random sub-corpora of the same size, reads and describes each, with lists of equal size and of equal share of
the corpus. Prints how many of the whole's strongest sentences each has, and how well signatures agree with those of
the whole (medians over lists, as ``neurolect stability`` has them); of random ones the mean, lowest and highest.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import Corpus, open_corpus
from neurolect.corpus.extract import extract
from neurolect.fidelity import stability
from neurolect.fidelity.agreement import stability_summary
from neurolect.finding import subset
from neurolect.model import Model, ModelOptions, load_model
from neurolect.signatures import DescribeOptions, describe
from neurolect.store import Run

STRONGEST = (10, 50, 100)


def described(model: Model, corpus: Corpus, *, out: Path, list_size: int) -> Run:
    """Read a corpus and describe what was found."""
    run = collect(model, corpus, out=out, options=CollectOptions(list_size=list_size, held_out_size=0))
    return describe(run, options=DescribeOptions(vectors="none", pattern_length=2))


def uniform(corpus: Corpus, *, n: int, seed: int, out: Path) -> Corpus:
    """Write a uniform choice of sentences as a corpus."""
    ids = np.random.default_rng([seed, 17]).choice(corpus.sentence_ids("mining"), size=n, replace=False)
    return extract(corpus, ids, out=out, notices=[f"{n:,} sentences chosen at random."])


def kept(whole: Run, corpus: Corpus) -> dict[str, float]:
    """Give the share of the strongest sentences of the whole's lists that a sub-corpus has."""
    texts = corpus.take(corpus.sentence_ids("mining"), columns=["text"]).column("text").to_pylist()
    there = set(texts)
    rows = whole.table("sentences", columns=["sentence_id", "text"])
    ids = rows.column("sentence_id").to_numpy()
    has = np.array([text in there for text in rows.column("text").to_pylist()])
    found: dict[str, float] = {}
    for n in STRONGEST:
        shares = []
        for side in whole.sides:
            lists = whole.table(f"lists/{side}", columns=["rank", "sentence_id"])
            of_list = lists.column("sentence_id").to_numpy()[lists.column("rank").to_numpy() < n]
            shares.append(has[np.searchsorted(ids, of_list)].mean())
        found[f"strongest {n} in it"] = float(np.mean(shares))
    return found


def agreement(one: Run, other: Run, *, title: str) -> dict[str, float]:
    """Give the median agreement of signatures by kind of evidence."""
    rows = stability_summary(stability(one, other))
    return {f"{title}: {row['evidence']}": row["agreement"] for row in rows}


def measured(
    name: str, corpus: Corpus, *, model: Model, whole: Run, sizes: dict[str, int], home: Path
) -> dict[str, float]:
    """Read and describe a sub-corpus and compare it with the whole."""
    start = time.process_time()
    found = kept(whole, corpus)
    for title, size in sizes.items():
        run = described(model, corpus, out=home / f"{name} {title}", list_size=size)
        found |= agreement(whole, run, title=title)
    print(f"# {name}: {time.process_time() - start:.0f} CPU s", flush=True)
    return found


def table(chosen: dict[str, float], random: Sequence[dict[str, float]]) -> str:
    """Write the measures as Markdown."""
    lines = ["| against the whole | `subset` | random: mean (lowest to highest) |", "|---|---|---|"]
    for name, value in chosen.items():
        others = np.array([each[name] for each in random if name in each])
        if len(others):
            lines.append(
                f"| {name} | {value:.3f} | {others.mean():.3f} ({others.min():.3f} to {others.max():.3f}) |"
            )
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--layers", default="3,6")
    parser.add_argument("--sentences", type=int, default=4_000, help="of the whole")
    parser.add_argument("--size", type=int, default=800, help="sentences of the sub-corpora")
    parser.add_argument("--list-size", type=int, default=100)
    parser.add_argument("--draws", type=int, default=3, help="random sub-corpora")
    given = parser.parse_args()
    layers = tuple(int(each) for each in given.layers.split(","))
    model = load_model(given.model, options=ModelOptions(layers=layers))
    share = max(1, round(given.list_size * given.size / given.sentences))
    sizes = {"equal size": given.list_size, "equal share": share}
    with TemporaryDirectory() as folder:
        home = Path(folder)
        whole = uniform(open_corpus(given.corpus), n=given.sentences, seed=0, out=home / "whole")
        run = described(model, whole, out=home / "run", list_size=given.list_size)
        parts = {"subset": subset(run, out=home / "subset", sentences=given.size)}
        for seed in range(1, given.draws + 1):
            parts[f"random {seed}"] = uniform(whole, n=given.size, seed=seed, out=home / f"random {seed}")
        found = {
            name: measured(name, each, model=model, whole=run, sizes=sizes, home=home)
            for name, each in parts.items()
        }
    print(table(found.pop("subset"), list(found.values())))


if __name__ == "__main__":
    main()
