"""The causal check of signatures: whether setting a neuron changes anything where its signature matches.

Each neuron is set on held-out sentences that its signature matches, and on controls as long and as hard; random
neurons of its layer are moved as far on the same sentences, and the change is read at the same token.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import RunFolderError
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.predict import predicted_scores
from neurolect.fidelity.score import load_model_of
from neurolect.fidelity.stage import Stage
from neurolect.folders.atomic import write_table
from neurolect.folders.parquet import ParquetReader
from neurolect.folders.parts import Parts, digest_of
from neurolect.interventions.changes import read_address
from neurolect.interventions.effects import Pairs, effects_of_pairs, references_of
from neurolect.interventions.matching import FEWEST, TINY, Matched, corrected, match_sentences, times_as_much
from neurolect.interventions.options import CauseOptions
from neurolect.interventions.outcomes import EMBEDDING, UNITS, Texts
from neurolect.interventions.resuming import Rest
from neurolect.interventions.stops import parts_of
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.progress import NullProgress, Progress, Task
from neurolect.results.number import nearly_constant
from neurolect.store import Run, open_run
from neurolect.store.sides import check_side
from neurolect.store.stages import StageRecord, check_current, making, plain_options, recorded_options
from neurolect.visible import quoted

logger = logging.getLogger(__name__)

TABLE = "cause/effects"
_KEY = b"neurolect.key"
"""What the rows of a layer were made with and from, in its file's metadata."""
_RULE = "random neurons are moved as far"
"""What else rows rest on: another rule makes them again."""
_OF_ALL = ("neurons", "least_effect")
"""Options that no row rests on."""
OUTPUT, FEW, REFUSED, NAN = "the model's output", "matches too few sentences", "no fidelity", "NaN comes out"
"""Why a neuron is not checked."""
MATCHES, ANYWHERE, LITTLE = "where it matches", "anywhere", "little"
"""Verdicts: more than random neurons and more than on controls; more than random neurons alone; neither, or less
than ``cause.least_effect``."""
RATE = 0.05
"""False-discovery rate of the verdicts."""
EMBEDDING_SCALE = 0.1
"""What the least effect is multiplied by where effects are cosine distances."""
_KINDS = ("own", "random", "own_controls", "random_controls")


def cause(
    run: Run | str | Path,
    *,
    model: str | None = None,
    neurons: Sequence[str] = (),
    options: CauseOptions | None = None,
    device: str = "cpu",
    workers: int = 1,
    progress: Progress | None = None,
) -> Run:
    """Check which neurons do something where their signature says they respond.

    Parameters
    ----------
    run : Run, str or Path
        A run whose signatures were scored (``neurolect fidelity``).
    model : str, optional
        Where its model lies, if it has moved; it is loaded with the head it was trained with.
    neurons : sequence of str
        Addresses (``mlp.15.200``, ``mlp.15.0-9``, ``mlp.15``); otherwise all whose signature was scored, or
        ``cause.neurons`` of them, equally by layer. They are added to those that were checked before with the same
        options and scores; those are not run again.
    options : CauseOptions, optional
        The run's own when not given.
    device : str
        Where the model runs.
    workers : int
        Processes for annotating.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Run
        The run, opened again, with ``cause/effects``: effects on sentences that match and on controls, of the
        neuron and of random ones, ``times`` (how many times as much it does as random neurons of its layer that
        are moved as far at the same tokens, with interval, p by permutation and q), ``specificity`` (as on
        controls), signed ``loss`` and ``verdict``: it does something ``where it matches``, ``anywhere``, or
        ``little``.

    Raises
    ------
    RunFolderError
        If signatures are not scored, or no sentence was held out.
    ModelError
        If the model is not the run's, or a site cannot be set.
    NeuronAddressError
        If there is no such neuron.

    References
    ----------
    Sajjad, Durrani and Dalvi (2022), Neuron-level Interpretation of Deep NLP Models: A Survey, section 4.
    """
    run, progress = open_run(run), progress or NullProgress()
    options = options or recorded_options(run.manifest, "cause", CauseOptions)
    check_side(options.side, run.sides, of=run.folder)
    check_current(run.folder, run.manifest, "fidelity")
    asked = np.concatenate([neuron_ids(run, each) for each in neurons]) if len(neurons) else None
    wanted, scored = _chosen(run, asked, options)
    if not np.isin(wanted, scored).any():
        what = f"No signature of the {options.side} lists asked for of {run.folder} was scored."
        hint = f"Why: neurolect fidelity {quoted(run.folder)}"
        raise RunFolderError(what, expected="signatures with a fidelity", hint=hint)
    with progress.step("load the model"):
        loaded = load_model_of(run, model, device=device, load=load_with_head)
    with making(run.folder, "cause", options=options, keep=True) as record:
        within = Run(run.folder, within="cause")
        key = _key(options, loaded.fingerprint, record)
        parts = _Parts(within, key)
        missing = np.setdiff1d(wanted, parts.neurons())
        texts = _texts(loaded, within.table("held_out/sentences"), seed=options.seed)
        with parts_of("cause", loaded, loaded=True, rests_on=[key], written=True) as of_stops:
            check = _Check(within, texts, options, scored, of_stops)
            if len(missing):
                fidelity = recorded_options(run.manifest, "fidelity", FidelityOptions)
                check.predict(Stage(within, fidelity, workers, progress, record), missing)
                total = _n_pairs(int(np.isin(missing, scored).sum()), options)
                with progress.task("cause", total=total, unit="sentences") as task:
                    for place in _layers(run):
                        here = missing[(missing >= place.first) & (missing < place.first + place.width)]
                        if len(here):
                            parts.add(place, check.part(place, here, task))
            else:
                progress.message(f"All {len(wanted):,} neurons were checked before by these options.")
        least = options.least_effect * (EMBEDDING_SCALE if texts.kind == EMBEDDING else 1.0)
        table = _joined(parts.rows(), side=options.side, least=least)
        write_table(run.folder / f"{TABLE}.parquet", table)
        record.entry |= {
            "outcome": texts.kind,
            "unit": UNITS[texts.kind],
            "n_sentences": int(texts.usable.sum()),
            "n_checked": table.num_rows - table.column("times").null_count,
            "n_refused": int(pc.sum(pc.is_valid(table.column("refused"))).as_py() or 0),
            "n_of": run.n_neurons,
        }
    return Run(run.folder)


def _texts(model: Model, sentences: pa.Table, *, seed: int) -> Texts:
    """Give the held-out sentences, with what the encoder is given for each where that is a field."""
    fields = [sentences.column(each).to_pylist() for each in model.source_columns]
    return Texts(model, sentences.column("text").to_pylist(), sources=fields[0] if fields else None, seed=seed)


def _key(options: CauseOptions, model: str, record: StageRecord) -> str:
    """Name what rows are made with and from."""
    values = {name: value for name, value in plain_options(options).items() if name not in _OF_ALL}
    made_from = json.dumps([_RULE, values, model, record.entry["rests_on"]], sort_keys=True)
    return hashlib.sha256(made_from.encode()).hexdigest()


class _Place(NamedTuple):
    """A site and layer of a run, and its neurons."""

    site: str
    layer: int
    width: int
    first: int
    """The id of its first neuron."""


class _Parts:
    """What was checked, a file for each site and layer; those of another key are taken away."""

    def __init__(self, run: Run, key: str) -> None:
        self._folder, self._key = run.folder, key
        self._of: dict[_Place, pa.Table] = {}
        n_others = 0
        for place in _layers(run):
            rows = self._read(place)
            if rows is None:
                self._path(place).unlink(missing_ok=True)
            elif rows.schema.metadata.get(_KEY) == key.encode():
                self._of[place] = rows
            else:
                n_others += rows.num_rows
                self._path(place).unlink()
        if n_others:
            logger.warning("What %s neurons did by other options or scores is not kept.", f"{n_others:,}")

    def _path(self, place: _Place) -> Path:
        return self._folder / f"cause/parts/{place.site}.{place.layer}.parquet"

    def _read(self, place: _Place) -> pa.Table | None:
        """Read a file; None where there is none, or it is damaged or of an older neurolect."""
        try:
            with ParquetReader(self._path(place), damaged=RunFolderError) as file:
                rows = file.read()
        except (FileNotFoundError, RunFolderError):
            return None
        return rows if rows.schema.equals(ROWS) else None

    def neurons(self) -> NDArray[np.int64]:
        """Give the ids of all that were checked."""
        found = [rows.column("neuron_id").to_numpy() for rows in self._of.values()]
        return np.concatenate([np.empty(0, np.int64), *found])

    def add(self, place: _Place, rows: pa.Table) -> None:
        """Put rows next to those of a layer that are there."""
        known = self._of.get(place, ROWS.empty_table()).replace_schema_metadata(None)
        joined = pa.concat_tables([known, rows]).sort_by("neuron_id").replace_schema_metadata({_KEY: self._key})
        write_table(self._path(place), joined)
        self._of[place] = joined

    def rows(self) -> list[dict[str, Any]]:
        """Give all rows, by neuron."""
        return [
            row for place in sorted(self._of, key=lambda each: each.first) for row in self._of[place].to_pylist()
        ]


def _layers(run: Run) -> list[_Place]:
    """Give each site and layer."""
    found, first = [], 0
    for each in run.manifest["model"]["sites"]:
        found.append(_Place(each["site"], int(each["layer"]), int(each["width"]), first))
        first += found[-1].width
    return found


def neuron_ids(run: Run, address: str) -> NDArray[np.int64]:
    """Give the neurons of an address, of several (mlp.15.0-9) or of a layer (mlp.15)."""
    site, layer, columns = read_address(address)
    if columns is None:
        widths = [place.width for place in _layers(run) if place[:2] == (site, layer)]
        columns = np.arange(widths[0]) if widths else np.zeros(1, np.int64)
    first = run.index.neuron_id(f"{site}.{layer}.{columns[0]}")
    run.index.neuron_id(f"{site}.{layer}.{columns[-1]}")
    return np.asarray(first + np.arange(len(columns)), dtype=np.int64)


def _n_pairs(n_neurons: int, options: CauseOptions) -> int:
    return n_neurons * options.n_sentences * len(_KINDS)


def _chosen(
    run: Run, asked: NDArray[np.int64] | None, options: CauseOptions
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose the neurons that are checked, ascending; next to them all whose signature was scored."""
    rows = run.table("fidelity/neurons", columns=["neuron_id", "side", "refused"])
    rows = rows.filter(pc.equal(rows.column("side"), options.side))
    scored = rows.filter(pc.is_null(rows.column("refused"))).column("neuron_id").to_numpy().astype(np.int64)
    if asked is not None:
        return np.unique(asked), scored
    if len(scored) <= options.neurons:
        return np.sort(scored), scored
    return equally_by_layer(run, scored, n=options.neurons, seed=options.seed), scored


def equally_by_layer(run: Run, neurons: NDArray[np.int64], *, n: int, seed: int) -> NDArray[np.int64]:
    """Choose of some neurons as many of each site and layer, at random; ascending."""
    random = np.random.default_rng(seed)
    groups = [
        random.permutation(neurons[(neurons >= each.first) & (neurons < each.first + each.width)])
        for each in _layers(run)
    ]
    # one of each layer in turn, so that every layer has as many while it lasts
    longest = max(map(len, groups))
    turns = [group[turn] for turn in range(longest) for group in groups if turn < len(group)]
    return np.sort(np.array(turns[:n], dtype=np.int64))


class _Check:
    """What the check of every layer needs."""

    def __init__(
        self, run: Run, texts: Texts, options: CauseOptions, scored: NDArray[np.int64], parts: Parts
    ) -> None:
        self.run, self.texts, self.options, self.scored, self.parts = run, texts, options, scored, parts
        self.still = nearly_constant(run)
        self.predicted: dict[int, NDArray[np.float32]] = {}
        """By neuron what its signature gives every held-out sentence."""

    @cached_property
    def loss(self) -> NDArray[np.float64]:
        """Each text's loss as the network is; NaN without a head."""
        return self.texts.losses()

    def predict(self, stage: Stage, neurons: NDArray[np.int64]) -> None:
        """Let the signatures of neurons say what they expect."""
        own, sides = neurons[np.isin(neurons, self.scored)], self.run.sides
        found = predicted_scores(stage, own * len(sides) + sides.index(self.options.side))
        self.predicted |= dict(zip(own.tolist(), found, strict=True))

    def part(self, place: _Place, neurons: NDArray[np.int64], task: Task) -> pa.Table:
        """Check neurons of one site and layer; give them in their order."""
        own = neurons[np.isin(neurons, self.scored)]
        rows = {each: {"neuron_id": each, "refused": REFUSED} for each in neurons.tolist()}
        if place.site == "hidden" and place.layer == self.texts.model.n_layers and self.texts.kind == EMBEDDING:
            task.advance(_n_pairs(len(own), self.options))
            rows |= {each: {"neuron_id": each, "refused": OUTPUT} for each in own.tolist()}
        elif len(own):
            rows |= self._checked(place, own, task)
        return pa.Table.from_pylist(list(rows.values()), schema=ROWS)

    def _checked(self, place: _Place, neurons: NDArray[np.int64], task: Task) -> dict[int, dict[str, Any]]:
        """Set neurons and random ones on sentences that match and on controls; a row for each."""
        alive = np.flatnonzero(~self.still[place.first : place.first + place.width])
        matches = [
            match_sentences(
                self.predicted[each],
                self.texts.usable,
                n_tokens=self.texts.lengths.astype(np.int64),
                loss=self.loss,
                n=self.options.n_sentences,
            )
            for each in neurons.tolist()
        ]
        pairs, starts = _pairs(matches, neurons - place.first, alive, seed=self.options.seed)
        rest = Rest(self.texts, place.site, place.layer)
        how: dict[str, Any] = {"to": self.options.to, "seed": self.options.seed}
        parts = self.parts.of(digest_of(list(place), *pairs))
        reference = references_of(self.texts, [rest.tap], **how, parts=parts)[0]
        effects: dict[str, NDArray[np.float32]] = {}
        if len(pairs.text):
            effects = effects_of_pairs(rest, pairs, reference=reference, task=task, parts=parts)
        rows: dict[int, dict[str, Any]] = {}
        for number, neuron in enumerate(neurons.tolist()):
            here = slice(starts[number], starts[number + 1])
            own = {name: values[here].reshape(4, -1) for name, values in effects.items()}
            rows[neuron] = {"neuron_id": neuron} | (self._row(own) if here.stop > here.start else {"refused": FEW})
        return rows

    def _row(self, effects: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
        """Lay out one neuron's effects: rows own, random, own on controls, random on controls."""
        main = next(name for name in ("peak_kl", "distance", "kl") if name in effects)
        values = effects[main].astype(np.float64)
        on_matched, on_controls = (each[:, np.isfinite(each).all(axis=0)] for each in (values[:2], values[2:]))
        n_nan = values.size // 2 - on_matched.shape[1] - on_controls.shape[1]
        if min(on_matched.shape[1], on_controls.shape[1]) < FEWEST:
            return {"refused": NAN, "n_nan": n_nan}
        (own, random), (controls, random_controls) = on_matched, on_controls
        seed, n = self.options.seed, self.options.n_permutations
        times, p = times_as_much(own, random, paired=True, n_permutations=n, seed=seed)
        specificity, p_controls = times_as_much(own, controls, paired=False, n_permutations=n, seed=seed)
        low, high = _interval_of_times(own, random, self.options)
        row: dict[str, Any] = {
            "n_sentences": len(own),
            "n_nan": n_nan,
            "effect": float(own.mean()),
            "effect_random": float(random.mean()),
            "effect_controls": float(controls.mean()),
            "effect_random_controls": float(random_controls.mean()),
            "times": times,
            "times_low": low,
            "times_high": high,
            "p": p,
            "specificity": specificity,
            "p_controls": p_controls,
        }
        for name, source in (("loss", "peak_loss"), ("sentence_loss", "loss")):
            if source in effects and np.isfinite(effects[source][:2]).any(axis=1).all():
                row[name] = float(np.nanmean(effects[source][0]))
                row[f"{name}_random"] = float(np.nanmean(effects[source][1]))
        return row


def _verdict(row: dict[str, Any], *, least: float) -> str | None:
    """Say whether a neuron does something, and whether it does it where its signature matches."""
    if row.get("times") is None:
        return None
    if row["effect"] < least or row["times"] <= 1 or row["q"] > RATE:
        return LITTLE
    return MATCHES if row["specificity"] > 1 and row["q_controls"] <= RATE else ANYWHERE


def _pairs(
    matches: Sequence[Matched], columns: NDArray[np.int64], alive: NDArray[np.int64], *, seed: int
) -> tuple[Pairs, NDArray[np.int64]]:
    """Lay out what is measured: each neuron and random ones on its sentences and on its controls."""
    texts, neurons, likes, sizes = [], [], [], []
    for column, each in zip(columns.tolist(), matches, strict=True):
        n = len(each.matched) if len(each.matched) >= FEWEST else 0
        random = np.random.default_rng([seed, column])
        others = alive[alive != column]
        if not n or not len(others):
            sizes.append(0)
            continue
        drawn = random.choice(others, size=2 * n, replace=len(others) < 2 * n)
        own = np.full(n, column)
        texts += [each.matched, each.matched, each.controls, each.controls]
        neurons += [own, drawn[:n], own, drawn[n:]]
        likes.append(np.full(4 * n, column))
        sizes.append(4 * n)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    empty = np.empty(0, np.int64)
    joined = (np.concatenate(each) if each else empty for each in (texts, neurons, likes))
    return Pairs(*joined), starts


def _interval_of_times(
    own: NDArray[np.float64], random: NDArray[np.float64], options: CauseOptions
) -> tuple[float, float]:
    """Resample sentences; give the interval of the ratio of geometric means."""
    logs = np.log(np.maximum(own, TINY)) - np.log(np.maximum(random, TINY))
    drawn = np.random.default_rng([options.seed, 1]).integers(0, len(logs), size=(options.n_bootstrap, len(logs)))
    tail = 0.5 * (1.0 - options.interval)
    low, high = np.quantile(logs[drawn].mean(axis=1), (tail, 1.0 - tail))
    return float(np.exp(low)), float(np.exp(high))


ROWS = pa.schema(
    [
        ("neuron_id", pa.int32()),
        ("refused", pa.string()),
        ("n_sentences", pa.int32()),
        ("n_nan", pa.int32()),
        *(
            (name, pa.float64())
            for name in ("effect", "effect_random", "effect_controls", "effect_random_controls")
        ),
        *((name, pa.float64()) for name in ("times", "times_low", "times_high", "p")),
        *((name, pa.float64()) for name in ("specificity", "p_controls")),
        *((name, pa.float64()) for name in ("loss", "loss_random", "sentence_loss", "sentence_loss_random")),
    ]
)
"""What is known of each neuron by itself."""
_AFTER = {
    "neuron_id": ("side", pa.string()),
    "refused": ("verdict", pa.string()),
    "p": ("q", pa.float64()),
    "p_controls": ("q_controls", pa.float64()),
}
SCHEMA = pa.schema(
    [each for own in ROWS for each in (own, *([pa.field(*_AFTER[own.name])] if own.name in _AFTER else []))]
)
"""With what is known once all are."""


def _joined(rows: list[dict[str, Any]], *, side: str, least: float) -> pa.Table:
    """Correct for testing so many neurons, and give verdicts."""
    for name in ("", "_controls"):
        p = np.array([np.nan if row[f"p{name}"] is None else row[f"p{name}"] for row in rows], np.float64)
        for row, q in zip(rows, corrected(p).tolist(), strict=True):
            row[f"q{name}"] = q if np.isfinite(q) else None
    for row in rows:
        row["verdict"] = _verdict(row, least=least)
    return pa.Table.from_pylist([row | {"side": side} for row in rows], schema=SCHEMA)
