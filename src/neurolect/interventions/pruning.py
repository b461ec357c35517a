"""Cut mlp neurons out of a network, so that plain Hugging Face loads a smaller one.

Dims: B sentences of a call, L tokens of each, W neurons of a layer's mlp, K of them kept.
"""

import copy
import dataclasses
import hashlib
import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import filterfalse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurolect.errors import ModelError, OptionError
from neurolect.folders.atomic import is_leftover
from neurolect.folders.formats import VARIANT, format_of
from neurolect.folders.parts import Parts, digest_of
from neurolect.folders.variant_record import check_files, read_record
from neurolect.interventions.ablation import foreign, interval_of, mean_of
from neurolect.interventions.changes import read_address
from neurolect.interventions.measured_texts import measured_texts
from neurolect.interventions.options import EditOptions
from neurolect.interventions.outcomes import UNITS, Texts, kind_of
from neurolect.interventions.resuming import tap_at
from neurolect.interventions.stops import digest_of_texts, parts_of
from neurolect.model.architecture.structure import find_blocks, watch_linears
from neurolect.model.architecture.taps import Tap, listen, write
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, Progress, Task
from neurolect.results.table import provenance, read_ranking
from neurolect.variants.folder import check_free, new_folder, save_model, write_record

ACROSS = ("layer", "model")
"""Whether every layer keeps as many, or those of the whole model compete."""
_WIDTHS = ("intermediate_size", "ffn_dim", "n_inner", "hidden_dim", "d_ff", "ffn_hidden_size", "inner_dim")
"""What configurations call the width of the mlp."""
_ROUNDS = 5
"""Runs of both networks behind the ratio of their speeds."""
_RANDOM = 5
"""Random rankings at most."""
_TOKENS = 4_096
_CLOSE = 1e-4
"""How far results may differ from those of the network with the neurons set to 0, of the largest, in float32."""


class Pruned(NamedTuple):
    """What was cut, and what that changed."""

    table: pa.Table
    """A row a share kept: ``keep``, ``n_kept`` of ``n_neurons``, ``change`` (of the loss, or a distance) with its
    interval ``low`` and ``high``, ``wanda``, ``random`` and ``random_low``, ``random_high`` (the same cut by
    other rankings), ``share_bytes`` of the weights left, ``speed`` (of the whole network's; median, ``speed_low``,
    ``speed_high``), ``folder``."""

    facts: dict[str, Any]
    """``outcome``, ``unit``, ``plain_loss`` (null without one), ``n_texts``, ``n_calibration``, ``ranking``,
    ``across``, ``model``, ``n_random``, ``notices``."""


class Cut(NamedTuple):
    """What is measured of a network, and what is kept of it."""

    model: Model
    taps: list[Tap]
    """The mlp site of every block."""
    texts: Texts
    rows: list[NDArray[np.int64]]
    """Groups of texts that changes are measured on."""
    plain: list[Tensor]
    """Of each group the losses of the whole network, or what it gives where there is no loss."""

    @property
    def widths(self) -> list[int]:
        """Count the neurons of every block."""
        return [tap.place.width for tap in self.taps]


Kept = list[NDArray[np.int64]]
"""By block, which neurons are kept, ascending."""


def prune(
    model: Model | str,
    ranking: pa.Table | str | Path | None = None,
    *,
    keep: Sequence[float],
    on: Sequence[str] | str | Path,
    out: str | Path,
    across: str = "layer",
    options: EditOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> Pruned:
    """Keep the first mlp neurons of a ranking, cut the others out of the matrices, and save what is left.

    The same number of every layer is kept, so that ``from_pretrained`` loads a smaller, faster network. With
    ``across="model"`` the neurons of all layers compete; no configuration says that, so the folder holds the full
    shapes with zeros, and nothing is gained in speed.

    Parameters
    ----------
    model : Model or str
        A model whose mlp neurons can be set, with the head to measure by; or its name, and the head it was trained
        with is used.
    ranking : pyarrow.Table, str or Path, optional
        Of mlp neurons, the most important first; or its Parquet file. Wanda's score on a half of the texts when not
        given.
    keep : sequence of float, 0 < keep < 1
        Shares of the neurons that are kept: a folder each.
    on : sequence of str, str or Path
        Texts to measure on (half of them, the other half for Wanda); a corpus folder; or files.
    out : str or Path
        The folder to make; with several shares a folder of folders.
    across : str
        ``layer`` or ``model``.
    options : EditOptions, optional
        How many texts, random rankings (``controls``), seed, interval.
    model_options : ModelOptions, optional
        How a model that is named is loaded.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    Pruned
        A row for each share, next to Wanda's and random rankings at the same share.

    Raises
    ------
    OptionError
        If a share is out of its range, or the ranking has too few neurons of a layer, or of another site.
    ModelError
        If the network has no mlp site, or cannot be cut: what is left is compared with the whole one, its neurons
        set to 0.
    VariantError
        If ``out`` is taken. Of several shares those that the same call made before it was stopped are kept.

    References
    ----------
    Sun, Liu, Bair, Kolter (2024), A Simple and Effective Pruning Approach for Large Language Models (Wanda: here
    summed over the weights of a neuron's output).

    Examples
    --------
    >>> prune("smollm2", "ranking.parquet", keep=[0.9, 0.5], on="corpus", out="pruned")  # doctest: +SKIP
    """
    options, progress, folder = options or EditOptions(), progress or NullProgress(), Path(out)
    _check(keep, across)
    folders = [folder / f"keep-{share:g}" if len(keep) > 1 else folder for share in keep]
    _check_places(folder, folders)
    name = model if isinstance(model, str) else model.name
    loaded = isinstance(model, str)
    if isinstance(model, str):
        with progress.step("load the model"):
            model = load_with_head(model, options=model_options, device=device)
    kind_of(model)  # refuses an encoder-decoder's decoder
    taps = [tap_at(model, "mlp", layer) for layer in range(1, model.n_layers + 1)]
    given = None if ranking is None else _order(ranking, taps)
    texts = measured_texts(model, on, options=replace(options, texts=2 * options.texts)).texts
    groups = texts.groups(token_budget=_TOKENS)
    measured, calibration = ([own for each in groups if len(own := each[each % 2 == odd])] for odd in (1, 0))
    if not measured or not calibration:
        what = f"One half of the {int(texts.usable.sum()):,} texts has nothing to measure on."
        raise OptionError(what, expected="two texts at least; many more to tell anything")
    cut = Cut(model, taps, texts, measured, [_plain(texts, rows) for rows in measured])
    n_random = min(options.controls, _RANDOM)
    by = "wanda" if ranking is None else provenance(_table(ranking)).method
    facts = {"ranking": by, "across": across, "seed": options.seed}
    rows: list[dict[str, Any]] = []
    rests_on = [dataclasses.asdict(options), across, digest_of_texts(texts), digest_of(*(given or []))]
    total = len(keep) * (n_random + 3) + 1
    with (
        parts_of("prune", model, loaded=loaded, rests_on=rests_on, written=True) as parts,
        progress.task("prune", total=total, unit="steps") as task,
    ):
        scored = parts.made("wanda", lambda: _numbered(wanda_scores(cut, calibration)), task=task)
        wanda = [scored[f"{number}"] for number in range(len(taps))]
        for share, place in zip(keep, folders, strict=True):
            kept = _kept(wanda if given is None else given, share, across)
            asked = _asked(cut, kept, options)
            if len(keep) > 1 and (there := _made(place, asked)) is not None:
                rows.append(there | {"folder": str(place)})
                task.resume(n_random + 3)
                continue
            row = _measured(cut, kept, wanda, share, across, options, _Steps(parts.of(asked), task))
            own_facts = facts | row | {"asked": asked}
            row |= save_cut(cut, kept, place, facts=own_facts, masked=across == "model")
            rows.append(row | {"folder": str(place)})
            task.advance()
    sizes = texts.weights[np.concatenate(cut.rows)]
    loss = mean_of(torch.cat(cut.plain).cpu().numpy(), sizes) if texts.main == "loss" else None
    known = {"outcome": texts.kind, "unit": UNITS[texts.kind], "plain_loss": loss, "model": name}
    counts = {"n_texts": sum(map(len, cut.rows)), "n_calibration": sum(map(len, calibration)), "n_random": n_random}
    note = None if ranking is None else foreign(_table(ranking), model)
    return Pruned(pa.Table.from_pylist(rows), known | counts | facts | {"notices": [note] if note else []})


def _check(keep: Sequence[float], across: str) -> None:
    odd = [share for share in keep if not 0.0 < share < 1.0]
    if odd or not keep:
        what = f"The share of neurons to keep is {odd[0]:g}." if odd else "No share of neurons to keep was given."
        raise OptionError(what, expected="shares above 0 and below 1, e.g. 0.9,0.5")
    if len({*keep}) < len(keep):
        what = f"A share is given twice: {', '.join(f'{each:g}' for each in keep)}."
        raise OptionError(what, expected="each share once")
    if across not in ACROSS:
        what = f"The neurons are to compete across {across!r}."
        raise OptionError(what, expected=" or ".join(ACROSS))


class _Steps(NamedTuple):
    """Where what a share changes is kept over a stop, and counted."""

    parts: Parts
    task: Task

    def changed(self, name: str, cut: Cut, kept: Kept, options: EditOptions) -> "_Change":
        """Measure what setting the others to 0 changes, or take it from before a stop."""
        values = self.parts.made(name, lambda: {"all": _changes_of(cut, kept)}, task=self.task)["all"]
        return _changed(cut, values, options)


def _numbered(arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{number}": each for number, each in enumerate(arrays)}


def _measured(
    cut: Cut,
    kept: Kept,
    wanda: Sequence[NDArray[np.float64]],
    share: float,
    across: str,
    options: EditOptions,
    steps: _Steps,
) -> dict[str, Any]:
    """Measure what a share changes: by the ranking given, by Wanda's, by random ones."""
    own = steps.changed("own", cut, kept, options)
    row: dict[str, Any] = {"keep": share, "n_kept": sum(map(len, kept)), "n_neurons": sum(cut.widths)}
    row |= own._asdict()
    by_wanda = _kept(wanda, share, across)
    same = all(np.array_equal(one, other) for one, other in zip(kept, by_wanda, strict=True))
    row["wanda"] = own.change if same else steps.changed("wanda", cut, by_wanda, options).change
    if same:
        steps.task.advance()
    drawn = []
    for seed in range(min(options.controls, _RANDOM)):
        scores = [np.random.default_rng([options.seed, seed, n]).random(n) for n in cut.widths]
        drawn.append(steps.changed(f"random-{seed}", cut, _kept(scores, share, across), options).change)
    return row | {"random": statistics.median(drawn), "random_low": min(drawn), "random_high": max(drawn)}


def _check_places(folder: Path, folders: Sequence[Path]) -> None:
    """Refuse places where something is; of several shares those may be there that an interrupted command made."""
    if len(folders) > 1 and folder.is_dir() and {*filterfalse(is_leftover, folder.iterdir())} <= {*folders}:
        folders = [each for each in folders if format_of(each) is not VARIANT]
    else:
        check_free(folder)
    for each in folders:
        check_free(each)


_ROW = (
    *("keep", "n_kept", "n_neurons", "change", "low", "high", "wanda", "random", "random_low", "random_high"),
    *("share_bytes", "speed", "speed_low", "speed_high"),
)


def _asked(cut: Cut, kept: Kept, options: EditOptions) -> str:
    """Name what a folder is of by what its figures depend on: model, texts, neurons kept, options."""
    plain = json.dumps([cut.model.fingerprint, cut.model.dtype, dataclasses.asdict(options)])
    parts = [np.frombuffer(plain.encode(), dtype=np.uint8), cut.texts.sentences.ids, *cut.rows, *kept]
    return hashlib.sha256(b"".join(np.ascontiguousarray(each).tobytes() for each in parts)).hexdigest()[:32]


def _made(folder: Path, asked: str) -> dict[str, Any] | None:
    """Give a share's row as an interrupted command wrote it; refuse a folder of other neurons or texts."""
    if format_of(folder) is not VARIANT:
        return None
    record: dict[str, Any] = dict(read_record(folder))
    if record.get("asked") != asked:
        check_free(folder)
    check_files(folder)
    return {name: record[name] for name in _ROW}


def _plain(texts: Texts, rows: NDArray[np.int64]) -> Tensor:
    """Give the losses of texts, or what the network gives where there is no loss."""
    inputs = texts.inputs(rows)
    with torch.inference_mode():
        given = texts.run(inputs)
        return texts.loss(given, inputs) if texts.main == "loss" else given


def _table(ranking: Any) -> pa.Table:  # noqa: ANN401 - a table or a file
    return ranking if isinstance(ranking, pa.Table) else read_ranking(ranking)


def _order(ranking: pa.Table | str | Path, taps: Sequence[Tap]) -> list[NDArray[np.float64]]:
    """Give every neuron minus its place in the ranking, by block."""
    table = _table(ranking)
    provenance(table)
    scores = [np.full(tap.place.width, -np.inf) for tap in taps]
    for place, address in enumerate(dict.fromkeys(table.column("address").to_pylist())):
        site, layer, own = read_address(address)
        if site != "mlp" or own is None:
            what = f"The ranking names {address}."
            raise OptionError(what, expected="neurons of the site mlp: only they can be cut out")
        if not 1 <= layer <= len(taps) or own[0] >= len(scores[layer - 1]):
            what = f"The ranking names {address}, which the model does not have."
            raise OptionError(what, expected=f"{len(taps)} layers of {taps[0].place.width:,} mlp neurons")
        scores[layer - 1][own[0]] = -float(place)
    return scores


def _kept(scores: Sequence[NDArray[np.float64]], share: float, across: str) -> Kept:
    """Choose the neurons of the highest scores, ties to the first; of every layer the same number, or of all."""
    if across == "model":
        joined = np.concatenate(scores)
        n = max(1, round(share * len(joined)))
        _enough(joined, n, "the model")
        mask = np.zeros(len(joined), bool)
        mask[np.argsort(-joined, kind="stable")[:n]] = True
        return [np.flatnonzero(each) for each in np.split(mask, np.cumsum([len(own) for own in scores])[:-1])]
    kept = []
    for number, own in enumerate(scores, start=1):
        n = max(1, round(share * len(own)))
        _enough(own, n, f"layer {number}")
        kept.append(np.sort(np.argsort(-own, kind="stable")[:n]))
    return kept


def _enough(scores: NDArray[np.float64], n: int, of: str) -> None:
    ranked = int(np.isfinite(scores).sum())
    if ranked < n:
        what = f"{n:,} neurons of {of} are to be kept, and the ranking has {ranked:,}."
        raise OptionError(what, expected="a ranking of all mlp neurons", hint="keep fewer, or rank with no --limit")


def wanda_scores(cut: Cut, groups: Sequence[NDArray[np.int64]]) -> list[NDArray[np.float64]]:
    """Score neurons by the size of their activation times that of the weights they are read by.

    ``groups``: Texts that activations are read on. Returns: |w| summed over the outputs times the root of the
        summed squares of the activation at real tokens, an array a block.
    """
    squares: list[Any] = [0.0] * len(cut.taps)
    mask = torch.zeros(0)

    def receive(number: int, states: Tensor) -> None:
        states = states.reshape(*mask.shape, -1).float()
        squares[number] = squares[number] + (states.square() * mask[..., None]).sum((0, 1), dtype=torch.float64)

    with torch.inference_mode(), listen(cut.taps, receive=receive):
        for rows in groups:
            inputs = cut.texts.inputs(rows)
            mask = inputs.mask
            cut.texts.run(inputs)
    weights = [_down(tap).detach().float().abs().sum(1).double() for tap in cut.taps]
    return [(own * total.sqrt()).cpu().numpy() for own, total in zip(weights, squares, strict=True)]


def _down(tap: Tap) -> Tensor:
    """Give the matrix that a block's mlp neurons are read by, shape (W, D)."""
    weight: Any = tap.module.weight if tap.module is not None else None
    matrix: Tensor = weight.T if isinstance(tap.module, nn.Linear) else weight  # transformers' Conv1D has (in, out)
    return matrix


@contextmanager
def without(cut: Cut, kept: Kept) -> Iterator[None]:
    """Set all other neurons to 0 while the network runs."""
    masks = []
    for tap, own in zip(cut.taps, kept, strict=True):
        mask = torch.zeros(tap.place.width, dtype=torch.bool)
        mask[torch.from_numpy(own)] = True
        masks.append(mask.to(cut.model.device))
    nothing = torch.zeros((), device=cut.model.device)
    with write(cut.model.body, cut.taps, edit=lambda number, s: torch.where(masks[number], s, nothing.to(s.dtype))):
        yield


class _Change(NamedTuple):
    """Of the loss, or a distance; without an interval where there is one text."""

    change: float
    low: float | None
    high: float | None


def _changes_of(cut: Cut, kept: Kept) -> NDArray[np.float32]:
    """Measure what setting the others to 0 changes of each text, in the order of the groups."""
    values = []
    for rows, plain in zip(cut.rows, cut.plain, strict=True):
        inputs = cut.texts.inputs(rows)
        with torch.inference_mode(), without(cut, kept):
            edited = cut.texts.run(inputs)
            if cut.texts.main == "loss":
                change = cut.texts.loss(edited, inputs) - plain
            else:
                made = cut.texts.changes(plain, edited, inputs, torch.arange(len(rows), device=cut.model.device))
                change = made.of_sentence[cut.texts.main]
        values.append(change.float().cpu().numpy())
    return np.concatenate(values)


def _changed(cut: Cut, own: NDArray[np.float32], options: EditOptions) -> _Change:
    """Average changes, with an interval over texts."""
    weights = cut.texts.weights[np.concatenate(cut.rows)]
    low, high = interval_of(own, weights, options)
    mean = mean_of(own, weights)
    if not np.isfinite(mean):
        what = f"What {cut.model.name!r} gives is NaN on all {len(own):,} texts, as it is or with neurons at 0."
        raise ModelError(what, expected="finite numbers", hint="--set model.dtype=float32, if it is another one")
    return _Change(mean, *(end if np.isfinite(end) else None for end in (low, high)))


def save_cut(cut: Cut, kept: Kept, folder: Path, *, facts: Mapping[str, Any], masked: bool) -> dict[str, Any]:
    """Write the network without the others, load it again, and compare it with the whole one.

    Returns: ``share_bytes``, ``speed``, ``speed_low``, ``speed_high``.
    """
    failed: ModelError | None = None
    for width in [None] if masked else _names_of_width(cut):
        network = copy.deepcopy(cut.model.network)
        _cut_blocks(cut, network, kept, masked=masked)
        if width is not None:
            setattr(network.config, width, len(kept[0]))
        try:
            with new_folder(folder) as temporary:
                save_model(temporary, network=network, tokenizer=cut.model.tokenizer, name=cut.model.name)
                left = load_with_head(str(temporary), options=_options(cut.model), device=str(cut.model.device))
                _check_same(cut, kept, left)
                measured = _sizes(cut.model, left) | _speeds(cut, left)
                _record(temporary, cut, facts=dict(facts) | measured)
        except ModelError as error:  # another name of the width may be right
            failed = error
        else:
            return measured
    what = f"The mlp neurons of a {type(cut.model.network).__name__} cannot be cut out."
    hint = "--across model writes zeros into the full shapes"
    if getattr(cut.model.network.config, "is_encoder_decoder", False):
        hint = "an encoder alone, cut out of an encoder-decoder, is not saved: choose an encoder or a decoder"
    raise ModelError(what, expected="a network whose configuration says the width", hint=hint) from failed


def _options(model: Model) -> ModelOptions:
    """Load what is left as the whole was."""
    return ModelOptions(dtype=model.dtype, trust_remote_code=model.options.trust_remote_code)


def _names_of_width(cut: Cut) -> list[str]:
    """Name what of the configuration may be the width of the mlp, the likeliest first."""
    config, width = cut.model.network.config, cut.widths[0]
    found = [name for name in _WIDTHS if getattr(config, name, None) == width]
    # GPT-2's has null where it is four times the hidden width
    return found + [name for name in _WIDTHS if hasattr(config, name) and getattr(config, name) is None]


def _cut_blocks(cut: Cut, network: Any, kept: Kept, *, masked: bool) -> None:  # noqa: ANN401 - untyped library
    """Take rows and columns out of the matrices around the neurons of every block."""
    names = {id(module): name for name, module in cut.model.network.named_modules()}
    found = find_blocks(cut.model.body, n_layers=cut.model.n_layers) or []
    with watch_linears(found) as blocks, torch.inference_mode():
        cut.texts.run(cut.texts.inputs(cut.rows[0][:1]))
    for block, tap, own in zip(blocks, cut.taps, kept, strict=True):
        index = torch.from_numpy(own).to(cut.model.device)
        down = network.get_submodule(names[id(tap.module)])
        if masked:
            others = torch.ones(tap.place.width, dtype=torch.bool, device=cut.model.device)
            others[index] = False
            down.weight.data[(slice(None), others) if isinstance(down, nn.Linear) else others] = 0.0
            continue
        _take(down, index, inputs=True)
        at = next(number for number, each in enumerate(block.linears) if each.module is tap.module)
        for linear in block.linears[:at]:
            times, rest = divmod(linear.n_out, tap.place.width)
            if rest == 0 and times in (1, 2) and "att" not in linear.name.lower():
                both = torch.cat([index + number * tap.place.width for number in range(times)])
                _take(network.get_submodule(names[id(linear.module)]), both, inputs=False)


def _take(linear: Any, index: Tensor, *, inputs: bool) -> None:  # noqa: ANN401 - a Linear or a Conv1D
    """Keep some inputs or outputs of a linear module."""
    plain = isinstance(linear, nn.Linear)
    axis = 1 if plain == inputs else 0
    linear.weight = nn.Parameter(linear.weight.detach().index_select(axis, index).contiguous(), requires_grad=False)
    if not inputs and linear.bias is not None:
        linear.bias = nn.Parameter(linear.bias.detach()[index].contiguous(), requires_grad=False)
    if plain:
        linear.out_features, linear.in_features = linear.weight.shape
    elif not inputs:
        linear.nf = len(index)


def _check_same(cut: Cut, kept: Kept, left: Model) -> None:
    """Compare what is left with the whole network whose other neurons are set to 0."""
    inputs = cut.texts.inputs(cut.rows[0][:8])
    with torch.inference_mode():
        with without(cut, kept):
            expected = cut.texts.run(inputs).float()
        keywords = {"input_ids": inputs.ids, "attention_mask": inputs.mask}
        network: Any = left.network
        result = network(**keywords)
    got = (result.logits if hasattr(result, "logits") else result.last_hidden_state).float()
    real = inputs.mask.bool() if got.ndim == 3 else slice(None)
    far = float((got[real] - expected[real]).abs().max() / expected[real].abs().max())
    wide = 1.0 if cut.model.dtype == "float32" else 100.0
    if not far <= wide * _CLOSE:
        what = (
            f"What is left differs from the network with those neurons set to 0 by {far:.2g} of the largest value."
        )
        raise ModelError(what, expected=f"at most {wide * _CLOSE:g}")


def _sizes(whole: Model, left: Model) -> dict[str, float]:
    """Compare the bytes of all weights."""
    sizes = [sum(each.numel() * each.element_size() for each in one.network.parameters()) for one in (whole, left)]
    return {"share_bytes": sizes[1] / sizes[0]}


def _speeds(cut: Cut, left: Model) -> dict[str, float]:
    """Time both networks on the same batch, in turn."""
    rows = max(cut.rows, key=len)
    inputs = cut.texts.inputs(rows)
    ratios = []
    for number in range(_ROUNDS + 1):
        taken = []
        for network in (cut.model.network, left.network):
            start = time.perf_counter()
            with torch.inference_mode():
                network(input_ids=inputs.ids, attention_mask=inputs.mask)
            if cut.model.device.type == "cuda":
                torch.cuda.synchronize()
            taken.append(time.perf_counter() - start)
        if number:  # the first is to warm up
            ratios.append(taken[0] / taken[1])
    return {"speed": statistics.median(ratios), "speed_low": min(ratios), "speed_high": max(ratios)}


def _record(folder: Path, cut: Cut, *, facts: Mapping[str, Any]) -> None:
    across = "of every layer" if facts["across"] == "layer" else "of the model, the others zeros in the full shapes"
    text = f"""\
# A pruned variant

`{cut.model.name}` with {facts["n_kept"]:,} of its {facts["n_neurons"]:,} mlp neurons, the first {across} by the
ranking {facts["ranking"]}. `variant.json` says what that changed, next to other rankings.

    neurolect collect THIS_FOLDER CORPUS --out RUN
"""
    made_from = {"name": cut.model.name, "fingerprint": cut.model.fingerprint}
    known = {
        "outcome": cut.texts.kind,
        "unit": UNITS[cut.texts.kind],
        "architecture": type(cut.model.network).__name__,
    }
    write_record(folder, kind="pruned", made_from=made_from, facts=known | dict(facts), text=text)
