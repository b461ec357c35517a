"""Selected features: the module against the whole network, the steps against their definition, bad input."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import FormatVersionError, ModelError, NeuronAddressError, OptionError, ProbingError
from neurolect.model import ModelOptions, load_model
from neurolect.probing import (
    ActivationsOptions,
    Features,
    ProbeOptions,
    TransferOptions,
    Transferred,
    load_features,
    open_activations,
    open_features,
    open_probe,
    select_features,
)
from neurolect.probing.protocol.record import step
from neurolect.probing.transfer import stage
from neurolect.verification import verify
from neurolect.views.texts.transfer import transfer_text
from tests.command_line import command, succeed
from tests.made_once import copy_of
from tests.model.networks import tiny_model
from tests.probing.treebanks import sentences, write_treebank
from tests.tiny_models import write_tiny_bert

QUICK = TransferOptions(delta=0.05, cuts=(0.5, 0.1), max_solves=5, n_random=2, n_bootstrap=20, texts=10, rounds=2)
SMALL = ProbeOptions(units=300, gap=0.05)
READING = ActivationsOptions(min_train=8, min_test=2)
TEXTS = ["the film was good", "a bank", "my team would then do no more of it and the price of oil was bad", ""]


def write_selected(folder: Path, *, concept: str = "topic") -> None:
    write_tiny_bert(folder / "bert")
    write_treebank(folder / "treebank.jsonl", sentences(200))
    select(folder, concept=concept)


def select(folder: Path, *, concept: Any = "topic", **given: Any) -> Transferred:
    chosen: dict[str, Any] = {"options": QUICK, "probe": SMALL, "reading": READING, "out": folder / "out"} | given
    return select_features(str(folder / "bert"), folder / "treebank.jsonl", concept=concept, **chosen)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return copy_of(write_selected, tmp_path / "made")


@pytest.mark.parametrize("family", ["Bert", "GPT2", "Llama", "Albert", "T5", "DistilBert"])
@pytest.mark.parametrize("pooling", ["mean", "max", "first", "last"])
def test_the_module_gives_the_columns_of_the_whole_network(family: str, pooling: str) -> None:
    model = tiny_model(family, ModelOptions(pooling=pooling))
    addresses = ["hidden.1.7", "hidden.1.2", "hidden.2.0"]
    for chosen in (addresses, addresses[:2]):
        features = Features(model, chosen)
        columns = [model.addresses.index(each) for each in chosen]
        found = features.sentences(TEXTS)
        np.testing.assert_allclose(found[:3], model.activations(TEXTS[:3])[:, columns], rtol=1e-4, atol=1e-5)
        assert np.isnan(found[3]).all()
        tokens = features.tokens(TEXTS)
        assert [len(each) for each in tokens][3] == 0
        at = {"mean": lambda each: each.mean(0), "max": lambda each: each.max(0)}
        at |= {"first": lambda each: each[0], "last": lambda each: each[-1]}
        for row in range(3):
            np.testing.assert_allclose(at[pooling](tokens[row]), found[row], rtol=1e-4, atol=1e-5)


def test_blocks_after_the_last_needed_one_are_not_run() -> None:
    model = tiny_model("Bert")
    ran: list[int] = []
    blocks: Any = model.body.encoder.layer  # type: ignore[union-attr]
    hooks = [block.register_forward_hook(lambda *_, n=n: ran.append(n)) for n, block in enumerate(blocks)]
    try:
        features = Features(model, ["hidden.1.3"])
        assert features.stops
        ran.clear()
        ids = torch.tensor([[5, 6, 7]])
        made = features(ids, torch.ones_like(ids))
        assert made.shape == (1, 3, 1)
        assert ran == [0]
        assert not torch.is_grad_enabled() or made.requires_grad  # as a module: it can be trained through
        ran.clear()
        model.activations(["the film"])
        assert ran == [0, 1, 2]
    finally:
        for hook in hooks:
            hook.remove()


def test_a_network_that_gives_other_values_when_left_is_run_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("Bert")
    plain = Features.forward

    def wrong(self: Features, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return plain(self, ids, mask) + (1.0 if self.stops else 0.0)

    monkeypatch.setattr(Features, "forward", wrong)
    features = Features(model, ["hidden.1.3"])
    assert not features.stops
    column = model.addresses.index("hidden.1.3")
    np.testing.assert_allclose(
        features.sentences(TEXTS[:2])[:, 0], model.activations(TEXTS[:2])[:, column], atol=1e-5
    )


def test_the_steps_are_what_they_say(made: Path) -> None:
    found = open_features(made / "out")
    steps, facts = found.steps, found.facts
    store = open_activations(made / "out" / "activations")
    depths = {each: int(each.split(".")[1]) for each in store.addresses}
    whole = steps["whole"]["dev"]
    rows = steps["layers"]["rows"]
    assert steps["layers"]["target"] == pytest.approx(whole * 0.95)
    assert all(row["dev"] < steps["layers"]["target"] for row in rows[:-1])
    assert rows[-1]["dev"] >= steps["layers"]["target"]
    layer = steps["layers"]["layer"]
    assert rows[-1]["n"] == sum(depth <= layer for depth in depths.values())
    kept = steps["clusters"]["neurons"]
    assert {depths[each] <= layer for each in kept} == {True}
    assert len(set(kept)) == len(kept)
    if steps["clusters"]["cut"] is not None:
        assert steps["clusters"]["rows"][-1]["dev"] >= whole * 0.9
    minimal = steps["minimal"]
    assert set(minimal["neurons"]) <= set(kept)
    assert minimal["met"] == (minimal["dev"] >= whole * (1 - 3 * QUICK.delta) - 1e-12)
    assert minimal["n"] == len(minimal["neurons"]) == len(facts["addresses"])
    assert facts["layer"] == max(depths[each] for each in facts["addresses"])
    assert len(minimal["random"]) == len(minimal["random_of_kept"]) == 2
    assert steps["speed"]["low"] <= steps["speed"]["speed"] <= steps["speed"]["high"]
    text = transfer_text(found)
    assert f"{minimal['n']:,} of {steps['whole']['n']:,} neurons" in text
    assert "as many random ones (2 draws)" in text


def test_the_classifier_is_that_of_the_store(tmp_path: Path) -> None:
    made = copy_of(write_selected, tmp_path / "made", concept="tags")
    features = load_features(made / "out" / "features.json")
    store = open_activations(made / "out" / "activations")
    columns = [store.addresses.index(each) for each in features.addresses]
    probe = open_probe(made / "out" / "probe")
    (_, values), *_ = store.blocks(slice(0, 40), None)
    codes = probe.predict(values[:, columns])
    assert features.classify(values[:, columns]) == [store.classes[each] for each in codes.tolist()]
    right = np.mean(
        [store.classes[each] for each in store.labels[:40]] == np.array(features.classify(values[:, columns]))
    )
    assert right > 0.5
    assert features.model.neurons.n_neurons < load_model(str(made / "bert")).neurons.n_neurons or features.stops
    with pytest.raises(OptionError, match="classifier is of words"):
        features.predict(["the film"])
    with pytest.raises(OptionError, match="no classifier"):
        load_features(made / "out", classifier=False).classify(values[:, columns])


def test_features_of_sentences_predict_texts(made: Path) -> None:
    features = load_features(made / "out")
    rows = [json.loads(line) for line in (made / "treebank.jsonl").read_text().splitlines()]
    texts = [" ".join(each["tokens"]) for each in rows]
    predicted = features.predict(texts)
    assert set(predicted) <= set(open_features(made / "out").facts["classes"])
    assert predicted == features.classify(features.sentences(texts))


def test_a_killed_command_resumes_and_other_work_is_refused(
    made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = open_features(made / "out")
    again = tmp_path / "again"
    shutil.copytree(made, again)
    shutil.rmtree(again / "out")
    plain, calls = step, list[str]()

    def stop(folder: Path, name: str, make: Any) -> Any:
        calls.append(name)
        if name == "minimal" and calls.count("minimal") == 1:
            raise KeyboardInterrupt
        return plain(folder, name, make)

    monkeypatch.setattr(stage, "step", stop)
    with pytest.raises(KeyboardInterrupt):
        select(again)
    assert (again / "out" / "clusters.json").is_file()
    before = (again / "out" / "clusters.json").read_bytes()
    found = select(again)
    assert (again / "out" / "clusters.json").read_bytes() == before
    assert found.facts["addresses"] == whole.facts["addresses"]
    assert found.steps["minimal"]["random"] == whole.steps["minimal"]["random"]
    calls.clear()
    assert select(again).facts == found.facts
    assert not calls
    with pytest.raises(ProbingError, match="features of other activations, labels or options"):
        select(again, options=replace(QUICK, delta=0.1))


def test_bad_input_is_refused_by_name(made: Path, tmp_path: Path) -> None:
    for concept, message in (("score", "numbers"), ("arcs", "pairs of words"), ("nothing", "nothing")):
        with pytest.raises(Exception, match=message) as caught:
            select(made, concept=concept, out=tmp_path / concept)
        assert isinstance(caught.value, OptionError | ProbingError)
        assert not (tmp_path / concept / "features.json").exists()
    write_tiny_bert(tmp_path / "other", seed=5)
    with pytest.raises(ModelError, match=r"not the model that the features(.|\n)*model=FOLDER"):
        load_features(made / "out", model=str(tmp_path / "other"))
    path = made / "out" / "features.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps(facts | {"schema_version": 9}))
    with pytest.raises(FormatVersionError, match="schema version 9"):
        load_features(made / "out")
    path.write_text(json.dumps({key: each for key, each in facts.items() if key != "addresses"}))
    with pytest.raises(ProbingError, match="damaged"):
        load_features(made / "out")
    path.write_text(json.dumps(facts | {"addresses": ["hidden.1.99999"]}))
    with pytest.raises(NeuronAddressError, match="99999"):
        load_features(made / "out")
    with pytest.raises(ProbingError, match="is not a folder of features"):
        load_features(tmp_path / "nowhere")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(ProbingError, match="something else in it"):
        select(made, out=tmp_path / "taken")


def test_the_command_prints_and_the_folder_is_verified(made: Path) -> None:
    settings = [f"--set=transfer.{name}={value}" for name, value in (("delta", 0.05), ("texts", 10), ("rounds", 2))]
    settings += ["--set=transfer.max_solves=2", "--set=transfer.cuts=0.5", "--set=transfer.n_random=1"]
    settings += ["--set=probe.gap=0.05", "--set=probe.units=300", "--set=activations.min_train=8"]
    given = [
        made / "bert",
        made / "treebank.jsonl",
        "--concept",
        "topic",
        "--activations",
        made / "out" / "activations",
    ]
    text = succeed("probing", "transfer", *given, "--out", made / "new", *settings, "--set=activations.min_test=2")
    assert "the last layer alone" in text
    assert (made / "new" / "summary.txt").read_text() == text
    assert verify(made / "out").damaged == []
    answer = command("probing", "transfer", *given, "--out", made / "treebank.jsonl", *settings)
    assert answer.code
    assert "nothing is overwritten" in answer.err
