"""One door to both kinds of variant."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from neurolect.errors import OptionError
from neurolect.model.options import ModelOptions
from neurolect.progress import Progress
from neurolect.variants.finetune_options import FinetuneOptions
from neurolect.variants.finetuned import FinetunedVariant, finetuned_variant
from neurolect.variants.random_weights import RandomVariant, random_variant

KINDS = ("random", "finetuned")


def variant(
    model: str,
    kind: str,
    *,
    out: str | Path,
    data: Sequence[str | Path] = (),
    seed: int | None = None,
    keep_embeddings: bool = True,
    options: FinetuneOptions | None = None,
    model_options: ModelOptions | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> RandomVariant | FinetunedVariant:
    """Make a model to compare a model with: of random weights, or fine-tuned to classify texts.

    Parameters
    ----------
    model : str
        A folder, a hub name, ``minilm`` or ``smollm2``.
    kind : str
        ``random``: the weights are reinitialised, all but the word embeddings or all; ``finetuned``: trained to
        classify texts.
    out : str or Path
        The folder to make.
    data : sequence of str or Path
        Files, folders, globs or ``hf:`` data sets to fine-tune on.
    seed : int, >= 0, optional
        Seed of all that is random; 0, or that of ``options``, when not given.
    keep_embeddings : bool
        Whether a random variant has the word embeddings of the model.
    options : FinetuneOptions, optional
        How a finetuned variant is trained.
    model_options : ModelOptions, optional
        Whether pickled weights and code of the model's own are allowed; the rest is not used.
    device : str
        Where it is trained.
    progress : Progress, optional
        Where to report to.

    Returns
    -------
    RandomVariant or FinetunedVariant
        What was made.

    Raises
    ------
    OptionError
        If there is no such kind, or data are missing or not used.
    NeurolectError
        What :func:`random_variant` and :func:`finetuned_variant` raise.
    """
    if kind not in KINDS:
        what = f"There is no kind of variant {kind!r}."
        raise OptionError(what, expected=f"one of {', '.join(KINDS)}")
    if kind == "random":
        if data:
            what = f"A random variant uses no data, and {data[0]} was given."
            raise OptionError(what, hint="neurolect variant MODEL finetuned trains a classifier")
        return random_variant(
            model,
            out=out,
            seed=seed or 0,
            keep_embeddings=keep_embeddings,
            options=model_options,
            progress=progress,
        )
    if not keep_embeddings:
        what = "A finetuned variant starts with all weights of the model; new embeddings are of random ones."
        raise OptionError(what, hint="neurolect variant MODEL random --new-embeddings")
    if not data:
        what = "A finetuned variant needs data, and none was given."
        raise OptionError(what, hint="for example: --data reviews.csv --text review --label sentiment")
    chosen = options or FinetuneOptions()
    return finetuned_variant(
        model,
        data,
        out=out,
        options=chosen if seed is None else dataclasses.replace(chosen, seed=seed),
        model_options=model_options,
        device=device,
        progress=progress,
    )
