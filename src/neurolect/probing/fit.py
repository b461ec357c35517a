"""Fit a probe to a store of activations, save it, and say how good it is next to what is trivial."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, ProbingError, nearest
from neurolect.probing.activations.reader import ActivationStore, open_activations
from neurolect.probing.labels import Parts
from neurolect.probing.methods import linear_options, sizes_of
from neurolect.probing.options import ProbeOptions
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.forest import fit_forest
from neurolect.probing.probes.gaussian import choose_greedily, fit_gaussian
from neurolect.probing.probes.saved import Probe, write_probe
from neurolect.probing.rankings.control import control_labels
from neurolect.probing.samples import Sample, draw_sample, fingerprints

PROBES = ("linear", "gaussian", "forest")
_Accuracies = dict[str, float]


def fit_probe(
    activations: ActivationStore | str | Path,
    *,
    method: str,
    out: str | Path,
    options: ProbeOptions | None = None,
) -> dict[str, Any]:
    """Fit a probe to a sample of a store and write it, with what its accuracy compares with.

    Parameters
    ----------
    activations : ActivationStore, str or Path
        From :func:`read_activations`.
    method : {'linear', 'gaussian', 'forest'}
        A Gaussian probe is of the ``options.picks`` neurons that a greedy choice takes.
    out : str or Path
        The probe's folder; a probe that is there is replaced.
    options : ProbeOptions, optional
        Sample, penalties and what else the methods take.

    Returns
    -------
    dict
        ``accuracy`` of the three parts (of numbers the coefficient of determination), ``majority`` and ``of_type``
        (the accuracies of the most frequent class, and of the most frequent one of the word), ``control`` and
        ``selectivity`` (of the test part; null where the units are no words), ``permuted`` (of a probe on permuted
        labels where there are no words), ``fit``, ``sample`` and ``probe`` (the options); ``probe.json`` has it.

    Raises
    ------
    OptionError
        If there is no such method, or it does not go with labels that are numbers.
    ProbingError
        If there is one class only, activations are not finite, or something else than a probe is at `out`.
    """
    if method not in PROBES:
        what = f"There is no probe {method!r}."
        raise OptionError(what, expected=", ".join(PROBES), hint=f"The nearest: {nearest(method, PROBES)}.")
    out, options = Path(out), options or ProbeOptions()
    if out.exists() and not (out / "probe.json").is_file():
        what = f"{out} is there already and is no probe; nothing is overwritten."
        raise ProbingError(what, expected="a folder that is not there yet", hint="Give another --out.")
    store = activations if isinstance(activations, ActivationStore) else open_activations(activations)
    if not store.classes and method != "linear":
        what = f"The labels are numbers, and {method} probes are of classes."
        raise OptionError(what, expected="linear")
    sample = draw_sample(store, sizes=sizes_of(options), seed=options.seed)
    fit = {"linear": _linear, "gaussian": _gaussian, "forest": _forest}[method]
    accuracy, probe, how = fit(sample, options)
    report: dict[str, Any] = {"method": method, "concept": store.manifest["concept"], "accuracy": accuracy}

    def on_labels(labels: NDArray[Any]) -> _Accuracies:
        return fit(sample._replace(labels=labels), options)[0]

    report |= _compared(store, sample, accuracy, on_labels, seed=options.seed)
    report |= {"fit": how, "sample": sample.facts, "probe": asdict(options)}
    write_probe(probe, out, rests_on={"fingerprints": fingerprints(store), "report": report})
    return report


def _linear(sample: Sample, options: ProbeOptions) -> tuple[_Accuracies, Probe, dict[str, Any]]:
    rows, labels, classes = sample.rows, sample.labels, sample.classes or None
    fitting = linear_options(options, numbers=classes is None)
    probe = fit_linear(rows, labels, chosen=sample.parts.train, classes=classes, options=fitting)
    accuracy = _of_parts(sample, lambda part: probe.accuracy(rows, labels, part))
    return accuracy, probe, probe.fit._asdict()


def _gaussian(sample: Sample, options: ProbeOptions) -> tuple[_Accuracies, Probe, dict[str, Any]]:
    rows, labels, classes = sample.rows, sample.labels, sample.classes
    train, dev, _ = sample.parts
    greedy = choose_greedily(rows, labels, train=train, dev=dev, n_picks=options.picks, classes=classes)
    columns = np.array([each.neuron for each in greedy.steps], np.int64)
    if len(columns) == 0:
        what = "Every neuron is constant within some class: there is no Gaussian probe."
        raise ProbingError(what, expected="neurons that vary in every class", hint="Leave small classes out.")
    probe = fit_gaussian(rows, labels, columns=columns, chosen=train, classes=classes)
    accuracy = _of_parts(sample, lambda part: probe.accuracy(rows, labels, part))
    steps = [each._asdict() for each in greedy.steps]
    return accuracy, probe, {"steps": steps}


def _forest(sample: Sample, options: ProbeOptions) -> tuple[_Accuracies, Probe, dict[str, Any]]:
    train, dev, _ = sample.parts
    found = fit_forest(
        sample.rows, sample.labels, train=train, dev=dev, n_trees=options.trees, n_repeats=0, seed=options.seed
    )
    accuracy = _of_parts(sample, lambda part: found.trees.accuracy(sample.rows, sample.labels, part))
    how = {"trees": options.trees, "nodes": len(found.trees.feature)}
    return accuracy, found.trees._replace(classes=sample.classes), how


def _of_parts(sample: Sample, accuracy: Callable[[NDArray[np.int64]], float]) -> _Accuracies:
    return {name: accuracy(part) for name, part in sample.parts._asdict().items() if len(part)}


def _compared(
    store: ActivationStore,
    sample: Sample,
    accuracy: _Accuracies,
    fitted: Callable[[NDArray[Any]], _Accuracies],
    *,
    seed: int,
) -> dict[str, Any]:
    """Give what the accuracy compares with: two trivial rules, and a control task or permuted labels."""
    parts, labels = sample.parts, sample.labels
    found: dict[str, Any] = {
        "control": None,
        "selectivity": None,
        "permuted": None,
        "majority": None,
        "of_type": None,
    }
    if not sample.classes:
        return found
    truth = labels[parts.test]
    majority = int(np.bincount(labels[parts.train]).argmax())
    found["majority"] = float((truth == majority).mean())
    types = types_of(store, sample.units)
    if types is None:
        shuffled = labels.copy()
        for part in parts:
            shuffled[part] = np.random.default_rng(len(part)).permutation(labels[part])
        found["permuted"] = fitted(shuffled)["test"]
        return found
    found["of_type"] = float((of_type(types, labels, parts) == truth).mean())
    control = control_labels(types, labels, train=parts.train, n_classes=len(sample.classes), seed=seed)
    found["control"] = fitted(control)["test"]
    found["selectivity"] = accuracy["test"] - found["control"]
    return found


def types_of(store: ActivationStore, units: NDArray[np.int64]) -> list[str] | None:
    """Give the word type of units, of pairs of words both; None of sentences."""
    if store.unit == "sentence":
        return None
    words = store.table(columns=["word"]).column("word").to_pylist()
    if store.unit == "word":
        return [words[each] for each in units.tolist()]
    table = store.table(columns=["sentence_id", "word_index", "head_index"]).to_pylist()
    places = {(each["sentence_id"], each["word_index"]): words[at] for at, each in enumerate(table)}
    heads = [places.get((table[each]["sentence_id"], table[each]["head_index"]), "") for each in units.tolist()]
    return [f"{words[unit]}\t{head}" for unit, head in zip(units.tolist(), heads, strict=True)]


def of_type(types: list[str], labels: NDArray[np.int64], parts: Parts) -> NDArray[np.int64]:
    """Predict the test units' classes: the most frequent one of the word in the training part, or of all words."""
    counted: dict[str, Counter[int]] = {}
    for unit in parts.train.tolist():
        counted.setdefault(types[unit], Counter())[int(labels[unit])] += 1
    majority = int(np.bincount(labels[parts.train]).argmax())
    best = {word: min(counts, key=lambda each: (-counts[each], each)) for word, counts in counted.items()}
    return np.array([best.get(types[unit], majority) for unit in parts.test.tolist()], np.int64)
