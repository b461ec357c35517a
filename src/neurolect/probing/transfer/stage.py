"""Select the few neurons that a task needs, and write what loads and runs them: a folder with ``features.json``."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurolect.errors import ModelError, OptionError, ProbingError
from neurolect.folders.atomic import write_json
from neurolect.folders.formats import FEATURES, neurolect_version, read_manifest
from neurolect.folders.lock import only_here
from neurolect.folders.sums import sums_of
from neurolect.model import Model, ModelOptions, load_model
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.activations.stage import read_checked
from neurolect.probing.concepts.choose import Concept
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.splits import PARTS
from neurolect.probing.concepts.units import Units, read_labelled
from neurolect.probing.methods import sizes_of
from neurolect.probing.options import ProbeOptions
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.saved import open_probe, write_probe
from neurolect.probing.protocol.record import PLAN, PROBE_FOLDER, STORE, begin, check_free, step
from neurolect.probing.samples import draw_sample, fingerprints
from neurolect.probing.transfer.features import Features
from neurolect.probing.transfer.options import TransferOptions
from neurolect.probing.transfer.steps import Transfer, classifier_speeds, speeds
from neurolect.progress import NullProgress, Progress
from neurolect.store.manifest import now

STEPS = ("whole", "layers", "clusters", "minimal", "speed")
"""Steps in their order; each has a file of its name."""


class Transferred(NamedTuple):
    """What :func:`select_features` left."""

    folder: Path
    facts: dict[str, Any]
    """``features.json``."""
    steps: dict[str, dict[str, Any]]
    """What each step found, by its name; ``docs/probing.md`` has the list."""


def select_features(
    model: Model | str,
    labelled: str | Path | Sequence[str | Path],
    *,
    concept: Concept,
    out: str | Path,
    activations: str | Path | None = None,
    options: TransferOptions | None = None,
    probe: ProbeOptions | None = None,
    reading: ActivationsOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Transferred:
    """Select the lowest sufficient layers, one neuron of each correlation group there, and the fewest of those.

    Each step may lose ``transfer.delta`` of the accuracy of all neurons on the dev part. The selected neurons are
    compared with all, with random ones, and with the last layer alone, and timed. The same call resumes where an
    earlier one was killed.

    Parameters
    ----------
    model : Model or str
        A loaded model, or its folder or name.
    labelled : str, Path or sequence of them
        As for :func:`read_activations`.
    concept : str or callable
        As for :func:`read_activations`; labels of words or sentences that are classes.
    out : str or Path
        The folder to make, or to resume.
    activations : str or Path, optional
        Where the store of activations is, or is made; ``activations`` in the folder when not given.
    options : TransferOptions, optional
        What may be lost, and what is tried.
    probe : ProbeOptions, optional
        Sample, penalties and seed.
    reading : ActivationsOptions, optional
        How the labelled data are read.
    model_options : ModelOptions, optional
        Sites, layers, pooling of sentences; not with a loaded model.
    device : str
        Where the model runs and probes are fitted.
    progress : Progress, optional
        Where to report.

    Returns
    -------
    Transferred

    Raises
    ------
    OptionError
        If the labels are numbers or of pairs of words, or there is no such concept.
    ProbingError
        If classes are too few or too small, a part has no unit, or something else is at `out`.

    References
    ----------
    Dalvi et al. (2020), Analyzing Redundancy in Pretrained Transformer Models, section 6.
    """
    folder, progress = Path(out), progress or NullProgress()
    options, probe = options or TransferOptions(), probe or ProbeOptions()
    check_free(folder, FEATURES)
    reading = reading or ActivationsOptions()
    with progress.step("load the model"):
        loaded = model if isinstance(model, Model) else load_model(model, options=model_options, device=device)
    given: dict[str, Any] = {"concept": concept, "options": reading, "device": device, "progress": progress}
    store = read_checked(loaded, labelled, out=activations or folder / STORE, check=_check, **given)
    key = {"rests_on": fingerprints(store), "probe": asdict(probe), "transfer": asdict(options)}
    folder.mkdir(parents=True, exist_ok=True)
    with only_here(folder, doing="selecting features"):
        if begin(folder, key, kind=FEATURES, named="features", steps=STEPS):
            return open_features(folder)
        sample = draw_sample(store, sizes=sizes_of(probe), seed=probe.seed)
        transfer = Transfer(store, sample, probe, options, device)
        sources = [labelled] if isinstance(labelled, str | Path) else list(labelled)
        texts = read_labelled(sources, concept, options=reading)[0].texts
        tested = np.unique(sample.sentences[sample.parts.test])[: options.texts]
        facts = _go(folder, transfer, loaded, [texts[each] for each in tested.tolist()], progress)
        _finish(folder, store, loaded, facts, key=key, aggregate=reading.aggregate)
    return open_features(folder)


def _check(units: Units) -> None:
    """Refuse labels that no classifier is made of, and parts without a unit."""
    if units.unit == "pair":
        what = "The labels are of pairs of words; a network's columns are of single ones."
        raise OptionError(what, expected="labels of words or sentences")
    if not units.classes:
        what = "The labels are numbers."
        hint = "Make them classes: --set activations.labels=classes"
        raise OptionError(what, expected="labels that are classes", hint=hint)
    if empty := [name for code, name in enumerate(PARTS) if not (units.parts == code).any()]:
        what = f"The {' and '.join(empty)} part has no unit."
        raise ProbingError(what, expected="units in all parts", hint="Give more data.")


def _go(folder: Path, transfer: Transfer, model: Model, texts: list[str], progress: Progress) -> dict[str, Any]:
    """Take the steps that are not there yet; give the neurons selected."""
    with progress.task("Transfer", total=len(STEPS), unit="steps") as task:

        def done(name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
            task.note(name)
            found = step(folder, name, make)
            task.advance()
            return found

        whole = float(done("whole", transfer.whole)["dev"])
        layer = int(done("layers", lambda: transfer.layers(whole))["layer"])
        kept = done("clusters", lambda: transfer.clusters(whole, layer))["neurons"]
        addresses = list(done("minimal", lambda: transfer.minimal(whole, kept))["neurons"])
        neurons = transfer.numbers(addresses)
        fitted = transfer.probe_of(neurons)
        write_probe(fitted, folder / PROBE_FOLDER)

        def timed() -> dict[str, Any]:
            features = Features(model, addresses, probe=fitted)
            rounds = transfer.options.rounds
            return speeds(model, features, texts, rounds=rounds) | {
                "classifier": classifier_speeds(transfer, neurons, rounds=rounds)
            }

        done("speed", timed)
    return {"addresses": addresses, "sample": transfer.sample.facts}


def _finish(
    folder: Path,
    store: ActivationStore,
    model: Model,
    facts: dict[str, Any],
    *,
    key: dict[str, Any],
    aggregate: str,
) -> None:
    """Write ``features.json``: with it the folder is whole."""
    names = [f"{name}.json" for name in STEPS]
    names += [f"{PROBE_FOLDER}/{each.name}" for each in sorted((folder / PROBE_FOLDER).iterdir())]
    layers = [int(each.rsplit(".", 2)[1]) for each in facts["addresses"]]
    manifest = {
        "format": FEATURES.name,
        "schema_version": FEATURES.version,
        "neurolect": neurolect_version(),
        "created": now(),
        "key": key,
        "model": store.manifest["model"]["name"],
        "fingerprint": model.fingerprint,
        "model_options": json.loads(json.dumps(asdict(model.options))),
        "n_layers": model.n_layers,
        "layer": max(layers),
        "concept": store.manifest["concept"],
        "unit": store.unit,
        "aggregate": aggregate if store.unit == "word" else None,
        "classes": store.classes,
        **facts,
        "files": {name: sums_of(folder / name) for name in names},
    }
    write_json(folder / FEATURES.file, manifest)
    (folder / PLAN).unlink(missing_ok=True)


def open_features(folder: str | Path) -> Transferred:
    """Open what :func:`select_features` left, without its model.

    Parameters
    ----------
    folder : str or Path
        A whole folder.

    Returns
    -------
    Transferred

    Raises
    ------
    ProbingError
        If there is none, or it is damaged.
    FormatVersionError
        If a newer neurolect wrote it.
    """
    folder = Path(folder)
    facts, found = read_manifest(folder, FEATURES), {}
    for name in STEPS:
        path = folder / f"{name}.json"
        try:
            found[name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            what = f"{path} cannot be read ({error})."
            raise ProbingError(
                what, hint="Remove the folder and run `neurolect probing transfer` again."
            ) from error
    return Transferred(folder, facts, found)


def load_features(
    folder: str | Path, *, model: str | None = None, device: str = "cpu", classifier: bool = True
) -> Features:
    """Load the selected neurons of a network as a module that runs only the blocks that they need.

    Parameters
    ----------
    folder : str or Path
        From ``neurolect probing transfer``, or its ``features.json``.
    model : str, optional
        Where the model is, if it has moved.
    device : str
        Where it runs.
    classifier : bool
        Whether the probe is loaded too.

    Returns
    -------
    Features
        ``sentences(texts)``, ``tokens(texts)``, ``predict(texts)``; called with token ids and a mask, a tensor.

    Raises
    ------
    ProbingError
        If there are no features, or they are damaged.
    ModelError
        If the model is another one than they were selected in.
    FormatVersionError
        If a newer neurolect wrote them.
    """
    folder = Path(folder)
    folder = folder.parent if folder.name == FEATURES.file else folder
    facts = read_manifest(folder, FEATURES)
    try:
        addresses, unit = [str(each) for each in facts["addresses"]], str(facts["unit"])
        places = sorted({(each.rsplit(".", 2)[0], int(each.rsplit(".", 2)[1])) for each in addresses})
        options = _options(facts["model_options"], places)
        name, fingerprint = model or facts["model"], facts["fingerprint"]
    except (KeyError, TypeError, ValueError) as error:
        what = f"{folder / FEATURES.file} was changed by hand or is damaged: {type(error).__name__}: {error}."
        raise ProbingError(what, hint="Make it again: neurolect probing transfer") from error
    loaded = load_model(name, options=options, device=device)
    if loaded.fingerprint != fingerprint:
        what = f"{loaded.name} is not the model that the features in {folder} were selected in."
        hint = "Say where that model lies: load_features(..., model=FOLDER)"
        raise ModelError(what, expected=f"fingerprint {fingerprint}", hint=hint)
    probe = open_probe(folder / PROBE_FOLDER) if classifier else None
    return Features(loaded, addresses, probe=probe if isinstance(probe, LinearProbe) else None, unit=unit)


def _options(written: dict[str, Any], places: list[tuple[str, int]]) -> ModelOptions:
    """Give the options that the model was read with, of the sites and layers that are needed."""
    values: dict[str, Any] = {
        name: tuple(each) if isinstance(each, list) else each for name, each in written.items()
    }
    values = {name: each for name, each in values.items() if name in ModelOptions.__dataclass_fields__}
    sites, layers = (tuple(dict.fromkeys(sorted(each))) for each in zip(*places, strict=True))
    return ModelOptions(**values | {"sites": sites, "layers": layers})
