"""The causal check of signatures: whether setting a neuron changes anything where its signature matches.

Each neuron is set on held-out sentences that its signature matches, and on controls as long and as hard; random
neurons of its layer are set on the same sentences, and the change is read at the same token.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from neurolect.errors import ModelError, RunFolderError
from neurolect.fidelity.options import FidelityOptions
from neurolect.fidelity.predict import predicted_scores
from neurolect.fidelity.stage import Stage
from neurolect.folders.atomic import write_table
from neurolect.interventions.changes import read_address
from neurolect.interventions.effects import Pairs, effects_of_pairs, references_of
from neurolect.interventions.matching import FEWEST, TINY, Matched, corrected, match_sentences, times_as_much
from neurolect.interventions.options import CauseOptions
from neurolect.interventions.outcomes import CLASS, EMBEDDING, UNITS, Texts
from neurolect.interventions.resuming import Rest
from neurolect.model import ModelOptions
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.progress import NullProgress, Progress, Task
from neurolect.results.number import nearly_constant
from neurolect.store import Run, open_run
from neurolect.store.sides import check_side
from neurolect.store.stages import Steps, making, plain_options, recorded_options
from neurolect.visible import quoted

TABLE = "cause/effects"
OUTPUT, FEW, REFUSED = "the model's output", "matches too few sentences", "no fidelity"
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
        ``cause.neurons`` of them, equally by layer.
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
        neuron and of random ones, ``times`` (how many times as much it does as random neurons of its layer at
        the same tokens, with interval, p by permutation and q), ``specificity`` (as on controls), signed ``loss``
        and ``verdict``: it does something ``where it matches``, ``anywhere``, or ``little``.

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
    loaded = _model_of(run, model, device=device)
    asked = np.concatenate([_ids(run, each) for each in neurons]) if len(neurons) else None
    with making(run.folder, "cause", options=options, keep=True) as record:
        within = Run(run.folder, within="cause")
        chosen, refused = _chosen(within, asked, options)
        if not len(chosen):
            what = f"No signature of the {options.side} lists asked for of {run.folder} was scored."
            hint = f"Why: neurolect fidelity {quoted(run.folder)}"
            raise RunFolderError(what, expected="signatures with a fidelity", hint=hint)
        stage = Stage(
            within, recorded_options(run.manifest, "fidelity", FidelityOptions), workers, progress, record
        )
        predicted = predicted_scores(stage, chosen * len(run.sides) + run.sides.index(options.side))
        texts = Texts(loaded, within.table("held_out/sentences").column("text").to_pylist(), seed=options.seed)
        check = _Check(within, texts, options, base_loss(texts))
        steps, parts = Steps(record), []
        with progress.task("cause", total=_n_pairs(len(chosen), options), unit="sentences") as task:
            for first, place in _layers(run):
                width = place["width"]
                here = np.flatnonzero((chosen >= first) & (chosen < first + width))
                if not len(here):
                    continue
                part = _Part(place["site"], int(place["layer"]), width, first, chosen[here])
                name = f"cause/parts/{part.site}.{part.layer}.parquet"
                settings = [plain_options(options), chosen[here].tolist(), loaded.fingerprint]

                def make(part: _Part = part, name: str = name, rows: NDArray[np.int64] = here) -> dict[str, Any]:
                    write_table(run.folder / name, check.part(part, predicted[rows], task))
                    return {"n_neurons": len(part.neurons)}

                steps.make(name, make, files=[name], settings=settings)
                parts.append(pq.read_table(run.folder / name))
        least = options.least_effect * (EMBEDDING_SCALE if texts.kind == EMBEDDING else 1.0)
        table = _joined(parts, refused, side=options.side, least=least)
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


def _model_of(run: Run, name: str | None, *, device: str) -> Model:
    """Load the run's model with its head."""
    known = run.manifest["model"]
    options = recorded_options(run.manifest, "model", ModelOptions)
    loaded = load_with_head(name or known["name"], options=options, device=device)
    if known["fingerprint"] and loaded.fingerprint != known["fingerprint"]:
        what = f"{loaded.name!r} is not the model of {run.folder}: its files have another fingerprint."
        raise ModelError(what, expected=known["fingerprint"], hint="Give the run's own model with --model.")
    return loaded


def _layers(run: Run) -> list[tuple[int, Any]]:
    """Give the first neuron and the description of each site and layer."""
    sites = run.manifest["model"]["sites"]
    firsts = np.concatenate([[0], np.cumsum([each["width"] for each in sites])])
    return list(zip(firsts.tolist(), sites, strict=False))


def _ids(run: Run, address: str) -> NDArray[np.int64]:
    """Give the neurons of an address, of several (mlp.15.0-9) or of a layer (mlp.15)."""
    site, layer, columns = read_address(address)
    if columns is None:
        widths = [
            int(place["width"]) for _, place in _layers(run) if (place["site"], place["layer"]) == (site, layer)
        ]
        columns = np.arange(widths[0]) if widths else np.zeros(1, np.int64)
    first = run.index.neuron_id(f"{site}.{layer}.{columns[0]}")
    run.index.neuron_id(f"{site}.{layer}.{columns[-1]}")
    return np.asarray(first + np.arange(len(columns)), dtype=np.int64)


def _n_pairs(n_neurons: int, options: CauseOptions) -> int:
    return n_neurons * options.n_sentences * len(_KINDS)


def _chosen(
    run: Run, asked: NDArray[np.int64] | None, options: CauseOptions
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """Choose the neurons that are checked, ascending, and say why others are not."""
    rows = run.table("fidelity/neurons", columns=["neuron_id", "side", "refused"])
    rows = rows.filter(pc.equal(rows.column("side"), options.side))
    scored = rows.filter(pc.is_null(rows.column("refused"))).column("neuron_id").to_numpy().astype(np.int64)
    if asked is not None:
        wanted = np.unique(asked)
        return wanted[np.isin(wanted, scored)], dict.fromkeys(wanted[~np.isin(wanted, scored)].tolist(), REFUSED)
    if len(scored) <= options.neurons:
        return np.sort(scored), {}
    random = np.random.default_rng(options.seed)
    groups = [random.permutation(scored[(scored >= a) & (scored < a + s["width"])]) for a, s in _layers(run)]
    # one of each layer in turn, so that every layer has as many while it lasts
    longest = max(map(len, groups))
    turns = [group[turn] for turn in range(longest) for group in groups if turn < len(group)]
    return np.sort(np.array(turns[: options.neurons], dtype=np.int64)), {}


def base_loss(texts: Texts) -> NDArray[np.float64]:
    """Measure each text's loss as the network is; NaN without a head."""
    found = np.full(len(texts.lengths), np.nan)
    if texts.kind in (EMBEDDING, CLASS):
        return found
    for group in texts.groups(token_budget=4_096):
        found[group] = texts.losses(group)
    return found


class _Part(NamedTuple):
    """The neurons of one site and layer that are checked."""

    site: str
    layer: int
    width: int
    first: int
    neurons: NDArray[np.int64]
    """Their ids in the run."""


class _Check:
    """What the check of every layer needs."""

    def __init__(self, run: Run, texts: Texts, options: CauseOptions, loss: NDArray[np.float64]) -> None:
        self.run, self.texts, self.options, self.loss = run, texts, options, loss
        self.still = nearly_constant(run)

    def part(self, part: _Part, predicted: NDArray[np.float32], task: Task) -> pa.Table:
        """Check the neurons of one site and layer."""
        last = part.site == "hidden" and part.layer == self.texts.model.n_layers
        if last and self.texts.kind == EMBEDDING:
            task.advance(_n_pairs(len(part.neurons), self.options))
            return pa.Table.from_pylist([{"neuron_id": each, "refused": OUTPUT} for each in part.neurons.tolist()])
        columns = part.neurons - part.first
        alive = np.flatnonzero(~self.still[part.first : part.first + part.width])
        matches = [
            match_sentences(
                own,
                self.texts.usable,
                n_tokens=self.texts.lengths.astype(np.int64),
                loss=self.loss,
                n=self.options.n_sentences,
            )
            for own in predicted
        ]
        pairs, starts = _pairs(matches, columns, alive, seed=self.options.seed)
        rest = Rest(self.texts, part.site, part.layer)
        reference = references_of(self.texts, [rest.tap], to=self.options.to, seed=self.options.seed)[0]
        effects = effects_of_pairs(rest, pairs, reference=reference, task=task) if len(pairs.text) else {}
        rows = []
        for number, neuron in enumerate(part.neurons.tolist()):
            n = len(matches[number].matched)
            own = {
                name: values[starts[number] : starts[number] + 4 * n].reshape(4, n)
                for name, values in effects.items()
            }
            rows.append(
                {"neuron_id": neuron}
                | ({"refused": FEW} if starts[number] == starts[number + 1] else self._row(own))
            )
        return pa.Table.from_pylist(rows)

    def _row(self, effects: dict[str, NDArray[np.float32]]) -> dict[str, Any]:
        """Lay out one neuron's effects: rows own, random, own on controls, random on controls."""
        main = next(name for name in ("peak_kl", "distance", "kl") if name in effects)
        own, random, controls, random_controls = effects[main].astype(np.float64)
        seed, n = self.options.seed, self.options.n_permutations
        times, p = times_as_much(own, random, paired=True, n_permutations=n, seed=seed)
        specificity, p_controls = times_as_much(own, controls, paired=False, n_permutations=n, seed=seed)
        low, high = _interval_of_times(own, random, self.options)
        row: dict[str, Any] = {
            "n_sentences": len(own),
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
    texts, neurons, peaks, sizes = [], [], [], []
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
        peaks.append(np.full(4 * n, column))
        sizes.append(4 * n)
    starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    empty = np.empty(0, np.int64)
    joined = (np.concatenate(each) if each else empty for each in (texts, neurons, peaks))
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


SCHEMA = pa.schema(
    [
        ("neuron_id", pa.int32()),
        ("side", pa.string()),
        ("refused", pa.string()),
        ("verdict", pa.string()),
        ("n_sentences", pa.int32()),
        *(
            (name, pa.float64())
            for name in ("effect", "effect_random", "effect_controls", "effect_random_controls")
        ),
        *((name, pa.float64()) for name in ("times", "times_low", "times_high", "p", "q")),
        *((name, pa.float64()) for name in ("specificity", "p_controls", "q_controls")),
        *((name, pa.float64()) for name in ("loss", "loss_random", "sentence_loss", "sentence_loss_random")),
    ]
)


def _joined(parts: Sequence[pa.Table], refused: dict[int, str], *, side: str, least: float) -> pa.Table:
    """Put the layers together, and correct for testing so many neurons."""
    rows = [row for part in parts for row in part.to_pylist()]
    rows += [{"neuron_id": neuron, "refused": why} for neuron, why in refused.items()]
    rows.sort(key=lambda row: row["neuron_id"])
    for name in ("", "_controls"):
        p = np.array(
            [row.get(f"p{name}") if row.get(f"p{name}") is not None else np.nan for row in rows], np.float64
        )
        for row, q in zip(rows, corrected(p).tolist(), strict=True):
            row[f"q{name}"] = q if np.isfinite(q) else None
    for row in rows:
        row["verdict"] = _verdict(row, least=least)
    return pa.Table.from_pylist([row | {"side": side} for row in rows], schema=SCHEMA)
