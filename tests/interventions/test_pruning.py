"""Neurons are cut out of matrices: what is left is what the network with those set to 0 is, and smaller."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
import transformers

from neurolect.errors import ModelError, OptionError, VariantError
from neurolect.folders.atomic import _computer
from neurolect.interventions import EditOptions, edit, prune, pruning
from neurolect.interventions.outcomes import Texts
from neurolect.interventions.pruning import Cut, wanda_scores
from neurolect.interventions.resuming import tap_at
from neurolect.model import Model
from neurolect.model.load import load_with_head
from neurolect.results import ranking_table, write_ranking
from neurolect.verification import verify
from neurolect.views.texts.interventions import prune_text
from tests.command_line import command, succeed
from tests.interventions.measured import SENTENCES, model_of
from tests.tiny_models import write_tiny_bert

QUICK = EditOptions(controls=2, n_bootstrap=100)


def ranked(model: Model, *, seed: int = 0, limit: int | None = None) -> tuple[list[str], pa.Table]:
    """A ranking of all mlp neurons in a random order."""
    width = model.taps_at(["mlp"], [1])[0][0].place.width
    names = [f"mlp.{layer}.{index}" for layer in range(1, model.n_layers + 1) for index in range(width)]
    order = np.random.default_rng(seed).permutation(names).tolist()[:limit]
    columns = {"address": order, "score": np.linspace(1, 0, len(order))}
    return order, ranking_table(columns, runs=[], method="mine")


@pytest.mark.parametrize(
    "kind", ["Llama lm", "GPT2 lm", "OPT lm", "Bert masked", "DistilBert class", "GPTNeoX", "ModernBert"]
)
def test_what_is_left_is_the_network_with_the_others_at_zero(kind: str, tmp_path: Path) -> None:
    model = model_of(kind)
    order, ranking = ranked(model)
    made = prune(model, ranking, keep=[0.5], on=SENTENCES, out=tmp_path / "small", options=QUICK)
    left = load_with_head(str(tmp_path / "small"))
    width = model.taps_at(["mlp"], [1])[0][0].place.width
    assert left.taps_at(["mlp"], [1])[0][0].place.width == width // 2
    cut: dict[str, float] = {}
    for layer in range(1, model.n_layers + 1):
        own = [each for each in order if each.startswith(f"mlp.{layer}.")]
        cut |= dict.fromkeys(own[width // 2 :], 0.0)
    texts, smaller = Texts(model, SENTENCES), Texts(left, SENTENCES)
    rows = np.flatnonzero(texts.usable)
    with torch.no_grad(), edit(model, cut):
        expected = texts.run(texts.inputs(rows))
    with torch.no_grad():
        got = smaller.run(smaller.inputs(rows))
        plain = texts.run(texts.inputs(rows))
    mask = texts.inputs(rows).mask.bool() if got.ndim == 3 else slice(None)
    torch.testing.assert_close(got[mask], expected[mask], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain[mask], expected[mask], rtol=1e-4, atol=1e-4)
    row = made.table.to_pylist()[0]
    assert (row["n_kept"], row["n_neurons"]) == (model.n_layers * (width // 2), model.n_layers * width)
    assert row["low"] <= row["change"] <= row["high"]
    assert row["random_low"] <= row["random"] <= row["random_high"]
    sizes = [sum(each.numel() for each in one.network.parameters()) for one in (left, model)]
    assert row["share_bytes"] == pytest.approx(sizes[0] / sizes[1])
    assert verify(tmp_path / "small").damaged == []
    assert "mine" in prune_text(made)


def test_the_change_is_that_of_the_smaller_model(tmp_path: Path) -> None:
    model = model_of("Llama lm")
    made = prune(model, keep=[0.75, 0.25], on=SENTENCES * 2, out=tmp_path / "out", options=QUICK)
    # the texts are in the order drawn: every second one is measured
    chosen = np.sort(np.random.default_rng(0).permutation(12))
    own = [(SENTENCES * 2)[each] for place, each in enumerate(chosen.tolist()) if place % 2]
    texts = Texts(model, own)
    before = np.nansum(texts.losses() * texts.weights) / texts.weights.sum()
    assert made.facts["plain_loss"] == pytest.approx(before, abs=1e-5)
    for row in made.table.to_pylist():
        smaller = Texts(load_with_head(row["folder"]), own)
        after = np.nansum(smaller.losses() * smaller.weights) / smaller.weights.sum()
        assert row["change"] == pytest.approx(after - before, abs=1e-4)


def test_wandas_order_is_the_plain_one() -> None:
    model = model_of("Llama lm")
    texts = Texts(model, SENTENCES)
    taps = [tap_at(model, "mlp", layer) for layer in range(1, model.n_layers + 1)]
    found = wanda_scores(Cut(model, taps, texts, [], []), texts.groups(token_budget=20))
    for tap, scores in zip(taps, found, strict=True):
        seen: list[torch.Tensor] = []
        assert tap.module is not None
        handle = tap.module.register_forward_pre_hook(lambda _, args, seen=seen: seen.append(args[0]))
        for row in np.flatnonzero(texts.usable).tolist():
            with torch.no_grad():
                texts.run(texts.inputs(np.array([row])))
        handle.remove()
        states = torch.cat([each[0] for each in seen])
        weight = tap.module.weight.detach()  # type: ignore[operator]
        slow = [float(weight[:, n].abs().sum() * states[:, n].norm()) for n in range(states.shape[1])]
        np.testing.assert_allclose(scores, slow, rtol=1e-4)


def test_neurons_of_all_layers_compete_in_full_shapes(tmp_path: Path) -> None:
    model = model_of("Llama lm")
    made = prune(model, keep=[0.4], on=SENTENCES, out=tmp_path / "zeros", across="model", options=QUICK)
    left = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "zeros")
    n = sum(
        int((module.weight.abs().sum(0) > 0).sum())
        for name, module in left.named_modules()
        if name.endswith("down_proj")
    )
    row = made.table.to_pylist()[0]
    assert n == row["n_kept"] == round(0.4 * row["n_neurons"])
    assert row["share_bytes"] == 1
    assert "nothing is faster" in prune_text(made)


def test_bad_input_is_named_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, out = model_of("Llama lm"), tmp_path / "out"
    some = ranked(model, limit=5)[1]
    for keep, message in (([1.0], "keep is 1"), ([], "No share"), ([0.5, 0.5], "twice")):
        with pytest.raises(OptionError, match=message):
            prune(model, keep=keep, on=SENTENCES, out=out)
    with pytest.raises(OptionError, match="are to be kept, and the ranking has"):
        prune(model, some, keep=[0.5], on=SENTENCES, out=out, options=QUICK)
    other = ranking_table({"address": ["hidden.1.2"], "score": [1.0]}, runs=[], method="mine")
    with pytest.raises(OptionError, match=r"names hidden\.1\.2"):
        prune(model, other, keep=[0.5], on=SENTENCES, out=out)
    far = ranking_table({"address": ["mlp.9.2"], "score": [1.0]}, runs=[], method="mine")
    with pytest.raises(OptionError, match="does not have"):
        prune(model, far, keep=[0.5], on=SENTENCES, out=out)
    with pytest.raises(OptionError, match="across 'site'"):
        prune(model, keep=[0.5], on=SENTENCES, out=out, across="site")
    with pytest.raises(OptionError, match="two texts"):
        prune(model, keep=[0.5], on=SENTENCES[:1], out=out, options=QUICK)
    assert not out.exists()
    with pytest.raises(ModelError, match="no list of blocks"):
        prune(model_of("Albert masked"), keep=[0.5], on=SENTENCES, out=out, options=QUICK)
    monkeypatch.setattr(pruning, "_WIDTHS", ("num_attention_heads", "inner_dim"))
    with pytest.raises(ModelError, match="cannot be cut out"):
        prune(model, keep=[0.5], on=SENTENCES, out=out, options=QUICK)
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(VariantError, match="is there already"):
        prune(model, keep=[0.5], on=SENTENCES, out=out, options=QUICK)


def test_shares_that_were_made_before_a_stop_are_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, out, save, calls = model_of("Bert masked"), tmp_path / "out", pruning.save_cut, list[Path]()

    def saved(cut: Any, kept: Any, place: Path, **how: Any) -> Any:
        calls.append(place)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return save(cut, kept, place, **how)

    monkeypatch.setattr(pruning, "save_cut", saved)
    asked: Any = {"keep": [0.5, 0.25], "on": SENTENCES, "options": QUICK}
    with pytest.raises(KeyboardInterrupt):
        prune(model, **asked, out=out)
    assert [each.name for each in out.iterdir()] == ["keep-0.5"]
    with pytest.raises(VariantError, match=r"keep-0\.5 is there already"):
        prune(model, **(asked | {"on": SENTENCES[::-1]}), out=out)
    # what a kill leaves while a folder is written
    (out / f".keep-0.25.{_computer()}-4194305.tmp").mkdir()
    made = prune(model, **asked, out=out)
    assert [each.name for each in calls] == ["keep-0.5", "keep-0.25", "keep-0.25"]
    assert sorted(each.name for each in out.iterdir()) == ["keep-0.25", "keep-0.5"]
    whole = prune(model, **asked, out=tmp_path / "whole")
    same = [name for name in made.table.column_names if name != "folder" and not name.startswith("speed")]
    assert made.table.select(same).equals(whole.table.select(same))
    (out / "mine.txt").write_text("mine")
    with pytest.raises(VariantError, match="out is there already"):
        prune(model, **asked, out=out)


def test_the_command(tmp_path: Path) -> None:
    model = write_tiny_bert(tmp_path / "bert")
    texts = tmp_path / "texts.txt"
    texts.write_text("\n\n".join(SENTENCES[:4]))
    _, ranking = ranked(load_with_head(str(model)))
    write_ranking(ranking, tmp_path / "mine.parquet")
    answer = command(
        "edit", "prune", model, "--keep", "0.5,0.25", "--on", texts, "--out", tmp_path / "small",
        "--ranking", tmp_path / "mine.parquet", "--set=edit.controls=1",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "keep-0.25" in answer.out
    assert (tmp_path / "small" / "keep-0.5" / "variant.json").exists()
    asked = ("edit", "prune", model, "--keep", "0.5", "--on", texts, "--set=edit.controls=1", "--format=csv")
    lines = list(csv.DictReader(io.StringIO(succeed(*asked, "--out", tmp_path / "again"))))
    assert [Path(each["folder"]).name for each in lines] == ["again"]
    assert float(lines[0]["share_bytes"]) < 1
    assert command("edit", "prune", model, "--keep", "half", "--on", texts, "--out", tmp_path / "x").code == 2
