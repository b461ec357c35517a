"""What could lead a loader away from a model's own weights is refused before anything is loaded."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors.torch import load_file, save_file

from neurolect.errors import ModelError
from neurolect.model.load import load_model
from neurolect.model.options import ModelOptions
from tests.tiny_models import write_tiny_bert

MARKER = "ran"


class Trap:
    """Unpickled, it writes a marker file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.marker),)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a model without weights, with a decoy and a pickle that acts next to it, inside and outside."""
    made = write_tiny_bert(tmp_path / "bert")
    save_file({"a": torch.zeros(1)}, made / "a.safetensors", metadata={"format": "pt"})
    (made / "model.safetensors").rename(tmp_path / "whole.safetensors")
    for place in (made, tmp_path):
        (place / "x.bin").write_bytes(pickle.dumps(Trap(tmp_path / MARKER)))
    return made


def write_index(folder: Path, *files: str, name: str = "model.safetensors.index.json") -> None:
    weights = load_file(folder.parent / "whole.safetensors")
    index = {"metadata": {}, "weight_map": {key: files[n % len(files)] for n, key in enumerate(weights)}}
    (folder / name).write_text(json.dumps(index))


def configure(folder: Path, **settings: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))


def give_back_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((folder.parent / "whole.safetensors").read_bytes())


def trap_adapter(folder: Path) -> None:
    give_back_weights(folder)
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "../other"}))
    (folder / "x.bin").rename(folder / "adapter_model.bin")


def name_adapter_weights(folder: Path) -> None:
    (folder / "x.bin").rename(folder / "adapter_model.bin")
    configure(folder, transformers_weights="adapter_model.bin")


def name_other_index(folder: Path) -> None:
    write_index(folder, "x.bin", name="other.safetensors.index.json")
    configure(folder, transformers_weights="other.safetensors.index.json")


def name_kernel(folder: Path, **settings: object) -> None:
    give_back_weights(folder)
    configure(folder, **settings)


def name_versioned_config(folder: Path) -> None:
    (folder / "x.bin").rename(folder / "adapter_model.bin")
    config = json.loads((folder / "config.json").read_text())
    versioned = {**config, "transformers_weights": "adapter_model.bin"}
    (folder / "config.4.0.0.json").write_text(json.dumps(versioned))
    configure(folder, configuration_files=["config.4.0.0.json"])


def bring_tokenizer_code(folder: Path) -> None:
    give_back_weights(folder)
    path = folder / "tokenizer_config.json"
    settings = {
        **json.loads(path.read_text()),
        "tokenizer_class": "T",
        "auto_map": {"AutoTokenizer": ["t.T", "t.T"]},
    }
    path.write_text(json.dumps(settings))
    (folder / "t.py").write_text(f"import os\nos.mkdir({str(folder.parent / MARKER)!r})\nclass T: pass\n")


def write_damaged_index(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text("[]")


def link_pickle(folder: Path) -> None:
    (folder / "model.safetensors").symlink_to(folder.parent / "x.bin")


LEADS: list[tuple[Callable[[Path], None], str]] = [
    (
        lambda folder: write_index(folder, "x.bin"),
        r"pickled: x.bin, named by model.safetensors.index.json(.|\n)*allow",
    ),
    (lambda folder: write_index(folder, "a.safetensors", "x.bin"), r"pickled: x.bin"),
    (lambda folder: write_index(folder, "../x.bin"), r"names weights outside of the model: '../x.bin'"),
    (lambda folder: write_index(folder, "../whole.safetensors"), r"outside of the model: '../whole.safetensors'"),
    (lambda folder: write_index(folder, str(folder.parent / "whole.safetensors")), r"outside of the model"),
    (lambda folder: write_index(folder, "..\\whole.safetensors"), r"outside of the model"),
    (lambda folder: write_index(folder, "gone.safetensors"), r"names 'gone.safetensors', which is not there"),
    (lambda folder: write_index(folder, "x.bin", name="model.fp16.safetensors.index.json"), r"pickled: x.bin"),
    (lambda folder: write_damaged_index(folder), r"is damaged"),
    (trap_adapter, r"holds an adapter(.|\n)*merge_and_unload"),
    (name_adapter_weights, r"pickled: adapter_model.bin, named by config.json"),
    (name_other_index, r"pickled: x.bin, named by other.safetensors.index.json"),
    (lambda folder: configure(folder, transformers_weights="../whole.safetensors"), r"outside of the model"),
    (name_versioned_config, r"pickled: adapter_model.bin"),
    (
        lambda folder: name_kernel(folder, attn_implementation="someone/kernel"),
        r"names code on the hub: _attn_implementation is 'someone/kernel'(.|\n)*trust_remote_code",
    ),
    (lambda folder: name_kernel(folder, _attn_implementation="someone/kernel@main:fast"), r"names code on the hub"),
    (lambda folder: name_kernel(folder, experts_implementation="someone/kernel"), r"names code on the hub"),
    (
        lambda folder: save_file({"a": torch.zeros(1)}, folder / "shard-00001-model-00001-of-00001.safetensors"),
        r"checkpoint of distributed training",
    ),
    (link_pickle, r"could not be loaded"),
]


@pytest.mark.parametrize(("lead", "message"), LEADS)
def test_what_leads_to_other_files_is_refused(
    folder: Path, tmp_path: Path, lead: Callable[[Path], None], message: str
) -> None:
    lead(folder)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(str(folder))
    assert len(str(caught.value).splitlines()) <= 3
    assert not (tmp_path / MARKER).exists()


def test_code_of_a_tokenizer_is_not_run(folder: Path, tmp_path: Path) -> None:
    bring_tokenizer_code(folder)
    load_model(str(folder))
    assert not (tmp_path / MARKER).exists()


def test_the_trap_acts() -> None:
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickle.dumps(Trap(Path("/no/such/folder/ran"))))


def test_paths_outside_are_refused_where_pickles_are_allowed(folder: Path, tmp_path: Path) -> None:
    (folder / "a.safetensors").unlink()
    write_index(folder, "../x.bin", name="pytorch_model.bin.index.json")
    with pytest.raises(ModelError, match="outside of the model"):
        load_model(str(folder), options=ModelOptions(allow_pickle=True))
    assert not (tmp_path / MARKER).exists()


def test_shards_and_links_to_safetensors_are_loaded(folder: Path) -> None:
    weights = load_file(folder.parent / "whole.safetensors")
    for number in (0, 1):
        part = {key: each for n, (key, each) in enumerate(weights.items()) if n % 2 == number}
        save_file(part, folder / f"{number}.safetensors", metadata={"format": "pt"})
    (folder / "1.safetensors").rename(folder.parent / "blob")
    (folder / "1.safetensors").symlink_to(folder.parent / "blob")
    write_index(folder, "0.safetensors", "1.safetensors")
    network = load_model(str(folder)).network
    name = "encoder.layer.1.output.dense.bias"
    assert torch.equal(network.get_parameter(name), weights[name])


def write_hub_cache(folder: Path, cache: Path) -> None:
    """Lay a model out as the hub's cache does."""
    snapshot = cache / "models--some--body" / "snapshots" / ("a" * 40)
    snapshot.parent.mkdir(parents=True)
    folder.rename(snapshot)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs" / "main").write_text("a" * 40)


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have the hub's cache at a place of the test's own, and the hub out of reach."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "cache"


@pytest.mark.parametrize("lead", ["index", "adapter", "pickled"])
def test_names_on_the_hub_are_checked_before_weights_are_fetched(
    folder: Path, tmp_path: Path, hub_cache: Path, lead: str
) -> None:
    if lead == "index":
        write_index(folder, "x.bin")
    elif lead == "adapter":
        trap_adapter(folder)
    else:
        (folder / "x.bin").rename(folder / "pytorch_model.bin")
    write_hub_cache(folder, hub_cache)
    said = {"index": "pickled: x.bin", "adapter": "holds an adapter", "pickled": "are pickled: pytorch"}[lead]
    with pytest.raises(ModelError, match=said):
        load_model("some/body")
    assert not (tmp_path / MARKER).exists()


def test_a_name_in_the_hubs_cache_is_loaded(folder: Path, hub_cache: Path) -> None:
    give_back_weights(folder)
    expected = load_model(str(folder)).fingerprint
    write_hub_cache(folder, hub_cache)
    assert load_model("some/body").fingerprint == expected
