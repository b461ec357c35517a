"""The activations of the same sentences in several models, some at a time: stored ones, or of a pass now."""

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

_SENTENCES = 2048
_STORED = 512
_TOKENS = {"cpu": 2048, "cuda": 65536}


def load_models(runs: Sequence[Run], *, names: Sequence[str], device: str) -> list[Model]:
    """Load the models of runs with the options they were collected with; ``names`` say where they are now."""
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
    """Run models over sentences, some at a time: float32 (n_sentences, n_neurons), model by model.

    Sentences without a token in some model are left out; ``task`` is advanced when all models have read a sentence.
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


def stored_values(
    runs: Sequence[Run], *, columns: Sequence[NDArray[np.int64]]
) -> Iterator[list[NDArray[np.float32]]]:
    """Read the same stored sentences of several runs, some at a time: float32 (n_sentences, n_neurons), run by run.

    ``columns`` are those of each run's stored activations; NaN where a run skipped a sentence.
    """
    arrays = [run.array("sample/activations") for run in runs]
    for start in range(0, len(columns[0]), _STORED):
        part = slice(start, start + _STORED)
        yield [
            np.ascontiguousarray(array[:, own[part]].T, dtype=np.float32)
            for array, own in zip(arrays, columns, strict=True)
        ]
