"""The pilot of a pass: a first look at some sentences, by which sums are centred and histograms get their bins."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.chunk_pass import compile_ahead, kept_on_device
from neurolect.collector.first_token import first_token_notice
from neurolect.collector.lists.moments import Moments, choose_bins
from neurolect.collector.lists.sample import SampleActivations
from neurolect.collector.options import CollectOptions
from neurolect.collector.process import StopRequest
from neurolect.collector.state import CollectState, Plan
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError
from neurolect.model.language_model import Activations, Model
from neurolect.model.neurons import raise_if_non_finite
from neurolect.progress import Task

_PILOT = 128


def begin(
    model: Model,
    corpus: Corpus,
    plan: Plan,
    options: CollectOptions,
    sample_ids: NDArray[np.int64],
    *,
    spilled: bool,
    task: Task,
    stop: StopRequest,
    tell: Callable[[str], None],
) -> CollectState:
    """Run the pilot (the sample's first sentences), choose shift and bins, and start empty.

    ``tell``: Called with what first tokens do, where that is much.
    """
    pilot = corpus.take(np.sort(sample_ids[:_PILOT]))
    tokens = model.tokenize_table(pilot)
    batches = model.way.plan(tokens, token_budget=options.token_budget or 1)
    read: list[Activations] = []
    begun, n_rows = time.monotonic(), [len(rows) for rows in batches]
    for number, rows in enumerate(batches):
        _looking(task, stop, sum(n_rows[:number]), sum(n_rows), time.monotonic() - begun)
        read.append(model.read(model.batch(tokens, rows)))
    parts = [each.values for each in read]
    if not parts:
        what = f"None of {pilot.num_rows} sampled sentences has a token this model's tokenizer knows."
        raise CollectError(what, hint="Is the tokenizer made for this language?")
    values = np.concatenate(parts)
    notice = first_token_notice(read, tokens, batches, neurons=model.neurons, begins=model.may_begin)
    if notice is not None:
        tell(notice)
    if options.non_finite == "error":
        raise_if_non_finite(values, model.neurons)
    finite = np.where(np.isfinite(values), values, np.nan)
    counted = np.maximum(np.isfinite(values).sum(axis=0), 1)
    shift = np.nansum(finite, axis=0, dtype=np.float64) / counted
    moments = Moments(shift, bins=choose_bins(finite, n_bins=options.histogram_bins, from_zero=plan.latents))
    n_sampled = options.kept_activations(plan.n_neurons).n_sampled
    sample = SampleActivations(sample_ids[:n_sampled], plan.n_neurons)
    device = kept_on_device(options.keep_on, model.device)
    state = CollectState(plan, moments=moments, sample=sample, device=device, spilled=spilled)
    compile_ahead(model, model.batch(tokens, batches[0]), state)
    return state


def _looking(task: Task, stop: StopRequest, n_done: int, n: int, seconds: float) -> None:
    """Say how far the first look at some sentences is; stop where that was asked for."""
    left = f", {seconds / n_done * (n - n_done):,.0f} s left" if n_done else ""
    task.note(f"first look: {n_done} of {n} sentences{left}")
    task.advance(0)
    if stop.name:
        what = f"Stopped by {stop.name} before a sentence was read."
        raise InterruptedRunError(what, hint="Give the same command again.")
