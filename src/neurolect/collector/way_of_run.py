"""Choose the way to run the model for a run, once; the run folder remembers it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurolect.collector.options import CollectOptions
from neurolect.collector.shard import Shard
from neurolect.corpus import Corpus
from neurolect.errors import CollectError
from neurolect.model.model import Model
from neurolect.model.trials.choose import Work, way_for_pass
from neurolect.model.ways.way import Way
from neurolect.progress import Progress
from neurolect.store.manifest import read_manifest

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

    work = Work(n_sentences, options.token_budget or 1, options.compile, _begun_with(folder), texts)
    return way_for_pass(model, work, progress=progress)


def _begun_with(folder: Path) -> str | None:
    """Read what backend an earlier start of this run used."""
    if not (folder / "manifest.json").is_file():
        return None
    return str(read_manifest(folder)["model"].get("backend", "torch"))
