"""Put the partial runs of all shards together: the run folder that one process would have written."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurolect.collector.checkpoint import load_state
from neurolect.collector.convergence.monitor import step_length
from neurolect.collector.ending import Watch, write_convergence
from neurolect.collector.feed.chosen import chosen_ids
from neurolect.collector.feed.shards import PARTIAL, sample_of
from neurolect.collector.finish import write_results
from neurolect.collector.held_out import joined_arrays, read_partial, write_joined
from neurolect.collector.options import CollectOptions
from neurolect.collector.record import claim, complete, differences
from neurolect.collector.state import CollectState, Plan, latents_of
from neurolect.corpus import Corpus, open_corpus
from neurolect.corpus.folder import open_recorded
from neurolect.errors import CollectError
from neurolect.folders.remote import uploading
from neurolect.model.neurons import NeuronIndex, SiteLayer
from neurolect.progress import NullProgress, Progress
from neurolect.store.manifest import RunManifest, now, read_manifest
from neurolect.store.run_folder import Run, open_run


@uploading
def merge(
    runs: Sequence[str | Path],
    *,
    out: str | Path,
    corpus: Corpus | str | Path | None = None,
    progress: Progress | None = None,
) -> Run:
    """Merge what ``collect`` kept of every shard of a corpus.

    Lists, samples, counts, histograms and moments are those of one process, to the last bit, if every shard's
    forward passes ran on the same kind of machine with the same number of threads.

    Parameters
    ----------
    runs : sequence of str or Path
        The partial run folders, each shard once, in any order.
    out : str or Path
        The run folder to write, or its URL.
    corpus : Corpus, str or Path, optional
        The corpus, where it no longer lies where it was read.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    Run
        The finished run folder, without signatures.

    Raises
    ------
    CollectError
        If a shard is missing, given twice, unfinished or of another run.
    """
    progress = progress or NullProgress()
    manifests = {Path(run): read_manifest(Path(run)) for run in runs}
    if len(manifests) < len(runs):
        what = f"A shard was given twice: {', '.join(map(str, runs))}."
        raise CollectError(what, expected="the partial run folder of every shard, once")
    folders = shards_in_order(manifests)

    def merged(plan: Plan) -> CollectState:
        return _merged(folders, plan, progress)

    def held_out() -> dict[str, NDArray[np.generic]]:
        return joined_arrays([read_partial(each) for each in folders])

    ordered = [manifests[each] for each in folders]
    return write_merged(
        ordered,
        merged,
        held_out,
        out=Path(out),
        corpus=None if corpus is None else open_corpus(corpus),
        progress=progress,
    )


def write_merged(
    manifests: Sequence[RunManifest],
    merged: Callable[[Plan], CollectState],
    held_out: Callable[[], dict[str, NDArray[np.generic]]],
    *,
    out: Path,
    corpus: Corpus | None,
    progress: Progress,
) -> Run:
    """Write the run folder of merged shards.

    ``merged``: Merges their states; called when the folder is known to be free.
    ``held_out``: Puts their held-out sentences together; called after the above.
    """
    folder, started = out, time.monotonic()
    manifest = manifests[0] | {"notices": _notices_of(manifests)}
    del manifest["shard"]
    rule = manifests[0]["stages"]["collect"].get("word_rule", 1)
    manifest["stages"] = {"collect": {"status": "running", "started": now(), "word_rule": rule}}
    if claim(folder, manifest):
        progress.message(f"{folder} is already merged.")
        return open_run(folder)
    corpus = corpus or open_recorded(manifest["corpus"]["path"])
    if corpus.fingerprint != manifest["corpus"]["fingerprint"]:
        what = f"{corpus.location} is not the corpus that was read."
        raise CollectError(what, expected=f"fingerprint {manifest['corpus']['fingerprint']}")
    options = options_of(manifest)
    n_sentences = min(corpus.n_mining, options.limit or corpus.n_mining)
    state = merged(plan_of(manifest, options, n_sentences))
    state.settle()
    n_kept = write_results(
        folder,
        state,
        corpus=corpus,
        neurons=NeuronIndex(tuple(SiteLayer(**each) for each in manifest["model"]["sites"])),
        sample_ids=sample_of(corpus, n_sentences, options, chosen=chosen_ids(corpus, options)),
        options=options,
        progress=progress,
    )
    write_joined(folder, corpus, held_out(), options=options)
    ending = Watch(options, state.convergence).ending()
    write_convergence(folder, state, ending)
    spent = sum(each["stages"]["collect"]["seconds"] for each in manifests)
    complete(folder, state, n_kept=n_kept, seconds=spent + time.monotonic() - started, ending=ending)
    return open_run(folder)


def shards_in_order(manifests: Mapping[Path, RunManifest]) -> list[Path]:
    """Check that all shards of one run are there, and sort them."""
    folders = list(manifests)
    if not folders:
        what = "There is no run to merge."
        raise CollectError(what, expected="the partial run folders of all shards")
    for folder, manifest in manifests.items():
        if "shard" not in manifest:
            what = f"{folder} is not a shard of a run."
            raise CollectError(what, expected="folders written by: neurolect collect --shard i/n")
        if manifest["stages"]["collect"]["status"] != "partial":
            what = f"{folder}, shard {_name(manifest)}, is unfinished."
            raise CollectError(what, hint="Give its collect command again: it resumes where it stopped.")
        if found := differences(manifest, manifests[folders[0]], but=("shard",)):
            what = f"{folder} and {folders[0]} are of different runs: they differ in {found}."
            raise CollectError(what, expected="shards of one model and corpus, collected with the same options")
    ordered = sorted(folders, key=lambda folder: manifests[folder]["shard"]["number"])
    n = manifests[ordered[0]]["shard"]["n"]
    names = [_name(manifests[folder]) for folder in ordered]
    wanted = [f"{index}/{n}" for index in range(n)]
    if names != wanted:
        what = f"The shards {', '.join(names)} were given."
        raise CollectError(what, expected=f"each once: {', '.join(wanted)}")
    return ordered


def _notices_of(manifests: Sequence[RunManifest]) -> list[str]:
    """Say what all shards were to say of their model, and what may have made them differ from one process."""
    threads = sorted({each["model"].get("threads") or 0 for each in manifests})
    said = list(manifests[0]["notices"])
    if len(threads) == 1:
        return said
    listed = " and ".join(str(n) if n else "an unknown number of" for n in threads)
    return [
        *said,
        f"Shards were collected with {listed} threads: last bits may differ from those of one process.",
    ]


def _name(manifest: RunManifest) -> str:
    return f"{manifest['shard']['number']}/{manifest['shard']['n']}"


def _merged(folders: list[Path], plan: Plan, progress: Progress) -> CollectState:
    """Load one state after the other; two at most are in memory."""
    with progress.task("merge", total=len(folders), unit="shards") as task:
        state, _ = load_state(folders[0] / PARTIAL, plan)
        task.advance()
        for folder in folders[1:]:
            other, _ = load_state(folder / PARTIAL, plan)
            state.merge(other)
            task.advance()
    return state


def options_of(manifest: RunManifest) -> CollectOptions:
    """Read the options a run was collected with."""
    values = dict(manifest["options"]["collect"])
    return CollectOptions(**{**values, "sides": tuple(values["sides"])})


def plan_of(manifest: RunManifest, options: CollectOptions, n_sentences: int) -> Plan:
    """Say what states of a run are made for."""
    return Plan(
        n_neurons=int(np.sum([each["width"] for each in manifest["model"]["sites"]])),
        list_size=options.resolved_list_size(n_sentences),
        sides=options.sides or (),
        with_tokens=manifest["options"]["model"]["pooling"] == "max",
        gated=bool(manifest["model"].get("gated")),
        by_minimum=options.bottom_by == "minimum",
        latents=latents_of((each["site"], each["layer"], each["width"]) for each in manifest["model"]["sites"]),
        peak_entries=options.peak_entries or 0,
        fields=tuple(field["name"] for field in manifest["corpus"]["fields"]),
        step_length=step_length(n_sentences, every=options.monitor_every, chunk=options.chunk_sentences or 1),
        monitor_sentences=options.monitor_sentences,
        seed=options.seed,
    )
