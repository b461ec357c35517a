"""Write texts that activate a neuron more than any that was read.

Dims: P texts of the population, C children of each, L tokens, V tokens of the vocabulary.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from neurolect.errors import NeuronAddressError, OptionError
from neurolect.fidelity.score import load_model_of
from neurolect.folders.parts import Parts
from neurolect.interventions.changes import read_address
from neurolect.interventions.objective import Ids, Objective, Scored
from neurolect.interventions.options import DreamOptions
from neurolect.interventions.outcomes import EMBEDDING
from neurolect.interventions.resuming import tap_at
from neurolect.interventions.stops import parts_of
from neurolect.interventions.writing import run_of
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, Progress, Task
from neurolect.store import Run

SENTENCE, NGRAM, FRONT, FROM_RANDOM, RELAXED, CHANCE = (
    "best sentence", "best n-gram", "EPO", "EPO from random tokens", "Gumbel-softmax", "best of random tokens",
)  # fmt: skip
N_SENTENCES = 20
"""Strongest sentences of a run whose windows are tried."""
_ON_GPU = {"population": 8, "children": 32, "iterations": 300}
_ON_CPU = {"population": 4, "children": 16, "iterations": 60}
_LOWEST, _HIGHEST = 0.1, 10.0
"""Ends of the penalties on the loss, as published."""


_STATE = "state"
_MIXED = ("theta", "step", "exp_avg", "exp_avg_sq", "noise")
"""What is kept of mixtures over a stop: weights, Adam's state, the generator's."""


class _Searched(NamedTuple):
    """A search after a round."""

    n: int
    """Rounds."""
    population: list[Ids]
    random: dict[str, Any]
    """State of the generator."""
    seen: dict[Ids, Scored]
    """All texts that it scored."""


class Dreams(NamedTuple):
    """Texts that activate a neuron."""

    table: pa.Table
    """By ``how`` (in the order above), ``text``, ``activation``, ``z`` (standard deviations above the mean, of
    the run's sentences or of random texts), ``loss`` (nats a token, null where there is none), ``n_tokens``; of EPO
    a row for each text of the Pareto front."""

    facts: dict[str, Any]
    """``address``, ``side``, ``model``, ``outcome``, ``mean`` and ``std`` behind ``z``, ``of`` (what they are
    over), ``n_scored``, ``n_refused`` (of the tokens that texts were made of, those not read so),
    ``seconds``, ``stopped`` (by the time limit), ``gain`` (z of the best written text less
    that of the best sentence, or of the best random text)."""


class _Goal(NamedTuple):
    """What is maximised: z, upwards or downwards, less a penalty on the loss."""

    mean: float
    std: float
    sign: float

    def z(self, scored: Scored) -> float:
        return (scored.activation - self.mean) / self.std

    def value(self, scored: Scored, penalty: float) -> float:
        return self.sign * self.z(scored) - penalty * scored.loss


def dream(
    model: Model | Run | str | Path,
    neuron: str,
    *,
    options: DreamOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Dreams:
    """Write texts that maximise (or minimise) a neuron, more and less fluent ones, next to the best real ones.

    EPO changes one token at a time, guided by gradients, for a population of texts with different penalties on the
    loss under the model; of a run it starts from the windows of the strongest sentences. The Gumbel-softmax relaxes
    tokens to mixtures. Every text is scored as text: what a tokenizer would not read as the same tokens does not
    count.

    Parameters
    ----------
    model : Model, Run, str or Path
        A model, its name; or a run, whose model, pooling, sentences and moments are used.
    neuron : str
        An address, e.g. ``mlp.15.200``.
    options : DreamOptions, optional
        Length, population, iterations, time.
    model_options : ModelOptions, optional
        How a model that is named is loaded and its tokens are pooled.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Dreams
        Texts with activation and loss, and what they are compared with.

    Raises
    ------
    NeuronAddressError
        If there is no such neuron.
    OptionError
        If the texts would be longer than the model takes.
    ModelError
        If its site cannot be set, or the model is a classifier.

    References
    ----------
    Thompson, Straznickas, Rumbelow (2024), Fluent Dreaming for Language Models, arXiv 2402.01702. Differs from it:
    z for the activation, and at a restart all texts are the best by the penalty that was drawn. Poerner, Roth,
    Schuetze (2018), Interpretable Textual Neuron Representations for NLP, arXiv 1809.07291.

    Examples
    --------
    >>> dream("my-run", "hidden.6.200")  # doctest: +SKIP
    """
    options, progress, began = options or DreamOptions(), progress or NullProgress(), time.monotonic()
    run, loaded_here = run_of(model), not isinstance(model, Model)
    with progress.step("load the model"):
        if run is not None:
            loaded = load_model_of(run, device=device, load=load_with_head)
        elif isinstance(model, Model):
            loaded = model
        else:
            loaded = load_with_head(str(model), options=model_options, device=device)
    site, layer, own = read_address(neuron)
    tap = tap_at(loaded, site, layer)
    if own is None or len(own) != 1 or own[0] >= tap.place.width:
        what = f"{neuron!r} is not one neuron of the model."
        raise NeuronAddressError(what, expected=f"one of {site}.{layer}.0 to {site}.{layer}.{tap.place.width - 1}")
    if options.tokens + 8 > loaded.max_tokens:
        what = f"Texts of {options.tokens:,} tokens were asked for, and the model reads {loaded.max_tokens:,}."
        raise OptionError(what, expected=f"at most {loaded.max_tokens - 8:,}")
    objective = Objective(loaded, tap, int(own[0]))
    n_iterations = _size(options, "iterations", objective)
    plain = {**asdict(options), "max_seconds": None}
    sizes = [_size(options, each, objective) for each in _ON_CPU]
    of_run = None if run is None else run.manifest["stages"]["collect"]["id"]
    total = (1 if run is None else 2) * n_iterations + options.gumbel_steps
    with (
        parts_of("dream", loaded, loaded=loaded_here, rests_on=[neuron, plain, sizes, of_run]) as parts,
        progress.task("dream", total=total, unit="steps") as task,
    ):
        work = _Work(objective, options, run, neuron, task, parts, began)
        rows = work.all(n_iterations)
        parts.more = work.stopped
    return Dreams(pa.Table.from_pylist(rows, schema=_SCHEMA), work.facts(rows) | {"address": neuron})


_SCHEMA = pa.schema(
    [
        ("how", pa.string()),
        ("text", pa.string()),
        *((name, pa.float64()) for name in ("activation", "z", "loss")),
        ("n_tokens", pa.int64()),
    ]
)


def _size(options: DreamOptions, name: str, objective: Objective) -> int:
    """Give a size as set, or the published one on a GPU and a small one on a CPU."""
    given: int | None = getattr(options, name)
    known = _ON_GPU if objective.model.device.type == "cuda" else _ON_CPU
    return known[name] if given is None else given


class _Work:
    """Everything that is written for one neuron."""

    def __init__(
        self,
        objective: Objective,
        options: DreamOptions,
        run: Run | None,
        address: str,
        task: Task,
        parts: Parts,
        began: float,
    ) -> None:
        self.objective, self.options, self.run, self.task, self.parts = objective, options, run, task, parts
        self.random = np.random.default_rng(options.seed)
        self.stopped = False
        self._until = None if options.max_seconds is None else began + options.max_seconds
        self._began, self._address = began, address
        self.allowed = _allowed(objective)
        self._searched: dict[str, _Searched] = {}
        self._mixed: dict[str, NDArray[Any]] = {}
        self.by_chance = self.readable(64)
        self.recall()
        if run is None:
            values = [each.activation for each in self.scored(self.by_chance)]
            moments = (float(np.mean(values)), float(np.std(values)))
        else:
            row = run.neuron(address).row
            moments = (row["mean"], row["std"])
        self.goal = _Goal(moments[0], max(moments[1], 1e-12), 1.0 if options.side == "top" else -1.0)

    def all(self, n_iterations: int) -> list[dict[str, Any]]:
        """Write and score, and say what it is compared with."""
        with self.parts.growing(_STATE, self.state) as self.grown:
            sentences, windows = self.real()
            rows = [*self.best(SENTENCE, sentences), *self.best(NGRAM, windows)]
            starts = sorted(windows, key=lambda each: -self.goal.value(each, 0.0)) or self.scored(self.by_chance)
            size = _size(self.options, "population", self.objective)
            front = self.search(FRONT, [each.ids for each in starts[:size]], n_iterations)
            rows += [self.row(FRONT, each) for each in front]
            if windows:
                again = self.search(FROM_RANDOM, self.by_chance[:size], n_iterations)
                rows += self.best(FROM_RANDOM, again)
            mixed = self.relaxed()
        # what is read of mixtures that are not finished is no part of what is kept
        rows += self.best(RELAXED, self.scored(mixed))
        return [*rows, *self.best(CHANCE, self.scored(self.by_chance))]

    def state(self) -> dict[str, NDArray[Any]] | None:
        """Give what a stop leaves: texts as scored, each search after its last round, the mixtures."""
        known, n = self.objective.to_arrays(), self.options.tokens
        if not len(known["ids"]):
            return None
        seen = {how: np.array(list(each.seen), np.int64).reshape(-1, n) for how, each in self._searched.items()}
        rounds = {
            how: {"n": each.n, "population": each.population, "random": each.random}
            for how, each in self._searched.items()
        }
        found = {f"seen {how}": each for how, each in seen.items()} | {"rounds": np.array(json.dumps(rounds))}
        return known | found | self._mixed

    def recall(self) -> None:
        """Take what a stop left."""
        kept = self.parts.read(_STATE)
        if kept is None:
            return
        self.objective.from_arrays(kept)
        for how, each in json.loads(str(kept["rounds"])).items():
            population, seen = (
                [tuple(ids) for ids in own] for own in (each["population"], kept[f"seen {how}"].tolist())
            )
            scored = zip(seen, self.objective.score(seen), strict=True)
            found = {ids: one for ids, one in scored if one is not None}
            self._searched[how] = _Searched(each["n"], population, each["random"], found)
        self._mixed = {name: kept[name] for name in _MIXED if name in kept}

    def row(self, how: str, scored: Scored) -> dict[str, Any]:
        """Lay one text out."""
        loss = scored.loss or None  # 0 where there is none
        numbers = {"activation": scored.activation, "z": self.goal.z(scored), "loss": loss}
        return {"how": how, "text": scored.text, **numbers, "n_tokens": len(scored.ids)}

    def best(self, how: str, found: Sequence[Scored]) -> list[dict[str, Any]]:
        """Lay the strongest text out, whatever its loss."""
        if not found:
            return []
        return [self.row(how, max(found, key=lambda each: self.goal.value(each, 0.0)))]

    def facts(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Say on what it rests."""
        of = {
            how: [row["z"] for row in rows if row["how"] == how]
            for how in (SENTENCE, CHANCE, FRONT, FROM_RANDOM, RELAXED)
        }
        written = [each for how in (FRONT, FROM_RANDOM, RELAXED) for each in of[how]]
        real = (of[SENTENCE] or of[CHANCE])[0]
        sign = self.goal.sign
        known = {"side": self.options.side, "model": self.objective.model.name, "outcome": self.objective.kind}
        known |= {"of": "random texts" if self.run is None else "the run's sentences"}
        numbers = {
            "mean": self.goal.mean,
            "std": self.goal.std,
            "gain": max(sign * each for each in written) - sign * real,
        }
        seconds = time.monotonic() - self._began
        numbers |= {"n_scored": self.objective.n_scored, "n_refused": self.objective.n_refused}
        return known | numbers | {"seconds": seconds, "stopped": self.stopped}

    def scored(self, rows: Sequence[Ids]) -> list[Scored]:
        """Score texts and leave out those that are read as other tokens."""
        return [each for each in self.objective.score(rows) if each is not None]

    def readable(self, n: int) -> list[Ids]:
        """Draw random texts that are read as the tokens drawn."""
        found: list[Ids] = []
        for _ in range(200 if len(self.allowed) else 0):
            drawn = self.random.choice(self.allowed, (n, self.options.tokens)).tolist()
            rows = [tuple(each) for each in drawn]
            found += [ids for ids, ok in zip(rows, self.objective.readable(rows).tolist(), strict=True) if ok]
            if len(found) >= n:
                return found[:n]
        if not found:
            name = self.objective.model.name
            what = f"No random text of {self.options.tokens} tokens is read as the same tokens by {name!r}."
            raise OptionError(what, expected="a tokenizer that reads what it writes", hint="--set dream.tokens=6")
        return found

    def real(self) -> tuple[list[Scored], list[Scored]]:
        """Score the run's strongest sentences, and all windows of them of the length asked for."""
        if self.run is None:
            return [], []
        listed = self.run.neuron(self._address).list(self.options.side, limit=N_SENTENCES)
        texts = listed.column("text").to_pylist()
        kept = self.parts.made("sentences", lambda: {"all": np.array(json.dumps(self.objective.measure(texts)))})
        sentences = [Scored(tuple(ids), *rest) for ids, *rest in json.loads(str(kept["all"]))]
        n = self.options.tokens
        windows = [each.ids[start : start + n] for each in sentences for start in range(len(each.ids) - n + 1)]
        return sentences, self.scored(windows)

    def over(self) -> bool:
        """Say whether the time is up."""
        self.stopped = self.stopped or (self._until is not None and time.monotonic() >= self._until)
        return self.stopped

    def search(self, how: str, starts: Sequence[Ids], n_iterations: int) -> list[Scored]:
        """Run EPO; give the Pareto front of all texts scored, the strongest first."""
        size = _size(self.options, "population", self.objective)
        penalties = np.geomspace(_LOWEST, _HIGHEST, size).tolist() if size > 1 else [_LOWEST]
        if self.objective.kind == EMBEDDING:
            penalties = [0.0] * size
        population = [starts[number % len(starts)] for number in range(size)]
        seen: dict[Ids, Scored] = {each.ids: each for each in self.scored(population)}
        n = 0
        if (before := self._searched.get(how)) is not None:
            n, population, seen = before.n, before.population, before.seen
            self.random.bit_generator.state = before.random
            self.task.resume(n)
        while n < n_iterations and not self.over():
            children = self.children(population, penalties)
            seen |= {each.ids: each for each in self.scored(children)}
            known = [seen[ids] for ids in dict.fromkeys([*population, *children]) if ids in seen]
            population, n = self.chosen(known, penalties), n + 1
            if n % self.options.restart == 0 and n < n_iterations and size > 1:
                drawn = float(self.random.choice(penalties))
                population = [max(known, key=_by(self.goal, drawn)).ids] * size
            self._searched[how] = _Searched(n, population, dict(self.random.bit_generator.state), seen)
            self.grown()
            self.task.advance()
        return _front(list(seen.values()), self.goal)

    def chosen(self, known: Sequence[Scored], penalties: Sequence[float]) -> list[Ids]:
        """Choose for each penalty the best text."""
        if self.objective.kind == EMBEDDING:  # one goal: the first of all, not one text many times
            ranked = sorted(known, key=lambda each: -self.goal.value(each, 0.0))
            return [ranked[place % len(ranked)].ids for place in range(len(penalties))]
        return [max(known, key=_by(self.goal, penalty)).ids for penalty in penalties]

    def children(self, population: Sequence[Ids], penalties: Sequence[float]) -> list[Ids]:
        """Change one token of each text, many times: a random place, one of the tokens best by gradient."""
        gradients = self.objective.gradients(population)
        n = _size(self.options, "children", self.objective)
        allowed = torch.from_numpy(self.allowed).to(gradients.activation.device)
        made = []
        for row, (ids, penalty) in enumerate(zip(population, penalties, strict=True)):
            better = self.goal.sign * gradients.activation[row] / self.goal.std - penalty * gradients.loss[row]
            n_best = min(self.options.candidates, len(allowed))
            best = better[:, allowed].topk(n_best, dim=1).indices.cpu().numpy()
            places = self.random.integers(0, len(ids), n)
            chosen = self.allowed[best[places, self.random.integers(0, best.shape[1], n)]]
            made += [
                (*ids[:place], token, *ids[place + 1 :])
                for place, token in zip(places.tolist(), chosen.tolist(), strict=True)
            ]
        return made

    def relaxed(self) -> list[Ids]:
        """Optimise mixtures of tokens, the temperature falling, and take the first token at each place."""
        if not self.options.gumbel_steps or (self.over() and not self._mixed):
            return []  # what no step was taken for would be random tokens
        n, options = self.options.gumbel_restarts, self.options
        device = self.objective.model.device
        generator = torch.Generator().manual_seed(options.seed)
        shape = (n, options.tokens, len(self.allowed))
        theta = torch.randn(shape, generator=generator).mul_(0.1).to(device).requires_grad_()
        adam = torch.optim.Adam([theta], lr=options.gumbel_rate)
        n_done = self._restore(theta, adam, generator)
        width = self.objective.table.shape[0]
        columns = torch.from_numpy(self.allowed).to(device)
        around = (self.by_chance * n)[:n]
        for number in range(n_done, options.gumbel_steps):
            if self.over():
                break
            temperature = 0.1 ** (number / max(options.gumbel_steps - 1, 1))
            noise = -torch.empty(shape).exponential_(generator=generator).log().to(device)
            mixture = torch.zeros(*shape[:2], width, device=device)
            weights = mixture.index_copy(2, columns, ((theta + noise) / temperature).softmax(-1))
            loss = -self.goal.sign * self.objective.mixed(weights, around).sum() / self.goal.std
            adam.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            adam.step()
            own = [theta.detach(), *(adam.state[theta][each] for each in _MIXED[1:4])]
            tensors = [*(each.cpu().clone() for each in own), generator.get_state()]
            self._mixed = {name: each.numpy() for name, each in zip(_MIXED, tensors, strict=True)}
            self.grown()
            self.task.advance()
        hard = self.allowed[theta.detach().argmax(-1).cpu().numpy()].tolist()
        return [tuple(each) for each in hard]

    def _restore(self, theta: Tensor, adam: torch.optim.Adam, generator: torch.Generator) -> int:
        """Put mixtures back as a stop left them; give the steps taken."""
        if not self._mixed:
            return 0
        own, *state, random = (torch.from_numpy(self._mixed[name]) for name in _MIXED)
        with torch.no_grad():
            theta.copy_(own)
        places = [torch.device("cpu"), theta.device, theta.device]  # Adam counts on the processor
        adam.state[theta] = {name: each.to(at) for name, each, at in zip(_MIXED[1:4], state, places, strict=True)}
        generator.set_state(random)
        n_done = int(state[0])
        self.task.resume(n_done)
        return n_done


def _by(goal: _Goal, penalty: float) -> Callable[[Scored], float]:
    return lambda each: goal.value(each, penalty)


def _front(found: Sequence[Scored], goal: _Goal) -> list[Scored]:
    """Keep the texts that no other one beats in both activation and loss, the strongest first."""
    kept: list[Scored] = []
    for each in sorted(found, key=lambda each: (-goal.value(each, 0.0), each.loss, each.ids)):
        if not kept or each.loss < kept[-1].loss:
            kept.append(each)
    return kept


def _allowed(objective: Objective) -> NDArray[np.int64]:
    """Give the tokens that texts may be written with: those that are text by themselves."""
    model: Any = objective.model
    usable = np.setdiff1d(model.usable_words, np.array(sorted(objective.special), np.int64))
    texts = model.tokenizer.batch_decode([[each] for each in usable.tolist()])
    return usable[[bool(text.strip()) and "\ufffd" not in text and text.isprintable() for text in texts]]
