"""Find how a network must be fed so that a sentence gives the same in any batch and in plain Hugging Face.

Some networks mix padding into tokens, run at some lengths only, change while they run, or are random. Sentences of
random tokens of several lengths are run each by itself on a fresh network, as Hugging Face does it, and then in
batches, one after the other. What differs is fed otherwise, or refused; the network is left as it was.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import ModelError
from neurolect.model.architecture.network import Network, named_lengths, trial_lengths
from neurolect.model.architecture.taps import Receiver, Tap, hand_over, listen
from neurolect.model.architecture.unchanged import put_back
from neurolect.model.batching import Batch, Feeding, PaddedBatch, pad
from neurolect.model.hugging_face import REFUSALS, Output, quiet_transformers
from neurolect.model.options import plain_site
from neurolect.model.pooling.receive import on_device
from neurolect.model.trials import remembered
from neurolect.model.trials.compare import random_sentences
from neurolect.model.ways.plain import Plain

logger = logging.getLogger(__name__)

TOLERANCE = {"float32": 1e-4, "float16": 5e-2, "bfloat16": 2e-1}
"""Largest difference at a token that rounding explains, as a share of its states' norm, by number format."""
_OF_TF32 = 5e-3
"""The same on a GPU, where convolutions in float32 round to the 10 bits of TF32."""

_SHORT = (1, 9, 24)
_WORK = 2.5e11
"""Multiplications and additions that the trial may cost on a CPU: some seconds. It is counted, not timed, so that
every computer compares the same lengths."""

_LEAST = 16
"""Sentences are padded to at most so many tokens where a network does not run on fewer; one that runs only on
longer ones, or on some lengths between others, is refused."""
_DEAD = "device-side assert"
"""What CUDA says where a kernel read out of range: the process can use the GPU no more."""
_MOST = 2_048
"""Longest sentence that is compared."""

States = list[Tensor]
"""What every tap gives for one sentence, each of shape (n_tokens, width)."""


class Found(NamedTuple):
    """How a network is to be fed, and why."""

    feeding: Feeding = Feeding()
    hooks: bool = True
    """Whether hidden states are read where blocks are called with them."""
    most: int = 0
    """Longest sentence in model tokens that runs; 0: as long as the model says."""
    off: float = 0.0
    """The difference that was met when sentences were fed as usual; 0 where they can be."""
    longest: int = 0
    """Model tokens of the longest sentence that was compared."""


class _Shape(Exception):
    """A tap gave no state for each token: says where, and how many."""


def feed(model: Network, *, thorough: bool = False) -> list[str]:
    """Set how a model is fed; give what people are to know of it.

    ``thorough``: Whether sentences as long as any are compared, which takes some seconds on a CPU.
    """
    longest = _MOST if thorough else _affordable(model)
    kept = remembered.recall(model, longest=longest)
    if kept is None:
        with quiet_transformers(), _gpu_errors(model):
            found = _find(model, longest)
        remembered.keep(model, longest=longest, found=found._asdict() | {"feeding": found.feeding._asdict()})
    else:
        found = Found(**(kept | {"feeding": Feeding(**kept["feeding"])}))
        if not found.hooks:
            model.find_taps(hooks=False)
    model.feeding, model.unlike = found.feeding, ""
    model.max_tokens = min(model.max_tokens, found.most or model.max_tokens)
    notices = _notices(model, found)
    if found.feeding != Feeding():
        model.unlike = " ".join(notices)
    return notices


@contextmanager
def _gpu_errors(model: Network) -> Iterator[None]:
    """Refuse a network that reads out of its tables, after which nothing runs on the GPU in this process."""
    try:
        yield
    except RuntimeError as error:
        if _DEAD not in str(error):
            raise
        what = f"A {type(model.body).__name__} reads outside of its tables on sentences of some lengths."
        hint = "read it on the CPU: --device cpu (this process can use the GPU no more)"
        raise ModelError(what, expected="a network that runs on sentences of any length", hint=hint) from error


def _find(model: Network, longest: int) -> Found:
    """Try the usual way first, then what costs more."""
    trial, least, most = _Trial(model, longest), 0, 0
    off = trial.difference(Feeding())
    if trial.refused and not trial.misread:
        least, most = _lengths_that_run(model, trial.refused)
        model.max_tokens = min(model.max_tokens, most or model.max_tokens)
        trial = _Trial(model, longest, least)
        off = trial.difference(Feeding(least=least))
    if not trial.agrees(off) and trial.misread:
        # blocks are called with other states than the network reports: read what it reports
        model.find_taps(hooks=False)
        trial = _Trial(model, longest, least, hooks=False)
        off = trial.difference(Feeding(least=least))
    found = Found(Feeding(least=least), trial.hooks, most, 0.0, trial.longest)
    if trial.agrees(off):
        return found
    _check_settled(trial)
    for together in ("any", "equal", "alone"):
        for afresh in (False, True):
            feeding = Feeding(together, least, afresh)
            if feeding != found.feeding and trial.agrees(trial.difference(feeding)):
                return found._replace(feeding=feeding, off=off)
    name = type(model.body).__name__
    if trial.refused:
        ran = f"sentences of {least} tokens, not on shorter ones that are padded" if least else "some sentences"
        what = f"A {name} runs on {ran}: {_first_line(trial.refused)}"
        hint = f"another version of transformers may run it (here: {version('transformers')})"
        raise ModelError(what, expected="a network that runs on sentences of any length", hint=hint)
    what = f"A {name} gives other states than in plain Hugging Face (off by {off:.1%}), even for a sentence alone."
    raise ModelError(what, expected="a network that gives the same each time", hint="use another model")


def _check_settled(trial: "_Trial") -> None:
    """Refuse a network whose states cannot be read, or that is random."""
    name = type(trial.model.body).__name__
    if trial.misread and not trial.hooks:
        what = f"A {name} gives no state for each token: {trial.misread}."
        hint = f"ask for its last layer (--set model.layers={trial.model.n_layers}) or set model.max_tokens lower"
        raise ModelError(what, expected="as many states as tokens", hint=hint)
    again = trial.repeated()
    if not trial.agrees(again):
        what = f"A {name} gives other states each time that it runs: for one sentence they are off by {again:.0%}."
        hint = "seed it in config.json (as `hash_seed` of Reformer does), or use another model"
        raise ModelError(what, expected="a network that is not random", hint=hint)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


class _Trial:
    """Sentences, and what each gives by itself on a fresh network."""

    def __init__(self, model: Network, longest: int, least: int = 0, *, hooks: bool = True) -> None:
        self.model, self.least, self.hooks = model, least, hooks
        self.misread: _Shape | None = None
        """Whether taps read something else than the hidden states that the network reports."""
        self.refused: Exception | None = None
        """What the network raised, where it did not run."""
        self.longest = min(model.max_tokens, max(*_SHORT, longest))
        self.lengths = [min(each, model.max_tokens) for each in _SHORT]
        if self.longest > max(_SHORT):
            # an odd one shows what pads itself to a multiple
            self.lengths += [self.longest * 5 // 8 | 1, self.longest]
        # the last two are as long as others, to be fed together with them
        self.sentences = random_sentences(model, lengths=[*self.lengths, *self.lengths[1:3]])
        self._alone: dict[int, States] = {}

    def agrees(self, off: float) -> bool:
        """Say whether rounding explains a difference."""
        on_gpu = self.model.device.type != "cpu"
        return off <= max(TOLERANCE[self.model.dtype], _OF_TF32 if on_gpu else 0.0)

    def difference(self, feeding: Feeding) -> float:
        """Run all sentences, one batch after the other, and compare; infinity where the network does not run."""
        before, self.model.feeding = self.model.feeding, feeding
        way = Plain(feeding=feeding)
        try:
            batches = self._batches(feeding)
            for row in np.unique(np.concatenate(batches)).tolist():
                if row not in self._alone:
                    with put_back(self.model.body):
                        self._alone[row] = self._run_alone(row)
            with put_back(self.model.body):
                return max(self._batch_difference(way, rows) for rows in batches)
        except _Shape as error:
            self.misread = error
        except REFUSALS as error:
            if _DEAD in str(error):
                raise
            logger.debug("A batch of the trial does not run.", exc_info=True)
            self.refused = error
        finally:
            self.model.feeding = before
        return float("inf")

    def repeated(self) -> float:
        """Run one sentence several times in a row; give the largest difference."""
        try:
            with put_back(self.model.body):
                first, *others = (self._run_alone(2) for _ in range(3))
        except REFUSALS:
            return 0.0
        return max(_away(each, first) for each in others)

    def _batches(self, feeding: Feeding) -> list[NDArray[np.int64]]:
        """Put sentences together, short ones again after long ones."""
        n = len(self.lengths)
        if feeding.together == "any":
            rows = [[0, 1, 2], [3, 4], [0, 1, 2]] if n > len(_SHORT) else [[0, 1, 2]]
        elif feeding.together == "equal":
            rows = [[0], [1, n], [2, n + 1], *([each] for each in range(3, n)), [0]]
        else:
            rows = [[each] for each in (*range(n), 0)]
        return [np.array(each) for each in rows]

    def _batch_difference(self, way: Plain, rows: NDArray[np.int64]) -> float:
        expected = [self._alone[row] for row in rows.tolist()]
        batch = on_device(self.model.pad(self.sentences, rows), self.model.device)
        got = _read(self.model, batch, partial(way.visit, self.model, batch))
        lengths = self.sentences.lengths[rows].tolist()
        pairs = zip(lengths, expected, strict=True)
        return max(_away([each[at, :n] for each in got], one) for at, (n, one) in enumerate(pairs))

    def _run_alone(self, row: int) -> States:
        """Run a sentence as Hugging Face does; hidden states are those that it reports."""
        model = self.model
        n = int(self.sentences.lengths[row])
        padded = pad(self.sentences, positions=np.array([row]), pad_id=model.pad_id, least=self.least)
        batch = cast(PaddedBatch, on_device(padded, model.device))
        kept: list[Output] = []

        def run(receive: Receiver) -> None:
            with listen(model.taps, receive=receive):
                kept.append(run_plainly(model, batch))
            hand_over(model.taps, kept[0], receive=receive)

        read = _read(model, batch, run)
        states_of = kept[0].hidden_states or ()
        states: States = []
        for tap, got in zip(model.taps, read, strict=True):
            expected = (
                states_of[tap.place.layer].to(torch.float32) if plain_site(tap.place.site) == "hidden" else got
            )
            if expected.shape != got.shape or not torch.equal(torch.nan_to_num(expected), torch.nan_to_num(got)):
                raise _Shape(_place(tap, expected, batch))
            states.append(expected[0, :n].clone())
        return states


def run_plainly(model: Network, batch: PaddedBatch) -> Output:
    """Run a network as anybody does with Hugging Face."""
    with torch.inference_mode():
        return model.forward(batch, output_hidden_states=True)


def _read(model: Network, batch: Batch, run: Callable[[Receiver], None]) -> list[Tensor]:
    """Run a batch and give what every tap reads, of shape (n_sentences, n_tokens, width)."""
    shape = batch.ids.shape
    found: dict[int, Tensor] = {}

    def receive(number: int, states: Tensor) -> None:
        if tuple(states.shape[:-1]) not in (tuple(shape), (shape.numel(),)):
            raise _Shape(_place(model.taps[number], states, batch))
        found[number] = states.reshape(*shape, -1).to(torch.float32).clone()

    run(receive)
    for number, tap in enumerate(model.taps):
        if number not in found:
            raise _Shape(_place(tap, torch.empty(0, 0, 0), batch))
    return [found[each] for each in range(len(model.taps))]


def _place(tap: Tap, states: Tensor, batch: Batch) -> str:
    n_tokens = batch.ids.shape[1]
    where = f"{tap.place.site}.{tap.place.layer}"
    return f"sentences of {n_tokens} tokens have {states.shape[-2] or 'no'} states at {where}"


def _away(got: States, expected: States) -> float:
    """Give the largest difference at any token of any tap, as a share of the norm of its states.

    What is not finite to begin with cannot be compared; a pass that meets it says so.
    """
    worst = 0.0
    for one, other in zip(got, expected, strict=True):
        if not torch.isfinite(other).all():
            continue
        norms = torch.linalg.vector_norm(other, dim=-1)
        floor = 0.1 * norms.median().clamp(min=1e-30)
        away = torch.linalg.vector_norm(one - other, dim=-1) / torch.maximum(norms, floor)
        worst = max(worst, float(torch.nan_to_num(away, nan=torch.inf).max()))
    return worst


def _affordable(model: Network) -> int:
    """Say how long the longest sentence may be where a trial is to cost next to nothing."""
    if model.device.type != "cpu":
        return _MOST
    rows = model.known_words or 0
    n_used = sum(each.numel() for each in model.body.parameters() if each.shape[:1] != (rows,))
    # in all four passes over it and one that is 5/8 as long, a multiplication and an addition a weight
    return min(_MOST, int(_WORK / (8 * max(1, n_used))))


def _lengths_that_run(model: Network, why: Exception) -> tuple[int, int]:
    """Find the shortest sentence above which all run, and the longest that does (0: as long as there are)."""
    runs = []
    for n in trial_lengths(model):
        ids = torch.from_numpy(np.resize(model.usable_words[:64], n)[None]).to(model.device)
        batch = PaddedBatch(ids, torch.ones_like(ids), ids[:, 0], ids[:, 0])
        try:
            with put_back(model.body):
                run_plainly(model, batch)
        except REFUSALS:
            runs.append((n, False))
        else:
            runs.append((n, True))
    good = [n for n, ran in runs if ran]
    if not good:
        name = type(model.body).__name__
        what = f"A {name} does not run on sentences of any length that was tried: {_first_line(why)}"
        raise ModelError(what, hint="use another model")
    most = max(good)
    least = min(n for n in good if all(ran for other, ran in runs if n <= other <= most))
    if least > _LEAST:
        name, bad = type(model.body).__name__, [n for n, ran in runs if not ran]
        key = next((key for key, n in named_lengths(model).items() if [n] == good), None)
        where = f", {key} of its config.json," if key else ""
        what = f"A {name} runs on sentences of {_listed(good)} tokens{where} and not of {_listed(bad)}: "
        what += _first_line(why)
        hint = "set model.dtype to float32"
        if key:
            hint = "use another model"
        elif model.dtype == "float32":
            hint = f"another version of transformers may run it (here: {version('transformers')})"
        raise ModelError(what, expected="a network that runs on sentences of any length", hint=hint)
    return least, most if most < model.max_tokens else 0


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:6])) + (" ..." if len(numbers) > 6 else "")


def _notices(model: Network, found: Found) -> list[str]:
    """Say in sentences how a model is fed, where that is not as usual."""
    name, feeding = type(model.body).__name__, found.feeding
    said = []
    if feeding.together != "any":
        equal = feeding.together == "equal"
        how = "Sentences of equal length are fed together" if equal else "Sentences are fed one at a time"
        off = "does not run" if found.off == float("inf") else f"gives other states (off by {found.off:.1%})"
        said.append(f"{how}: a {name} {off} next to padding.")
    if feeding.afresh:
        said.append(f"A {name} changes itself while it runs (off by {found.off:.1%}): it is put back every time.")
    if feeding.least:
        said.append(
            f"Sentences of fewer than {feeding.least} tokens are padded to {feeding.least}: a {name} needs them."
        )
    if found.most:
        said.append(f"Sentences are cut at {found.most} tokens: a {name} runs on no longer ones.")
    return said
