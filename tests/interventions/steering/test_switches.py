"""Switch neurons: pairs by rules, the estimate, success, and the planted model, where the truth is known."""

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.errors import ModelError, OptionError
from neurolect.folders.parts import Parts
from neurolect.interventions import SwitchOptions, edit, find_switches
from neurolect.interventions.steering.minimal_pairs import KINDS, Pair, minimal_pairs
from neurolect.interventions.steering.pair_contexts import Contexts
from neurolect.interventions.steering.switches import _first_order, _scored, _Search, means_of
from neurolect.model import Model
from neurolect.planted import Truth, planted_model, read_truth
from neurolect.progress import NullProgress, NullTask
from neurolect.results import provenance, read_ranking
from neurolect.views.texts.steering import switches_text
from tests.command_line import csv_rows, succeed
from tests.interventions.measured import model_of
from tests.made_once import copy_of

FEW = SwitchOptions(pairs=6, exact=6, top=(1, 2), draws=2, n_bootstrap=50)
FORMS = ("good", "bad")
PAIRS = [
    Pair((f"the {one} was", f"the {other} was"), FORMS, "x")
    for one, other in (("film", "bank"), ("team", "car"), ("game", "price"))
] + [Pair(("my team", "a car"), FORMS, "y")]


def write_pairs(path: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("context_a", "context_b", "form_a", "form_b", "template"), *rows])
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_pairs_of_each_part_share_neither_template_nor_word(kind: str) -> None:
    look, held, values = minimal_pairs(kind, n=10_000, seed=0)
    assert len(set(values)) == 2
    assert len(look) >= 90
    assert len(held) >= 50
    assert len({each.contexts for each in look + held}) == len(look) + len(held)
    assert not {each.template for each in look} & {each.template for each in held}
    for each in look + held:
        assert each.contexts[0] != each.contexts[1]
        assert each.forms[0] != each.forms[1]
        assert not any(word in ("N", "S", "N,") for context in each.contexts for word in context.split())
        assert all(context[0].isupper() for context in each.contexts)
    some, _, _ = minimal_pairs(kind, n=7, seed=0)
    assert len(some) == 7
    assert some == minimal_pairs(kind, n=7, seed=0)[0]
    if kind != "tense":
        words = [{word for each in part for word in changed(each)} for part in (look, held)]
        assert len(words[0] & words[1]) <= 1, "lady is the other form of two words"


def changed(pair: Pair) -> set[str]:
    one, other = ({each.strip(",") for each in context.split()} for context in pair.contexts)
    return one ^ other


@pytest.mark.parametrize("kind", ["Llama lm", "GPT2 lm", "Bert masked"])
def test_contexts_are_read_so_that_the_form_comes_next(kind: str) -> None:
    model = model_of(kind)
    contexts = Contexts(model, [*PAIRS, Pair(("the film", "a film"), ("zzz", "bad"), "z")])
    assert contexts.n_left_out == 1
    assert len(contexts.contexts) == 2 * len(PAIRS)
    tokenizer: Any = model.tokenizer
    for each in contexts.contexts:
        text = PAIRS[each.pair].contexts[each.side]
        if kind == "Bert masked":
            assert each.ids == list(tokenizer([f"{text} [MASK]."])["input_ids"][0])
            assert each.ids[each.at] == tokenizer.mask_token_id
        else:
            assert each.ids == list(tokenizer([text])["input_ids"][0])
            assert each.at == len(each.ids) - 1
        assert tokenizer.convert_ids_to_tokens(list(each.forms)) == list(FORMS)
        other = next(b for b in contexts.contexts if b.pair == each.pair and b.side != each.side)
        assert each.ids[: each.first] == other.ids[: each.first]
        assert each.ids[each.first] != other.ids[each.first]


def slow_difference(model: Model, each: Any, changes: dict[str, Any]) -> float:
    network: Any = model.network
    with torch.no_grad(), edit(model, changes):
        scores = network(input_ids=torch.tensor([each.ids])).logits[0, each.at]
    return float(scores[each.forms[0]] - scores[each.forms[1]])


def slow_states(model: Model, site: str, layer: int, ids: list[int]) -> torch.Tensor:
    """Read a site by an edit that changes nothing."""
    from neurolect.interventions.resuming import tap_at
    from neurolect.model.architecture.taps import write

    kept: list[torch.Tensor] = []
    network: Any = model.network

    def see(_: int, states: torch.Tensor) -> torch.Tensor:
        kept.append(states.clone())
        return states

    with torch.no_grad(), write(model.body, [tap_at(model, site, layer)], edit=see):
        network(input_ids=torch.tensor([ids]))
    return kept[0].reshape(len(ids), -1)


@pytest.mark.parametrize("kind", ["Llama lm", "Bert masked"])
def test_means_and_what_a_neuron_moves_are_those_of_one_context_at_a_time(kind: str) -> None:
    model = model_of(kind)
    taps = model.taps_at(["mlp"], None)[0]
    contexts = Contexts(model, PAIRS)
    search = _Search(contexts, taps, FEW)
    search.estimates(NullProgress())
    rows: list[list[torch.Tensor]] = [[], []]
    for each in contexts.contexts:
        rows[each.side].append(slow_states(model, "mlp", 2, each.ids)[each.first : each.at + 1])
    means = torch.stack([torch.cat(own).mean(0) for own in rows])
    torch.testing.assert_close(
        means_of(contexts, taps, parts=Parts(), task=NullTask())[1], means, rtol=1e-4, atol=1e-5
    )
    width = taps[0].place.width
    neurons = np.array([width + 3, width + 5])
    after, moved = search.moved(contexts, contexts.predicted(), neurons)
    for place, each in enumerate(contexts.contexts):
        states = slow_states(model, "mlp", 2, each.ids)
        states[each.first : each.at + 1, [3, 5]] = means[1 - each.side][[3, 5]]
        network: Any = model.network
        from neurolect.model.architecture.taps import write

        put = states
        with torch.no_grad(), write(model.body, [taps[1]], edit=lambda _, s, put=put: put.reshape(s.shape)):  # type: ignore[misc]
            scores = network(input_ids=torch.tensor([each.ids])).logits[0, each.at]
        new = float(scores[each.forms[0]] - scores[each.forms[1]])
        old = slow_difference(model, each, {})
        assert after.difference[place] == pytest.approx(new, abs=1e-4)
        assert moved[place] == pytest.approx((new - old) * (-1 if each.side == 0 else 1), abs=1e-4)
    assert search.addresses(neurons) == ["mlp.2.3", "mlp.2.5"]
    others = search.random_like(neurons, 0)
    assert not set(others) & set(neurons)
    assert [each.rpartition(".")[0] for each in search.addresses(others)] == ["mlp.2", "mlp.2"]


def test_the_estimate_is_the_slope_of_a_small_step() -> None:
    model = model_of("Llama lm")
    taps = model.taps_at(["mlp"], None)[0]
    contexts = Contexts(model, PAIRS)
    search = _Search(contexts, taps, FEW)
    estimates = search.estimates(NullProgress())
    (batch,) = contexts.batches()
    sums = _first_order(contexts, search.sites, batch)
    plain = contexts.predicted()
    for layer, neuron in ((0, 2), (1, 7), (2, 11)):

        def step(
            number: int, states: torch.Tensor, given: Any, layer: int = layer, neuron: int = neuron
        ) -> torch.Tensor:
            made = states.clone()
            to = search.sites[layer].means[:, neuron][1 - given.side][:, None]
            own = states[..., neuron]
            made[..., neuron] = torch.where(given.here, own + 0.01 * (to - own), own)
            return made

        after = contexts.predicted([taps[layer]], step)
        slope = (np.where(contexts.side == 0, -1, 1) * (after.difference - plain.difference)).sum() / 0.01
        assert float(sums[layer][neuron]) == pytest.approx(slope, rel=0.05, abs=2e-3)
    np.testing.assert_allclose(estimates, np.concatenate([each.numpy() for each in sums]) / len(contexts.contexts))


def test_success_by_hand() -> None:
    contexts: Any = type("Some", (), {"side": np.array([0, 1, 0, 1]), "pair": np.array([0, 0, 1, 1])})
    before: Any = type("Plain", (), {"others": np.array([[1, 2]] * 4)})
    after: Any = type("After", (), {})
    after.difference = np.array([-1.0, -1.0, -1.0, 2.0])  # flipped, as it was, flipped, flipped
    after.others = np.array([[1, 2], [1, 2], [1, 3], [1, 2]])
    right = np.array([True, True, True, False])
    row = _scored(contexts, before, [after], [np.array([1.0, 0.0, 2.0, 3.0])], right, FEW)
    assert row["flipped"] == pytest.approx((0.5 + 1.0) / 2), "the last context was wrong before"
    assert row["alone"] == pytest.approx((0.5 + 0.0) / 2)
    assert row["moved"] == pytest.approx(1.5)
    assert row["same"] == pytest.approx(0.75)


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    return read_truth(copy_of(planted_model, tmp_path_factory.mktemp("planted") / "model", noise=0.0))


def planted_pairs(path: Path) -> Path:
    nouns = (("dog", "dogs"), ("cat", "cats"), ("horse", "horses"))
    starts = ["Anna sat near", "Peter walked with", "John ran under", "Rosa rested over"]
    rows = [
        (f"{each} the", f"{each} {n}", *noun, each) for each in starts for n in ("two", "four") for noun in nouns
    ]
    return write_pairs(path, rows)


def test_on_the_planted_model_those_that_act_are_found_and_decoys_are_not(truth: Truth, tmp_path: Path) -> None:
    few = replace(FEW, pairs=12, exact=8, top=(2,))
    made = find_switches(str(truth.folder), planted_pairs(tmp_path / "pairs.csv"), options=few)
    roles = {each.address: each for each in truth.neurons}
    first = [roles[each] for each in made.table.column("address").to_pylist()[:2]]
    assert {(each.role, each.concept) for each in first} == {("detector", "determiner"), ("detector", "number")}
    rows = {row["method"]: row for row in made.facts["rows"]}
    assert rows["neurons"]["flipped"] == 1.0
    assert rows["random"]["flipped"] == 0.0
    assert made.facts["right"] == 1.0
    unused = {each.address for each in truth.neurons if each.role in ("decoy", "switch")}
    below = [row["estimate"] for row in made.table.to_pylist() if row["address"] in unused]
    assert max(np.abs(below)) < 0.02 < made.table.column("estimate").to_pylist()[1]
    assert made.facts["rank_correlation"] > 0.5
    assert provenance(made.table).method == "switch"


def test_an_encoder_of_masked_tokens_too(tmp_path: Path) -> None:
    rows = [
        (*pair.contexts, *pair.forms, pair.template) for pair in [*PAIRS, Pair(("a game", "a car"), FORMS, "y")]
    ]
    made = find_switches(model_of("Bert masked"), write_pairs(tmp_path / "pairs.csv", rows), options=FEW)
    assert {row["method"] for row in made.facts["rows"]} == {"neurons", "random", "direction"}
    scores = [each for each in made.table.column("score").to_pylist() if each is not None]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 6 + 1
    assert "nothing else" in switches_text(made)


def test_bad_input(tmp_path: Path) -> None:
    model = model_of("Llama lm")
    odd = write_pairs(tmp_path / "odd.csv", [("a", "", "x", "y", "1")])
    single = write_pairs(tmp_path / "one.csv", [("the film", "the bank", *FORMS, "1")] * 2)
    unread = write_pairs(tmp_path / "unread.csv", [("the film", "the bank", "zzz", "qqq", each) for each in "1212"])
    cases: list[tuple[Any, SwitchOptions, str]] = [
        ("nubmer", FEW, r"no kind of minimal pairs 'nubmer'(.|\n)*The nearest: 'number'"),
        (odd, FEW, r"Row 1 of .*odd\.csv(.|\n)*a text in each of context_a"),
        (single, FEW, r"2 pairs of 1 templates(.|\n)*one is held out"),
        (unread, FEW, r"0 of 2 pairs have two forms that are one token"),
        ("number", replace(FEW, top=(9_999,)), r"The first 9,999 of \d+ neurons(.|\n)*switch\.top=1,5"),
    ]
    for kind, options, message in cases:
        with pytest.raises(OptionError, match=message):
            find_switches(model, kind, options=options)
    for kind in ("Bert class", "Bert"):
        with pytest.raises(ModelError, match=r"predicts no tokens(.|\n)*a decoder, or an encoder"):
            find_switches(model_of(kind), "number", options=FEW)


def test_the_command(truth: Truth, tmp_path: Path) -> None:
    pairs = planted_pairs(tmp_path / "pairs.csv")
    asked = ["--top", "1,2", "--out", tmp_path / "found.parquet", "--set=switch.pairs=4", "--set=switch.exact=3"]
    out = succeed("edit", "switch", truth.folder, pairs, *asked, "--set=switch.draws=1")
    assert "random neurons" in out
    assert "mean difference" in out
    assert len(csv_rows("edit", "switch", truth.folder, pairs, *asked, "--set=switch.draws=1")) == 512
    kept = read_ranking(tmp_path / "found.parquet")
    assert kept.num_rows == 512
    shown = succeed("edit", "switch", truth.folder, pairs, *asked, "--set=switch.draws=1", "--format=csv")
    assert shown.splitlines()[1].startswith(f"1,{kept.column('address')[0].as_py()},")
    assert len(shown.splitlines()) == 513
    assert provenance(kept).models
