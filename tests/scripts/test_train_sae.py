"""The example that trains a sparse autoencoder: it learns, and what it writes is read as it computes."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from neurolect.model.autoencoders.opening import open_autoencoders
from tests.tiny_corpora import tiny_corpus
from tests.tiny_models import write_tiny_bert

FILE = Path(__file__).parents[2] / "examples" / "train_sae.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_sae", FILE)
    if spec is None or spec.loader is None:
        pytest.fail(f"{FILE} cannot be loaded")
    made = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "train_sae", made)  # dataclasses look their module up
    spec.loader.exec_module(made)
    return made


def test_it_finds_the_directions_that_states_are_made_of(example: ModuleType, tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    directions = torch.nn.functional.normalize(torch.randn(24, 16, generator=random), dim=1)
    amounts = torch.rand(4000, 24, generator=random) * (torch.rand(4000, 24, generator=random) < 0.1)
    states = 5.0 * amounts @ directions + 1.0
    start = example.random_topk(states, n_latents=32, k=4, seed=0)
    made = example.train(states, start, steps=300, batch=256, rate=5e-3, seed=0)
    before, after = (example.judged(states, each)["explained variance"] for each in (start, made))
    assert after > 0.85 > before
    example.save(made, tmp_path / "sae", hook="encoder.layer.0", model="m")
    read = open_autoencoders([str(tmp_path / "sae")])[0]
    values, indices = made.encode(states[:50])
    dense = torch.zeros(50, 32).scatter_(1, indices, values)
    torch.testing.assert_close(read.encode(states[:50]), dense, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(read.reconstruct(states[:50]), made.decode(values, indices), atol=1e-4, rtol=1e-4)


def test_the_command_writes_a_folder_and_what_it_is_worth(
    example: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bert(tmp_path / "bert")
    tiny_corpus(tmp_path, n_documents=20)
    words = [str(tmp_path / "bert"), str(tmp_path / "corpus"), "--layer", "1", "--out", str(tmp_path / "sae")]
    words += ["--latents", "24", "--k", "3", "--steps", "20", "--batch", "64", "--tokens", "500"]
    monkeypatch.setattr(sys, "argv", ["train_sae.py", *words])
    example.main()
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((tmp_path / "sae" / "judged.json").read_text())
    assert set(printed) == {"trained", "random"}
    for name in ("sae", "sae-random"):
        found = open_autoencoders([str(tmp_path / name)])[0]
        assert (found.hook, found.k, found.n_latents, found.width) == ("encoder.layer.0", 3, 24, 16)
