"""A network with a head that classifies texts."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neurolect.errors import VariantError
from neurolect.model.batching import PaddedBatch
from neurolect.model.hugging_face import Tokenizer
from neurolect.model.load import load_model, load_network, load_tokenizer, position_limit
from neurolect.model.model_files import find_model_files, one_line_errors
from neurolect.model.options import ModelOptions


class MeanClassifier(nn.Module):
    """The mean of a text's tokens through one linear layer.

    ``dropout``: Share of the mean that is dropped while training.
    """

    def __init__(self, encoder: Any, *, n_classes: int, dropout: float) -> None:  # noqa: ANN401 - untyped library
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(encoder.config.hidden_size, n_classes)

    def forward(self, batch: PaddedBatch) -> Tensor:
        """Give the logits, shape (n_texts, n_classes)."""
        states = self.encoder(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        columns = torch.arange(states.shape[1], device=states.device)
        pooled = (columns >= batch.first[:, None]) & (columns < batch.end[:, None])
        sums = torch.einsum("nth,nt->nh", states, pooled.to(states.dtype))
        logits: Tensor = self.linear(self.dropout(sums / (batch.end - batch.first)[:, None]))
        return logits


class Start(NamedTuple):
    """The model a classifier starts from."""

    name: str
    fingerprint: str


class Classifier(NamedTuple):
    """What is trained."""

    network: nn.Module
    """A sequence-classification model of transformers, or a :class:`MeanClassifier`."""

    saved: Any
    """The part of it that ``save_pretrained`` saves."""

    tokenizer: Tokenizer
    """For training; its limit is set while it works."""

    to_save: Any
    """The same tokenizer, as it was loaded."""

    pad_id: int
    """Fills up shorter texts."""

    max_tokens: int
    """What the model can read, or the option if that is less."""

    start: Start
    """Where it comes from."""


def load_classifier(
    model: str, *, head: str, classes: tuple[str, ...], dropout: float, max_tokens: int, options: ModelOptions
) -> Classifier:
    """Load a model and put a new head on it; torch's random state decides how the head starts.

    ``options``: Whether pickled weights and code of the model's own are allowed.
    Returns: On the CPU, float32.
    """
    plain = ModelOptions(allow_pickle=options.allow_pickle, trust_remote_code=options.trust_remote_code)
    start = load_model(model, options=plain)  # checks what can be wrong with a model
    with one_line_errors(model):
        files = find_model_files(model, plain)
        config, to_save = files.config, load_tokenizer(files, plain)
        if getattr(config, "is_encoder_decoder", False):
            what = f"{model!r} is an encoder-decoder; only encoders and decoders can be fine-tuned here."
            raise VariantError(what, expected="an encoder or a decoder", hint="give a BERT-like or GPT-like model")
        pad_id = _pad_id(to_save)
        if head == "mean":
            encoder, _ = load_network(files, plain, dtype="float32")
            network: Any = MeanClassifier(encoder, n_classes=len(classes), dropout=dropout)
        else:
            config.num_labels = len(classes)
            config.id2label = dict(enumerate(classes))
            config.label2id = {name: number for number, name in enumerate(classes)}
            config.problem_type = "single_label_classification"
            config.pad_token_id = pad_id
            network, _ = load_network(files, plain, dtype="float32", head="AutoModelForSequenceClassification")
            _set_dropout(network, dropout)
    saved = network.encoder if head == "mean" else network
    limits = [max_tokens, start.tokenizer.model_max_length, position_limit(saved)]
    limit = min(each for each in limits if each)
    return Classifier(network, saved, start.tokenizer, to_save, pad_id, int(limit), Start(model, start.fingerprint))


def _pad_id(tokenizer: Any) -> int:  # noqa: ANN401 - untyped library
    # Decoders often have no padding token; the token that ends a text is the usual stand-in.
    for each in (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id):
        if each is not None:
            return int(each)
    return 0


def _set_dropout(network: Any, dropout: float) -> None:  # noqa: ANN401 - untyped library
    """Set the dropout of the head alone; the network's own stays."""
    own = {id(each) for each in network.base_model.modules()}
    for module in network.modules():
        if isinstance(module, nn.Dropout) and id(module) not in own:
            module.p = dropout


def logits_of(network: nn.Module, batch: PaddedBatch) -> Tensor:
    """Run the network on a batch.

    Returns: Float32, shape (n_texts, n_classes).
    """
    if isinstance(network, MeanClassifier):
        logits: Tensor = network(batch)
    else:
        logits = network(input_ids=batch.ids, attention_mask=batch.mask).logits
    return logits.float()
