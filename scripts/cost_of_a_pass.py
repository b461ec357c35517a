"""What a pass over a corpus costs: time, memory, disk and network, from a model's size and a measured rate.

    python scripts/cost_of_a_pass.py --n-sentences 82000000 --list-size 10000 --n-workers 8

``docs/scaling.md`` says where the constants come from and how well they held.
"""

import argparse
import math
from dataclasses import dataclass, fields
from typing import NamedTuple

from neurolect.errors import OptionError

_KEY = 8
"""Bytes of an entry of a list while collecting."""

_ROW = 10
"""Bytes of an entry of a list in the run folder's Parquet, about."""

_GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What was measured; replace it by your own machine's figures."""

    sentences_per_second: float = 79_100.0
    """One worker's sentences a second from the first to the last, at the size below."""

    n_layers: int = 12
    """Layers of the network it was measured with."""

    width: int = 768
    """Its width."""

    tokens_per_sentence: float = 23.7
    """Model tokens of a sentence there."""

    start_seconds: float = 18.0
    """Before the first chunk is through: the model is loaded and compiled."""

    sample_seconds_per_sentence: float = 7.5e-8
    """To choose the uniform sample, for every sentence of the corpus: by every worker, and again at the merge."""

    write_seconds_per_entry: float = 7.5e-8
    """To sort and write one entry of a list at the end; by one process."""

    merge_seconds_per_entry: float = 5.2e-8
    """Processor seconds a merge takes for an entry of one state: to read, merge and write."""

    merge_seconds: float = 2.8
    """Processor seconds a merge takes in addition: a million words on both sides."""

    network_bytes_per_second: float = 1.0e9
    """Between two machines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSize:
    """What is to be collected."""

    n_sentences: int
    """Sentences to read."""

    n_layers: int = 12
    """Layers of the network, all collected (``hidden``)."""

    width: int = 768
    """Neurons of a layer."""

    list_size: int = 1000
    """N."""

    n_sides: int = 2
    """1 for top lists alone."""

    n_workers: int = 1
    """GPUs, or processes."""

    tokens_per_sentence: float = 23.7
    """Model tokens of a sentence."""

    bytes_per_sentence: float = 60.0
    """A sentence in the corpus folder, compressed."""

    activation_sample_size: int = 4000
    """Sentences whose activations are all kept."""

    chunk_sentences: int = 16_384
    """Sentences whose activations a GPU holds at once."""

    token_budget: int = 65_536
    """Model tokens of one step."""

    vocabulary: int = 30_522
    """Entries of the tokenizer."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        counts = ("n_sentences", "n_layers", "width", "list_size", "n_workers")
        for name in counts:
            if getattr(self, name) < 1:
                what = f"{name} is {getattr(self, name)}."
                raise OptionError(what, expected="at least 1")
        if self.n_sides not in (1, 2):
            what = f"n_sides is {self.n_sides}."
            raise OptionError(what, expected="1 or 2")

    @property
    def n_neurons(self) -> int:
        """Neurons of all layers."""
        return self.n_layers * self.width

    @property
    def n_entries(self) -> int:
        """Entries of all lists."""
        return self.n_neurons * self.n_sides * self.list_size


class Cost(NamedTuple):
    """What a pass costs.

    ``sample_seconds``: Choosing the uniform sample, once, or twice where there is a merge.
    ``read_seconds``: From the first sentence to the last, all workers at once.
    ``gpu_gib``: Memory of one GPU: weights, a step, two chunks of activations, lists with room for as many entries
        again.
    ``host_gib``: Memory of the process that merges: two states with room, and the arrays of both.
    ``read_gib``: Of the corpus, all workers together: once to compare hashes, once to feed.
    ``shard_gib``: Disk of one worker: a checkpoint and the next one.
    """

    sample_seconds: float
    read_seconds: float
    merge_seconds: float
    write_seconds: float
    total_seconds: float
    gpu_gib: float
    host_gib: float
    state_gib: float
    moved_gib: float
    read_gib: float
    shard_gib: float
    run_gib: float


def cost_of(size: PassSize, rates: Rates | None = None) -> Cost:
    """Estimate a pass.

    The rate is carried over by the operations of a forward pass, layers times width squared times tokens; small
    networks reach less of a GPU's speed than that says.

    ``rates``: What was measured; one H100 with BERT-base's shape when not given.
    Returns: Seconds and GiB (2 ** 30 bytes).

    Examples
    --------
    >>> cost = cost_of(PassSize(n_sentences=1_000_000_000, list_size=10_000, n_workers=64))
    >>> round(cost.read_seconds), round(cost.state_gib, 1)
    (198, 1.5)
    """
    rates = rates or Rates()
    heavier = (size.n_layers * size.width**2 * size.tokens_per_sentence) / (
        rates.n_layers * rates.width**2 * rates.tokens_per_sentence
    )
    read_seconds = size.n_sentences * heavier / (rates.sentences_per_second * size.n_workers)
    sample_seconds = size.n_sentences * rates.sample_seconds_per_sentence * (1 if size.n_workers == 1 else 2)
    n_levels = math.ceil(math.log2(size.n_workers))
    state = _state_bytes(size)
    one_merge = size.n_entries * rates.merge_seconds_per_entry + rates.merge_seconds
    merge_seconds = n_levels * (one_merge + state / rates.network_bytes_per_second)
    write_seconds = size.n_entries * rates.write_seconds_per_entry
    return Cost(
        sample_seconds=sample_seconds,
        read_seconds=read_seconds,
        merge_seconds=merge_seconds,
        write_seconds=write_seconds,
        total_seconds=rates.start_seconds + sample_seconds + read_seconds + merge_seconds + write_seconds,
        gpu_gib=_gpu_bytes(size) / _GIB,
        host_gib=(4 * size.n_entries * _KEY + 2 * state) / _GIB,
        state_gib=state / _GIB,
        moved_gib=(size.n_workers - 1) * state / _GIB,
        read_gib=2 * size.n_sentences * size.bytes_per_sentence / _GIB,
        shard_gib=2 * state / _GIB,
        run_gib=(size.n_entries * _ROW + 4 * size.n_neurons * size.activation_sample_size) / _GIB,
    )


def _state_bytes(size: PassSize) -> float:
    """Count lists, sample, histograms (64 bins) and a million words."""
    sample = 4 * size.n_neurons * size.activation_sample_size
    return size.n_entries * _KEY + sample + size.n_neurons * 64 * 8 + 25e6


def _gpu_bytes(size: PassSize) -> float:
    """Count weights, lists, activations of two chunks and the inside of a step, in 16-bit numbers."""
    weights = 2 * (12 * size.n_layers * size.width**2 + size.vocabulary * size.width)
    lists = 2 * size.n_entries * _KEY
    chunks = 2 * 4 * size.chunk_sentences * size.n_neurons
    # query, key, value, attention's result, the inner layer's four widths, norms and residuals
    step = 2 * size.token_budget * size.width * 14
    sample = 4 * size.n_neurons * size.activation_sample_size
    return weights + lists + chunks + step + sample


def main() -> None:
    """Print the cost of a pass whose size the command line gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for each in fields(PassSize):
        default = None if each.name == "n_sentences" else each.default
        option = f"--{each.name.replace('_', '-')}"
        parser.add_argument(
            option, type=each.type, default=default, required=default is None, help=f"default: {default}"
        )
    cost = cost_of(PassSize(**vars(parser.parse_args())))
    for name, value in cost._asdict().items():
        print(f"{name:16} {value:12,.1f}")


if __name__ == "__main__":
    main()
