"""The model's own vectors of the kept sentences: its first token ([CLS], [J] figure 3), or the mean of all."""

import dataclasses
from typing import Any

import numpy as np

from neurolect.errors import ModelError
from neurolect.folders.atomic import write_npy
from neurolect.model import ModelOptions, load_model
from neurolect.model.language_model import Model
from neurolect.relations.inputs import RelateInputs
from neurolect.store import Run
from neurolect.store.stages import recorded_options

AT_ONCE = 1024
"""Sentences between two reports."""


def load_sentence_encoder(run: Run, *, pooling: str, name: str | None, device: str) -> Model:
    """Load the run's model such that its only neurons are the last block's output, pooled.

    ``pooling``: ``first``: the first token, special or not; ``mean``: of the tokens between the special ones.
    ``name``: Where the model is now; where the manifest says when not given.
    """
    known = run.manifest["model"]
    options = dataclasses.replace(
        recorded_options(run.manifest, "model", ModelOptions),
        sites=("hidden",),
        layers=None,
        pooling=pooling,
        special_tokens="include" if pooling == "first" else "exclude",
    )
    place = name or known["name"]
    try:
        whole = load_model(place, options=options, device=device)
        last = max(each.layer for each in whole.neurons.site_layers)
        return load_model(place, options=dataclasses.replace(options, layers=(last,)), device=device)
    except ModelError as error:
        what = f"relate.encoder_vectors is {pooling!r}, and the run's model cannot be loaded: {error.what}"
        hint = "If it has moved, say where: --model FOLDER; or --set relate.encoder_vectors=none"
        raise ModelError(what, hint=hint) from error


def write_sentence_vectors(inputs: RelateInputs) -> dict[str, Any]:
    """Write ``relations/sentence_vectors.npy``, a row for each kept sentence; zeros where nothing is pooled."""
    model = load_sentence_encoder(
        inputs.run, pooling=inputs.options.encoder_vectors, name=inputs.model, device=inputs.device
    )
    texts = inputs.run.table("sentences", columns=["text"]).column("text").to_pylist()
    parts = [np.empty((0, model.neurons.n_neurons), np.float32)]
    with inputs.progress.task("sentence vectors", total=len(texts), unit="sentences") as task:
        for start in range(0, len(texts), AT_ONCE):
            parts.append(model.activations(texts[start : start + AT_ONCE]))
            task.advance(len(parts[-1]))
    vectors = np.concatenate(parts)
    missing = ~np.isfinite(vectors).all(axis=1)
    vectors[missing] = 0.0
    write_npy(inputs.encoder_file, vectors)
    return {"n_sentences_without_vector": int(missing.sum())}
