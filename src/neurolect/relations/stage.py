"""The relate stage: from lists, signatures and responses to how neurons relate to each other."""

import dataclasses
from pathlib import Path

from neurolect.clustering.planar_maps import check_map
from neurolect.progress import NullProgress, Progress
from neurolect.relations.alike import find_alike
from neurolect.relations.clusters import cluster_vectors
from neurolect.relations.diversity import measure_diversity
from neurolect.relations.inputs import RelateInputs, check_sentence_vectors
from neurolect.relations.layer_groups import group_layers
from neurolect.relations.maps import draw_maps, write_atlas
from neurolect.relations.options import OWN_VECTORS, RelateOptions
from neurolect.relations.same_index import compare_same_index
from neurolect.relations.vectors import file_digest, make_vectors
from neurolect.store import Run, open_run
from neurolect.store.stages import Steps, check_current, made_with, making, recorded_options

TABLES = (
    *("clusters", "members", "crossed", "neighbours", "responses", "redundancy", "layer_groups", "maps"),
    *("diversity", "same_index", "neurons"),
)
"""What the stage writes into the folder ``relations``."""


def relate(
    run: Run | str | Path,
    *,
    options: RelateOptions | None = None,
    model: str | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Relate the neurons of a described run to each other; the results go into its ``relations`` folder.

    Steps that are done and current are left as they are, so the same call resumes after a stop, and another option
    makes again only what depends on it.

    Parameters
    ----------
    run : Run, str or Path
        A described run.
    options : RelateOptions, optional
        What is made.
    model : str, optional
        Where the run's model is, if it has to read the sentences again (``encoder_vectors``) and has moved.
    device : str
        Where that runs.
    workers : int, >= 1
        Threads; results are the same for any number.
    progress : Progress, optional
        Where to report.

    Returns
    -------
    Run
        The run, opened again.

    Raises
    ------
    RunFolderError
        If the run has not been described, or its folder is damaged.
    DescribeError
        If it was described without word vectors.
    OptionError
        If the file of encoder vectors does not fit.
    ModelError
        If the model is wanted and cannot be loaded.
    MissingExtraError
        If a library for maps or vectors is not installed.
    """
    run = open_run(run)
    options = options or recorded_options(run.manifest, "relate", RelateOptions)
    progress = progress or NullProgress()
    check_current(run.folder, run.manifest, "describe")
    for name in options.maps:
        if name != "none":
            check_map(name)
    check_sentence_vectors(run, encoder_vectors=options.encoder_vectors)
    digest = file_digest(options.encoder_vectors)
    done = run.manifest["stages"].get("relate", {})
    there = all((run.folder / "relations" / f"{name}.parquet").is_file() for name in TABLES)
    if (
        made_with(run.folder, run.manifest, "relate", options)
        and done.get("encoder_vectors", digest) == digest
        and there
    ):
        progress.message(f"The neurons of {run.folder} are already related.")
        return Run(run.folder)
    with making(run.folder, "relate", options=options, keep=True) as record:
        record.entry["encoder_vectors"] = digest
        within = Run(run.folder, within="relate")
        inputs = RelateInputs(within, options, workers, progress, model=model, device=device)
        steps = Steps(record)
        with progress.task("relations", total=9, unit="steps") as task:
            for make in (
                *(_encoder, _vectors, _clusters, _alike, _layer_groups),
                *(_maps, _diversity, _same_index, _atlas),
            ):
                make(inputs, steps)
                task.advance()
    return Run(run.folder)


def _encoder(inputs: RelateInputs, steps: Steps) -> None:
    if inputs.options.encoder_vectors not in OWN_VECTORS:
        return
    from neurolect.relations.sentence_encoder import write_sentence_vectors  # loads torch

    steps.make(
        "encoder",
        lambda: write_sentence_vectors(inputs),
        files=["relations/sentence_vectors.npy"],
        settings=[inputs.options.encoder_vectors],
    )


def _vectors(inputs: RelateInputs, steps: Steps) -> None:
    steps.make(
        "vectors", lambda: make_vectors(inputs), files=inputs.vector_files, settings=_vector_settings(inputs)
    )


def _vector_settings(inputs: RelateInputs) -> list[object]:
    return [file_digest(inputs.options.encoder_vectors)]


def _clusters(inputs: RelateInputs, steps: Steps) -> None:
    options = inputs.options
    steps.make(
        "clusters",
        lambda: cluster_vectors(inputs),
        files=["relations/clusters.parquet", "relations/members.parquet", "relations/crossed.parquet"],
        settings=[_vector_settings(inputs), options.groups, options.n_starts, options.n_draws, options.seed],
    )


def _alike(inputs: RelateInputs, steps: Steps) -> None:
    options = inputs.options
    names = ("n_neighbours", "overlap_sentences", "response_groups", "twin_threshold", "memory_gib", "seed")
    steps.make(
        "alike",
        lambda: find_alike(inputs),
        files=[f"relations/{name}.parquet" for name in ("neighbours", "responses", "redundancy")],
        settings=[getattr(options, name) for name in names],
    )


def _layer_groups(inputs: RelateInputs, steps: Steps) -> None:
    options = inputs.options
    names = ("group_layers", "group_sentences", "group_responses", "response_groups", "perplexity", "seed")
    steps.make(
        "layer_groups",
        lambda: group_layers(inputs),
        files=["relations/layer_groups.parquet"],
        settings=[options.maps[:1], *(getattr(options, name) for name in names)],
    )


def _maps(inputs: RelateInputs, steps: Steps) -> None:
    options = inputs.options
    steps.make(
        "maps",
        lambda: draw_maps(inputs),
        files=["relations/maps.parquet"],
        settings=[options.maps, options.perplexity, options.seed],
    )


def _diversity(inputs: RelateInputs, steps: Steps) -> None:
    options = inputs.options
    steps.make(
        "diversity",
        lambda: measure_diversity(inputs),
        files=["relations/diversity.parquet"],
        settings=[
            *(options.diversity_sentences, options.diversity_groups, options.seed, inputs.sides),
            *_vector_settings(inputs),
        ],
    )


def _same_index(inputs: RelateInputs, steps: Steps) -> None:
    steps.make(
        "same_index",
        lambda: compare_same_index(inputs),
        files=["relations/same_index.parquet"],
        settings=[inputs.options.n_draws, inputs.options.seed],
    )


def _atlas(inputs: RelateInputs, steps: Steps) -> None:
    # it gathers what all others found
    steps.make(
        "atlas",
        lambda: write_atlas(inputs),
        files=["relations/neurons.parquet"],
        settings=dataclasses.asdict(inputs.options) | {"vectors": _vector_settings(inputs)},
    )
