"""The same network with weights that learned nothing: what an architecture and its word embeddings do alone."""

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurolect.model.files import find_model_files, one_line_errors
from neurolect.model.language_model import Model
from neurolect.model.load import load_model
from neurolect.model.options import ModelOptions
from neurolect.progress import NullProgress, Progress
from neurolect.variants.folder import new_folder, save_model, write_record


class RandomVariant(NamedTuple):
    """A model whose weights were reinitialised."""

    folder: Path
    """Where it was saved."""

    architecture: str
    """Class whose initialiser drew the weights."""

    kept: tuple[str, ...]
    """Names of the parameters that were kept."""

    redrawn: tuple[str, ...]
    """Names of the parameters that were reinitialised."""

    constant: tuple[str, ...]
    """Those of ``redrawn`` that the initialiser sets to one number, such as biases and norms."""

    n_kept: int
    """Numbers in the kept parameters."""

    n_redrawn: int
    """Numbers in the others."""


def random_variant(
    model: str,
    *,
    out: str | Path,
    seed: int = 0,
    keep_embeddings: bool = True,
    options: ModelOptions | None = None,
    progress: Progress | None = None,
) -> RandomVariant:
    """Reinitialise all parameters of a model, if wanted but its word embeddings, and save it with its tokenizer.

    Parameters
    ----------
    model : str
        A folder, a hub name, ``minilm`` or ``smollm2``.
    out : str or Path
        The folder to make; ``load_model`` and ``transformers.AutoModel`` read it.
    seed : int
        Seed of the draw, at least 0.
    keep_embeddings : bool
        Whether the word embeddings stay as they were trained.
    options : ModelOptions, optional
        Whether pickled weights and code of the model's own are allowed; the rest is not used.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    RandomVariant
        What was kept and what was drawn.

    Raises
    ------
    ModelError
        If there is no such model, or it cannot be loaded.
    VariantError
        If ``out`` is taken.

    References
    ----------
    Oba, Yoshinaga, Toyoda: Exploratory Model Analysis Using Data-Driven Neuron Representations (2021),
    section 4.3.
    """
    folder = Path(out)
    progress = progress or NullProgress()
    options = options or ModelOptions()
    with new_folder(folder) as temporary, progress.task("variant", total=3, unit="steps") as task:
        plain = ModelOptions(allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code)
        trained = load_model(model, options=plain)
        task.advance()
        fresh = _drawn(model, plain, seed=seed)
        kept = _keep_word_embeddings(fresh, trained.network) if keep_embeddings else set[int]()
        task.advance()
        save_model(temporary, network=fresh, tokenizer=trained.tokenizer, name=model)
        made = _compare(fresh, kept, folder=folder)
        _describe(temporary, made, trained, seed=seed)
        task.advance()
    return made


def _drawn(model: str, options: ModelOptions, *, seed: int) -> Any:  # noqa: ANN401 - transformers has no types
    """Build the network as its own class starts training."""
    from transformers import AutoModel

    with one_line_errors(model), torch.random.fork_rng(devices=[]):
        config = find_model_files(model, options).config
        torch.default_generator.manual_seed(seed)
        return AutoModel.from_config(config, trust_remote_code=options.trust_remote_code).eval()


def _keep_word_embeddings(fresh: Any, trained: nn.Module) -> set[int]:  # noqa: ANN401
    """Copy the word embeddings; give the ids of the parameters that hold them."""
    target: Tensor = fresh.get_input_embeddings().weight
    source: Tensor = trained.get_input_embeddings().weight  # type: ignore[operator]
    with torch.no_grad():
        target.copy_(source)
    return {id(target)}


def _compare(fresh: nn.Module, kept: set[int], *, folder: Path) -> RandomVariant:
    """List what was kept and what was drawn."""
    parameters = dict(fresh.named_parameters())
    own = tuple(name for name, each in parameters.items() if id(each) in kept)
    redrawn = tuple(name for name in parameters if name not in own)
    constant = tuple(name for name in redrawn if bool((parameters[name] == parameters[name].flatten()[0]).all()))
    return RandomVariant(
        folder=folder,
        architecture=type(fresh).__name__,
        kept=own,
        redrawn=redrawn,
        constant=constant,
        n_kept=sum(parameters[name].numel() for name in own),
        n_redrawn=sum(parameters[name].numel() for name in redrawn),
    )


def _describe(folder: Path, made: RandomVariant, trained: Model, *, seed: int) -> None:
    facts = {
        "seed": seed,
        "architecture": made.architecture,
        "kept": list(made.kept),
        "redrawn": list(made.redrawn),
        "constant": list(made.constant),
        "n_kept": made.n_kept,
        "n_redrawn": made.n_redrawn,
    }
    kept = f", except\nthe word embeddings (`{'`, `'.join(made.kept)}`)" if made.kept else ""
    words = " and the word embeddings" if made.kept else " and the tokenizer"
    text = f"""\
# A random variant

`{trained.name}` with all parameters reinitialised by the initialiser of `{made.architecture}` (seed {seed}){kept}.
It learned nothing: it shows what the architecture{words} do alone. `variant.json` names every parameter.

    neurolect collect THIS_FOLDER CORPUS --out RUN
"""
    made_from = {"name": trained.name, "fingerprint": trained.fingerprint}
    write_record(folder, kind="random", made_from=made_from, facts=facts, text=text)
