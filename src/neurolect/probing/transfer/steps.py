"""The three steps: the lowest sufficient layer, one neuron of each correlation group, the minimal set.

Dims: N neurons.
"""

import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.clustering.average_linkage import groups_at
from neurolect.model.language_model import Model
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.judging.curves import Bootstrap, interval
from neurolect.probing.methods import linear_options
from neurolect.probing.options import ProbeOptions
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.rankings.groups import correlation_merges, correlations, one_of_each
from neurolect.probing.rankings.minimal import Trial, minimal_set
from neurolect.probing.samples import Sample
from neurolect.probing.transfer.features import Features
from neurolect.probing.transfer.options import TransferOptions

Numbers = NDArray[np.int64]


class Transfer:
    """One sample of a store's units, of which everything is measured."""

    def __init__(
        self,
        store: ActivationStore,
        sample: Sample,
        probe: ProbeOptions,
        options: TransferOptions,
        device: str = "cpu",
    ) -> None:
        self.sample, self.options, self.seed = sample, options, probe.seed
        self.addresses = list(store.addresses)
        self.n = len(self.addresses)
        self.depths = np.array([int(each.rsplit(".", 2)[1]) for each in self.addresses])
        fitting = replace(linear_options(probe), gap=max(probe.gap, 0.01), gradient=1e-4, max_steps=100)
        self.trial = Trial(sample.rows, sample.labels, parts=sample.parts, options=fitting, device=device)
        test = sample.parts.test
        self.truth = sample.labels[test]
        self.bootstrap = Bootstrap(sample.sentences[test], n=options.n_bootstrap, seed=probe.seed)

    def whole(self) -> dict[str, Any]:
        """Fit on all neurons: what all steps are held against."""
        everything = np.arange(self.n)
        found = self.measured(everything)
        majority = int(np.bincount(self.sample.labels[self.sample.parts.train]).argmax())
        return found | {"n": self.n, "majority": float((self.truth == majority).mean())}

    def target(self, whole: float, step: int) -> float:
        """Give the accuracy on the dev part that a step, from 1, has to keep."""
        return whole * (1 - step * self.options.delta)

    def layers(self, whole: float) -> dict[str, Any]:
        """Find the lowest layer such that all neurons up to it keep the accuracy."""
        target, rows = self.target(whole, 1), []
        for layer in np.unique(self.depths).tolist():
            reached = self.trial.on(np.flatnonzero(self.depths <= layer))
            rows.append({"layer": layer, "n": reached.k, "dev": reached.dev, "test": reached.test})
            if reached.dev >= target:
                break
        return {"target": target, "rows": rows, "layer": rows[-1]["layer"], "of": int(self.depths.max())}

    def clusters(self, whole: float, layer: int) -> dict[str, Any]:
        """Keep one neuron of each correlation group, of as few groups as keep the accuracy."""
        below = np.flatnonzero(self.depths <= layer)
        between = correlations(self.sample.rows, self.sample.parts.train)[np.ix_(below, below)]
        merges, target, rows = correlation_merges(between), self.target(whole, 2), []
        kept, cut = below, None
        for each in sorted(self.options.cuts, reverse=True):
            chosen = below[one_of_each(groups_at(merges, height=each), seed=self.seed)]
            reached = self.trial.on(chosen)
            rows.append({"cut": each, "n": reached.k, "dev": reached.dev, "test": reached.test})
            if reached.dev >= target:
                kept, cut = chosen, each
                break
        return {"target": target, "rows": rows, "cut": cut, "neurons": self._names(kept)}

    def minimal(self, whole: float, kept: Sequence[str]) -> dict[str, Any]:
        """Find the fewest of them by LCA that keep the accuracy, next to random ones and the last layer."""
        order = self.trial.order_of(np.sort(self.numbers(kept)))
        found = minimal_set(self.trial, order, target=self.target(whole, 3), max_solves=self.options.max_solves)
        k, last = len(found.neurons), np.flatnonzero(self.depths == self.depths.max())
        drawn = [np.random.default_rng([self.seed, each]) for each in range(self.options.n_random)]
        # of all neurons, and of those that the selected ones were chosen from
        random = [self.trial.on(each.choice(self.n, k, replace=False)).test for each in drawn]
        among = [self.trial.on(each.choice(np.sort(order), k, replace=False)).test for each in drawn]
        return {
            "target": found.target,
            "met": found.met,
            "n": k,
            "neurons": self._names(found.neurons),
            "tried": [each._asdict() for each in found.tried],
            **self.measured(found.neurons),
            "random": random,
            "random_of_kept": among,
            "last_layer": self.measured(last) | {"n": len(last)},
        }

    def measured(self, neurons: Numbers) -> dict[str, Any]:
        """Fit on some neurons: accuracy on dev and, with its interval, on test; seconds of the fit."""
        start = time.perf_counter()
        probe = self.trial.fit(neurons)
        seconds = time.perf_counter() - start
        sample = self.sample
        dev = probe.accuracy(sample.rows, sample.labels, sample.parts.dev)
        right = probe.predict(sample.rows, sample.parts.test) == self.truth
        values, drawn = self.bootstrap.accuracies(right[None].astype(np.float64))
        test = interval(float(values[0]), drawn[:, 0])._asdict()
        return {"dev": dev, "test": test, "fit_seconds": round(seconds, 3)}

    def probe_of(self, neurons: Numbers) -> LinearProbe:
        """Fit on some neurons; the probe's columns are these alone, in the order given."""
        fitted = self.trial.fit(neurons)
        place = {int(each): at for at, each in enumerate(neurons.tolist())}
        columns = np.array([place[int(each)] for each in fitted.columns], np.int64)
        return replace(fitted, columns=columns, classes=self.sample.classes)

    def numbers(self, addresses: Sequence[str]) -> Numbers:
        """Give the columns of addresses."""
        places = {address: place for place, address in enumerate(self.addresses)}
        return np.array([places[each] for each in addresses], np.int64)

    def _names(self, neurons: Numbers) -> list[str]:
        return [self.addresses[each] for each in neurons.tolist()]


def speeds(model: Model, features: Features, texts: Sequence[str], *, rounds: int) -> dict[str, Any]:
    """Time the forward pass with all neurons and with the selected ones, in turn; ratios with their spread."""
    every = Features(model, model.addresses, unit=features.unit)
    ratios, taken = [], []
    for number in range(rounds + 1):
        seconds = []
        for each in (every, features):
            start = time.perf_counter()
            each.sentences(texts)
            seconds.append(time.perf_counter() - start)
        if number:  # the first is to warm up
            taken.append(seconds)
            ratios.append(seconds[0] / seconds[1])
    whole, part = (statistics.median(each) for each in zip(*taken, strict=True))
    found = {"speed": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
    return {
        "n_texts": len(texts),
        "pass_seconds": whole,
        "pass_seconds_selected": part,
        **found,
        "stops": features.stops,
    }


def classifier_speeds(transfer: Transfer, neurons: Numbers, *, rounds: int) -> dict[str, Any]:
    """Time the fit and the prediction of a probe of all neurons and of the selected ones, in turn."""
    everything, test = np.arange(transfer.n), transfer.sample.parts.test
    fits, predictions = [], []
    probes = [transfer.trial.fit(each) for each in (everything, neurons)]
    for _ in range(rounds):
        seconds = []
        for probe in probes:
            start = time.perf_counter()
            probe.predict(transfer.sample.rows, test)
            seconds.append(time.perf_counter() - start)
        predictions.append(seconds[0] / seconds[1])
    for each in (everything, neurons):
        start = time.perf_counter()
        transfer.trial.fit(each)
        fits.append(time.perf_counter() - start)
    return {
        "fit_seconds": fits[0],
        "fit_seconds_selected": fits[1],
        "predict": statistics.median(predictions),
        "predict_low": min(predictions),
        "predict_high": max(predictions),
    }
