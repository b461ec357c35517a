"""What a decoder's neurons write: the tokens that their output direction promotes and suppresses.

No text is read. The direction goes through the final norm's gain and the unembedding; a token's score is compared
with the same token's over the layer, and the largest with those of random mixtures of the layer's own directions.
That of an mlp neuron is its column of the down-projection, that of a head's dimension its column of the attention's
output projection, that of a latent its row of the autoencoder's decoder (through such a projection where it reads
before one); hidden dimensions are directions themselves, the same in every block.

Dims: V tokens, D hidden width, N neurons of a layer, M random mixtures.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neurolect.errors import ModelError, NeuronAddressError, OptionError
from neurolect.fidelity.score import load_model_of
from neurolect.folders.atomic import write_table
from neurolect.interventions.changes import read_address
from neurolect.interventions.outcomes import kind_of
from neurolect.interventions.resuming import tap_at
from neurolect.model.architecture.gates import Inputs, find_inputs
from neurolect.model.architecture.structure import is_linear
from neurolect.model.architecture.taps import Tap
from neurolect.model.language_model import Model
from neurolect.model.load import load_with_head
from neurolect.model.options import LATENT, ModelOptions
from neurolect.progress import NullProgress, Progress
from neurolect.results.table import ranking_table
from neurolect.store import Run, open_run
from neurolect.store.stages import making

TABLE = "writes/neurons"
OF_DIRECTION = ["score", "sign", "promotes", "suppresses", "promotes_z", "suppresses_z", "kurtosis"]
KEPT = [*OF_DIRECTION, "cosine", "cosine_gate"]
"""Columns of the run's table."""
DIRECTED = ("mlp", "head", LATENT)
"""Sites whose neurons have an output direction of their own; ``latent.NAME`` among them."""
N_MIXTURES = 1_000
"""Random mixtures of a layer's columns that the threshold is taken from."""
QUANTILE = 0.99
"""Share of the mixtures whose largest score, of one sign, is below the threshold."""
N_TOKENS = 10
_BLOCK = 256
"""Directions whose scores of all tokens are in memory at once."""


class Written(NamedTuple):
    """What directions do to tokens, by sign: promoted first, suppressed second."""

    peaks: NDArray[np.float32]
    """Largest z, shape (2, n)."""
    tokens: NDArray[np.int64]
    """Tokens of the largest z, in order, shape (2, n, N_TOKENS)."""
    scores: NDArray[np.float32]
    """Their z, same shape."""
    kurtosis: NDArray[np.float32]
    """Excess kurtosis of z over all tokens, shape (n,)."""


class Unembedding(NamedTuple):
    """What turns a direction of the hidden states into scores of tokens."""

    weight: Tensor
    """Shape (V, D), with the final norm's gain in it."""
    centred: bool
    """Whether the final norm takes the mean off."""


def writes(
    model: Model | Run | str | Path,
    neurons: Sequence[str] = (),
    *,
    token: str | None = None,
    seed: int = 0,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> pa.Table:
    """Say which tokens neurons promote and suppress, where that is more than chance.

    Of a run those of its own model are kept in its folder, for cards and rankings.

    Parameters
    ----------
    model : Model, Run, str or Path
        A decoder with its head, its name; or a run that was collected from one.
    neurons : sequence of str
        Addresses (``mlp.15.200``, ``mlp.15.0-9``, ``head.15``, ``hidden.30``); all mlp neurons when none is given,
        of a run those of its layers at the sites mlp, head and latent, and of its last block's hidden dimensions.
    token : str, optional
        Only neurons that promote or suppress this one clearly, in any case and with or without a space before it.
    seed : int
        Of the random mixtures.
    model_options : ModelOptions, optional
        How a model that is named is loaded.
    device : str
        Where it runs.
    progress : Progress, optional
        Where progress is shown.

    Returns
    -------
    pyarrow.Table
        A ranking: ``score`` is the largest z of either sign over its threshold (above 1: more than 99 % of random
        mixtures of the layer's own columns), ``sign`` that sign, ``promotes`` and ``suppresses`` (tokens, the
        strongest first; empty where nothing is clear), ``promotes_z``, ``suppresses_z``, ``kurtosis`` of z over all
        tokens; of mlp neurons ``cosine`` of what the neuron reads (its row of the up-projection, with the gain of
        the norm before it) and writes, and ``cosine_gate`` of its gate's row and what it writes. Provenance:
        ``layers`` with thresholds and the shares of neurons and of mixtures above them.

    Raises
    ------
    ModelError
        If the model has no unembedding, or no such site.
    NeuronAddressError
        If there is no such neuron.

    References
    ----------
    Geva et al. (2022), Transformer Feed-Forward Layers Build Predictions by Promoting Concepts in the Vocabulary
    Space.

    Examples
    --------
    >>> writes("smollm2", ["mlp.28.200"])  # doctest: +SKIP
    """
    run = run_of(model)
    if run is not None:
        return _of_run(run, neurons, token=token, seed=seed, device=device, progress=progress)
    if not isinstance(model, Model):
        with (progress or NullProgress()).step("load the model"):
            model = load_with_head(str(model), options=model_options, device=device)
    unembedding = unembedding_of(model)
    wanted = _columns(model, neurons)
    rows: list[dict[str, Any]] = []
    layers = []
    inputs = _inputs_of(model, [tap for tap, _ in wanted])
    with (progress or NullProgress()).task("writes", total=len(wanted), unit="layers") as task:
        for number, (tap, columns) in enumerate(wanted):
            found, facts = _of_layer(model, unembedding, tap, columns, seed=seed)
            cosines = _cosines(tap, columns, inputs.get(number))
            rows += [row | own for row, own in zip(found, cosines, strict=True)]
            layers.append({"site": tap.place.site, "layer": tap.place.layer, **facts})
            task.advance(1)
    if token is not None:
        rows = [row for row in rows if _has(row, token)]
    rows.sort(key=lambda row: -row["score"])
    columns_of = {name: [row[name] for row in rows] for name in ("address", *OF_DIRECTION)}
    real = {name: pa.array([row[name] for row in rows], pa.float64()) for name in ("cosine", "cosine_gate")}
    return ranking_table(
        columns_of | real,
        runs=[model.fingerprint],
        method="writes",
        options={
            "model": model.name,
            "neurons": list(neurons),
            "token": token,
            "n_mixtures": N_MIXTURES,
            "quantile": QUANTILE,
        },
        seed=seed,
        details={"layers": layers},
        models=[model.fingerprint],
    )


def run_of(model: Model | Run | str | Path) -> Run | None:
    """Open what may be a run; None for a model."""
    if isinstance(model, Run):
        return model
    if isinstance(model, str | Path) and (Path(model) / "manifest.json").is_file():
        return open_run(model)
    return None


def _of_run(
    run: Run,
    neurons: Sequence[str],
    *,
    token: str | None,
    seed: int,
    device: str,
    progress: Progress | None,
) -> pa.Table:
    """Measure the neurons of a run, and keep what was found in its folder unless only some are asked for."""
    last = ("hidden", run.manifest["model"]["n_layers"])  # what the final norm and the unembedding read
    places = [(each["site"], each["layer"]) for each in run.manifest["model"]["sites"]]
    written_by = [each for each in places if each[0].partition(".")[0] in DIRECTED or each == last]
    if not written_by:
        what = f"{run.folder} has neither mlp neurons, heads nor latents, nor the last block's hidden dimensions."
        raise OptionError(what, expected="a run that was collected with model.sites=mlp, say")
    with (progress or NullProgress()).step("load the model"):
        model = load_model_of(run, device=device, load=load_with_head)
    asked = list(neurons) or [f"{site}.{layer}" for site, layer in written_by]
    if neurons:
        return writes(model, asked, token=token, seed=seed, progress=progress)
    unembedding_of(model)  # refused before the stage begins
    with making(run.folder, "writes"):
        table = writes(model, asked, seed=seed, progress=progress)
        ids = pa.array([run.index.neuron_id(each) for each in table.column("address").to_pylist()], pa.int32())
        kept = table.select(KEPT).add_column(0, "neuron_id", ids).sort_by("neuron_id")
        write_table(run.folder / f"{TABLE}.parquet", kept.replace_schema_metadata(None))
    if token is None:
        return table
    return table.filter(pa.array([_has(row, token) for row in table.to_pylist()], pa.bool_()))


def _has(row: dict[str, Any], token: str) -> bool:
    """Say whether a token is among those that a neuron promotes or suppresses."""
    wanted = token.strip().casefold()
    return any(wanted == each.strip().casefold() for name in ("promotes", "suppresses") for each in row[name])


def unembedding_of(model: Model) -> Unembedding:
    """Read the unembedding with the final norm's gain, which is tried on a state of mean 0 and size 1."""
    kind_of(model)  # refuses an encoder-decoder's decoder
    network: Any = model.network
    head = network.get_output_embeddings() if model.network is not model.body else None
    weight = getattr(head, "weight", None)
    if weight is None:
        what = f"{model.name!r} has no unembedding, so nothing says which tokens a direction promotes."
        raise ModelError(what, expected="a decoder with its language-modelling head")
    norm, width = _final_norm(model), weight.shape[1]
    weight = weight.detach().float()
    if norm is None:
        return Unembedding(weight, centred=False)
    gain, centred = _gain(norm, width)
    return Unembedding(weight * gain, centred=centred)


def _gain(norm: nn.Module, width: int) -> tuple[Tensor, bool]:
    """Try a norm on a state of mean 0 and size 1: its gain, and whether it takes the mean off."""
    own = next(norm.parameters())
    state = torch.ones(1, 1, width, device=own.device, dtype=own.dtype)
    state[..., 1::2] = -1.0
    with torch.inference_mode():
        up, down, moved = (norm(each).float() for each in (state, -state, state + 3.0))
    gain = ((up - down) / (2.0 * state.float()))[0, 0]
    return gain, bool(torch.allclose(up, moved, rtol=1e-2, atol=1e-2 * float(up.abs().max())))


def _final_norm(model: Model) -> nn.Module | None:
    """Find the module of one gain a dimension that gives the last hidden state."""
    found: list[tuple[nn.Module, Tensor]] = []
    width = model.network.get_output_embeddings().weight.shape[1]  # type: ignore[operator]

    def keep(module: nn.Module, _args: object, output: object) -> None:
        if isinstance(output, Tensor) and output.shape[-1] == width:
            found.append((module, output))

    norms = [
        each
        for each in model.body.modules()
        if [tuple(one.shape) for one in each.parameters(recurse=False)][:1] == [(width,)]
    ]
    handles = [each.register_forward_hook(keep) for each in norms]
    try:
        ids = torch.as_tensor(model.usable_words[:4][None], device=model.device)
        body: Any = model.body
        with torch.inference_mode():
            last = body(input_ids=ids, attention_mask=torch.ones_like(ids), **model.keywords).last_hidden_state
    finally:
        for each in handles:
            each.remove()
    return next((module for module, output in reversed(found) if torch.equal(output, last)), None)


def _columns(model: Model, neurons: Sequence[str]) -> list[tuple[Tap, NDArray[np.int64]]]:
    """Read addresses: by site and layer where its neurons are, and which of them are asked for, ascending."""
    asked: dict[tuple[str, int], list[NDArray[np.int64] | None]] = {}
    for address in neurons or [f"mlp.{tap.place.layer}" for tap in model.taps_at(["mlp"], None)[0]]:
        site, layer, own = read_address(address)
        asked.setdefault((site, layer), []).append(own)
    found = []
    for (site, layer), parts in sorted(asked.items(), key=lambda each: (each[0][0] != "mlp", each[0])):
        tap = tap_at(model, site, layer)
        width = tap.place.width
        columns = np.unique(np.concatenate([np.arange(width) if each is None else each for each in parts]))
        if columns[-1] >= width:
            what = f"There is no neuron {site}.{layer}.{columns[-1]}: the layer has {width:,}."
            raise NeuronAddressError(what, expected=f"an index from 0 to {width - 1}")
        found.append((tap, columns))
    return found


def _directions(tap: Tap, device: torch.device) -> Tensor:
    """Give what each neuron of a layer adds to the hidden states, shape (width, D)."""
    width, through = tap.place.width, tap.module
    own = tap.autoencoder.directions if tap.autoencoder is not None else None
    if through is None or (tap.place.site not in DIRECTED and own is None):
        return torch.eye(width, device=device)
    if own is not None and not (tap.reads == "input" and is_linear(through)):
        return own
    weight: Any = through.weight
    rows: Tensor = weight.detach().float()
    # a Linear has (out, in), transformers' Conv1D (in, out)
    rows = rows.T if isinstance(through, nn.Linear) else rows
    return rows if own is None else own @ rows


class _Read(NamedTuple):
    """What the mlp neurons of a layer read their input by."""

    inputs: Inputs
    gain: Tensor | None
    """Of the norm before them, shape (D,)."""


def _inputs_of(model: Model, taps: Sequence[Tap]) -> dict[int, _Read]:
    """Find what mlp neurons are computed from, by number of the tap, in one run over four tokens."""
    if not any(tap.place.site == "mlp" for tap in taps):
        return {}
    ids = torch.as_tensor(model.usable_words[:4][None], device=model.device)
    given: dict[int, Tensor] = {}
    normed: list[tuple[nn.Module, Tensor]] = []

    def keep(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if isinstance(output, Tensor) and [each.ndim for each in module.parameters(recurse=False)][:1] == [1]:
            normed.append((module, output))
        if args and isinstance(args[0], Tensor):
            given[id(module)] = args[0]

    def run() -> None:
        body: Any = model.body
        body(input_ids=ids, attention_mask=torch.ones_like(ids), **model.keywords)

    handles = [each.register_forward_hook(keep) for each in model.body.modules() if not list(each.children())]
    try:
        with torch.inference_mode():
            found = find_inputs(model.body, taps, run=run)
    finally:
        for each in handles:
            each.remove()
    made = {}
    for number, inputs in found.items():
        states = given.get(id(inputs.up.module))
        norm = next((module for module, output in normed if states is output), None)
        made[number] = _Read(inputs, None if norm is None else _gain(norm, states.shape[-1])[0])  # type: ignore[union-attr]
    return made


def _cosines(tap: Tap, columns: NDArray[np.int64], read: _Read | None) -> list[dict[str, float | None]]:
    """Compare what neurons read with what they write."""
    if read is None:
        return [{"cosine": None, "cosine_gate": None} for _ in columns]
    directions = _directions(tap, read.inputs.up.rows(1).device)
    found = []
    for part in (read.inputs.up, read.inputs.gate):
        if part is None:
            found.append([None] * len(columns))
            continue
        rows = part.rows(tap.place.width)
        rows = rows if read.gain is None else rows * read.gain
        found.append(torch.cosine_similarity(rows, directions, dim=1).cpu()[torch.from_numpy(columns)].tolist())
    return [{"cosine": one, "cosine_gate": other} for one, other in zip(*found, strict=True)]


def _of_layer(
    model: Model, unembedding: Unembedding, tap: Tap, columns: NDArray[np.int64], *, seed: int
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Measure some neurons of a layer against all of it."""
    site, layer = tap.place.site, tap.place.layer
    directions = _directions(tap, unembedding.weight.device)
    if unembedding.centred:
        directions = directions - directions.mean(1, keepdim=True)
    middle = directions.mean(0)
    off = directions - middle
    covariance = off.T @ off / len(off)
    spread = ((unembedding.weight @ covariance) * unembedding.weight).sum(1).clamp(min=0).sqrt()
    random = torch.Generator().manual_seed(seed + layer)
    mixtures = torch.randn((N_MIXTURES, len(off)), generator=random).to(off.device) @ off / len(off) ** 0.5
    by_chance = written(unembedding.weight, spread, mixtures, n_tokens=1)
    thresholds = np.quantile(by_chance.peaks, QUANTILE, axis=1)
    own = written(unembedding.weight, spread, off[torch.from_numpy(columns).to(off.device)], n_tokens=N_TOKENS)
    ratios = own.peaks / thresholds[:, None]
    rows = []
    for place, column in enumerate(columns.tolist()):
        row: dict[str, Any] = {"address": f"{site}.{layer}.{column}", "kurtosis": float(own.kurtosis[place])}
        row["score"], row["sign"] = float(ratios[:, place].max()), 1 if ratios[0, place] >= ratios[1, place] else -1
        for number, name in enumerate(("promotes", "suppresses")):
            clear = own.scores[number, place] > thresholds[number] if ratios[number, place] > 1 else []
            n = int(np.sum(clear))
            row[name] = [str(model.tokenizer.decode([each])) for each in own.tokens[number, place][:n].tolist()]  # type: ignore[attr-defined]
            row[f"{name}_z"] = own.scores[number, place][:n].tolist()
        rows.append(row)
    facts = {
        "thresholds": thresholds.tolist(),
        "n": len(columns),
        "clear": float(np.mean(ratios.max(axis=0) > 1)),
        "clear_by_chance": float(np.mean((by_chance.peaks / thresholds[:, None]).max(axis=0) > 1)),
    }
    return rows, facts


def written(unembedding: Tensor, spread: Tensor, directions: Tensor, *, n_tokens: int) -> Written:
    """Score all tokens by directions, in units of each token's spread over the layer.

    ``unembedding``: (V, D). ``spread``: (V,); 0 where all score alike. ``directions``: (n, D), off the mean.
    """
    parts = []
    scale = torch.where(spread > 0, 1.0 / spread.clamp(min=1e-30), 0.0)
    for start in range(0, len(directions), _BLOCK):
        z = (directions[start : start + _BLOCK] @ unembedding.T) * scale
        ends = [each.topk(n_tokens, dim=1) for each in (z, -z)]
        centred = z - z.mean(1, keepdim=True)
        second = centred.square().mean(1)
        fourth = centred.square().square().mean(1)
        kurtosis = torch.where(second > 0, fourth / second.square().clamp(min=1e-30), 3.0) - 3.0
        parts.append(
            (torch.stack([each.values for each in ends]), torch.stack([e.indices for e in ends]), kurtosis)
        )
    scores = torch.cat([each[0] for each in parts], dim=1).cpu().numpy()
    tokens = torch.cat([each[1] for each in parts], dim=1).cpu().numpy()
    return Written(scores[:, :, 0], tokens, scores, torch.cat([each[2] for each in parts]).cpu().numpy())
