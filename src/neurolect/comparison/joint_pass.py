"""Run several models over the same sentences and give the activations of all, some sentences at a time."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import ModelError, OptionError, RunFolderError
from neurolect.model.load import load_model
from neurolect.model.model import Model
from neurolect.model.options import ModelOptions
from neurolect.progress import Task
from neurolect.store import Run

__all__ = ["joint_values", "load_models"]

_SENTENCES = 2048
_TOKENS = {"cpu": 2048, "cuda": 65536}


def load_models(runs: Sequence[Run], *, names: Sequence[str], device: str) -> list[Model]:
    """Load the models of runs with the options they were collected with.

    Parameters
    ----------
    runs : sequence of Run
        The runs.
    names : sequence of str
        Where their models are now, one a run; as in the manifests where empty.
    device : str
        Where they run.

    Returns
    -------
    list of Model
        In the order of the runs.

    Raises
    ------
    OptionError
        If there are not as many names as runs.
    ModelError
        If a model that was named cannot be loaded.
    RunFolderError
        If it is not where it was when it was collected, or not the one that was.
    """
    if names and len(names) != len(runs):
        what = f"{len(names)} models were named for {len(runs)} runs."
        raise OptionError(what, expected="one for each run, in their order, or none")
    models = []
    for run, name in zip(runs, names or [each.manifest["model"]["name"] for each in runs], strict=True):
        known = {each.name for each in dataclasses.fields(ModelOptions)}
        stored: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in run.manifest["options"]["model"].items()
            if key in known
        }
        options = ModelOptions(**stored)
        try:
            model = load_model(name, options=options, device=device)
        except ModelError as error:
            if names:
                raise
            hint = "if it was moved: --model says where it is now, once for each run, in their order"
            what = f"The model of {run.folder} cannot be loaded. {error.what}"
            raise RunFolderError(what, hint=hint) from error
        if model.fingerprint != run.manifest["model"]["fingerprint"]:
            what = f"The model {name!r} is not the one that {run.folder} was collected with."
            raise RunFolderError(what, expected="the same files", hint="name it with --model, once for each run")
        models.append(model)
    return models


def joint_values(
    models: Sequence[Model], texts: Sequence[str], *, task: Task
) -> Iterator[list[NDArray[np.float32]]]:
    """Run models over sentences.

    Parameters
    ----------
    models : sequence of Model
        The models.
    texts : sequence of str
        The sentences; those without a token in some model are left out.
    task : Task
        Is advanced by a sentence when all models have read it.

    Yields
    ------
    list of float32 arrays, shape (n_sentences, n_neurons) each
        Model by model, the same sentences.
    """
    for start in range(0, len(texts), _SENTENCES):
        part = list(texts[start : start + _SENTENCES])
        tokens = [model.tokenize(part) for model in models]
        empty = np.unique(np.concatenate([each.empty for each in tokens]))
        rows = np.setdiff1d(np.arange(len(part)), empty)
        values = []
        for model, own in zip(models, tokens, strict=True):
            found = np.empty((len(part), model.neurons.n_neurons), dtype=np.float32)
            budget = _TOKENS.get(model.device.type, _TOKENS["cpu"])
            for batch in model.way.plan(own, token_budget=budget, rows=rows):
                found[batch] = model.read(model.batch(own, batch)).values
            values.append(found[rows])
        task.advance(len(part))
        if len(rows):
            yield values
