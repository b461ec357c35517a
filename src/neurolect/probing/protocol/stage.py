"""The whole protocol in one go, and a folder of what it found."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError
from neurolect.folders.formats import PROTOCOL, read_manifest
from neurolect.folders.lock import only_here
from neurolect.model import Model, ModelOptions
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.activations.stage import read_activations, read_checked
from neurolect.probing.concepts.choose import Concept
from neurolect.probing.concepts.options import ActivationsOptions
from neurolect.probing.concepts.splits import PARTS
from neurolect.probing.labels import said_once
from neurolect.probing.methods import sizes_of
from neurolect.probing.options import ProbeOptions, ProtocolOptions
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.saved import open_probe
from neurolect.probing.protocol.record import (
    PROBE_FOLDER,
    RANDOM,
    RANKING,
    STORE,
    begin,
    check_free,
    finish,
    read_steps,
    step,
)
from neurolect.probing.protocol.steps import Protocol
from neurolect.probing.samples import draw_sample, fingerprints
from neurolect.progress import NullProgress, Progress, Task
from neurolect.results import read_ranking
from neurolect.variants import random_variant

logger = logging.getLogger(__name__)


class Probing(NamedTuple):
    """What a protocol's folder has."""

    folder: Path
    """Where it is."""
    facts: dict[str, Any]
    """Model, concept, classes, sample, options: the manifest."""
    steps: dict[str, dict[str, Any]]
    """What each step found, by its name; ``docs/probing.md`` has the list."""
    ranking: pa.Table
    """All neurons by LCA."""


def probe_all(
    model: Model | str,
    labelled: str | Path | Sequence[str | Path],
    *,
    concept: Concept,
    out: str | Path,
    activations: str | Path | None = None,
    random: bool = False,
    options: ProtocolOptions | None = None,
    probe: ProbeOptions | None = None,
    reading: ActivationsOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Probing:
    """Run linguistic correlation analysis as a whole.

    Penalties are chosen, the neurons ranked, the minimal set found and compared; control task, layers, correlation
    groups, disjoint sets, classes. The same call resumes where an earlier one was killed.

    Parameters
    ----------
    model : Model or str
        A loaded model, or its folder or name.
    labelled : str, Path or sequence of them
        As for :func:`read_activations`.
    concept : str or callable
        As for :func:`read_activations`.
    out : str or Path
        The folder to make, or to resume.
    activations : str or Path, optional
        Where the store of activations is, or is made; ``activations`` in the folder when not given.
    random : bool
        Whether the model is read at the same units with random weights too: with its word embeddings, and with
        new ones.
    options : ProtocolOptions, optional
        What is measured, and how thoroughly.
    probe : ProbeOptions, optional
        Sample, standardisation, gap and seed.
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
    Probing

    Raises
    ------
    OptionError
        If the labels are numbers, or there is no such concept.
    ProbingError
        If classes are too few or too small, a part has no unit, or something else is at `out`.
    """
    folder, progress = Path(out), progress or NullProgress()
    options, probe = options or ProtocolOptions(), probe or ProbeOptions()
    check_free(folder)
    given: dict[str, Any] = {"concept": concept, "options": reading, "device": device, "progress": progress}
    store = read_checked(
        model,
        labelled,
        out=activations or folder / STORE,
        model_options=model_options,
        check=lambda units: _check(concept, units.classes, units.parts),
        **given,
    )
    _check(concept, store.classes, store.split)
    key = {
        "rests_on": fingerprints(store),
        "probe": asdict(probe),
        "protocol": asdict(options),
        "random": random,
    }
    folder.mkdir(parents=True, exist_ok=True)
    with only_here(folder, doing="probing"):
        if begin(folder, key):
            return open_probing(folder)
        sample = draw_sample(store, sizes=sizes_of(probe), seed=probe.seed)
        protocol = Protocol(store, sample, probe, options, device)
        asked = RANDOM if random else ()
        with said_once(), progress.task("Protocol", total=100, unit="%") as task:
            shares = protocol.shares(asked)
            _go(folder, protocol, task, shares)
            name = model.name if isinstance(model, Model) else model
            for each in asked:
                task.note(each)
                weights = _RandomWeights(folder, name, labelled, each == "random")
                step(folder, each, partial(weights.measure, protocol, given | {"model_options": model_options}))
                weights.remove()
                task.advance(shares[each])
        finish(folder, key, _facts(store, protocol))
    return open_probing(folder)


def open_probing(folder: str | Path) -> Probing:
    """Open what :func:`probe_all` left.

    Parameters
    ----------
    folder : str or Path
        A whole folder.

    Returns
    -------
    Probing

    Raises
    ------
    ProbingError
        If there is none, or it is damaged.
    """
    folder = Path(folder)
    return Probing(folder, read_manifest(folder, PROTOCOL), read_steps(folder), read_ranking(folder / RANKING))


def _check(concept: Concept, classes: list[str], parts: NDArray[np.int8]) -> None:
    """Refuse labels that are numbers, and parts without a unit."""
    if not classes:
        what = f"The labels of {concept!r} are numbers: minimal sets and controls are of classes."
        hint = (
            "Rank for numbers: neurolect rank ACTS --by lca; or make them classes: --set activations.labels=classes"
        )
        raise OptionError(what, expected="labels that are classes", hint=hint)
    if empty := [name for code, name in enumerate(PARTS) if not (parts == code).any()]:
        what = f"The {' and '.join(empty)} part has no unit."
        raise ProbingError(
            what,
            expected="units in all parts",
            hint="Give more data, or a smaller --set activations.train=0.6",
        )


def _go(folder: Path, protocol: Protocol, task: Task, shares: dict[str, float]) -> None:
    """Take the steps that are not there yet."""

    def done(name: str, *given: Any) -> dict[str, Any]:  # noqa: ANN401 - what the step takes
        make = getattr(protocol, "by_layer" if name == "layers" else name)
        task.note(name)
        found = step(folder, name, lambda: make(*given))
        task.advance(shares[name])
        return found

    protocol.use(done("search")["best"])
    oracle = done("fit", folder)["dev"]
    places = {address: place for place, address in enumerate(protocol.addresses)}

    def numbers(addresses: list[str]) -> NDArray[np.int64]:
        return np.array([places[each] for each in addresses], np.int64)

    order = numbers(read_ranking(folder / RANKING).column("address").to_pylist())
    chosen = numbers(done("minimal", order, oracle)["neurons"])
    done("controls", chosen)
    done("layers", oracle)
    done("clusters", oracle)
    done("sets", order, oracle)
    done("resamples", order, len(chosen))
    fitted = open_probe(folder / PROBE_FOLDER)
    if isinstance(fitted, LinearProbe):
        done("classes", fitted)


class _RandomWeights(NamedTuple):
    """A model with random weights, and its store, while they are needed."""

    folder: Path
    """The protocol's."""
    model: str
    labelled: str | Path | Sequence[str | Path]
    keep_embeddings: bool

    def measure(self, protocol: Protocol, given: dict[str, Any]) -> dict[str, Any]:
        """Measure it at the same units: accuracy and selectivity of all neurons."""
        network, activations = self._paths()
        if not network.exists():
            random_variant(
                self.model,
                out=network,
                seed=protocol.probe.seed,
                keep_embeddings=self.keep_embeddings,
                options=given["model_options"],
            )
        store = read_activations(str(network), self.labelled, out=activations, **given)
        sample = draw_sample(store, sizes=sizes_of(protocol.probe), seed=protocol.probe.seed)
        other = Protocol(store, sample, protocol.probe, protocol.options, protocol.device)
        other.fitting = protocol.fitting
        return other.controls()

    def remove(self) -> None:
        """Remove both."""
        for path in self._paths():
            shutil.rmtree(path, ignore_errors=True)

    def _paths(self) -> tuple[Path, Path]:
        kind = "random" if self.keep_embeddings else "random-embeddings"
        return self.folder / f"{kind}-model", self.folder / f"{kind}-activations"


def _facts(store: ActivationStore, protocol: Protocol) -> dict[str, Any]:
    manifest = store.manifest
    layers = list(dict.fromkeys(protocol.layers))
    return {
        "model": manifest["model"]["name"],
        "concept": manifest["concept"],
        "unit": store.unit,
        "classes": store.classes,
        "n_neurons": protocol.n,
        "layers": [{"layer": each, "n": protocol.layers.count(each)} for each in layers],
        "sample": protocol.sample.facts,
        "counts": manifest["counts"],
        "left_out": manifest["left_out"],
        "notices": manifest["notices"],
    }
