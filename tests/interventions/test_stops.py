"""What a stop left is found by the same work on the same model and texts alone."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from neurolect.interventions import EditOptions
from neurolect.interventions.measured_texts import measured_texts
from neurolect.interventions.stops import digest_of_texts, parts_of
from neurolect.model import Model, ModelOptions
from neurolect.model.load import load_with_head
from tests.interventions.measured import SENTENCES
from tests.tiny_models import write_tiny_bert


def found(model: Model, *rests_on: object, loaded: bool = True) -> bool:
    """Say whether what a stop left is found; work that is done leaves nothing, so this one is stopped too."""
    with pytest.raises(KeyboardInterrupt), parts_of("w", model, loaded=loaded, rests_on=rests_on) as parts:  # noqa: PT012
        there = parts.has("a")
        parts.keep("a", {"x": 1})
        raise KeyboardInterrupt
    return there


def test_another_model_or_options_find_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEUROLECT_CACHE", str(tmp_path / "cache"))
    folder = write_tiny_bert(tmp_path / "bert")

    def load(**how: Any) -> Model:
        return load_with_head(str(folder), options=ModelOptions(**how), device="cpu")

    assert not found(load())
    assert found(load())
    assert not found(load(), "other texts")
    assert not found(load(dtype="bfloat16"))
    assert not found(load(sites=("mlp",)))
    assert not found(load(), loaded=False)
    assert not found(load(), loaded=False)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name, each in weights.items() if each.is_floating_point())
    save_file(weights | {name: torch.nextafter(weights[name], weights[name] + 1)}, folder / "model.safetensors")
    changed = load()
    assert not found(changed)
    assert found(changed)
    monkeypatch.setattr(torch, "__version__", "0.0")
    assert not found(changed)


def test_texts_are_named_by_all_that_is_read_of_them(tmp_path: Path) -> None:
    model = load_with_head(str(write_tiny_bert(tmp_path / "bert")), options=ModelOptions(), device="cpu")

    def digest(texts: list[str]) -> str:
        return digest_of_texts(measured_texts(model, texts, options=EditOptions()).texts)

    assert digest(SENTENCES) == digest(list(SENTENCES))
    assert len({digest(each) for each in (SENTENCES, SENTENCES[::-1], SENTENCES[1:])}) == 3
