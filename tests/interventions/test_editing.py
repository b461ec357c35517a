"""Edits do what they say, where they say it, and nothing else; against networks whose weights say the same."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neurolect.errors import ModelError, NeuronAddressError, OptionError, RunFolderError
from neurolect.interventions import edit, first_of_ranking
from neurolect.interventions.positions import Calls
from neurolect.model import Model, ModelOptions
from neurolect.model.architecture.taps import Tap, listen
from neurolect.results import ranking_table, write_ranking
from tests.model.architecture.test_taps import HOOKED
from tests.model.networks import TEXTS, tiny_model
from tests.tiny_models import tiny_network, tiny_tokenizer

DECODERS = ("GPT2", "GPTNeoX", "Llama", "Qwen2", "OPT")
PROMPTS = ["the film was good and", "a bank", "my team would then do no more of it"]


@cache
def decoder(family: str) -> Model:
    """A decoder with its head, as `load_model(head="lm")` gives it."""
    import transformers

    body = tiny_network(family)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)  # the head is drawn too
        whole = transformers.AutoModelForCausalLM.from_config(body.config).eval()
    whole.base_model.load_state_dict(body.state_dict(), strict=False)
    tokenizer = tiny_tokenizer(special=False)
    return Model(
        whole, tokenizer, name=family, options=ModelOptions(), max_tokens=64, fingerprint="x", body=whole.base_model
    )


def n_hooks(model: Model) -> int:
    return sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in model.network.modules())


def inputs(model: Model, texts: list[str], *, side: str = "right") -> dict[str, Tensor]:
    ids = list(model.tokenizer(texts)["input_ids"])
    longest = max(map(len, ids))
    padded, mask = torch.zeros((2, len(ids), longest), dtype=torch.int64)
    for row, own in enumerate(ids):
        place = slice(longest - len(own), None) if side == "left" else slice(len(own))
        padded[row, place], mask[row, place] = torch.tensor(own), 1
    return {"input_ids": padded, "attention_mask": mask}


@cache
def taps_of(model: Model, site: str, layer: int) -> list[Tap]:
    """Find them once, outside of any edit."""
    return model.taps_at([site], [layer])[0]


def states_of(model: Model, site: str, layer: int, given: dict[str, Tensor]) -> Tensor:
    """Read a site inside of whatever edit is on."""
    taps = taps_of(model, site, layer)
    seen: list[Tensor] = []
    with torch.no_grad(), listen(taps, receive=lambda _, states: seen.append(states.clone())):
        result = model.body(**given, output_hidden_states=True, **model.keywords)
    return seen[0] if seen else result.last_hidden_state


@contextmanager
def without_input(linear: nn.Linear, column: int, value: float) -> Iterator[None]:
    """Make a linear layer compute as if one of its inputs were always a value: by its weights alone."""
    own: Any = linear
    weight, bias = own.weight.data.clone(), None if own.bias is None else own.bias.data.clone()
    moved = weight[:, column] * value
    own.weight.data[:, column] = 0
    if bias is None:
        own.bias = nn.Parameter(moved.clone())
    else:
        own.bias.data += moved
    yield
    own.weight.data = weight
    if bias is None:
        own.bias = None
    else:
        own.bias.data = bias


@pytest.mark.parametrize("family", HOOKED)
def test_an_empty_edit_changes_not_one_bit_and_sets_no_hook(family: str) -> None:
    model = tiny_model(family)
    before, n_before = model.activations(TEXTS), n_hooks(model)
    with edit(model, {}) as report:
        assert n_hooks(model) == n_before
        assert np.array_equal(model.activations(TEXTS), before)
    assert (report.n_calls, report.n_values) == (0, 0)


@pytest.mark.parametrize("family", [each for each in HOOKED if each != "Mixtral"])
@pytest.mark.parametrize("site", ["hidden", "mlp", "attn", "head"])
def test_what_is_set_is_set_at_real_tokens_only(family: str, site: str) -> None:
    model = tiny_model(family)
    batch = model.pad(model.tokenize(TEXTS), np.arange(len(TEXTS)))
    given = {"input_ids": batch.ids, "attention_mask": batch.mask}
    plain, n_before = states_of(model, site, 2, given), n_hooks(model)
    with edit(model, {f"{site}.2.3": 7.5}) as report:
        got = states_of(model, site, 2, given)
    real = batch.mask.bool()
    shaped, usual = got.reshape(*real.shape, -1), plain.reshape(*real.shape, -1)
    assert (shaped[..., 3][real] == 7.5).all()
    assert torch.equal(shaped[..., 3][~real], usual[..., 3][~real])
    others = [column for column in range(shaped.shape[-1]) if column != 3]
    assert torch.equal(shaped[..., others], usual[..., others])
    touched = report.touched[f"{site}.2.3"]
    assert (touched.n_calls, touched.n_tokens, touched.n_values) == (1, int(real.sum()), int(real.sum()))
    assert n_hooks(model) == n_before


def generate(model: Model) -> Any:
    network: Any = model.network
    return network.generate


def linear_of(model: Model, layer: int) -> nn.Linear:
    module = taps_of(model, "mlp", layer)[0].module
    assert isinstance(module, nn.Linear)
    return module


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "GPTNeoX", "OPT"])
@pytest.mark.parametrize(
    "options", [{}, {"use_cache": False}, {"num_beams": 3}], ids=["cache", "no cache", "beams"]
)
def test_generation_is_that_of_a_network_with_other_weights(family: str, options: dict[str, Any]) -> None:
    model = decoder(family)
    given = inputs(model, PROMPTS, side="left")
    asked = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, "output_scores": True}
    asked |= {"return_dict_in_generate": True, **options}
    plain = generate(model)(**given, **asked)
    with without_input(linear_of(model, 2), 5, 9.0):
        expected = generate(model)(**given, **asked)
    with edit(model, {"mlp.2.5": 9.0}) as report:
        got = generate(model)(**given, **asked)
    assert torch.equal(got.sequences, expected.sequences)
    for ours, theirs in zip(got.scores, expected.scores, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-4)
    assert not torch.allclose(got.scores[0], plain.scores[0], atol=1e-4)
    assert report.n_calls == len(got.scores)
    again = generate(model)(**given, **asked)
    assert torch.equal(again.sequences, plain.sequences)


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize(
    ("positions", "n"),
    [("prompt", 3 * 8), ("generated", 3 * 4), ("all", 3 * 12), ("after_first", 3 * 11), ("last", 3 * 5)],
)
def test_positions_in_a_generation(positions: str, n: int, use_cache: bool) -> None:
    model = decoder("Llama")
    ids = torch.arange(24).reshape(3, 8) + 40
    with edit(model, {"mlp.1.0": ("add", 1.0)}, positions=positions) as report:
        generate(model)(ids, max_new_tokens=5, do_sample=False, use_cache=use_cache, eos_token_id=None)
    if not use_cache:  # every call reads all tokens again
        lengths = [8 + step for step in range(5)]
        n = 3 * {
            "prompt": 8 * 5, "all": sum(lengths), "last": 5, "generated": sum(each - 8 for each in lengths),
            "after_first": sum(each - 1 for each in lengths),
        }[positions]  # fmt: skip
    assert report.touched["mlp.1.0"].n_tokens == n


@pytest.mark.parametrize(("text", "word", "n"), [
    ("the film, the films and a film.", "film", 2),
    ("filmfilm", "film", 0), ("my (film) is", "film", 1), ("oil", "film", 0),
])  # fmt: skip
def test_a_word_is_matched_whole(text: str, word: str, n: int) -> None:
    model = tiny_model("Bert")
    batch = model.pad(model.tokenize([text, "of it"]), np.arange(2))
    with edit(model, {"hidden.1.0": 3.0}, positions=f"match={word}") as report:
        model.body(input_ids=batch.ids, attention_mask=batch.mask, **model.keywords)
    assert report.touched["hidden.1.0"].n_tokens == n


def run(model: Model, texts: list[str]) -> tuple[Tensor, Tensor]:
    batch = model.pad(model.tokenize(texts), np.arange(len(texts)))
    return states_of(model, "mlp", 2, {"input_ids": batch.ids, "attention_mask": batch.mask}), batch.mask.bool()


def test_modes() -> None:
    model = tiny_model("Bert")
    plain, real = run(model, TEXTS)
    width, three = plain.shape[-1], torch.tensor([1.0, 2.0, 3.0])
    vector = np.arange(width, dtype=float) - 3.0
    unit = torch.as_tensor(vector / np.linalg.norm(vector), dtype=torch.float32)
    cases: list[tuple[dict[str, Any], Tensor]] = [
        ({"mlp.2.1": ("add", 2.0)}, plain + 2.0 * torch.eye(width)[1]),
        ({"mlp.2.1": ("scale", -3.0)}, torch.where(torch.arange(width) == 1, plain * -3.0, plain)),
        ({"mlp.2.0-2": ("set", [1.0, 2.0, 3.0])}, torch.cat([three.expand(*real.shape, 3), plain[..., 3:]], -1)),
        ({"mlp.2": 0.0}, torch.zeros_like(plain)),
        ({"mlp.2.0-2": [1.0, 2.0, 3.0]}, torch.cat([three.expand(*real.shape, 3), plain[..., 3:]], -1)),
        ({"mlp.2.4": ("clamp_active", 5.0)}, torch.where((torch.arange(width) == 4) & (plain > 0), 5.0, plain)),
        ({"mlp.2.4": ("clamp_everywhere", 5.0)}, torch.where(torch.arange(width) == 4, 5.0, plain)),
        ({"mlp.2": ("direction", vector, "set", 0.0)}, plain - (plain @ unit)[..., None] * unit),
        ({"mlp.2": ("direction", vector, "add", 2.0)}, plain + 2.0 * unit),
        ({"mlp.2": "mean"}, plain[real].mean(0).expand_as(plain)),
    ]  # fmt: skip
    for changes, expected in cases:
        # the mean is over the texts' own tokens
        options = ModelOptions(special_tokens="include")
        chosen = tiny_model("Bert", options)
        with edit(chosen, changes, reference=TEXTS):
            got, _ = run(chosen, TEXTS)
        assert torch.allclose(got[real], expected[real], atol=1e-5), changes
        assert torch.equal(got[~real], plain[~real])


def test_resampled_values_are_of_the_reference_and_of_the_seed() -> None:
    model = tiny_model("Bert")
    reference, real = run(model, TEXTS[:3])
    pool = {tuple(row) for row in reference[real].round(decimals=4).tolist()}
    made = []
    for seed in (0, 0, 1):
        with edit(model, {"mlp.2": "resample"}, reference=TEXTS[:3], seed=seed):
            got, here = run(model, TEXTS)
        made.append(got[here])
        assert {tuple(row) for row in got[here].round(decimals=4).tolist()} <= pool
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_patch_is_what_another_sentence_has_at_the_same_tokens(side: str) -> None:
    model = decoder("Llama")
    one, other = "the film was good and bad", "the team was not my game"
    alone = states_of(model, "mlp", 2, inputs(model, [other]))[0]
    given = inputs(model, [one, "my game is the great first film"[:26]], side=side)
    with edit(model, {"mlp.2": ("patch", other)}):
        got = states_of(model, "mlp", 2, inputs(model, [one]))[0]
    assert torch.allclose(got, alone, atol=1e-6)
    with (
        pytest.raises(OptionError, match=r"patched from a sentence of \d+ tokens; the edited have"),
        edit(model, {"mlp.2": ("patch", "a bank")}),
    ):
        states_of(model, "mlp", 2, given)


def test_edits_nest_and_end_with_an_exception() -> None:
    model = tiny_model("Bert")
    (plain, real), n_before = run(model, TEXTS), n_hooks(model)
    with edit(model, {"mlp.2.1": 2.0}), edit(model, {"mlp.2.1": ("add", 3.0)}):
        got, _ = run(model, TEXTS)
    assert (got[..., 1][real] == 5.0).all()
    with pytest.raises(KeyError), edit(model, {"mlp.2.1": 2.0}):
        raise KeyError
    assert n_hooks(model) == n_before
    assert torch.equal(run(model, TEXTS)[0], plain)


def test_places_are_looked_for_once_and_again_where_the_network_is_another() -> None:
    model = decoder.__wrapped__("Llama")  # one of its own: it is changed
    given, calls = inputs(model, PROMPTS), list[int]()
    model.body.register_forward_hook(lambda *_: calls.append(1))

    def n_calls() -> int:
        calls.clear()
        with edit(model, {"mlp.2.1": 3.0}) as report:
            model.network(**given)
        assert report.touched["mlp.2.1"].n_values > 0
        return len(calls)

    n_first = n_calls()
    assert n_first > 1
    assert n_calls() == 1
    body: Any = model.body
    body.layers[1] = copy.deepcopy(body.layers[1])
    assert n_calls() == n_first


def test_packed_sentences_end_where_their_positions_start_again() -> None:
    calls = Calls("last", tokenizer=None)
    calls.before(None, (), {"input_ids": torch.arange(6)[None], "position_ids": torch.tensor([[0, 1, 2, 0, 1, 0]])})
    assert calls.mask().tolist() == [[False, False, True, False, True, True]]
    calls = Calls("after_first", tokenizer=None)
    calls.before(None, (), {"input_ids": torch.arange(6)[None], "position_ids": torch.tensor([[0, 1, 2, 0, 1, 0]])})
    assert calls.mask().tolist() == [[False, True, True, False, True, False]]
    calls.after(None, None, None)
    mask = torch.tensor([[0, 0, 1, 1], [1, 1, 1, 0]])
    calls.before(None, (), {"input_ids": torch.arange(8).reshape(2, 4), "attention_mask": mask})
    assert calls.mask().int().tolist() == [[0, 0, 0, 1], [0, 1, 1, 0]]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("reentrant", [True, False])
def test_gradient_checkpointing_counts_once_and_gives_the_same_gradients(reentrant: bool) -> None:
    model = decoder("Llama")
    given = inputs(model, PROMPTS)

    def gradient(*, checkpoint: bool) -> tuple[Tensor, int]:
        network: Any = model.network.train()
        if checkpoint:
            network.gradient_checkpointing_enable({"use_reentrant": reentrant})
            network.enable_input_require_grads()
        network.zero_grad()
        with edit(model, {"mlp.2.1": ("scale", 2.0)}) as report:
            network(**given, labels=given["input_ids"], use_cache=False).loss.backward()
        if checkpoint:
            network.gradient_checkpointing_disable()
            network.disable_input_require_grads()
        network.eval()
        weight: Any = linear_of(model, 2).weight
        return weight.grad.clone(), report.touched["mlp.2.1"].n_values

    (plain, n), (checked, n_checked) = gradient(checkpoint=False), gradient(checkpoint=True)
    assert n == n_checked
    assert torch.allclose(plain, checked, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_its_dtype(dtype: torch.dtype) -> None:
    network = tiny_network("Llama").to(dtype)
    model = Model(network, tiny_tokenizer(special=False), name="half", options=ModelOptions(), max_tokens=64)
    with edit(model, {"mlp.2.1": ("add", 1.0), "hidden.1": ("direction", np.ones(16), "scale", 0.5)}):
        result = model.body(**inputs(model, PROMPTS), **model.keywords)
    assert result.last_hidden_state.dtype == dtype


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"mlp.2.999": 0.0}, NeuronAddressError, r"There is no neuron 'mlp.2.999'(.|\n)*from 0 to 23"),
        ({"mlp.9.1": 0.0}, ModelError, "has 3 blocks"),
        ({"mpl.2.1": 0.0}, NeuronAddressError, r"no site 'mpl'(.|\n)*nearest: 'mlp'"),
        ({"mlp": 0.0}, NeuronAddressError, "not the address"),
        ({"mlp.2.5-3": 0.0}, NeuronAddressError, "ends before it begins"),
        ({"mlp.2.1": ("ad", 1.0)}, OptionError, r"nearest: 'add'"),
        ({"mlp.2.1": ("add",)}, OptionError, "has 0 values"),
        ({"mlp.2.1": float("nan")}, OptionError, "finite number"),
        ({"mlp.2.1": True}, OptionError, "a number, zero, or one of"),
        ({"mlp.2": ("set", [1.0, 2.0])}, OptionError, r"has 2 values(.|\n)*24"),
        ({"mlp.2.1": "mean"}, OptionError, "reference texts, and there are none"),
        ({"mlp.2.1": ("direction", [1.0] * 24, "set", 0.0)}, OptionError, "a layer: mlp.2"),
        ({"mlp.2": ("direction", [0.0] * 24, "set", 0.0)}, OptionError, "not all zero"),
        ({"mlp.2": ("direction", [1.0] * 24, "sit", 0.0)}, OptionError, "set, add, scale"),
        ({"mlp.2.1": ("patch", " ")}, OptionError, "a sentence"),
        ([("mlp.2.1", 0.0)], OptionError, "a mapping of addresses"),
        ({"mlp.2.0-1": [1.0]}, OptionError, r"has 1 values(.|\n)*2"),
    ],
)
def test_what_cannot_be_read_is_refused_before_anything_runs(
    changes: Any, error: type[Exception], message: str
) -> None:
    model = tiny_model("Bert")
    n_before = n_hooks(model)
    with pytest.raises(error, match=message), edit(model, changes):
        pass
    assert n_hooks(model) == n_before


def test_zero_is_a_change() -> None:
    model, changes = decoder("Llama"), ("zero", 0.0)
    given = inputs(model, PROMPTS)
    found = []
    for change in changes:
        with edit(model, {"mlp.2": change}), torch.no_grad():
            found.append(model.body(**given).last_hidden_state)
    assert torch.equal(*found)


def test_what_never_ran_or_gave_nan_is_an_error() -> None:
    model = decoder("Llama")
    changes: Any = {"mlp.2.1": 0.0}
    never = r"never applied: the network did not run(.|\n)*Run model.network inside"
    with pytest.raises(ModelError, match=never), edit(model, changes):
        pass
    odd = r"positions are 'first'(.|\n)*match=WORD"
    with pytest.raises(OptionError, match=odd), edit(model, changes, positions="first"):
        pass
    big: Any = {"hidden.2": ("add", 3e38)}
    nan, given = "NaN in its call 1 of 1", inputs(model, PROMPTS)
    with pytest.raises(ModelError, match=nan), edit(model, big), edit(model, big), torch.no_grad():
        model.body(**given)


def test_a_path_is_no_model_and_positions_that_meet_nothing_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    path: Any = "minilm"
    with pytest.raises(OptionError, match=r"model to edit is 'minilm'(.|\n)*load_model"), edit(path, {}):
        pass
    model = tiny_model("Bert")
    with edit(model, {"hidden.1.0": 3.0}, positions="match=zebra"):
        run(model, ["a bank"])
    assert "'match=zebra' met no token: hidden.1.0" in caplog.text


def test_the_first_of_a_ranking_are_set(tmp_path: Path) -> None:
    model = tiny_model("Bert")
    addresses = ["mlp.2.5", "mlp.1.3", "mlp.2.5", "hidden.1.0"]
    ranking = ranking_table({"address": addresses, "score": [4.0, 3.0, 2.0, 1.0]}, runs=["x"], method="made up")
    changes = first_of_ranking(write_ranking(ranking, tmp_path / "ranking.parquet"), 2, change=("scale", 2.0))
    assert changes == {"mlp.2.5": ("scale", 2.0), "mlp.1.3": ("scale", 2.0)}
    assert list(changes) == ["mlp.2.5", "mlp.1.3"]
    assert first_of_ranking(ranking, 3) == {"mlp.2.5": 0.0, "mlp.1.3": 0.0, "hidden.1.0": 0.0}
    with edit(model, changes) as report:
        run(model, ["a bank"])
    assert set(report.touched) == set(changes)
    for n in (0, 4):
        with pytest.raises(OptionError, match=rf"first {n} of a ranking of 3(.|\n)*from 1 to 3"):
            first_of_ranking(ranking, n)
    with pytest.raises(OptionError, match="how it came about"):
        first_of_ranking(ranking.replace_schema_metadata(None), 1)
    (tmp_path / "odd.parquet").write_text("no table")
    with pytest.raises(RunFolderError, match="cannot be read as a ranking"):
        first_of_ranking(tmp_path / "odd.parquet", 1)
