"""The pass over the corpus: feed the model, keep what activates each neuron most, resume after a stop."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.collector.checkpoint import Checkpoints, Position, save_state
from neurolect.collector.chunk_pass import (
    Aside,
    Launched,
    blocks_of,
    is_finite,
    kept_on_device,
    undisturbed,
    without_overflow,
)
from neurolect.collector.convergence.monitor import step_length
from neurolect.collector.device.peaks import watch_for
from neurolect.collector.ending import Watch, write_convergence
from neurolect.collector.feed.chosen import chosen_ids
from neurolect.collector.feed.chunks import Chunk, ahead, chunks, counted_fields
from neurolect.collector.feed.mixed import mixed, read_part
from neurolect.collector.feed.shards import PARTIAL, Shard, check_shard, mining_of, read_of, sample_of, share_of
from neurolect.collector.finish import write_results
from neurolect.collector.held_out import pool_held_out
from neurolect.collector.memory import must_spill, named_shortage, spilled_notice
from neurolect.collector.options import CollectOptions
from neurolect.collector.pilot import begin
from neurolect.collector.process import StopRequest, release_memory, stop_requests, threads_of
from neurolect.collector.record import (
    add_notice,
    claim,
    complete,
    complete_shard,
    new_run,
    with_chunks,
    with_limit_rule,
    with_lists,
)
from neurolect.collector.state import CollectState, Plan, latents_of
from neurolect.corpus import Corpus
from neurolect.errors import CollectError, InterruptedRunError
from neurolect.folders.lock import only_here
from neurolect.model.choose_for_pass import Work, way_for_pass
from neurolect.model.language_model import Model
from neurolect.model.neurons import non_finite, raise_if_non_finite
from neurolect.model.ways.way import Way
from neurolect.progress import NullProgress, Progress, Task
from neurolect.store.manifest import read_manifest
from neurolect.store.run_folder import Run, open_run

# Choose the way to run the model for a run, once; the run folder remembers it.
_TRIAL_SENTENCES = 512


def way_of_run(
    model: Model,
    corpus: Corpus,
    folder: Path,
    options: CollectOptions,
    *,
    n_sentences: int,
    shard: Shard | None,
    progress: Progress,
) -> Way:
    """Choose by the options, what an earlier start of the run used, and trials on the corpus."""
    if model.options.backend == "fastest" and shard is not None:
        # another shard might find another one to be the fastest
        what = "model.backend is 'fastest', and a shard of the corpus is read."
        hint = "Name one for all shards: --set model.backend=openvino, or torch."
        raise CollectError(what, hint=hint)

    def texts() -> Sequence[str]:
        first = next(iter(corpus.batches(columns=["text"], batch_size=_TRIAL_SENTENCES)))
        found: list[Any] = first.column("text").to_pylist()
        return found

    work = Work(n_sentences, options.token_budget or 1, options.compile, _started_with(folder), texts)
    return way_for_pass(model, work, progress=progress)


def _started_with(folder: Path) -> str | None:
    """Read what backend an earlier start of this run used."""
    if not (folder / "manifest.json").is_file():
        return None
    return str(read_manifest(folder)["model"].get("backend", "torch"))


_HELD_OUT_SHARE = 0.25
"""Of the time of a pass that is to end in time, what goes to the held-out part at most."""


def collect_here(
    model: Model,
    corpus: Corpus,
    *,
    out: str | Path,
    options: CollectOptions | None = None,
    progress: Progress | None = None,
    shard: Shard | None = None,
    stop: StopRequest | None = None,
) -> Run:
    """Read the corpus, or a shard of it, in this process; see :func:`neurolect.collector.collect`."""
    started, folder = time.monotonic(), Path(out)
    options = options or CollectOptions()
    progress = progress or NullProgress()
    fields = tuple(field["name"] for field in counted_fields(corpus, model))
    options = with_limit_rule(with_chunks(options, model, folder), folder, corpus)
    n_sentences = min(corpus.n_mining, options.limit or corpus.n_mining)
    model = without_overflow(model, corpus, progress=progress)
    trying = progress.step("try how sentences are fed")
    with undisturbed(kept_on_device(options.keep_on, model.device)), trying:
        model.way = way_of_run(
            model, corpus, folder, options, n_sentences=n_sentences, shard=shard, progress=progress
        )
    options = with_lists(options, folder, model, n_sentences=n_sentences)
    plan = Plan(
        n_neurons=model.neurons.n_neurons,
        list_size=options.list_size or 1,
        sides=options.sides or (),
        with_tokens=model.options.pooling == "max",
        gated=bool(model.gates) and model.options.pooling == "max" and model.way.backend == "torch",
        by_minimum=options.bottom_by == "minimum",
        latents=latents_of(model.neurons.site_layers),
        peak_entries=options.peak_entries or 0,
        fields=fields,
        step_length=step_length(n_sentences, every=options.monitor_every, chunk=options.chunk_sentences or 1),
        monitor_sentences=options.monitor_sentences,
        seed=options.seed,
    )
    check_shard(shard, options, n_sentences=n_sentences)
    new = new_run(model, corpus, options, plan, shard=shard)
    if claim(folder, new):
        progress.message(f"{folder} is already collected.")
        return Run(folder)
    for notice in new["notices"] if shard is None else ():
        if notice not in model.notices:  # what loading has said already
            progress.message(notice)
    with only_here(folder, doing="collect"):
        if Run(folder).is_current("collect"):
            return open_run(folder)  # another process was quicker
        chosen = chosen_ids(corpus, options)
        corpus.verify(mining=mining_of(shard, n_sentences, options, chosen=chosen))
        with threads_of(folder, progress=progress), named_shortage(options):
            return _collect(model, corpus, folder, options, progress, plan, shard, stop, chosen, started)


def _collect(
    model: Model,
    corpus: Corpus,
    folder: Path,
    options: CollectOptions,
    progress: Progress,
    plan: Plan,
    shard: Shard | None,
    stop: StopRequest | None,
    chosen: NDArray[np.int64] | None,
    started: float,
) -> Run:
    """Go through the corpus from the checkpoint on, and write the results."""
    n_sentences = min(corpus.n_mining, options.limit or corpus.n_mining)
    share = share_of(shard, n_sentences, options)
    device = kept_on_device(options.keep_on, model.device)
    with undisturbed(device):
        limit = None if options.max_seconds is None else started + _HELD_OUT_SHARE * options.max_seconds
        pool_held_out(
            model, corpus, folder, options=options, progress=progress, shard=shard, stop=stop, time_limit=limit
        )
    sample_ids = sample_of(corpus, n_sentences, options, chosen=chosen)
    spilled = _spilled(model, plan, options, folder, progress)
    checkpoints = Checkpoints(folder, least_seconds=options.checkpoint_seconds, n_bytes=plan.n_list_bytes)
    stopping = stop_requests() if stop is None else nullcontext(stop)
    with progress.task("collect", total=share.n_sentences, unit="sentences") as task, stopping as stop, checkpoints:
        loaded = checkpoints.load(plan, device=device, spilled=spilled)
        position = Position(share.first, 0) if loaded is None else loaded[1]
        # Reading begins while the pilot runs.
        with (
            ahead(_stream(model, corpus, options, position, share.end, plan, chosen)) as stream,
            undisturbed(device),
        ):
            if loaded is None:
                plain = partial(_tell, folder=folder, progress=progress)
                state = begin(
                    model, corpus, plan, options, sample_ids, spilled=spilled, task=task, stop=stop, tell=plain
                )
            else:
                state = loaded[0]
                progress.message(f"Resuming from the checkpoint after {state.n_sentences:,} sentences.")
            task.note("")
            task.resume(state.n_sentences)
            this = _Pass(model, corpus, options, state, checkpoints, stop, task, started, position)
            _run(this, stream)
    if shard is not None:
        save_state(folder / PARTIAL, state, Position(share.end, 0))
        complete_shard(folder, state, seconds=time.monotonic() - started)
        checkpoints.remove()
        return Run(folder)
    state.settle()
    n_read = state.convergence.n_read
    read: dict[str, Any] = {"n_read": n_read, "part": this.part}
    sample_ids = read_of(sample_ids, corpus, n_sentences, **read, options=options, chosen=chosen)
    state.sample = state.sample.to_host().only(sample_ids)
    of_run: dict[str, Any] = {"corpus": corpus, "neurons": model.neurons, "options": options}
    n_kept = write_results(folder, state, sample_ids=sample_ids, progress=progress, **of_run)
    ending = this.watch.ending()  # not before: the last lists may still be looked into while results are written
    write_convergence(folder, state, ending)
    complete(folder, state, n_kept=n_kept, seconds=time.monotonic() - started, ending=ending)
    checkpoints.remove()
    return open_run(folder)


def _spilled(model: Model, plan: Plan, options: CollectOptions, folder: Path, progress: Progress) -> bool:
    """Say whether lists are kept on the host because the device does not hold them."""
    spilled = must_spill(model, plan, options, kept_on_device(options.keep_on, model.device))
    if spilled:
        _tell(spilled_notice(plan), folder=folder, progress=progress)
    return spilled


def _tell(notice: str, *, folder: Path, progress: Progress) -> None:
    """Say something now and in the manifest."""
    progress.message(notice)
    add_notice(folder, notice)


def _stream(
    model: Model,
    corpus: Corpus,
    options: CollectOptions,
    position: Position,
    end: int,
    plan: Plan,
    chosen: NDArray[np.int64] | None,
) -> Iterator[Chunk]:
    """Read the share's chunks from a position on."""
    return chunks(
        corpus,
        model,
        size=options.chunk_sentences or 1,
        token_budget=options.token_budget or 1,
        limit=options.limit,
        start=position.chunk,
        shuffle_seed=options.seed if options.shuffle else None,
        workers=options.workers or 1,
        end=end,
        watched=plan.watched,
        chosen=chosen,
    )


class _Pass:
    """What one pass works with."""

    def __init__(
        self,
        model: Model,
        corpus: Corpus,
        options: CollectOptions,
        state: CollectState,
        checkpoints: Checkpoints,
        stop: StopRequest,
        task: Task,
        started: float,
        position: Position,
    ) -> None:
        self.model, self.corpus, self.options, self.state = model, corpus, options, state
        self.checkpoints, self.stop, self.task = checkpoints, stop, task
        self.started, self.position = started, position
        self.watch = Watch(options, state.convergence, seconds=time.monotonic() - started)
        self.aside = Aside(state.device)
        self.part = np.empty(0, dtype=np.int64)
        """Ids read of the last chunk where the pass ended inside it."""
        self._wider: dict[str, Model | None] = {}

    def begun(self, chunk: Chunk) -> tuple[Chunk, Position]:
        """Give a chunk with its batches in the order they are fed in, and the first of them to be fed.

        A pass that may end inside a chunk mixes them: what it has read is then of all lengths.
        """
        here = self.position if chunk.number == self.position.chunk else Position(chunk.number, 0)
        is_mixed = here.mixed if here.batch else self.options.max_seconds is not None
        return mixed(chunk, seed=self.options.seed) if is_mixed else chunk, here._replace(mixed=is_mixed)

    def ended(self, chunk: Chunk, n_batches: int) -> Chunk | None:
        """Give what was read of a chunk if the time is up after so many of its batches, and lists can be full."""
        if n_batches >= len(chunk.batches) or self.state.n_sentences < self.state.plan.list_size:
            return None
        if not self.watch.time_up(time.monotonic() - self.started):
            return None
        chunk, self.part = read_part(chunk, n_batches)
        return chunk

    def wider(self, model: Model) -> Model | None:
        """Give the model in the next wider number format, loaded when it is first needed."""
        if model.dtype not in self._wider:
            self._wider[model.dtype] = model.wider()
        return self._wider[model.dtype]


def _run(this: _Pass, stream: Iterator[Chunk]) -> None:
    """Feed every chunk of a stream that begins at the pass's position."""
    watch = this.watch
    feed = _feed_host if this.state.device is None else _feed_device
    # A GPU would be idle meanwhile; a rule that may end the pass must know at once.
    on_gpu = this.state.device is not None and this.state.device.type == "cuda"
    if on_gpu and not this.options.stop_when:
        this.state.convergence.look_aside()
    with closing(feed(this, stream)) as fed:
        for chunk in fed:
            n_empty = len(chunk.tokens.empty)
            with this.aside.after():
                stepped = this.state.end_chunk(
                    chunk.sentences,
                    number=chunk.number,
                    n_cut=chunk.tokens.n_cut,
                    n_empty=n_empty,
                    background=chunk.background,
                    items=chunk.items,
                )
            this.task.advance(n_empty)
            if stepped:
                this.task.note(watch.note())
                release_memory()
            if watch.enough(stepped=stepped, seconds=time.monotonic() - this.started):
                break
    with this.aside.after():
        this.state.convergence.step(this.state.lists)
    this.aside.end()


def _pause(this: _Pass, position: Position) -> None:
    """Save a checkpoint where one is due and something was read, and stop where that was asked for."""
    if this.state.n_sentences and (this.stop.name or this.checkpoints.due):
        this.checkpoints.save(this.state, position, wait=bool(this.stop.name))
        release_memory()
    if this.stop.name:
        what = f"Stopped by {this.stop.name} after {this.state.n_sentences:,} sentences; they are kept."
        raise InterruptedRunError(what, hint="Give the same command again: it resumes from there.")


def _feed_host(this: _Pass, stream: Iterator[Chunk]) -> Generator[Chunk, None, None]:
    """Give every chunk once its batches are in the state; of the last one what was read."""
    for each in stream:
        chunk, first = this.begun(each)
        for number in range(first.batch, len(chunk.batches)):
            _pause(this, first._replace(batch=number))
            _feed(this, chunk, number)
            part = this.ended(chunk, number + 1)
            if part is not None:
                yield part
                return
        yield chunk


def _feed_device(this: _Pass, stream: Iterator[Chunk]) -> Generator[Chunk, None, None]:
    """Give every chunk once its activations are in the state.

    Blocks of batches are launched before the host waits for this one, so that the device always has work.
    Packed batches are launched without waiting for anything. Networks may wait for the device where they are given
    padded ones; these are launched in a thread, which waits while this one goes on, and keeps two blocks ready.
    """
    launches, packed = _launches(this, stream), this.model.way.packed
    with nullcontext(launches) if packed else ahead(launches, depth=1) as coming:
        waiting: deque[tuple[Launched, Position]] = deque()
        for launched in coming:
            waiting.append(launched)
            if len(waiting) > this.aside.depth(launched[0]) - (not packed):
                yield from _taken_in(this, *waiting.popleft())
        while waiting:
            yield from _taken_in(this, *waiting.popleft())


def _taken_in(this: _Pass, launched: Launched, position: Position) -> Iterator[Chunk]:
    """Take a block into the state; give the chunk that it ends, or what was read of it if the time is up."""
    with this.aside.after(launched):
        if len(launched.rows):
            launched.looks = this.state.look(launched.activations.values, launched.activations.lows)
        _take_in(this, launched, position)
    if launched.ends_chunk:
        yield launched.chunk
    elif (part := this.ended(launched.chunk, launched.end)) is not None:
        yield part


def _launches(this: _Pass, stream: Iterator[Chunk]) -> Iterator[tuple[Launched, Position]]:
    """Launch the blocks of all chunks from the pass's position on, with where each begins."""
    for each in stream:
        chunk, first = this.begun(each)
        for start, end in blocks_of(chunk.batches, n_neurons=this.model.neurons.n_neurons):
            if start >= first.batch:
                launched = Launched(this.model, chunk, start, end, state=this.state)
                yield launched, first._replace(batch=start)


def _take_in(this: _Pass, launched: Launched, position: Position) -> None:
    """Take a block's activations into the state."""
    _pause(this, position)
    activations, looks, rows = launched.activations, launched.looks, launched.rows
    if not len(rows):
        return
    model, finite = this.model, launched.finite
    # Decided again for each block, so that a run that resumes from a checkpoint does the same.
    while not finite and (wider := this.wider(model)) is not None:
        model = wider
        activations, looks = launched.run_by(model), None
        this.state.n_widened[model.dtype] = this.state.n_widened.get(model.dtype, 0) + len(rows)
        finite = is_finite(activations)
    values, tokens, lows, low_tokens = activations[:4]
    if not finite:
        on_host = (values if lows is None else torch.where(torch.isfinite(lows), values, torch.nan)).cpu().numpy()
        if this.options.non_finite == "error":
            raise_if_non_finite(on_host, this.model.neurons)
        if launched.peaks and model.way.packed:
            launched.run_by(model, careful=True)
        values, looks = torch.from_numpy(_without_non_finite(this, on_host)).to(values.device), None
        lows = None if lows is None else torch.where(torch.isnan(values), torch.nan, lows)
    this.state.merge_peaks(launched.peaks)
    this.state.update(
        values,
        sentence_ids=launched.sentence_ids,
        tokens=tokens,
        lows=lows,
        low_tokens=low_tokens,
        looks=looks,
    )
    this.task.advance(len(rows))


def _feed(this: _Pass, chunk: Chunk, number: int) -> None:
    """Run one batch through the model and into the state."""
    rows, plan = chunk.batches[number], this.state.plan
    sentence_ids = chunk.sentences.column("sentence_id").to_numpy()[rows]
    watch = watch_for(this.state.peaks, sentence_ids, device=this.model.device)
    batch = this.model.batch(chunk.tokens, rows)
    found = this.model.read(batch, lows=plan.by_minimum, watch=watch)
    values, lows = found.values, found.lows
    if non_finite(values, this.model.neurons) or (lows is not None and non_finite(lows, this.model.neurons)):
        values = values if lows is None else np.where(np.isfinite(lows), values, np.nan)
        if this.options.non_finite == "error":
            raise_if_non_finite(values, this.model.neurons)
        values = _without_non_finite(this, values)
        lows = None if lows is None else np.where(np.isnan(values), np.nan, lows)
    this.state.update(
        values, sentence_ids=sentence_ids, tokens=found.tokens, lows=lows, low_tokens=found.low_tokens
    )
    this.task.advance(len(rows))


def _without_non_finite(this: _Pass, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Blank a sentence at every site and layer where one of its activations is not finite, and count it."""
    values = values.copy()
    offsets = this.model.neurons.offsets
    for number, each in enumerate(this.model.neurons.site_layers):
        part = values[:, offsets[number] : offsets[number + 1]]
        bad = ~np.isfinite(part).all(axis=1)
        if bad.any():
            part[bad] = np.nan
            key = f"{each.site}.{each.layer}"
            this.state.n_skipped[key] = this.state.n_skipped.get(key, 0) + int(bad.sum())
    return values
