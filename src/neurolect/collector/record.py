"""What a run folder's manifest says of its pass: whose it is, whether it is done, what to know of it."""

import dataclasses
import json
import secrets
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from neurolect.collector.ending import Ending, ending_notices
from neurolect.collector.feed.chunks import counted_fields
from neurolect.collector.feed.shards import Shard
from neurolect.collector.held_out import field_notices, n_pooled
from neurolect.collector.options import (
    FEWEST_HELD_OUT,
    FEWEST_SAMPLED,
    MOST_BYTES,
    USUAL_BYTES,
    CollectOptions,
    Kept,
)
from neurolect.collector.process import threads_used
from neurolect.collector.state import CollectState, Plan, latents_of
from neurolect.corpus import Corpus
from neurolect.corpus.sentences.model_tokens import at_hand, count_own, tokenizer_hash
from neurolect.corpus.sentences.words import WORD_RULE, count_words
from neurolect.errors import CollectError, CorpusError, ModelError, OptionError
from neurolect.folders.atomic import is_leftover, write_text
from neurolect.folders.lock import LOCK, only_here
from neurolect.model.autoencoders.opening import name_and_folder
from neurolect.model.batching import Feeding
from neurolect.model.language_model import Model
from neurolect.model.options import FIELD, LATENT, ModelOptions, plain_site
from neurolect.progress import counted
from neurolect.store.files import record_files
from neurolect.store.manifest import RunManifest, ShardEntry, new_manifest, now, read_manifest, write_manifest
from neurolect.store.run_folder import Run, open_run
from neurolect.store.sides import SIDES
from neurolect.store.stages import options_to_toml

_N_LOOKED_AT = 2_000
_FEW = 10
"""Sentences."""
_LATENT_BYTES = (1 << 28, 1 << 31)
"""Of the latents of a batch's tokens, where the batches' size is not given: on a processor, on a GPU."""
_FEWEST_TOKENS = 512
_TIME_ALONE = ("collect.checkpoint_seconds", "collect.max_seconds", "collect.workers")


def new_run(
    model: Model, corpus: Corpus, options: CollectOptions, plan: Plan, *, shard: Shard | None = None
) -> RunManifest:
    """Start the manifest of a run.

    Returns: As in ``docs/run_folder.md``, the stage ``collect`` running.
    """
    collect_options = dataclasses.asdict(options) | {"list_size": plan.list_size}
    manifest = new_manifest(
        model={
            "name": model.name,
            "architecture": model.architecture,
            "fingerprint": model.fingerprint,
            "n_layers": model.n_layers,
            "n_parameters": model.n_parameters,
            "dtype": model.dtype,
            "packed": model.way.packed,
            "compiled": model.way.compiled,
            "threads": threads_used(model.device.type),
            "backend": model.way.backend,
            "sites": [each._asdict() for each in model.neurons.site_layers],
            **_autoencoders_of(model),
        },
        corpus={
            "path": corpus.location,
            "fingerprint": corpus.fingerprint,
            "n_sentences": corpus.n_sentences,
            "n_mining": corpus.n_mining,
            "fields": counted_fields(corpus, model),
        },
        options={"model": dataclasses.asdict(model.options), "collect": collect_options},
    )
    if model.feeding != Feeding():
        manifest["model"]["feeding"] = str(model.feeding)
    tokenizer = _tokenizer_of(model)
    if model.options.pooling == "max":  # what `describe` needs to find firing tokens again
        manifest["model"]["max_tokens"] = model.max_tokens
        if tokenizer is not None:
            manifest["model"]["tokenizer"] = tokenizer
    if plan.gated:
        manifest["model"]["gated"] = True
    if model.n_prepended:
        manifest["model"]["n_prepended"] = model.n_prepended
    manifest["notices"] += model.notices
    if plan.with_tokens and model.way.backend != "torch":
        kept = "values about firing tokens and signs of gates are not kept. In PyTorch: --set model.backend=torch"
        manifest["notices"].append(f"The network runs by {model.way.backend}: {kept}")
    # the id names the pass in what it leaves when it is stopped; the finished stage gets another one
    own = {"status": "running", "id": secrets.token_hex(8), "started": now(), "word_rule": WORD_RULE}
    manifest["stages"]["collect"] = own
    manifest["notices"] += _notices_of_kept(options, plan.n_neurons)
    manifest["notices"] += _notices_of_corpus(corpus) + _notices_of_windows(model, tokenizer, corpus)
    if shard is not None:
        manifest["shard"] = ShardEntry(number=shard.number, n=shard.n)
    return manifest


def _autoencoders_of(model: Model) -> dict[str, Any]:
    """Say what made the latents that are read."""
    names = ("name", "folder", "kind", "hook", "k", "trained_on", "fingerprint")
    of = [(tap.place, each) for tap in model.latent_taps if (each := tap.autoencoder) is not None]
    rows = [{"layer": place.layer} | {name: getattr(each, name) for name in names} for place, each in of]
    return {"autoencoders": rows} if rows else {}


def add_notice(folder: Path, notice: str) -> None:
    """Write a notice of the pass into the manifest, once."""
    manifest = read_manifest(folder)
    if notice not in manifest["notices"]:
        manifest["notices"].append(notice)
        write_manifest(folder, manifest)


def _notices_of_corpus(corpus: Corpus) -> list[str]:
    """Say whether the corpus counted its words by another rule, where its first sentences show it."""
    rule = corpus.manifest.get("word_rule", 1)
    if rule == WORD_RULE:
        return []
    first = next(corpus.batches(columns=["n_words", "text"], batch_size=_N_LOOKED_AT))
    pairs = zip(*(first.column(name).to_pylist() for name in ("n_words", "text")), strict=True)
    n_other = sum(n_words != count_words(text) for n_words, text in pairs)
    if not n_other:
        return []
    return [
        f"The corpus counted the words of its sentences by rule {rule}, this run counts by rule {WORD_RULE}: of "
        f"its first {len(first):,} sentences, {n_other:,} have another number now. "
        "Prepare it again for right lengths."
    ]


def _tokenizer_of(model: Model) -> str | None:
    """Name the model's tokenizer by its content; None where it has no tokenizer.json at hand: no hub is asked."""
    with suppress(CorpusError, ModelError, OSError):
        return tokenizer_hash(model.name) if at_hand(model.name) else None
    return None


def _notices_of_windows(model: Model, tokenizer: str | None, corpus: Corpus) -> list[str]:
    """Refuse windows that the model cannot read whole; say where they were cut by another model's tokens."""
    made_with = corpus.manifest["options"]
    if made_with.get("unit") != "window":
        return []
    size, limit = int(str(made_with["window_tokens"])), model.max_tokens
    if tokenizer is not None and tokenizer == corpus.manifest.get("tokenizer"):
        n_special = int(model.tokenize(["a"]).lengths[0]) - count_own("a", tokenizer=model.name)
        if size + n_special <= limit:
            return []
        special = f" and {n_special} special ones" if n_special else ""
        what = f"The windows of {corpus.location} have up to {size} tokens{special}; {model.name} reads {limit}."
        shorter = f"prepare them with --set prepare.window_tokens={limit - n_special}"
        raise CollectError(
            what, hint=f"Where the model reads more: --set model.max_tokens={size + n_special}; or {shorter}"
        )
    first = next(corpus.batches(columns=["text"], batch_size=_N_LOOKED_AT))["text"].to_pylist()
    tokens = model.tokenize(first)
    middle, most = int(np.median(tokens.lengths)), int(tokens.lengths.max())
    return [
        f"The corpus was cut into windows of {size} tokens of {made_with['tokenizer']}; {model.name} has another "
        f"tokenizer: of the first {len(first):,} windows it makes {middle} tokens in the middle, {most} at most; "
        f"{tokens.n_cut:,} are longer than its limit of {limit} and lose their end. Windows of its own: "
        f"neurolect prepare --unit window --tokenizer {model.name}"
    ]


def _notices_of_kept(options: CollectOptions, n_neurons: int) -> list[str]:
    """Say whether activations of fewer sentences are kept than were asked for."""
    kept, lowest = options.kept_activations(n_neurons), options.bottom_by == "minimum" and options.held_out_size > 0
    said = []
    if kept[:2] != (options.activation_sample_size, options.held_out_size):
        said.append(
            f"Activations of {kept.n_sampled:,} sentences of the sample and {kept.n_held_out:,} of the held-out "
            f"part are kept: more, of {n_neurons:,} neurons, are more than collect.activation_bytes "
            f"({options.activation_bytes:,})."
        )
    if lowest and not kept.lows:
        said.append(
            "Lowest values of held-out sentences are not kept, so bottom lists will have no fidelity: "
            f"--set collect.activation_bytes={2 * n_neurons * (2 * FEWEST_HELD_OUT + FEWEST_SAMPLED):,} keeps them."
        )
    return said


def with_limit_rule(options: CollectOptions, folder: Path, corpus: Corpus) -> CollectOptions:
    """Settle which sentences a limited pass reads; what an earlier version began goes on as it began."""
    if options.limit is None or options.limit >= corpus.n_mining:
        return dataclasses.replace(options, limit_by=None)
    rule = options.limit_by or "documents"
    if options.limit_by is None and options.limit_field is None and (folder / "manifest.json").is_file():
        rule = read_manifest(folder)["options"]["collect"].get("limit_by") or "first"
    return dataclasses.replace(options, limit_by=rule)


def with_chunks(options: CollectOptions, model: Model, folder: Path) -> CollectOptions:
    """Settle the sizes that depend on device and model; an unfinished pass keeps its chunks."""
    if options.chunk_sentences is None and (folder / "manifest.json").is_file():
        begun = read_manifest(folder)["options"]["collect"].get("chunk_sentences")
        options = dataclasses.replace(options, chunk_sentences=begun)
    settled = options.on_device(model.device.type, n_parameters=model.n_parameters)
    widest = max((stop - start for start, stop in latents_of(model.neurons.site_layers)), default=0)
    if options.token_budget is None and widest:
        # latents of all tokens of a batch are there at once
        most = max(_FEWEST_TOKENS, _LATENT_BYTES[model.device.type == "cuda"] // (4 * widest))
        settled = dataclasses.replace(settled, token_budget=min(settled.token_budget or most, most))
    return settled


def with_lists(options: CollectOptions, folder: Path, model: Model, *, n_sentences: int) -> CollectOptions:
    """Settle which lists are kept and what of their entries; what an earlier version began goes on as it began."""
    largest = model.options.pooling == "max"
    watched = largest and model.way.backend == "torch"
    if options.bottom_by == "minimum" and not watched:
        what = "collect.bottom_by is minimum, and the lowest values of sentences are not pooled: "
        how = f"it runs by {model.way.backend}" if largest else f"model.pooling is {model.options.pooling}"
        raise OptionError(what + how + ".", hint="--set model.pooling=max --set model.backend=torch")
    of_mlp = all(plain_site(each.site) == "mlp" for each in model.neurons.site_layers)
    one_sided = all(
        plain_site(each.site) == "mlp" or each.site.startswith(LATENT) for each in model.neurons.site_layers
    )
    sides = options.sides or (("top",) if one_sided and not model.gates else SIDES)
    bottom_by = options.bottom_by or ("minimum" if watched and of_mlp and model.gates else "pooled")
    entries = 10 if options.peak_entries is None else options.peak_entries
    begun: dict[str, Any] = {}
    if (folder / "manifest.json").is_file():
        begun = read_manifest(folder)["options"]["collect"]
        sides = options.sides or tuple(begun.get("sides") or SIDES)
        bottom_by = options.bottom_by or begun.get("bottom_by") or "pooled"
        entries = (begun.get("peak_entries") or 0) if options.peak_entries is None else options.peak_entries
    bottom_by = bottom_by if "bottom" in sides else "pooled"
    settled = dataclasses.replace(options, sides=sides, bottom_by=bottom_by, peak_entries=entries if watched else 0)
    return _with_sizes(settled, begun, n_sentences=n_sentences, n_neurons=model.neurons.n_neurons)


def _with_sizes(
    options: CollectOptions, begun: dict[str, Any], *, n_sentences: int, n_neurons: int
) -> CollectOptions:
    """Settle the size of lists and the bytes of activations; ``begun`` are the options of an earlier start."""
    n_bytes, before = options.activation_bytes, begun.get("list_size")
    if n_bytes is None:
        n_bytes = begun.get("activation_bytes", MOST_BYTES) if begun else USUAL_BYTES
    if options.list_size is None and before is not None and before <= n_sentences:
        return dataclasses.replace(options, list_size=before, activation_bytes=n_bytes)
    size = options.resolved_list_size(n_sentences, n_lists=n_neurons * len(options.sides or SIDES))
    return dataclasses.replace(options, list_size=size, activation_bytes=n_bytes)


def _identity(manifest: RunManifest) -> dict[str, Any]:
    """Name everything that bears on the results of a pass."""
    identity: dict[str, Any] = {
        f"model.{name} used": manifest["model"].get(name) for name in ("dtype", "packed", "compiled")
    }
    identity["model.feeding used"] = manifest["model"].get("feeding", str(Feeding()))
    # what was begun before there was a choice ran in PyTorch
    identity["model.backend used"] = manifest["model"].get("backend", "torch")
    identity |= {"model": manifest["model"]["fingerprint"], "corpus": manifest["corpus"]["fingerprint"]}
    identity["shard"] = manifest.get("shard")
    identity["word rule"] = manifest["stages"].get("collect", {}).get("word_rule", 1)
    for stage in ("model", "collect"):
        identity |= {f"{stage}.{name}": value for name, value in manifest["options"][stage].items()}
    # where autoencoders lie is no matter: they are part of the model's fingerprint
    identity["model.sae"] = [name_and_folder(each)[0] for each in identity.get("model.sae") or ()]
    for name in _TIME_ALONE:
        identity.pop(name, None)
    # what was begun before there was a bound kept all that was asked for
    identity.pop("collect.activation_bytes", None)
    identity["activations kept"] = kept_of(manifest)
    before = {"limit_by": "first", "bottom_by": "pooled", "peak_entries": 0}  # there was no choice
    identity |= {f"collect.{name}": identity.get(f"collect.{name}") or usual for name, usual in before.items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in identity.items()}


def kept_of(manifest: RunManifest) -> Kept:
    """Say of how many sentences a run keeps all activations."""
    recorded = manifest["options"]["collect"]
    names = ("activation_sample_size", "held_out_size")
    options = CollectOptions(
        **{name: recorded[name] for name in names},
        bottom_by=recorded.get("bottom_by"),
        activation_bytes=recorded.get("activation_bytes", MOST_BYTES),
    )
    return options.kept_activations(sum(each["width"] for each in manifest["model"]["sites"]))


def differences(there: RunManifest, here: RunManifest, *, but: Collection[str] = ()) -> str:
    """Say in what bears on results two runs differ.

    Returns: Names and both values; empty where they do not differ.
    """
    old, new = _identity(there), _identity(here)
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name) and name not in but)
    return "; ".join(f"{name}: {old.get(name)!r} there, {new.get(name)!r} now" for name in names)


def claim(folder: Path, manifest: RunManifest) -> bool:
    """Start a run folder, or check that the one there is this run's."""
    if not (folder / "manifest.json").exists():
        if folder.exists() and not (folder.is_dir() and _only_started(folder, manifest)):
            what = f"{folder} exists and is not a run folder."
            raise CollectError(what, hint="Choose another --out; nothing is overwritten.")
        _start(folder, manifest)
        return False
    there = read_manifest(folder)
    unfinished = there["stages"].get("collect", {}).get("status") not in ("complete", "partial")
    # a finished pass stays what it is, whatever splits words today
    differing = differences(there, manifest, but=() if unfinished else ("word rule",))
    if differing and unfinished and not (folder / "checkpoint" / "state.npz").exists():
        # nothing was read yet: it stopped at once, say on activations that were not finite
        with only_here(folder, doing="collect"):
            for left in ("held_out", "partial", "checkpoint"):  # of the other pass
                shutil.rmtree(folder / left, ignore_errors=True)
            _start(folder, manifest)
        return False
    if differing:
        what = f"{folder} holds a run that differs in {differing}."
        raise CollectError(what, hint="Choose another --out, or remove that folder.")
    return not unfinished


_OF_NEURONS = (
    "sites",
    "layers",
    "site_path",
    "sae",
    "pooling",
    "special_tokens",
    "skip_first",
    "prepend_bos",
    "max_tokens",
)
"""Options of a model by which other neurons, or other activations of them, are read."""


def finished_run(
    folder: Path, *, model: str, corpus: Corpus, options: CollectOptions, model_options: ModelOptions | None = None
) -> Run | None:
    """Open a run that is finished already, if there is one, without loading its model.

    ``options``: As given; what is not set may have been chosen then.
    """
    if not (folder / "manifest.json").is_file() or not Run(folder).is_current("collect"):
        return None
    run = open_run(folder)
    recorded = run.manifest["options"]["collect"]
    then = {"limit_by": "first", "bottom_by": "pooled", "peak_entries": 0} | {
        name: value for name, value in recorded.items() if value is not None
    }
    asked = json.loads(json.dumps(dataclasses.asdict(with_limit_rule(options, folder, corpus))))
    pairs: dict[str, tuple[Any, Any]] = {
        "model": (_resolved(run.manifest["model"]["name"]), _resolved(model)),
        "corpus": (run.manifest["corpus"]["fingerprint"], corpus.fingerprint),
    }
    then = {"activation_bytes": asked["activation_bytes"]} | then
    if model_options is not None:
        of_model = json.loads(json.dumps(dataclasses.asdict(model_options)))
        read = of_model | run.manifest["options"]["model"]
        pairs |= {f"model.{name}": (read[name], of_model[name]) for name in _OF_NEURONS}
    pairs |= {
        f"collect.{name}": (then.get(name), value)
        for name, value in asked.items()
        if value is not None and f"collect.{name}" not in _TIME_ALONE
    }
    for name, (before, wanted) in pairs.items():
        if before != wanted:
            what = f"{folder} holds a run that differs in {name}: {before!r} there, {wanted!r} now."
            raise CollectError(what, hint="Choose another --out, or remove that folder.")
    return run


def _resolved(model: str) -> str:
    """Name a model folder in one way only."""
    path = Path(model).expanduser()
    return str(path.resolve()) if path.is_dir() else model


def _only_started(folder: Path, manifest: RunManifest) -> bool:
    """Say whether a folder is empty, or has only what this very pass writes before its manifest."""
    options = folder / "options.toml"
    left = {path.name for path in folder.iterdir() if not is_leftover(path)} - {LOCK}
    if left != {options.name}:
        return not left
    return options.is_file() and options.read_bytes() == options_to_toml(manifest["options"]).encode("utf-8")


def _start(folder: Path, manifest: RunManifest) -> None:
    """Write what a run folder has before its pass."""
    write_text(folder / "options.toml", options_to_toml(manifest["options"]))
    write_manifest(folder, manifest)


def complete_shard(folder: Path, state: CollectState, *, seconds: float) -> None:
    """Write the manifest of a finished shard, which waits to be merged."""
    manifest = read_manifest(folder)
    stage = manifest["stages"]["collect"]
    seconds = round(stage.get("seconds", 0.0) + seconds, 3)
    stage |= {"status": "partial", "finished": now(), "seconds": seconds, "n_sentences": state.n_sentences}
    write_manifest(folder, manifest)


def complete(folder: Path, state: CollectState, *, n_kept: int, seconds: float, ending: Ending) -> None:
    """Write the manifest of a finished pass."""
    manifest = read_manifest(folder)
    stage = manifest["stages"]["collect"]
    stage |= {
        "status": "complete",
        "id": secrets.token_hex(8),
        "finished": now(),
        "seconds": round(stage.get("seconds", 0.0) + seconds, 3),
        "n_sentences": state.n_sentences,
        "n_kept": n_kept,
        "n_held_out": n_pooled(folder),
        "n_cut": state.n_cut,
        "n_empty": state.n_empty,
        "n_skipped": state.n_skipped,
        "word_floor": state.background.word_floor,
        "ending": ending._asdict(),
        "files": record_files(folder, "collect"),
    }
    with_sources = str(manifest["options"]["model"].get("source", "")).startswith(FIELD)
    manifest["notices"] += _notices(state, with_sources=with_sources) + ending_notices(state, ending)
    manifest["notices"] += field_notices(folder, state.background.metadata_table())
    write_manifest(folder, manifest)


def _dead(state: CollectState) -> list[str]:
    """Count latents that were above 0 on no sentence, or on too few to say anything of them."""
    if not state.plan.latents or "top" not in state.lists:
        return []
    maximum = state.moments.to_host().table().maximum
    n, dead, few = 0, 0, 0
    for start, stop in state.plan.latents:
        n += stop - start
        dead += int(np.count_nonzero(~(maximum[start:stop] > 0)))
        entries = state.lists["top"].sorted(start, stop).sentence_ids
        few += int(np.count_nonzero((entries >= 0).sum(axis=1) < _FEW))
    return [
        f"Of {n:,} latents {dead:,} are dead: above 0 on no sentence read; {few - dead:,} more are above 0 on "
        f"fewer than {_FEW}. Lists hold sentences where a latent is above 0, no others."
    ]


def _notices(state: CollectState, *, with_sources: bool) -> list[str]:
    """Say in sentences what was changed when it was read."""
    notices = []
    lacking = ", or no source" if with_sources else ""
    forms = "{} sentence was", "{} sentences were"
    if state.n_cut:
        notices.append(f"{counted(state.n_cut, *forms)} cut at the model's limit of tokens.")
    if state.n_empty:
        none = counted(state.n_empty, "{} sentence has", "{} sentences have")
        notices.append(f"{none} no token this tokenizer knows{lacking}: not fed.")
    for key, n in sorted(state.n_skipped.items()):
        if n == state.n_sentences:
            notices.append(f"{key} is NaN or infinite on every sentence: its neurons have no lists.")
            continue
        notices.append(f"{counted(n, *forms)} left out of {key}: activations were NaN or infinite.")
    notices += _dead(state)
    for key, n in sorted(state.n_widened.items()):
        notices.append(f"{counted(n, *forms)} run in {key}: the usual number format overflowed.")
    if state.background.word_floor:
        floor = counted(state.background.word_floor, "{} sentence", "{} sentences or fewer")
        notices.append(f"Words in {floor} may be missing in the background.")
    if state.plan.list_size * 4 > state.n_sentences:
        share = state.plan.list_size / max(state.n_sentences, 1)
        notices.append(f"Each list holds {share:.0%} of the sentences read: too much of the corpus to be specific.")
    return notices
