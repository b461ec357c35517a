"""The decoder of an encoder-decoder is read as Hugging Face runs it: source fed, target teacher-forced."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from neurolect.errors import ModelError, OptionError
from neurolect.interventions import edit
from neurolect.model import Model, ModelOptions, load_model, plan_batches
from neurolect.model.architecture.decoder_side import read_targets, start_of
from tests.model.networks import TEXTS
from tests.tiny_models import N_TOKENS, tiny_tokenizer, write_tiny_bert

_OF_BART = {
    "encoder_layers": 2,
    "decoder_layers": 3,
    "d_model": 16,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 20,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "pad_token_id": 0,
    "decoder_start_token_id": 3,
}
_OF_T5 = {"num_layers": 2, "num_decoder_layers": 3, "d_model": 16, "num_heads": 2, "d_kv": 10, "d_ff": 20}
FAMILIES = {each: _OF_BART for each in ("Bart", "Marian", "MBart", "M2M100", "Pegasus")} | {"T5": _OF_T5}
SITES = ("decoder.hidden", "decoder.mlp", "decoder.attn", "decoder.head")
SOURCES = [*reversed(TEXTS)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tiny random encoder-decoders, their tables shared as those of trained ones are."""
    folder = tmp_path_factory.mktemp("sides")
    for number, (family, settings) in enumerate(FAMILIES.items()):
        torch.manual_seed(number)
        config = getattr(transformers, f"{family}Config")(vocab_size=N_TOKENS, **settings)
        network = transformers.AutoModel.from_config(config)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        network.save_pretrained(folder / family)
        tiny_tokenizer().save_pretrained(folder / family)
    return folder


def loaded(folder: Path, **options: Any) -> Model:
    return load_model(str(folder), options=ModelOptions(**{"sites": SITES, **options}))


def read(model: Model, texts: list[str], sources: list[str] | None, budget: int) -> NDArray[np.float32]:
    tokens = model.tokenize(texts, sources)
    values = np.empty((len(texts), model.neurons.n_neurons), np.float32)
    for rows in plan_batches(tokens.sizes, token_budget=budget):
        values[rows] = model.read(model.pad(tokens, rows)).values
    return values


def by_hugging_face(folder: Path, text: str, source: str) -> NDArray[np.float32]:
    """Means over the sentence's own tokens of the decoder's hidden states, one sentence at a time."""
    network = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    labels = tokenizer([text], return_tensors="pt")["input_ids"]
    # the library's own shift, but mBART's: that one takes the last token for a language
    start = network.config.pad_token_id if network.config.model_type == "t5" else 3
    given = torch.cat([torch.tensor([[start]]), labels[:, :-1]], dim=1)
    encoded = tokenizer([source], return_tensors="pt")
    with torch.inference_mode():
        made = network(**{k: encoded[k] for k in ("input_ids", "attention_mask")}, decoder_input_ids=given,
                       output_hidden_states=True)  # fmt: skip
    states = torch.cat(made.decoder_hidden_states[1:], dim=-1)[0]
    means: NDArray[np.float32] = states[2:].mean(dim=0).numpy()  # behind the start and [CLS]; [SEP] is not there
    return means


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("source", ["empty", "same", "field=english"])
def test_a_decoder_gives_what_hugging_face_gives(folders: Path, family: str, source: str) -> None:
    model = loaded(folders / family, sites=("decoder.hidden",), source=source)
    assert model.n_layers == 3
    assert model.addresses[16] == "decoder.hidden.2.0"
    sources = SOURCES if source.startswith("field") else None
    values = read(model, TEXTS, sources, budget=64)
    fed = {"empty": [""] * len(TEXTS), "same": TEXTS}.get(source, SOURCES)
    for row, (text, given) in enumerate(zip(TEXTS, fed, strict=True)):
        np.testing.assert_allclose(values[row], by_hugging_face(folders / family, text, given), atol=2e-5)


@pytest.mark.parametrize("family", ["Bart", "T5"])
@pytest.mark.parametrize("pooling", ["mean", "max", "first", "last"])
def test_the_batch_bears_on_nothing(folders: Path, family: str, pooling: str) -> None:
    model = loaded(folders / family, source="field=english", pooling=pooling)
    assert {site for site, _, _ in model.neurons.site_layers} == set(SITES)
    alone, together = (read(model, TEXTS, SOURCES, budget) for budget in (1, 4_096))
    np.testing.assert_allclose(together, alone, atol=2e-5)
    turned = read(model, TEXTS[::-1], SOURCES[::-1], budget=64)[::-1]
    np.testing.assert_allclose(turned, alone, atol=2e-5)


def test_the_source_bears_on_the_decoder(folders: Path) -> None:
    model = loaded(folders / "Bart", source="field=english")
    one = read(model, TEXTS, SOURCES, 64)
    other = read(model, TEXTS, ["a"] * len(TEXTS), 64)
    assert np.abs(one - other).max() > 1e-3


def test_a_sentence_without_a_source_is_empty(folders: Path) -> None:
    model = loaded(folders / "Bart", source="field=english")
    assert model.tokenize(["a car", "oil", ""], ["a", None, "the"]).empty.tolist() == [1, 2]


def test_a_mlp_neuron_of_a_decoder_is_what_its_down_projection_is_given(folders: Path) -> None:
    model = loaded(folders / "Bart", sites=("decoder.mlp",), layers=(2,))
    kept: list[torch.Tensor] = []
    down = model.body.get_submodule("decoder_part.layers.1.fc2")
    handle = down.register_forward_pre_hook(lambda _, args: kept.append(args[0]))
    values = read(model, ["the car"], None, 64)
    handle.remove()
    assert model.addresses[-1] == "decoder.mlp.2.19"
    np.testing.assert_allclose(values[0], kept[0][0, 2:4].mean(dim=0), atol=1e-6)


def test_notices_say_what_is_fed(folders: Path) -> None:
    expected = "The decoder reads each sentence behind '[SEP]'; the encoder is given an empty text."
    assert loaded(folders / "Bart").notices == [expected]
    (notice,) = loaded(folders / "Bart", source="field=english").notices
    assert notice.endswith("is given the field 'english'; a sentence without one is not fed.")


def test_what_cannot_be_read_is_refused(folders: Path, tmp_path: Path) -> None:
    bert = write_tiny_bert(tmp_path / "bert")
    with pytest.raises(
        ModelError, match=r"'decoder.mlp' was asked for, and the model '.*' \(bert\) is no enc(.|\n)*=mlp"
    ):
        loaded(bert, sites=("decoder.mlp",))
    with pytest.raises(ModelError, match=r"The decoder of '.*' was asked for with the head 'classifier'"):
        load_model(str(folders / "Bart"), options=ModelOptions(sites=SITES), head="classifier")
    with pytest.raises(ModelError, match=r"without their sources, and model.source is 'field=english'"):
        loaded(folders / "Bart", source="field=english").activations(TEXTS)
    with pytest.raises(
        ModelError, match=r"The site 'hidden' was asked for, and of the model '.*' the decoder is read"
    ):
        loaded(folders / "Bart").taps_at(["hidden"], None)
    with pytest.raises(ModelError, match=r"The site 'decoder.mlp' was(.|\n)*' the encoder is read"):
        load_model(str(folders / "Bart")).taps_at(["decoder.mlp"], None)


def test_values_of_a_decoder_can_be_set(folders: Path) -> None:
    model = loaded(folders / "Bart", sites=("decoder.hidden",), source="same")
    before = model.activations(TEXTS)
    with edit(model, {"decoder.hidden.1.3": 5.0}) as report:
        after = model.activations(TEXTS)
    assert report.touched
    assert np.abs(after - before)[:, 16:].max() > 1e-3


def test_options_of_two_sides_are_refused() -> None:
    with pytest.raises(OptionError, match="sites of an encoder and of a decoder"):
        ModelOptions(sites=("hidden", "decoder.hidden"))
    with pytest.raises(OptionError, match=r"model.source is 'field='(.|\n)*field=NAME"):
        ModelOptions(sites=("decoder.hidden",), source="field=")
    with pytest.raises(OptionError, match=r"model.source is 'same', and model.sites 'hidden'"):
        ModelOptions(source="same")
    with pytest.raises(OptionError, match=r"model.prepend_bos is true, and a decoder is read"):
        ModelOptions(sites=("decoder.hidden",), prepend_bos=True)


class _Languages:
    """A tokenizer that has languages, as mBART's and NLLB's do."""

    def __init__(self, language: str | None) -> None:
        self.tgt_lang, self.switched = language, False

    def _switch_to_target_mode(self) -> None:
        self.switched = True

    def __call__(self, texts: list[str]) -> dict[str, list[list[int]]]:
        return {"input_ids": [[7, 3, 90 if self.switched else 80]]}


def test_the_language_of_a_target_is_read_and_starts_it() -> None:
    tokenizer: Any = _Languages("de_DE")
    read_targets(tokenizer, name="m")
    mbart = transformers.MBartConfig(decoder_start_token_id=2)
    assert start_of(mbart, tokenizer) == 90
    assert start_of(transformers.M2M100Config(), tokenizer) == 2
    assert start_of(transformers.T5Config(), tiny_tokenizer()) == 0
    nameless: Any = _Languages(None)
    with pytest.raises(ModelError, match=r"The tokenizer of the model 'm' does not say which language is written"):
        read_targets(nameless, name="m")
