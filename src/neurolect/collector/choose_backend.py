"""Choose what runs the forward pass of a run, once; the run folder remembers it."""

import statistics
import time
from pathlib import Path

from neurolect.collector.shard import Shard
from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model.batching import PaddedBatch, plan_batches
from neurolect.model.model import Model
from neurolect.model.openvino_graph import openvino_there
from neurolect.progress import Progress
from neurolect.store.manifest import read_manifest

__all__ = ["choose_backend"]

_WORTH_CONVERTING = 50_000
"""Sentences; conversion takes some seconds and saves about a sixth of the time."""
_TRIAL_SENTENCES = 512
_TRIAL_ROUNDS = 3
_TRIAL_SECONDS = 20.0


def choose_backend(
    model: Model,
    corpus: Corpus,
    *,
    folder: Path,
    n_sentences: int,
    token_budget: int,
    shard: Shard | None,
    progress: Progress,
) -> None:
    """Let the model use OpenVINO where the options, or an earlier start of the run, say so.

    Parameters
    ----------
    model : Model
        Its option ``backend`` says what is wanted.
    corpus : Corpus
        Its first sentences are tried.
    folder : Path
        The run folder; what its manifest names is used again.
    n_sentences : int
        Sentences all shards read.
    token_budget : int
        Padded tokens in a batch.
    shard : Shard, optional
        The share of this run.
    progress : Progress
        Is told.

    Raises
    ------
    CollectError
        If a shard is asked for the fastest, which another shard may find to be another.
    MissingExtraError
        If the run was begun with OpenVINO, which is not installed.
    """
    wanted = model.options.backend
    if wanted == "fastest" and shard is not None:
        what = "model.backend is 'fastest', and a shard of the corpus is read."
        hint = "Name one for all shards: --set model.backend=openvino, or torch."
        raise CollectError(what, hint=hint)
    if wanted not in ("auto", "fastest") or model.device.type != "cpu" or model.packed:
        return
    begun = _begun_with(folder)
    if begun is not None:
        if begun == "openvino":
            _tell_why_not(model.use_openvino(), progress)
    elif not openvino_there():
        if wanted == "fastest":
            progress.message(
                'PyTorch runs the model: OpenVINO is not installed (pip install "neurolect[openvino]").'
            )
    elif wanted == "fastest":
        _try_both(model, corpus, token_budget, progress)
    elif n_sentences >= _WORTH_CONVERTING and model.dtype == "float32":
        _tell_why_not(model.use_openvino(), progress)


def _begun_with(folder: Path) -> str | None:
    """Read what an earlier start of this run used."""
    if not (folder / "manifest.json").is_file():
        return None
    backend = read_manifest(folder)["model"].get("backend", "torch")
    return str(backend)


def _tell_why_not(why_not: str | None, progress: Progress) -> None:
    if why_not is not None:
        progress.message(f"PyTorch runs the model: OpenVINO is installed, and {why_not}.")


def _try_both(model: Model, corpus: Corpus, token_budget: int, progress: Progress) -> None:
    """Run the first sentences in both, in turn; keep the faster."""
    batches = _trial_batches(model, corpus, token_budget)
    why_not = model.use_openvino()
    if why_not is not None or not batches:
        _tell_why_not(why_not, progress)
        return
    ratios: list[float] = []
    start = time.monotonic()
    for number in range(_TRIAL_ROUNDS + 1):
        model.use_torch()
        torch_seconds = _seconds(model, batches)
        model.use_openvino()
        graph_seconds = _seconds(model, batches)
        if number:  # the first round warms both up
            ratios.append(torch_seconds / graph_seconds)
        if number and time.monotonic() - start > _TRIAL_SECONDS:
            break
    times = statistics.median(ratios)
    if times <= 1:
        model.use_torch()
    faster, factor = ("OpenVINO", times) if times > 1 else ("PyTorch", 1 / times)
    progress.message(
        f"{faster} runs the model: it was {factor:.2f} times as fast in a trial of {len(ratios)} rounds."
    )


def _trial_batches(model: Model, corpus: Corpus, token_budget: int) -> list[PaddedBatch]:
    table = next(iter(corpus.batches(columns=["text"], batch_size=_TRIAL_SENTENCES)))
    tokens = model.tokenize(table.column("text").to_pylist())
    empty = set(tokens.empty.tolist())
    plan = plan_batches(tokens.lengths, token_budget=token_budget)
    return [model.pad(tokens, rows) for rows in plan if empty.isdisjoint(rows.tolist())]


def _seconds(model: Model, batches: list[PaddedBatch]) -> float:
    start = time.perf_counter()
    for batch in batches:
        model.run(batch)
    return time.perf_counter() - start
