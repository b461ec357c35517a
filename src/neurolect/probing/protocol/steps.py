"""The steps of the protocol, each of which gives what its file holds.

Dims: T units, N neurons, K classes (one row of two classes).
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.clustering.average_linkage import groups_at
from neurolect.probing.activations.reader import ActivationStore
from neurolect.probing.fit import of_type, types_of
from neurolect.probing.judging.agreement import jaccard_at
from neurolect.probing.judging.curves import Bootstrap, interval
from neurolect.probing.methods import linear_options
from neurolect.probing.options import ProbeOptions, ProtocolOptions
from neurolect.probing.probes.fitting import fit_linear
from neurolect.probing.probes.linear import LinearProbe
from neurolect.probing.probes.saved import write_probe
from neurolect.probing.protocol.record import PROBE_FOLDER, RANKING
from neurolect.probing.rankings import lca
from neurolect.probing.rankings.control import control_labels
from neurolect.probing.rankings.groups import correlation_merges, correlations, one_of_each
from neurolect.probing.rankings.layers import layer_distribution
from neurolect.probing.rankings.minimal import MinimalSet, Trial, disjoint_sets, minimal_set
from neurolect.probing.rankings.penalties import search_penalties
from neurolect.probing.rankings.ranked import table_of
from neurolect.probing.samples import Sample, draw_sample, fingerprints
from neurolect.results import write_ranking

Order = NDArray[np.int64]
_FIRST, _SHARED = 5, 10
TOPS = (1, 5, 10)
"""Percent of the neurons whose layers are counted, next to the minimal set."""


class Protocol:
    """One sample of a store's units, of which everything is measured."""

    def __init__(
        self,
        store: ActivationStore,
        sample: Sample,
        probe: ProbeOptions,
        options: ProtocolOptions,
        device: str = "cpu",
    ) -> None:
        self.store, self.sample, self.probe, self.options, self.device = store, sample, probe, options, device
        self.n = store.n_neurons // store.n_parts
        self.addresses = store.addresses[: self.n]
        self.layers = [each.rpartition(".")[0] for each in self.addresses]
        self.depths = np.array([int(each.rpartition(".")[2]) for each in self.layers])
        self.truth = sample.labels[sample.parts.test]
        self.bootstrap = Bootstrap(sample.sentences[sample.parts.test], n=options.n_bootstrap, seed=probe.seed)
        self.fitting = linear_options(probe)

    def trial(self, sample: Sample | None = None) -> Trial:
        """Give what fits probes with the chosen penalties."""
        given = sample or self.sample
        options = replace(self.fitting, gap=self.options.gap, gradient=1e-4, max_steps=100)
        return Trial(
            given.rows,
            given.labels,
            parts=given.parts,
            options=options,
            n_parts=self.store.n_parts,
            device=self.device,
        )

    def shares(self, asked: Sequence[str]) -> dict[str, float]:
        """Guess each step's percentage of the work by its fits, as runs on MiniLM had them."""
        options, sizes = self.options, self.options.max_solves or 16
        fits = {
            "search": 0.5 * len(options.grid) ** 2 * min(1.0, options.search_units / self.probe.units),
            "fit": 10.0,
            "minimal": 0.2 * sizes * (2 + options.n_random),
            "controls": 4.0,
            "layers": 0.5 * len(set(self.layers)) + 1,
            "clusters": 0.5 * len(options.cuts) + 2,
            "sets": 0.3 * sizes * min(4, options.max_sets),
            "resamples": 2.0 * options.n_resamples,
            "classes": 0.1,
        } | dict.fromkeys(asked, 8.0)
        return {name: 100 * each / sum(fits.values()) for name, each in fits.items()}

    def search(self) -> dict[str, Any]:
        """Choose l1 and l2 on a smaller sample; of a grid of one 0 they are as given."""
        if set(self.options.grid) == {0.0}:
            return {"best": {"l1": self.probe.l1, "l2": self.probe.l2}, "tried": [], "free": None, "units": 0}
        n = self.options.search_units
        part = draw_sample(self.store, sizes=(n, max(1, n // 4), 1), seed=self.probe.seed)
        found = search_penalties(
            part.rows,
            part.labels,
            parts=part.parts,
            grid=self.options.grid,
            options=replace(self.fitting, gap=max(self.options.gap, 0.01), gradient=1e-4, max_steps=100),
            n_parts=self.store.n_parts,
            device=self.device,
        )
        tried = [each._asdict() for each in found.tried]
        return {"best": found.best._asdict(), "tried": tried, "free": found.free, "units": len(part.parts.train)}

    def use(self, best: dict[str, Any]) -> None:
        """Fit with these penalties from now on."""
        self.fitting = replace(self.fitting, l1=best["l1"], l2=best["l2"])

    def fit(self, folder: Path) -> dict[str, Any]:
        """Fit the probe of all neurons, rank, and write both."""
        sample, parts = self.sample, self.sample.parts
        probe = fit_linear(
            sample.rows,
            sample.labels,
            chosen=parts.train,
            classes=sample.classes,
            options=self.fitting,
            device=self.device,
        )
        rests_on = fingerprints(self.store)
        write_probe(probe, folder / PROBE_FOLDER, rests_on={"fingerprints": rests_on})
        ranked = lca.lca_order(lca.join_parts(probe.weights, n_parts=self.store.n_parts))
        table = table_of(
            ranked,
            addresses=self.addresses,
            rests_on=rests_on,
            method="lca",
            classes=self.store.classes,
            options={"by": "lca", "concept": None}
            | asdict(self.probe)
            | {"l1": self.fitting.l1, "l2": self.fitting.l2},
            seed=self.probe.seed,
            details={"label": "entry mass of a linear probe's absolute weights", "sample": sample.facts},
        )
        write_ranking(table, folder / RANKING)
        right = probe.predict(sample.rows, parts.test) == self.truth
        majority = self.truth == np.bincount(sample.labels[parts.train]).argmax()
        found: dict[str, Any] = {
            "fit": probe.fit._asdict(),
            "dev": probe.accuracy(sample.rows, sample.labels, parts.dev),
            "test": self._accuracy(right),
            "majority": float(majority.mean()),
            "of_type": None,
        }
        if (types := types_of(self.store, sample.units)) is not None:
            found["of_type"] = float((of_type(types, sample.labels, parts) == self.truth).mean())
        return found

    def minimal(self, order: Order, oracle: float) -> dict[str, Any]:
        """Find the minimal set; at every size tried, random neurons and the last ones next to the first."""
        trial = self.trial()
        found = minimal_set(trial, order, target=oracle - self.options.delta, max_solves=self.options.max_solves)
        sizes = sorted({each.k for each in found.tried} | {len(found.neurons)})
        return self._set(found) | {
            "target": found.target,
            "sizes": [self._at_size(trial, order, k) for k in sizes],
            "at": self._at_size(trial, order, len(found.neurons)),
            "layers": {"minimal set": self._layers(found.neurons)}
            | {f"first {each} %": self._layers(order[: max(1, round(each * self.n / 100))]) for each in TOPS},
            "mean_layer": float(self.depths[found.neurons].mean()),
            "mean_layer_of_all": float(self.depths.mean()),
        }

    def _set(self, found: MinimalSet) -> dict[str, Any]:
        addresses = [self.addresses[each] for each in found.neurons.tolist()]
        facts = {"k": len(found.neurons), "met": found.met, "dev": found.reached.dev, "test": found.reached.test}
        return facts | {"neurons": addresses}

    def _layers(self, neurons: Order) -> list[dict[str, Any]]:
        return [each._asdict() for each in layer_distribution(neurons, self.layers)]

    def _at_size(self, trial: Trial, order: Order, k: int) -> dict[str, Any]:
        drawn = [
            np.random.default_rng([self.probe.seed, each]).choice(order, k, replace=False)
            for each in range(self.options.n_random)
        ]
        random = [float(self._right(trial, each).mean()) for each in drawn] if k < self.n else []
        return {
            "k": k,
            "top": self._accuracy(self._right(trial, order[:k])),
            "random": random,
            "bottom": self._accuracy(self._right(trial, order[-k:])),
        }

    def _right(self, trial: Trial, neurons: Order, labels: NDArray[np.int64] | None = None) -> NDArray[np.bool_]:
        predicted = trial.fit(neurons, labels).predict(self.sample.rows, self.sample.parts.test)
        truth = self.truth if labels is None else labels[self.sample.parts.test]
        right: NDArray[np.bool_] = predicted == truth
        return right

    def _accuracy(self, right: NDArray[np.bool_], less: NDArray[np.bool_] | None = None) -> dict[str, float]:
        """Give the accuracy, or a difference of two, with its interval over sentences."""
        rights = [right] if less is None else [right, less]
        values, samples = self.bootstrap.accuracies(np.stack(rights).astype(np.float64))
        if less is None:
            return interval(float(values[0]), samples[:, 0])._asdict()
        return interval(float(values[0] - values[1]), samples[:, 0] - samples[:, 1])._asdict()

    def controls(self, minimal: Order | None = None) -> dict[str, Any]:
        """Fit a control task on all neurons and on the minimal set if given; of sentences, permuted labels."""
        trial, parts, labels = self.trial(), self.sample.parts, self.sample.labels
        types = types_of(self.store, self.sample.units)
        if types is None:
            control = labels.copy()
            for number, part in enumerate(parts):
                shuffled = np.random.default_rng([self.probe.seed, number]).permutation(labels[part])
                control[part] = shuffled
        else:
            n_classes = len(self.sample.classes)
            control = control_labels(types, labels, train=parts.train, n_classes=n_classes, seed=self.probe.seed)
        kept = np.unique(control[parts.train])
        found: dict[str, Any] = {"task": "permuted labels" if types is None else "labels of word types"}
        if len(kept) < 2:
            return found | {"note": "All training units have the same control label: there is no control task."}
        codes = np.where(np.isin(control, kept), np.searchsorted(kept, control), -1)
        chosen_of = {"all": np.arange(self.n)} | ({} if minimal is None else {"minimal": minimal})
        for name, chosen in chosen_of.items():
            right, other = self._right(trial, chosen), self._right(trial, chosen, codes)
            found[name] = {
                "k": len(chosen),
                "task": self._accuracy(right),
                "control": self._accuracy(other),
                "selectivity": self._accuracy(right, other),
            }
        return found

    def by_layer(self, oracle: float) -> dict[str, Any]:
        """Fit on every layer alone, and on all layers up to each."""
        trial, names = self.trial(), list(dict.fromkeys(self.layers))
        places = np.array([names.index(each) for each in self.layers])
        depths = np.unique(self.depths).tolist()
        alone = [
            {"layer": name} | trial.on(np.flatnonzero(places == place))._asdict()
            for place, name in enumerate(names)
        ]
        up_to = [{"depth": depth} | trial.on(np.flatnonzero(self.depths <= depth))._asdict() for depth in depths]
        enough = [each["depth"] for each in up_to if each["dev"] >= oracle - self.options.delta]
        return {"alone": alone, "up_to": up_to, "enough": enough[0] if enough else None}

    def clusters(self, oracle: float) -> dict[str, Any]:
        """Keep one neuron of every correlation group at every cut; of pairs of words, by dependents' columns."""
        between = correlations(self.sample.rows, self.sample.parts.train)[: self.n, : self.n]
        merges, trial, cuts, fitted = correlation_merges(between), self.trial(), [], dict[int, dict[str, Any]]()
        for cut in self.options.cuts:
            kept = one_of_each(groups_at(merges, height=cut), seed=self.probe.seed)
            if len(kept) not in fitted:  # a cut that makes no other groups
                fitted[len(kept)] = trial.on(kept)._asdict()
            cuts.append({"cut": cut, "removed": 1 - len(kept) / self.n} | fitted[len(kept)])
        removable = [each["removed"] for each in cuts if each["dev"] >= oracle - self.options.delta]
        return {"cuts": cuts, "removable": max(removable, default=0.0)}

    def sets(self, order: Order, oracle: float) -> dict[str, Any]:
        """Take disjoint minimal sets out one after the other."""
        found = disjoint_sets(
            self.trial(),
            order,
            target=oracle - self.options.delta,
            max_sets=self.options.max_sets,
            max_solves=self.options.max_solves,
        )
        return {"sets": [self._set(each) for each in found], "n_met": sum(each.met for each in found)}

    def resamples(self, order: Order, k: int) -> dict[str, Any]:
        """Rank again from bootstrap samples of training sentences: mean layer and overlap of the first k."""
        rows = []
        for number in range(self.options.n_resamples):
            again = self.trial(self.sample.resampled(self.probe.seed + 1 + number)).order_of(np.arange(self.n))
            first = self._layers(again[:k])
            rows.append(
                {
                    "mean_layer": float(self.depths[again[:k]].mean()),
                    "jaccard": jaccard_at(order, again, k),
                    "layers": [each["n"] for each in first],
                }
            )
        means = np.array([each["mean_layer"] for each in rows])
        bounds = np.quantile(means, [0.025, 0.975]).tolist()
        return {"k": k, "rows": rows, "mean_layer": dict(zip(("low", "high"), bounds, strict=True))}

    def classes(self, probe: LinearProbe) -> dict[str, Any]:
        """Count the neurons that have a share of each class's weight: few, shared or of one class only."""
        names: Sequence[str] = self.sample.classes if len(probe.weights) > 1 else self.sample.classes[1:]
        weights = lca.join_parts(probe.weights, n_parts=self.store.n_parts)
        tops = [lca.top_neurons(each, mass=self.options.mass) for each in weights]
        counts = lca.n_classes_of(weights, mass=self.options.mass)
        right = probe.predict(self.sample.rows, self.sample.parts.test) == self.truth
        rows = []
        for name, top, row in zip(names, tops, weights, strict=True):
            own = self.truth == self.sample.classes.index(name)
            alone = top[counts[top] == 1]
            rows.append(
                {
                    "class": name,
                    "units": int(own.sum()),
                    "recall": float(right[own].mean()) if own.any() else None,
                    "neurons": len(top),
                    "exclusive": len(alone),
                    "first": [[self.addresses[each], int(np.sign(row[each]))] for each in top[:_FIRST].tolist()],
                    "first_exclusive": [self.addresses[each] for each in alone[:_FIRST].tolist()],
                }
            )
        shared = np.argsort(-counts, kind="stable")[:_SHARED]
        return {
            "mass": self.options.mass,
            "classes": rows,
            "shared": [
                {
                    "neuron": self.addresses[each],
                    "classes": [name for name, top in zip(names, tops, strict=True) if each in top],
                }
                for each in shared[counts[shared] > 1].tolist()
            ],
            "by_number_of_classes": np.bincount(counts, minlength=len(names) + 1).tolist(),
        }
