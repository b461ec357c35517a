"""How often evidence passes by chance where lists are whole documents, with and without the design effect.

    python benchmarks/bench_documents.py RUN [--n 200] [--size 1000]

Draws lists of whole documents of a described run, in random order: no theme is to be found.
Says which share of the words (held by 5 sentences of a list at least) has p <= 0.01 in the exact test: 1 % or less
is right.
"""

import argparse

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.counting.depths import held_in_lists, surprise
from neurolect.signatures.counting.items import count_in_lists, count_in_rows, items_of_tokens
from neurolect.signatures.evidence.collected import kept_sentences
from neurolect.signatures.inputs import Lists
from neurolect.store import open_run


def random_lists(documents: NDArray[np.int64], *, n: int, size: int, seed: int = 0) -> NDArray[np.int32]:
    """Draw whole documents until a list is full, then shuffle it."""
    random = np.random.default_rng(seed)
    _, starts = np.unique(documents, return_index=True)
    parts = np.split(np.arange(len(documents), dtype=np.int32), starts[1:])
    lists = np.empty((n, size), np.int32)
    for each in lists:
        order = random.permutation(len(parts))
        each[:] = random.permutation(np.concatenate([parts[place] for place in order])[:size])
    return lists


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--size", type=int, default=1_000)
    given = parser.parse_args()
    sentences = kept_sentences(open_run(given.run))
    coded, documents = sentences.coded, sentences.table.column("document_id").to_numpy().astype(np.int64)
    items = items_of_tokens(
        coded.words, coded.offsets, n_items=len(coded.vocabulary), keep=coded.counts_as_word[coded.words]
    )
    everywhere = np.ones(coded.n_sentences, np.bool_)
    lists = Lists(random_lists(documents, n=given.n, size=given.size), ("top",), documents)
    least = np.full(given.n, 5, np.int64)
    counts = count_in_lists(items, lists, in_background=everywhere, min_counts=least)
    held = held_in_lists(items, lists, row_lists=counts.lists, row_items=counts.items, inside=everywhere)
    in_all = count_in_rows(items, everywhere)[counts.items]
    n = held.n_sentences.astype(np.float64)
    size = np.full(len(n), float(given.size))
    for name, effect in (("sentences", np.ones(len(n))), ("documents", held.clustering[:, 2])):
        logs = surprise(n, size, in_all - n, coded.n_sentences - size, clustering=effect)
        print(f"{name:<10} {len(n):,} words of lists, p <= 0.01: {np.mean(np.exp(-logs) <= 0.01):.2%}")


if __name__ == "__main__":
    main()
