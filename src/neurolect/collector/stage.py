"""The collect stage: who reads the corpus."""

from pathlib import Path

from neurolect.collector.corpus_pass import collect_here
from neurolect.collector.feed.shards import Shard, parse_shard
from neurolect.collector.options import CollectOptions
from neurolect.corpus import Corpus, open_corpus
from neurolect.errors import OptionError
from neurolect.folders.remote import uploading
from neurolect.model import Model, ModelOptions, load_model
from neurolect.progress import NullProgress, Progress
from neurolect.store import Run

ENGINES = ("one", "local", "ray")


@uploading
def collect(
    model: Model | str,
    corpus: Corpus | str | Path,
    *,
    out: str | Path,
    options: CollectOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    engine: str = "one",
    workers: int | None = None,
    ray_address: str | None = None,
    shard: Shard | str | None = None,
    progress: Progress | None = None,
) -> Run:
    """Find, in one pass over a corpus, the sentences that activate every neuron most.

    An unfinished run folder of the same model, corpus and options is resumed; a finished one is opened.

    Parameters
    ----------
    model : Model or str
        From ``load_model``, its options say which neurons are read and how they are pooled; or a name to load.
    corpus : Corpus, str or Path
        From ``prepare`` or ``open_corpus``, or a corpus folder; its mining part is read.
    out : str or Path
        The run folder to write, or its URL.
    options : CollectOptions, optional
        What to keep and how to feed.
    model_options : ModelOptions, optional
        How a model given by its name is loaded.
    device : str
        Where a model given by its name runs; ``cuda`` gives every worker a GPU of its own, in turn.
    engine : {"one", "local", "ray"}
        This process, several processes of this machine, or the workers of a Ray cluster (extra: ray).
    workers : int, optional
        Shards of the engines ``local`` and ``ray``; one a GPU or machine when not given.
    ray_address : str, optional
        The cluster: ``auto``, ``HOST:PORT``; one on this machine when not given.
    shard : Shard or str, optional
        Read this share of the corpus only, e.g. ``"0/4"``; :func:`neurolect.collector.merge` puts shards together.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The finished run folder, without signatures.

    Raises
    ------
    CollectError
        If ``out`` holds something else, a run of another model, corpus or options, another process is at it, or a
        worker fails.
    CorpusError
        If the corpus changed since it was prepared.
    OptionError
        If the lists would be larger than the corpus, the shard is none or would have nothing to read, or engine,
        workers and shard do not go together.
    NonFiniteActivationsError
        If the model returns NaN or infinity and ``non_finite`` is ``error``.
    InterruptedRunError
        If it was stopped by Ctrl-C or SIGTERM; the same call resumes from the checkpoint.

    References
    ----------
    Oba, Yoshinaga, Toyoda: Exploratory Model Analysis Using Data-Driven Neuron Representations (2021),
    section 3.1.
    """
    _check(engine, workers=workers, ray_address=ray_address, shard=shard)
    if engine == "one":
        share = parse_shard(shard) if isinstance(shard, str) else shard
        opened = open_corpus(corpus)
        with (progress or NullProgress()).step("load the model"):
            loaded = load_model(model, options=model_options, device=device) if isinstance(model, str) else model
        return collect_here(loaded, opened, out=out, options=options, progress=progress, shard=share)
    if not isinstance(model, str):
        what = f"The engine {engine!r} was given a loaded model, {model.name}."
        raise OptionError(what, expected="its name: every worker loads it", hint="collect('minilm', ...)")
    place = corpus.location if isinstance(corpus, Corpus) else corpus
    if engine == "local":
        from neurolect.collector.engines.local import collect_local

        return collect_local(
            model,
            place,
            out=out,
            workers=workers,
            options=options,
            model_options=model_options,
            device=device,
            progress=progress,
        )
    from neurolect.collector.engines.ray_engine import collect_ray

    return collect_ray(
        model,
        place,
        out=out,
        workers=workers,
        address=ray_address,
        options=options,
        model_options=model_options,
        device=device,
        progress=progress,
    )


def _check(engine: str, *, workers: int | None, ray_address: str | None, shard: Shard | str | None) -> None:
    """Refuse what does not go together."""
    if engine not in ENGINES:
        what = f"There is no engine {engine!r}."
        raise OptionError(what, expected=f"one of {', '.join(ENGINES)}")
    if shard is not None and engine != "one":
        what = f"--shard and --engine {engine} were both given."
        raise OptionError(what, expected=f"one of them: --engine {engine} shares the corpus out by itself")
    if ray_address is not None and engine != "ray":
        what = f"--ray-address {ray_address} was given without --engine ray."
        raise OptionError(what, hint="Add --engine ray, or leave the address out.")
    if workers is not None and engine == "one":
        what = f"--workers {workers} was given without --engine."
        hint = "Add --engine local or --engine ray; processes that tokenize are --set collect.workers."
        raise OptionError(what, hint=hint)
