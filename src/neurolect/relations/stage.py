"""The relate stage: from lists, signatures and responses to how neurons stand to each other."""

import dataclasses

from neurolect.atomic import write_text
from neurolect.errors import RunFolderError
from neurolect.progress import NullProgress, Progress
from neurolect.relations.alike_step import find_alike
from neurolect.relations.atlas_step import write_atlas
from neurolect.relations.cluster_step import cluster_vectors
from neurolect.relations.diversity_step import measure_diversity
from neurolect.relations.inputs import RelateInputs
from neurolect.relations.list_entries import sides_of
from neurolect.relations.map_step import draw_maps
from neurolect.relations.maps import check_map
from neurolect.relations.options import RelateOptions
from neurolect.relations.same_index_step import compare_same_index
from neurolect.relations.sentence_vectors import check_sentence_vectors
from neurolect.relations.steps import Steps
from neurolect.relations.vector_step import file_digest, make_vectors
from neurolect.store import Run
from neurolect.store.options_file import options_to_toml

__all__ = ["relate"]


def relate(
    run: Run,
    *,
    options: RelateOptions | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Relate the neurons of a described run to each other; the results go into its ``relations`` folder.

    Steps that are done and current are left as they are, so the same call goes on after a stop, and another option
    makes anew only what depends on it.

    Parameters
    ----------
    run : Run
        A described run.
    options : RelateOptions, optional
        What is made.
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
    MissingExtraError
        If a library for maps or vectors is not installed.
    """
    options, progress = options or RelateOptions(), progress or NullProgress()
    if not run.stage_complete("describe"):
        what = f"The run {run.folder} has not been described."
        raise RunFolderError(what, hint=f"neurolect describe {run.folder}")
    for name in options.maps:
        if name != "none":
            check_map(name)
    check_sentence_vectors(run, encoder_vectors=options.encoder_vectors)
    inputs = RelateInputs(run, options, workers, progress)
    steps = Steps(run.folder)
    with progress.task("relations", total=7, unit="steps") as task:
        for make in (_vectors, _clusters, _alike, _maps, _diversity, _same_index, _atlas):
            make(inputs, steps)
            task.advance()
    if not steps.n_made and run.stage_complete("relate"):
        progress.message(f"The neurons of {run.folder} are already related.")
        return Run(run.folder)
    steps.finish(dataclasses.asdict(options))
    done = Run(run.folder)
    write_text(run.folder / "options.toml", options_to_toml(done.manifest["options"]))
    return done


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
        settings=[options.diversity_sentences, options.diversity_groups, options.seed, sides_of(inputs.run)],
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
