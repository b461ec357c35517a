"""Options of the pass over the corpus."""

import os
from dataclasses import dataclass, replace
from typing import NamedTuple

from neurolect.errors import OptionError
from neurolect.store import SIDES


# When a pass may end before the corpus does: once enough neurons have settled.
class StopRule(NamedTuple):
    """The rule.

    ``stable``: A neuron has settled when all its lists keep at least this share of their evidence.
    """

    stable: float
    share: float


def parse_stop_rule(text: str) -> StopRule:
    """Read a rule such as ``stable=0.9,share=0.8``.

    Examples
    --------
    >>> parse_stop_rule("stable=0.9,share=0.8")
    StopRule(stable=0.9, share=0.8)
    """
    parts = dict(part.strip().partition("=")[::2] for part in text.split(","))
    try:
        values = {name: float(value) for name, value in parts.items()}
    except ValueError:
        values = {}
    if set(values) != {"stable", "share"} or not all(0 < value <= 1 for value in values.values()):
        what = f"collect.stop_when is {text!r}."
        raise OptionError(what, expected="stable=S,share=Q, both above 0 and at most 1, e.g. stable=0.9,share=0.8")
    return StopRule(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectOptions:
    """What is kept of the pass, and how the sentences are fed.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    list_size: int | None = None
    """Sentences in each neuron's list (N); costs about 16 bytes a neuron, side and sentence while collecting.
    When not given 1,000, or a tenth of a corpus of fewer than 10,000 sentences."""

    sides: tuple[str, ...] = SIDES
    """Which lists: ``top`` (highest activations), ``bottom`` (lowest)."""

    sample_size: int = 20_000
    """Sentences of the uniform sample, the background where tags are needed."""

    activation_sample_size: int = 4_000
    """Sentences of the sample whose activations are all kept; costs 4 bytes a neuron and sentence."""

    held_out_size: int = 4_000
    """Sentences of the held-out part whose activations are all kept, to score signatures on; costs 4 bytes a neuron
    and sentence. 0 for none."""

    quantile_sentences: int = 5
    """Sentences kept from each tenth of a neuron's activations over the sample."""

    histogram_bins: int = 64
    """Bins of each neuron's histogram of activations."""

    seed: int = 0
    """Seed of the sample."""

    limit: int | None = None
    """Read only the first so many sentences of the mining part; all when not given. ``shuffle`` changes their
    order, not which they are: of a corpus ordered by domain they are of the first domains, while held-out sentences
    are of all."""

    shuffle: bool = False
    """Read the corpus in a random order (of the seed), 65,536 sentences in memory at a time. For corpora that come
    ordered, by domain or date, say: a whole pass ends with the same lists (but for rounding) either way; what is
    seen on the way, and what a pass stopped early has read, differs."""

    monitor_every: int | None = None
    """Sentences between two looks at how much the lists still change, rounded up to whole chunks; when not given
    a twentieth of the corpus, at least 10,000."""

    monitor_sentences: int = 200
    """Sentences of each list, about, whose words are compared at each look."""

    stop_when: str | None = None
    """Stop before the corpus ends, e.g. ``stable=0.9,share=0.8``: once 80 % of the neurons keep 90 % of the
    evidence in their lists while the sentences read double."""

    max_seconds: float | None = None
    """Stop reading after so many seconds of this start, at the end of a chunk; results are of what was read."""

    chunk_sentences: int | None = None
    """Sentences read, tokenized and sorted by length at once; part of what makes a run reproducible. When not given
    4,096, and 16,384 on a CUDA device."""

    token_budget: int | None = None
    """Model tokens in one forward pass, padding counted. When not given 2,048, and 65,536 on a CUDA device."""

    keep_on: str = "auto"
    """Where lists, moments and samples are kept while collecting: ``device`` (where the network is), ``host``, or
    ``auto``: on a CUDA device, else on the host."""

    compile: str = "auto"
    """Whether the network's blocks are compiled by PyTorch: ``on``, ``off``, or ``auto``: for packed sentences on a
    CUDA device, if the corpus has a million or more."""

    workers: int | None = None
    """Processes that tokenize ahead of the network; 1 uses threads. When not given 1, and with a CUDA device one
    less than the cores, at most 15."""

    checkpoint_seconds: float = 60.0
    """Least time between two checkpoints; large lists and a slow disk stretch it, so that they cost at most 2 %."""

    non_finite: str = "error"
    """On NaN or infinite activations: ``error`` stops; ``skip`` leaves the sentence out of that layer's lists."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("sample_size", "activation_sample_size"):
            _at_least(name, getattr(self, name), 1)
        if self.list_size is not None:
            _at_least("list_size", self.list_size, 1)
        _at_least("histogram_bins", self.histogram_bins, 4)
        _at_least("quantile_sentences", self.quantile_sentences, 0)
        _at_least("held_out_size", self.held_out_size, 0)
        _at_least("monitor_sentences", self.monitor_sentences, 1)
        for name in ("limit", "monitor_every", "chunk_sentences", "token_budget", "workers"):
            if getattr(self, name) is not None:
                _at_least(name, getattr(self, name), 1)
        if self.max_seconds is not None:
            _at_least("max_seconds", self.max_seconds, 0)
        if self.stop_when is not None:
            parse_stop_rule(self.stop_when)
        if not self.sides or not set(self.sides) <= set(SIDES) or len(set(self.sides)) != len(self.sides):
            what = f"collect.sides is {list(self.sides)!r}."
            raise OptionError(what, expected="'top', 'bottom' or both, each once")
        _one_of("keep_on", self.keep_on, ("auto", "device", "host"))
        _one_of("compile", self.compile, ("auto", "on", "off"))
        if self.non_finite not in ("error", "skip"):
            what = f"collect.non_finite is {self.non_finite!r}."
            raise OptionError(what, expected="'error' or 'skip'")

    def on_device(self, device_type: str) -> "CollectOptions":
        """Fill in the sizes that depend on the device.

        Parameters
        ----------
        device_type : str
            ``cuda``, ``cpu``, ...

        Returns
        -------
        CollectOptions
            With numbers for chunk, budget and workers.
        """
        gpu = device_type == "cuda"
        workers = max(1, min(15, (os.cpu_count() or 1) - 1)) if gpu else 1
        return replace(
            self,
            chunk_sentences=self.chunk_sentences or (16_384 if gpu else 4096),
            token_budget=self.token_budget or (65_536 if gpu else 2048),
            workers=self.workers or workers,
        )

    def resolved_list_size(self, n_sentences: int) -> int:
        """Give N for a corpus.

        Parameters
        ----------
        n_sentences : int
            Sentences that will be read.

        Returns
        -------
        int
            At most ``n_sentences``.

        Raises
        ------
        OptionError
            If N was given and is larger than the corpus.
        """
        if self.list_size is None:
            return max(1, min(1000, n_sentences // 10))
        if self.list_size > n_sentences:
            what = f"collect.list_size is {self.list_size:,}, and the corpus has {n_sentences:,} sentences to read."
            hint = f"--set collect.list_size={max(1, n_sentences // 10)} (a tenth), or a larger corpus."
            raise OptionError(what, expected="far fewer listed sentences than the corpus has", hint=hint)
        return self.list_size


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse an unknown choice."""
    if value not in choices:
        what = f"collect.{name} is {value!r}."
        raise OptionError(what, expected=", ".join(repr(each) for each in choices))


def _at_least(name: str, value: float, least: int) -> None:
    """Refuse a number below its range."""
    if value < least:
        what = f"collect.{name} is {value}."
        raise OptionError(what, expected=f"at least {least}")
