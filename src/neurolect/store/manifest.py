"""The manifest of a run folder: what it is, who wrote it, which stages are done."""

import platform
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, NotRequired, Required, TypedDict, cast

from neurolect.folders import formats
from neurolect.folders.atomic import write_json
from neurolect.folders.formats import neurolect_version
from neurolect.folders.sums import FileEntry

_PACKAGES = ("torch", "transformers", "tokenizers", "numpy", "pyarrow", "numba", "spacy", "gensim")


class SiteEntry(TypedDict):
    """Neurons of one site and layer."""

    site: str
    layer: int
    width: int


class AutoencoderEntry(TypedDict):
    """A sparse autoencoder whose latents are read."""

    name: str
    layer: int
    folder: str
    kind: str
    hook: str
    k: int
    trained_on: str | None
    fingerprint: str


class ModelEntry(TypedDict, total=False):
    """The model of a run, and how it was run."""

    name: Required[str]
    architecture: str
    fingerprint: str
    n_layers: int
    n_parameters: int
    dtype: str
    packed: bool
    compiled: bool | None
    threads: int | None
    backend: str
    feeding: str
    n_prepended: int
    gated: bool
    max_tokens: int
    tokenizer: str
    autoencoders: list[AutoencoderEntry]
    sites: Required[list[SiteEntry]]


class FieldEntry(TypedDict):
    """One metadata field."""

    name: str
    kind: str


class CorpusEntry(TypedDict, total=False):
    """The corpus of a run."""

    path: str
    fingerprint: str
    n_sentences: int
    n_mining: int
    fields: Required[list[FieldEntry]]


class ShardEntry(TypedDict):
    """Which shard of a run it is."""

    number: int
    n: int


class EndingEntry(TypedDict):
    """Why a pass ended."""

    reason: str
    stable: float
    share_settled: float | None
    share_wanted: float
    n_sentences_needed: int | None


class StageEntry(TypedDict, total=False):
    """One stage; which keys it has differs from stage to stage."""

    status: Required[str]
    id: str | None
    started: str
    finished: str | None
    seconds: float
    seconds_by_step: dict[str, float]
    rests_on: dict[str, str | None]
    options: dict[str, Any]
    neurolect: str
    notice: str | None
    files: dict[str, FileEntry]
    steps: dict[str, dict[str, Any]]
    steps_rest_on: dict[str, str | None]
    n_sentences: int
    n_kept: int
    n_held_out: int
    n_cut: int
    n_empty: int
    n_skipped: dict[str, int]
    word_floor: int
    word_rule: int
    ending: EndingEntry
    tables: list[str]
    tables_version: int
    length_notice: str | None
    annotator: str | None
    added_kinds: list[Any]
    tagger: str | None
    vectors: str | None
    patterns: dict[str, dict[str, Any]]
    n_lists: int
    n_words: int
    n_patterns: int
    n_senses: int
    n_scored: int
    n_refused: int
    top_share: float
    encoder_vectors: str | None
    model: str
    corpora: list[dict[str, Any]]
    n_sentences_a_list: int | None
    read_from: str | None
    n_without_weights: int
    n_entries: int


class CollectEntry(TypedDict, total=False):
    """Options of collect that later stages read from the manifest."""

    list_size: int
    sides: list[str]
    seed: int
    sample_size: int
    activation_sample_size: int


class DescribeEntry(TypedDict, total=False):
    """Options of describe that views read from the manifest."""

    tagger: str
    vectors: str
    word_gap: int
    tag_gap: int
    prior_size: float
    false_discovery_rate: float


class FidelityEntry(TypedDict, total=False):
    """Options of fidelity that views read from the manifest."""

    n_evidence: int
    min_positives: int


class RelateEntry(TypedDict, total=False):
    """Options of relate that views read from the manifest."""

    encoder_vectors: str
    group_responses: str


class OptionsEntry(TypedDict, total=False):
    """Options of a run, by stage; what reads the others checks them."""

    model: dict[str, Any]
    collect: CollectEntry
    describe: DescribeEntry
    fidelity: FidelityEntry
    relate: RelateEntry


class RunManifest(TypedDict):
    """The manifest of a run folder; ``docs/run_folder.md`` says what each key means."""

    format: str
    schema_version: int
    neurolect: str
    packages: dict[str, str]
    created: str
    stages: dict[str, dict[str, Any]]
    model: ModelEntry
    corpus: CorpusEntry
    options: dict[str, dict[str, Any]]
    notices: list[str]
    shard: NotRequired[ShardEntry]


class _Inner(TypedDict):
    """What is inside of stages and options, once an earlier version's entries are translated."""

    stages: dict[str, StageEntry]
    options: OptionsEntry


def package_versions() -> dict[str, str]:
    """List the versions that bear on results.

    Returns: Python and the installed packages among those neurolect computes with.
    """
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def now() -> str:
    """Give the present time, UTC, to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def new_manifest(*, model: dict[str, Any], corpus: dict[str, Any], options: dict[str, Any]) -> RunManifest:
    """Start the manifest of a new run.

    Parameters
    ----------
    model, corpus, options : dict
        As in ``docs/run_folder.md``.

    Returns
    -------
    dict
        A manifest with no stage done.
    """
    return {
        "format": formats.RUN.name,
        "schema_version": formats.RUN.version,
        "neurolect": neurolect_version(),
        "packages": package_versions(),
        "created": now(),
        "stages": {},
        "model": cast("ModelEntry", model),
        "corpus": cast("CorpusEntry", corpus),
        "options": options,
        "notices": [],
    }


def read_manifest(folder: Path) -> RunManifest:
    """Read and check a run folder's manifest.

    Parameters
    ----------
    folder : Path
        The run folder.

    Returns
    -------
    dict
        The manifest.

    Raises
    ------
    RunFolderError
        If there is no run folder, its manifest is not one, or an entry of it is of another type.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    manifest = formats.read_manifest(folder, formats.RUN)
    formats.check_types(folder, manifest, formats.RUN, RunManifest)
    manifest = _as_now(manifest)
    formats.check_types(folder, manifest, formats.RUN, _Inner)
    return cast("RunManifest", manifest)


def _as_now(manifest: dict[str, Any]) -> dict[str, Any]:
    """Say of stages that 0.1 made what later versions say: their ids, and what they rest on."""
    stages = manifest["stages"]
    if any("id" in entry for entry in stages.values()) or not all("status" in each for each in stages.values()):
        return manifest
    collected, described = (stages.get(name, {}).get("finished") for name in ("collect", "describe"))
    for entry in stages.values():
        entry["id"] = entry.get("finished")
    if "describe" in stages:
        stages["describe"]["rests_on"] = {"collect": collected}
    if "fidelity" in stages:
        scored = stages["fidelity"]
        scored["rests_on"] = {"describe": scored.get("described")}
        done = {"status": "complete", "rests_on": {"fidelity": scored["id"]}}
        if "control" in scored:
            stages["control"] = {**done, "id": "control", "model": scored.pop("control")}
        if "against" in scored:
            stages["against"] = {**done, "id": "against", "corpora": scored.pop("against")}
    if "tokens" in stages:
        later = described is None or described <= (stages["tokens"]["finished"] or "")
        stages["tokens"]["rests_on"] = {"collect": collected, "describe": described if later else "an earlier one"}
    if "relate" in stages:
        rests_on = stages["relate"].get("rests_on") or [None, None]
        stages["relate"]["rests_on"] = {"describe": rests_on[1] if rests_on[0] == collected else None}
    return manifest


def write_manifest(folder: Path, manifest: RunManifest) -> None:
    """Replace a run folder's manifest.

    Parameters
    ----------
    folder : Path
        The run folder.
    manifest : dict
        The whole manifest.
    """
    write_json(folder / "manifest.json", dict(manifest))
