"""Edits of an encoder-decoder's decoder: what ablate and cause measure is what plain hooks give."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import transformers
from torch import Tensor
from torch.nn import functional

from neurolect.errors import ModelError, OptionError
from neurolect.interventions import EditOptions, ablate, edit, next_scores, text_losses
from neurolect.interventions.outcomes import EMBEDDING, NEXT, Texts
from neurolect.interventions.writing import unembedding_of
from neurolect.model import Model, ModelOptions, load_model
from neurolect.model.load import load_with_head
from neurolect.results.table import provenance
from neurolect.store import open_run
from tests.command_line import succeed
from tests.model.architecture.test_decoder_side import FAMILIES
from tests.model.networks import TEXTS
from tests.tiny_corpora import write_documents
from tests.tiny_models import N_TOKENS, tiny_tokenizer

SOURCES = [*reversed(TEXTS)]
SITES = ("decoder.hidden", "decoder.mlp")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heads")
    for number, family in enumerate(("Bart", "T5")):
        torch.manual_seed(number)
        config = getattr(transformers, f"{family}Config")(vocab_size=N_TOKENS, **FAMILIES[family])
        network = transformers.AutoModelForSeq2SeqLM.from_config(config)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        network.save_pretrained(folder / family)
        tiny_tokenizer().save_pretrained(folder / family)
    return folder


def loaded(folder: Path, *, head: str | None = "lm", **options: Any) -> Model:
    return load_model(str(folder), head=head, options=ModelOptions(**{"sites": SITES, **options}))


def by_hooks(
    folder: Path, target: str, source: str, change: Callable[[Tensor], Tensor] | None
) -> tuple[float, Any]:
    """Loss of a target and its scores by Hugging Face, what block 2 of the decoder gives changed by a hook."""
    network: Any = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer([target], return_tensors="pt")["input_ids"]
    start = network.config.pad_token_id if network.config.model_type == "t5" else 3
    given = torch.cat([torch.tensor([[start]]), ids], dim=1)
    encoded = tokenizer([source], return_tensors="pt")
    blocks = network.get_decoder().block if network.config.model_type == "t5" else network.get_decoder().layers

    def hook(_module: Any, _args: Any, output: Any) -> Any:
        if change is None:
            return output
        return (change(output[0]), *output[1:]) if isinstance(output, tuple) else change(output)

    handle = blocks[1].register_forward_hook(hook)
    with torch.inference_mode():
        made = network(**{k: encoded[k] for k in ("input_ids", "attention_mask")}, decoder_input_ids=given)
    handle.remove()
    scores = made.logits[0]
    return float(functional.cross_entropy(scores[:-1], given[0, 1:])), scores


def zeroed(states: Tensor) -> Tensor:
    states = states.clone()
    states[..., 5] = 0.0
    return states


@pytest.mark.parametrize("family", ["Bart", "T5"])
@pytest.mark.parametrize("source", ["empty", "same"])
def test_losses_and_effects_are_those_of_hooks(folders: Path, family: str, source: str) -> None:
    model = loaded(folders / family, source=source)
    given = ["" if source == "empty" else text for text in TEXTS]
    pairs = [(text, own) for text, own in zip(TEXTS, given, strict=True) if text.strip()]
    texts = [text for text, _ in pairs]
    plain = np.array([by_hooks(folders / family, *pair, None)[0] for pair in pairs])
    edited = np.array([by_hooks(folders / family, *pair, zeroed)[0] for pair in pairs])
    np.testing.assert_allclose(text_losses(model, texts), plain, rtol=1e-4)
    with edit(model, {"decoder.hidden.2.5": 0.0}):
        np.testing.assert_allclose(text_losses(model, texts), edited, rtol=1e-4)
    found = ablate(model, ["decoder.hidden.2.5"], on=texts, options=EditOptions(to="zero"))
    n = np.array([len(row) for row in _ids(folders / family, texts)])
    expected = float(((edited - plain) * n).sum() / n.sum())
    assert abs(expected) > 1e-3  # it does something
    assert found.column("score")[0].as_py() == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert provenance(found).details["outcome"] == NEXT


def _ids(folder: Path, texts: list[str]) -> list[list[int]]:
    ids: list[list[int]] = transformers.AutoTokenizer.from_pretrained(folder)(texts)["input_ids"]
    return ids


def test_a_field_is_the_source_of_each_target(folders: Path, tmp_path: Path) -> None:
    """Of a corpus folder and of a file; texts alone lack it."""
    rows = [{"text": text, "other": source} for text, source in zip(TEXTS, SOURCES, strict=True) if text and source]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    model = loaded(folders / "Bart", source="field=other")
    options = EditOptions(to="zero", texts=50)
    with pytest.raises((OptionError, ModelError), match="other"):
        ablate(model, ["decoder.hidden.2.5"], on=[each["text"] for each in rows], options=options)
    found = ablate(model, ["decoder.hidden.2.5"], on=tmp_path / "pairs.jsonl", options=options)
    blind = ablate(loaded(folders / "Bart"), ["decoder.hidden.2.5"], on=tmp_path / "pairs.jsonl", options=options)
    facts, without = provenance(found).details, provenance(blind).details
    assert facts["plain_loss"] != pytest.approx(without["plain_loss"], rel=1e-4)


def test_estimates_of_each_follow_what_is_measured(folders: Path) -> None:
    model = loaded(folders / "T5", source="same")
    found = ablate(model, ["decoder.mlp.3"], on=[text for text in TEXTS if text.strip()], each=True)
    scores, estimates = (np.array(found.column(name).to_pylist(), float) for name in ("score", "estimate"))
    assert len(scores) == 20
    assert np.corrcoef(scores, estimates)[0, 1] > 0.9


def test_without_a_head_states_are_compared(folders: Path) -> None:
    model = loaded(folders / "Bart", head=None, source="same")
    assert Texts(model, ["the oven"]).kind == EMBEDDING
    found: pa.Table = ablate(model, ["decoder.hidden.1.5"], on=[text for text in TEXTS if text.strip()])
    assert found.column("score")[0].as_py() > 0
    named = load_with_head(str(folders / "Bart"), options=ModelOptions(sites=SITES))
    assert Texts(named, ["the oven"]).kind == NEXT  # its configuration says that it has one


def test_edits_that_are_not_there_are_refused(folders: Path) -> None:
    model = loaded(folders / "Bart")
    for refused in (lambda: next_scores(model, ["the"]), lambda: unembedding_of(model)):
        with pytest.raises(ModelError, match=r"encoder-decoder: this edit is not there"):
            refused()
    with pytest.raises(ModelError, match="head 'classifier'"):
        loaded(folders / "Bart", head="classifier")


def test_cause_checks_the_signatures_of_a_decoder(folders: Path, tmp_path: Path) -> None:
    """Effects on held-out targets are those that `ablate` measures on the same sentence."""
    documents = write_documents(tmp_path / "documents.jsonl", n_documents=60)
    settings = ("describe.tagger=none", "describe.vectors=none", "collect.list_size=20", "prepare.held_out=0.4")
    own = ("model.sites=decoder.hidden", "model.layers=2", "model.source=same", "fidelity.min_positives=5")
    given = [f"--set={each}" for each in (*settings, *own)]
    succeed("run", folders / "Bart", documents, "--out", tmp_path / "run", "--workers=1", *given)
    succeed("edit", "cause", tmp_path / "run", "--neurons=decoder.hidden.2.5", "--workers=1")
    run = open_run(tmp_path / "run")
    entry = run.manifest["stages"]["cause"]
    assert (entry["outcome"], entry["unit"]) == (NEXT, "nats a token")
    assert entry["n_checked"] == 1
    row = run.table("cause/effects").to_pylist()
    assert np.isfinite(row[0]["effect"])
    assert row[0]["effect"] != 0
