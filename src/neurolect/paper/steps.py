"""The steps that make models, runs, distances and relations; each is skipped where its result is whole."""

import dataclasses
from collections.abc import Sequence
from dataclasses import replace

from neurolect.config import RunConfig
from neurolect.corpus import Corpus
from neurolect.errors import ModelError, RunFolderError
from neurolect.paper.data_step import category_training, read_facts, sentiment_training
from neurolect.paper.folder import PaperFolder
from neurolect.paper.options import PaperOptions
from neurolect.presets import preset
from neurolect.progress import Progress
from neurolect.store import Run

READ = ("pretrained", "random", "sentiment")
"""Models whose neurons read the corpus."""
LOOKS = 20
"""Looks of the monitor: [E] looked at 2 M sentences in steps of 100 K, so the last look here is that one."""
_OWN: dict[str, dict[str, object]] = {
    "collect": {"shuffle": True, "held_out_size": 0},
    "describe": {"max_senses": 1},
}
PAPER_DEFAULTS: dict[str, dict[str, object]] = {
    stage: options | _OWN.get(stage, {}) for stage, options in preset("paper").items()
}
"""What a reproduction does unless other options are given: the preset ``paper``, and an order that the law speaks
of, no held-out scores and no senses, which no finding rests on."""


def make_variants(
    folder: PaperFolder, options: PaperOptions, *, config: RunConfig, device: str, progress: Progress
) -> None:
    """Make the random and the fine-tuned models."""
    from neurolect.variants import finetuned_variant, random_variant

    facts = read_facts(folder)
    if not folder.has_variant("random"):
        random_variant(
            options.model, out=folder.variant("random"), seed=options.seed, options=config.model, progress=progress
        )
    for name, training in (("sentiment", sentiment_training(options)), ("category", category_training(options))):
        if facts[name] is None or folder.has_variant(name):
            continue
        finetuned_variant(
            options.model,
            [folder.data / f"{name}.parquet"],
            out=folder.variant(name),
            options=training,
            model_options=config.model,
            device=device,
            progress=progress,
        )


def _model_of(folder: PaperFolder, options: PaperOptions, name: str) -> str:
    return options.model if name == "pretrained" else str(folder.variant(name))


def collect_runs(
    folder: PaperFolder,
    options: PaperOptions,
    *,
    corpus: Corpus,
    config: RunConfig,
    device: str,
    progress: Progress,
) -> None:
    """Let the pre-trained, the random and the sentiment model read the corpus."""
    from neurolect.collector import collect
    from neurolect.model import load_model

    n = min(corpus.n_mining, config.collect.limit or corpus.n_mining)
    kept = config.collect
    if kept.monitor_every is None:
        every = max(1, n // LOOKS)
        chunk = kept.chunk_sentences or min(4096, every)
        kept = replace(kept, monitor_every=max(1, every // chunk) * chunk, chunk_sentences=chunk)
    for name in READ:
        done = folder.opened(name)
        if done is not None:
            _check_corpus(done, corpus)
        if done is not None or not _can_load(folder, name, progress):
            continue
        progress.message(f"The {name} model reads {n:,} sentences.")
        loaded = load_model(_model_of(folder, options, name), options=config.model, device=device)
        collect(loaded, corpus, out=folder.run(name), options=kept, progress=progress)


def _can_load(folder: PaperFolder, name: str, progress: Progress) -> bool:
    """Say whether a model is here; name one that was made and is not."""
    if folder.has_weights(name):
        return True
    if folder.has_variant(name):
        progress.message(
            f"The weights of the {name} model are not in {folder.variant(name)}: what needs it is left out."
        )
    return False


def _check_corpus(run: Run, corpus: Corpus) -> None:
    """Refuse a run of another corpus."""
    if run.manifest["corpus"]["fingerprint"] != corpus.fingerprint:
        what = f"{run.folder} is of another corpus than {corpus.location}."
        raise RunFolderError(what, hint="give the --corpus it was collected with, or another --out")


def compare_runs(
    folder: PaperFolder, options: PaperOptions, *, config: RunConfig, device: str, progress: Progress
) -> None:
    """Measure how far fine-tuning moved activations, and compare runs with the pre-trained one by their samples."""
    from neurolect.comparison import compare
    from neurolect.model import load_model
    from neurolect.paper.sentence_distances import write_distances
    from neurolect.views.comparisons.pages import write_pages
    from neurolect.views.comparisons.summary import comparison_summary

    distances = folder.compared / "distances.parquet"
    facts = read_facts(folder)
    wanted = facts["category"] is not None and all(facts["sets"].values())
    if wanted and not distances.is_file() and _can_load(folder, "category", progress):
        pair = [
            load_model(_model_of(folder, options, name), options=config.model, device=device)
            for name in ("pretrained", "category")
        ]
        write_distances(
            pair,
            folder.data / "sentences.parquet",
            out=distances,
            max_tokens=category_training(options).max_tokens,
            size=options.sentences,
            seed=options.seed,
            progress=progress,
        )
    runs = dict(_runs(folder, READ))
    for name in READ[1:]:
        out = folder.compared / name
        if name in runs and not (out / "manifest.json").is_file():
            bare = [_undescribed(runs["pretrained"]), _undescribed(runs[name])]
            made = compare(bare, out=out, progress=progress)
            write_pages(made, comparison_summary(made), progress=progress)


def _undescribed(run: Run) -> Run:
    """Give a run as it was collected: what a comparison says must not depend on when it is made."""
    bare = Run(run.folder)
    bare.manifest["stages"] = {name: each for name, each in bare.manifest["stages"].items() if name == "collect"}
    return bare


def describe_runs(folder: PaperFolder, *, config: RunConfig, workers: int, progress: Progress) -> None:
    """Make the signatures; of the variants without patterns, which no finding rests on."""
    from neurolect.signatures import describe

    for name, run in _runs(folder, READ):
        if run.is_current("describe"):
            continue
        options = config.describe if name == "pretrained" else replace(config.describe, pattern_length=1)
        describe(run, options=options, workers=workers, progress=progress)


def relate_runs(
    folder: PaperFolder, options: PaperOptions, *, config: RunConfig, device: str, workers: int, progress: Progress
) -> None:
    """Relate the neurons of the pre-trained and the random model; of the latter without the model's own vectors."""
    from neurolect.relations import relate

    for name, run in _runs(folder, ("pretrained", "random")):
        if run.is_current("relate"):
            continue
        chosen, place = config.relate, _model_of(folder, options, name)
        if name != "pretrained" or not _can_encode(chosen.encoder_vectors, place, config, progress):
            chosen = replace(chosen, encoder_vectors="none")
        relate(run, options=chosen, model=place, device=device, workers=workers, progress=progress)


def _can_encode(encoder_vectors: str, model: str, config: RunConfig, progress: Progress) -> bool:
    """Say whether sentence vectors can be had: a folder may have been copied to where the model is not."""
    from neurolect.model import load_model
    from neurolect.relations.options import OWN_VECTORS

    if encoder_vectors not in OWN_VECTORS:
        return True
    try:
        load_model(model, options=config.model)
    except ModelError as error:
        progress.message(f"Diversity is by word vectors: the model cannot be loaded here ({error.what})")
        return False
    return True


def _runs(folder: PaperFolder, names: Sequence[str]) -> list[tuple[str, Run]]:
    found = ((name, folder.opened(name)) for name in names)
    return [(name, run) for name, run in found if run is not None]


def resting_on(options: PaperOptions, config: RunConfig) -> dict[str, object]:
    """List the choices that results rest on; where files lie and how far one goes are not among them."""
    own = dataclasses.asdict(options)
    for name in ("model", "corpus", "sentiment_data", "category_data", "until"):
        del own[name]
    stages = {
        name: dataclasses.asdict(getattr(config, name)) for name in ("model", "collect", "describe", "relate")
    }
    flat = {f"{stage}.{key}": value for stage, each in stages.items() for key, value in each.items()}
    return own | flat
