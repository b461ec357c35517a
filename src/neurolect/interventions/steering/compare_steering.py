"""Steer a model to a concept by neurons, next to a direction, a prompt, random neurons and nothing."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.errors import ModelError, OptionError, RunFolderError
from neurolect.folders.atomic import write_json, write_table
from neurolect.folders.formats import neurolect_version
from neurolect.folders.lock import only_here
from neurolect.interventions.changes import read_address
from neurolect.interventions.editing import edit
from neurolect.interventions.outcomes import MASKED, NEXT, kind_of
from neurolect.interventions.steering.concept_texts import ConceptTexts, read_concept
from neurolect.interventions.steering.experts import Experts, To, rank_experts, ranked_addresses, read_to
from neurolect.interventions.steering.held_out_texts import HeldOutTexts
from neurolect.interventions.steering.mean_direction import Direction, mean_direction
from neurolect.interventions.steering.options import SteerOptions
from neurolect.interventions.steering.settings import Setting, check_sizes, settings_of
from neurolect.interventions.steering.summary import (
    OF_PROMPTS,
    Outcome,
    as_lists,
    as_numbers,
    chosen_of,
    merged,
    rows_of,
)
from neurolect.interventions.steering.text_judge import TextJudge, WordList, fit_words
from neurolect.interventions.steering.written_texts import PROMPTS, Writer, distinct_pairs
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, Progress
from neurolect.results.table import write_ranking

logger = logging.getLogger(__name__)
_FACTS, _KEY, _PARTS = "steering.json", "inputs.json", "parts"
_NEEDS = {NEXT: True, MASKED: False}
"""Kinds of heads that can be steered, and whether they write."""


_OF_ALL = ("top", "strengths", "draws", "fluent", "n_bootstrap", "interval")
"""Options that say which settings there are and how they are summarised: a folder may be given others."""


class Steering(NamedTuple):
    """What steering did."""

    table: pa.Table
    """A row a setting: ``method``, ``n_neurons``, ``strength``; of written texts ``concept`` (mean probability),
    ``loss`` (nats a token, of the plain network), ``distinct`` (distinct-2), ``same`` (share of texts that no edit
    changed) and ``more`` (concept less that of plain texts); of held-out texts ``preference`` (by how many nats a
    token texts with the concept gain more log-probability than those without) and ``kl`` (nats a token); all with
    ``_low`` and ``_high``."""
    texts: pa.Table
    """A row a written text: the setting, ``draw``, ``prompt``, ``text`` and its numbers."""
    facts: dict[str, Any]
    """``chosen``: each method's best fluent setting, by every second prompt, and what it does on the others;
    ``judge``: how good the classifier is; ``direction``: its layer; ``n_experts``, ``notices``, ``model``, ..."""


def steer(
    model: Model | str,
    *,
    concept: str | Path,
    label: str,
    out: str | Path,
    ranking: pa.Table | str | Path | None = None,
    prompts: Sequence[str] | str | Path | None = None,
    options: SteerOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Steering:
    """Set the first neurons of a ranking while a model writes, and measure how far that is of a concept.

    Next to it, always: the mean-difference direction added at the layer that is best on other texts, a plain
    prompt, random neurons of the same layers, and no edit. Written texts are judged by a classifier of bags of
    words that was fitted on texts no neuron was ranked on, or by a list of words; held-out texts by their
    log-probability. A model of masked tokens writes nothing, so only its log-probabilities are measured.

    Parameters
    ----------
    model : Model or str
        A decoder with its head, or an encoder of masked tokens; or its name.
    concept : str or Path
        A corpus folder, or a file of texts with a class each.
    label : str
        ``COLUMN=VALUE``: which of the texts have the concept.
    out : str or Path
        The folder to write, or to resume.
    ranking : pyarrow.Table, str or Path, optional
        Of the model's neurons, or its Parquet file; by average precision on a part of the texts when not given
        (expert units).
    prompts : sequence of str, str or Path, optional
        Beginnings to write after, or a file with one a line; 24 that say little when not given.
    options : SteerOptions, optional
        What neurons are set to, how many, how far, on how many texts.
    model_options : ModelOptions, optional
        How a model that is named is loaded; ``steer.sites`` are read, by their maximum over a sentence.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Steering
        Table, texts and facts, as written.

    Raises
    ------
    OptionError
        If texts of a class are too few, there is no prompt, the ranking names neurons that the model does not have,
        or more are asked for than there are.
    ModelError
        If the model predicts no tokens.
    RunFolderError
        If the folder holds something else.

    References
    ----------
    X. Suau, L. Zappella, N. Apostoloff (2020), Finding experts in transformer models, arXiv 2005.07647; the same
    (2022), Self-conditioning pre-trained language models, ICML. Z. Wu et al. (2025), AxBench, arXiv 2501.17148: the
    baselines.

    Examples
    --------
    >>> steer("smollm2", concept="corpus", label="domain=recipe", out="steered")  # doctest: +SKIP
    """
    options, progress, folder = options or SteerOptions(), progress or NullProgress(), Path(out)
    to, asked = read_to(options.set_to), prompts_of(prompts)
    _check_folder(folder)
    texts = read_concept(concept, label, options=options)
    given, known = (None, ()) if ranking is None else ranked_addresses(ranking, max(options.top))
    if isinstance(model, str):
        sites = options.sites if given is None else tuple(dict.fromkeys(read_address(each)[0] for each in given))
        wanted = replace(model_options or ModelOptions(), sites=sites, pooling="max")
        with progress.step("load the model"):
            model = load_with_head(model, options=wanted, device=device)
    writes = _NEEDS.get(kind_of(model))
    if writes is None:
        what = f"{model.name!r} gives {'classes' if kind_of(model) == 'class' else 'an embedding'}, no tokens."
        raise ModelError(what, expected="a decoder, or an encoder with its head for masked tokens")
    check_sizes(options, n_neurons=model.neurons.n_neurons)
    work = _Work(model, texts, asked if writes else (), options, to)
    if known and model.fingerprint and model.fingerprint not in known:
        work.notices.append(
            f"The ranking is of another model's neurons ({', '.join(known)}; this is {model.fingerprint})."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with only_here(folder, doing="steering"):
        _check_key(folder, _key_of(work, given))
        return work.all(folder, given, progress)


def prompts_of(prompts: Sequence[str] | str | Path | None) -> tuple[str, ...]:
    """Read prompts: given, a file with one a line, or those of the package."""
    if prompts is None:
        return PROMPTS
    where = "the prompts given"
    if isinstance(prompts, str | Path):
        where = str(prompts)
        try:
            prompts = Path(prompts).read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            what = f"{where} cannot be read: {getattr(error, 'strerror', None) or error}."
            raise OptionError(what, expected="a text file in UTF-8, a prompt a line") from error
    found = tuple(each.strip() for each in prompts if each.strip())
    if not found:
        what = f"There is no prompt in {where}."
        raise OptionError(what, expected="a prompt a line", hint="Leave --prompt out for 24 that say little.")
    return found


def _check_folder(folder: Path) -> None:
    """Refuse a place where something else is."""
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / _KEY).is_file()):
        what = f"{folder} is there already and holds no steering; nothing is overwritten."
        raise RunFolderError(what, expected="a folder that is not there yet", hint="Give another --out.")


def _key_of(work: "_Work", given: Sequence[str] | None) -> dict[str, Any]:
    """Give all that what one setting does depends on."""
    own = {name: value for name, value in asdict(work.options).items() if name not in _OF_ALL}
    order = None if given is None else hashlib.blake2b("\n".join(given).encode(), digest_size=8).hexdigest()
    made = {"options": own, "texts": work.texts.content, "prompts": list(work.prompts)}
    model = {"model": work.model.fingerprint, "name": work.model.name, "pooling": work.model.options.pooling}
    return json.loads(json.dumps(made | model | {"ranking": order, "neurolect": neurolect_version()}))  # type: ignore[no-any-return]


def _check_key(folder: Path, key: dict[str, Any]) -> None:
    """Resume what is of the same inputs; refuse others."""
    path = folder / _KEY
    if path.is_file():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before != key:
            odd = ", ".join(name for name in key if before.get(name) != key[name])
            what = f"{folder} holds steering by other inputs ({odd})."
            raise RunFolderError(what, expected="the same command to resume it", hint="Give another --out.")
    write_json(path, key)


class _Work:
    """All that is measured of one model and concept."""

    def __init__(
        self, model: Model, texts: ConceptTexts, prompts: Sequence[str], options: SteerOptions, to: To
    ) -> None:
        self.model, self.texts, self.options, self.to = model, texts, options, to
        self.prompts = tuple(prompts)
        self.prefix = f"Write about {texts.value}." if options.prefix is None else options.prefix
        self.notices = list(texts.notices)
        self.judge: TextJudge = WordList(options.words) if options.words else fit_words(texts.parts["judge"])
        self.writer = Writer(model, prompts, options=options) if prompts else None

    def all(self, folder: Path, given: Sequence[str] | None, progress: Progress) -> Steering:
        """Rank, choose the layer, run every setting, and write what comes out."""
        parts = self.texts.parts
        with progress.task("rank neurons", total=len(parts["rank"].texts), unit="sentences") as task:
            experts = rank_experts(self.model, parts["rank"], given=given)
            task.advance(len(parts["rank"].texts))
        write_ranking(
            experts.table(self.model, concept=f"{self.texts.field}={self.texts.value}"), folder / "ranking.parquet"
        )
        with progress.task("choose a layer", unit="passes") as task:
            dev = self._held_out("dev")
            direction = mean_direction(self.model, parts["rank"], parts["dev"], dev, task=task)
        prefix = self.prefix + "\n"
        settings = settings_of(experts, direction, self.to, prefix=prefix, options=self.options)
        held_out, found = self._held_out("test"), list[dict[str, Any]]()
        with progress.task("steer", total=len(settings), unit="settings") as task:
            for setting in settings:
                path = folder / _PARTS / f"{setting.name}.json"
                if not path.is_file():
                    write_json(path, self._measured(setting, held_out))
                found.append(json.loads(path.read_text(encoding="utf-8")))
                task.advance()
        return self._written(folder, settings, found, experts, direction)

    def _held_out(self, part: str) -> HeldOutTexts:
        return HeldOutTexts(
            self.model, self.texts.parts[part].texts, max_tokens=self.options.text_tokens, seed=self.options.seed
        )

    def _measured(self, setting: Setting, held_out: HeldOutTexts) -> dict[str, Any]:
        """Run one setting; where the network gives NaN, say so and go on."""
        try:
            return self._run(setting, held_out)
        except ModelError as error:
            if "NaN" not in error.what:
                raise
            return {"failed": error.what}

    def _run(self, setting: Setting, held_out: HeldOutTexts) -> dict[str, Any]:
        prefix: list[int] = []
        if setting.prefix:
            tokenizer: Any = self.model.tokenizer
            prefix = list(tokenizer(setting.prefix, add_special_tokens=False)["input_ids"])
        measured = held_out.measure(partial(edit, self.model, setting.changes), prefix=prefix)
        made: dict[str, Any] = as_lists({"gain": measured.gain, "kl": measured.kl})
        if self.writer is None:
            return made
        written = self.writer.write(setting.changes, prefix=setting.prefix)
        numbers = {
            "concept": self.judge.probabilities(written.texts),
            "loss": self.writer.losses(written),
            "distinct": np.array([distinct_pairs(each) for each in written.ids]),
        }
        return made | {"texts": written.texts} | as_lists(numbers)

    def _written(
        self,
        folder: Path,
        settings: Sequence[Setting],
        found: Sequence[dict[str, Any]],
        experts: Experts,
        direction: Direction,
    ) -> Steering:
        """Put everything together."""
        failed = {each.name: own["failed"] for each, own in zip(settings, found, strict=True) if "failed" in own}
        there = [(each, own) for each, own in zip(settings, found, strict=True) if "failed" not in own]
        plain = there[0][1].get("texts")
        outcomes = merged([_outcome(each, own, plain, self.options.samples) for each, own in there])
        rows = rows_of(outcomes, self.texts.parts["test"].is_of, self.options)
        made = Steering(
            pa.Table.from_pylist(rows),
            pa.Table.from_pylist(self._texts(there), schema=_TEXTS),
            self._facts(experts, direction) | {"chosen": chosen_of(outcomes, self.options), "failed": failed},
        )
        write_table(folder / "settings.parquet", made.table)
        write_table(folder / "texts.parquet", made.texts)
        write_json(folder / _FACTS, made.facts | {"rows": rows})
        return made

    def _texts(self, there: Sequence[tuple[Setting, dict[str, Any]]]) -> list[dict[str, Any]]:
        prompts = self.writer.prompts if self.writer else []
        names = ("concept", "loss", "distinct")
        return [
            {"method": each.method, "n_neurons": each.n_neurons, "strength": each.strength, "draw": each.draw}
            | {"prompt": prompt, "text": text}
            | {name: own[name][place] for name in names}
            for each, own in there
            for place, (prompt, text) in enumerate(zip(prompts, own.get("texts", []), strict=True))
        ]

    def _facts(self, experts: Experts, direction: Direction) -> dict[str, Any]:
        parts, precision = self.texts.parts, experts.precision
        others = [parts[name] for name in ("rank", "dev", "test")]  # what the classifier was not fitted on
        right = np.concatenate([(self.judge.probabilities(each.texts) > 0.5) == each.is_of for each in others])
        known = {
            "model": self.model.name,
            "outcome": kind_of(self.model),
            "concept": f"{self.texts.field}={self.texts.value}",
            "to": self.options.set_to,
            "prefix": self.prefix,
            "n_prompts": len(self.prompts),
            "n_texts": {name: len(part.texts) for name, part in parts.items()},
            "notices": self.notices,
        }
        judge = {
            "how": "words" if self.options.words else "classifier",
            "accuracy": float(right.mean()),
            "empty": float(self.judge.probabilities([""])[0]),
        }
        first = [experts.addresses[each] for each in experts.order[:10].tolist()]
        counts = {f"{at:g}": int((precision > at).sum()) for at in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)}
        neurons = {"n_neurons": len(precision), "n_experts": counts, "base_rate": experts.base_rate, "first": first}
        gains = {str(layer): gain for layer, gain in direction.gains.items() if np.isfinite(gain)}
        return known | neurons | {"judge": judge, "direction": {"layer": direction.layer, "gains": gains}}


_TEXTS = pa.schema(
    [
        ("method", pa.string()),
        ("n_neurons", pa.int64()),
        ("strength", pa.float64()),
        ("draw", pa.int64()),
        ("prompt", pa.string()),
        ("text", pa.string()),
        *((name, pa.float64()) for name in ("concept", "loss", "distinct")),
    ]
)


def _outcome(setting: Setting, own: dict[str, Any], plain: list[str] | None, samples: int) -> Outcome:
    """Read what was measured of a setting; samples of one prompt are averaged."""
    of_prompt: dict[str, NDArray[np.float64]] = {}
    if plain is not None:
        same = [float(one == other) for one, other in zip(own["texts"], plain, strict=True)]
        numbers = {name: as_numbers(own[name]) for name in OF_PROMPTS if name in own} | {"same": np.array(same)}
        of_prompt = {name: each.reshape(-1, samples).mean(1) for name, each in numbers.items()}
    gain, kl = (as_numbers(own[name]) for name in ("gain", "kl"))
    return Outcome(setting.method, setting.n_neurons, setting.strength, of_prompt, gain, kl)
