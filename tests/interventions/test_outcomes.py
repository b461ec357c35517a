"""What is read of a network inside and outside of edits: losses of texts, scores of what comes next."""

from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError, OptionError
from neurolect.interventions import edit, next_scores, text_losses
from tests.interventions.measured import SENTENCES, model_of


def by_hand(model: Any, text: str) -> torch.Tensor:
    """Log-probabilities at every token of one text, alone in its call."""
    ids = model.tokenizer(text, return_tensors="pt").input_ids
    with torch.inference_mode():
        scores: torch.Tensor = model.network(input_ids=ids).logits[0].log_softmax(-1)
    return scores


def test_losses_are_those_of_each_text_alone() -> None:
    model = model_of("Llama lm")
    tokenizer: Any = model.tokenizer
    expected = []
    for text in SENTENCES:
        ids = tokenizer(text, return_tensors="pt").input_ids[0]
        scores = by_hand(model, text)
        expected.append(float(-scores[:-1].gather(1, ids[1:, None]).mean()))
    np.testing.assert_allclose(text_losses(model, SENTENCES), expected, rtol=1e-4)


def test_next_scores_are_those_after_each_text_alone() -> None:
    model = model_of("Llama lm")
    found = next_scores(model, SENTENCES)
    for row, text in zip(found, SENTENCES, strict=True):
        np.testing.assert_allclose(row, by_hand(model, text)[-1], atol=1e-4)
    assert not np.allclose(found[0], by_hand(model, SENTENCES[0])[-2], atol=1e-2)


def test_both_are_of_the_edited_network_inside_of_an_edit() -> None:
    model = model_of("Llama lm")
    plain = text_losses(model, SENTENCES), next_scores(model, SENTENCES)
    with edit(model, {"hidden.1": ("scale", 0.0)}):
        edited = text_losses(model, SENTENCES), next_scores(model, SENTENCES)
    assert np.nanmax(np.abs(edited[0] - plain[0])) > 0.01
    assert np.abs(edited[1] - plain[1]).max() > 0.01
    np.testing.assert_array_equal(text_losses(model, SENTENCES), plain[0])


def test_what_predicts_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="what it gives is: embedding"):
        text_losses(model_of("Bert"), SENTENCES)
    with pytest.raises(ModelError, match="masked token"):
        next_scores(model_of("Bert masked"), SENTENCES)
    with pytest.raises(OptionError, match="1 contexts, 1 of them empty"):
        next_scores(model_of("Llama lm"), [""])
    assert np.isfinite(text_losses(model_of("Bert masked"), SENTENCES)).all()
