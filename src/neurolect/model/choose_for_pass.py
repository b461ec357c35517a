"""Choose the way to run a model again, for a pass whose size is known."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from neurolect.model.architecture.devices import is_spread
from neurolect.model.batching import Batch
from neurolect.model.language_model import Model
from neurolect.model.options import BACKENDS
from neurolect.model.trials import compiled
from neurolect.model.ways.way import Way, backend, run_by
from neurolect.progress import Progress

_WORTH_COMPILING = 1_000_000
"""Packed sentences; compiling takes a quarter of a minute and saves a tenth of the time. Padded, it takes longer
and saves less."""
_WORTH_COMPARING = 5_000
"""Sentences; long ones are then compared too: a fiftieth of the time of the pass, once for a model."""
_TRIAL_ROUNDS = 3
_TRIAL_SECONDS = 20.0


class Work(NamedTuple):
    """What a pass will do, as far as the choice rests on it."""

    n_sentences: int
    """Sentences that all its shards read."""
    token_budget: int
    """Model tokens in a batch."""
    compile: str
    """``on``, ``off`` or ``auto``."""
    begun: str | None
    """The backend that an earlier start of the pass used."""
    texts: Callable[[], Sequence[str]]
    """Gives some sentences to time backends by."""


def way_for_pass(model: Model, work: Work, *, progress: Progress) -> Way:
    """Choose again now that the work is known; a message names what was not to be had."""
    if work.n_sentences >= _WORTH_COMPARING:
        model.compare_longer()
    for notice in model.notices:
        progress.message(notice)
    if model.torch_way.because:
        progress.message(f"Sentences are padded: {model.torch_way.because}.")
    way = _backend_for(model, work, progress)
    if model.unlike:
        return way
    if is_spread(model.body):
        return way
    pays = work.compile == "auto" and way.packed and work.n_sentences >= _WORTH_COMPILING
    if way.backend != "torch" or way.compiled or not (work.compile == "on" or pays):
        return way
    made = compiled.attempt(model, model.torch_way, token_budget=work.token_budget)
    if isinstance(made, str):
        progress.message(f"Blocks are not compiled: {made}.")
        return way
    return made


def _backend_for(model: Model, work: Work, progress: Progress) -> Way:
    wanted = model.options.backend
    if model.unlike:  # other backends and compiled blocks are for networks that take any batch
        return model.way
    if wanted not in ("auto", "fastest") or model.device.type != "cpu" or model.torch_way.packed:
        return model.way
    way = model.way if model.way.backend == "torch" else model.torch_way
    if work.begun is not None:
        return _attempted(work.begun, model, progress) or way if work.begun in BACKENDS else way
    there = [name for name in BACKENDS if backend(name).there()]
    if wanted == "fastest" and not there:
        lacking = "; ".join(f"{each.title} is not installed ({each.install})" for each in map(backend, BACKENDS))
        progress.message(f"PyTorch runs the model: {lacking}.")
    if wanted == "fastest":
        return _fastest(model, way, there, work, progress)
    worth = [name for name in there if backend(name).worth(model, work.n_sentences)]
    return (_attempted(worth[0], model, progress) if worth else None) or way


def _attempted(name: str, model: Model, progress: Progress) -> Way | None:
    """Set a backend up, or tell why not."""
    if model.way.backend == name:
        return model.way
    made = backend(name).attempt(model)
    if isinstance(made, str):
        progress.message(f"PyTorch runs the model: {backend(name).title} is installed, and {made}.")
        return None
    return made


def _fastest(model: Model, usual: Way, names: Sequence[str], work: Work, progress: Progress) -> Way:
    """Run some sentences in every backend and in PyTorch, in turn; keep the fastest."""
    tokens = model.tokenize(work.texts()) if names else None
    rows = [] if tokens is None else usual.plan(tokens, token_budget=work.token_budget)
    batches = [] if tokens is None else [usual.batch(model, tokens, each) for each in rows]
    best, best_times = usual, 1.0
    for name in names:
        way = _attempted(name, model, progress)
        if way is None or not batches:
            continue
        ratios = _ratios(model, usual, way, batches)
        times = statistics.median(ratios)
        faster, factor = (backend(name).title, times) if times > 1 else ("PyTorch", 1 / times)
        progress.message(
            f"{faster} runs the model: it was {factor:.2f} times as fast in a trial of {len(ratios)} rounds."
        )
        if times > best_times:
            best, best_times = way, times
    return best


def _ratios(model: Model, usual: Way, other: Way, batches: Sequence[Batch]) -> list[float]:
    """Give how many times as fast the other way was, round by round."""
    ratios: list[float] = []
    start = time.monotonic()
    for number in range(_TRIAL_ROUNDS + 1):
        ratio = _seconds(model, usual, batches) / _seconds(model, other, batches)
        if number:  # the first round warms both up
            ratios.append(ratio)
        if number and time.monotonic() - start > _TRIAL_SECONDS:
            break
    return ratios


def _seconds(model: Model, way: Way, batches: Sequence[Batch]) -> float:
    start = time.perf_counter()
    for batch in batches:
        run_by(way, model, batch)
    return time.perf_counter() - start
