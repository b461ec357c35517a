"""The decoder of an encoder-decoder as one network: tokens in, states out, with what its encoder made of a source.

A sentence is teacher-forced: the decoder reads its tokens, behind the token that it starts with. What comes after a
token bears on none before it, so a sentence's last token is left in, which changes nothing.
"""

from typing import Any

import torch
from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.batching import SourceBatch
from neurolect.model.hugging_face import Tokenizer


class DecoderSide(nn.Module):
    """A decoder that is given its encoder's states.

    ``nothing``: int64, shape (n_tokens,). What the encoder is given where there is no source: an empty text.
    ``start``: The token that the decoder starts with.
    """

    def __init__(self, whole: Any, *, nothing: Tensor, start: int) -> None:  # noqa: ANN401 - untyped library
        super().__init__()
        self.encoder_part, self.decoder_part = whole.get_encoder(), whole.get_decoder()
        self.config, self.start = self.decoder_part.config, start
        self.n_decoder_blocks = n_decoder_blocks(whole.config)
        self.register_buffer("nothing", nothing, persistent=False)

    def get_input_embeddings(self) -> nn.Module:
        """Give the table of its tokens."""
        found: nn.Module = self.decoder_part.get_input_embeddings()
        return found

    def encoded(self, n: int, source: SourceBatch | None) -> tuple[Tensor, Tensor]:
        """Give what the encoder makes of the sources of ``n`` targets, and which of it is no padding."""
        if source is None:
            ids = self.get_buffer("nothing")[None]
            made = self.encoder_part(input_ids=ids, attention_mask=torch.ones_like(ids), return_dict=True)
            return made.last_hidden_state.expand(n, -1, -1), torch.ones_like(ids).expand(n, -1)
        made = self.encoder_part(input_ids=source.ids, attention_mask=source.mask, return_dict=True)
        return made.last_hidden_state, source.mask

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, source: SourceBatch | None = None, **keywords: object
    ) -> object:
        """Run the encoder, then the decoder; states are the decoder's."""
        states, mask = self.encoded(len(input_ids), source)
        given = {"encoder_hidden_states": states, "encoder_attention_mask": mask, "use_cache": False, **keywords}
        return self.decoder_part(input_ids=input_ids, attention_mask=attention_mask, **given)


class DecoderSideWithHead(nn.Module):
    """An encoder-decoder with its head, called as its decoder is: scores of the next token of the target."""

    def __init__(self, side: DecoderSide, whole: Any) -> None:  # noqa: ANN401 - untyped library
        super().__init__()
        self.side, self.whole, self.config = side, whole, whole.config

    def get_input_embeddings(self) -> nn.Module:
        """Give the table of the decoder's tokens."""
        return self.side.get_input_embeddings()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, source: SourceBatch | None = None, **keywords: object
    ) -> object:
        """Run the encoder, the decoder and the head."""
        states, mask = self.side.encoded(len(input_ids), source)
        given = {"decoder_input_ids": input_ids, "decoder_attention_mask": attention_mask, "use_cache": False}
        return self.whole(encoder_outputs=(states,), attention_mask=mask, **{**given, **keywords})


def n_decoder_blocks(config: Any) -> int:  # noqa: ANN401 - untyped library
    """Count the decoder's blocks by the configuration of an encoder-decoder, else 0."""
    for key in ("decoder_layers", "num_decoder_layers", "num_layers"):
        value = getattr(config, key, None)
        if isinstance(value, int) and value > 0:
            return value
    return 0


def decoder_side(whole: Any, *, name: str, source: Tokenizer, target: Tokenizer) -> DecoderSide:  # noqa: ANN401
    """Give the decoder of an encoder-decoder, fed by its encoder.

    ``source, target``: The tokenizer as it reads texts for the encoder, and for the decoder.
    """
    if not hasattr(whole.get_decoder(), "get_input_embeddings"):
        what = f"The model {name!r} is a {type(whole).__name__}, and its decoder has no table of tokens."
        raise ModelError(what, hint="read its encoder: --set model.sites=hidden")
    nothing = torch.tensor(source([""])["input_ids"][0], dtype=torch.int64)
    if not len(nothing):  # a tokenizer that adds nothing: the encoder is given the end of a text, or padding
        ends = (getattr(source, "eos_token_id", None), source.pad_token_id, 0)
        nothing = torch.tensor([next(each for each in ends if each is not None)])
    return DecoderSide(whole, nothing=nothing, start=start_of(whole.config, target))


def read_targets(tokenizer: Any, *, name: str) -> None:  # noqa: ANN401 - untyped library
    """Have a tokenizer read texts as a decoder's; some have another vocabulary or language for them."""
    switch = getattr(tokenizer, "_switch_to_target_mode", None)
    if switch is None:
        return
    if getattr(tokenizer, "tgt_lang", "none") is None:
        what = f"The tokenizer of the model {name!r} does not say which language is written."
        hint = "write src_lang and tgt_lang into tokenizer_config.json of a copy of the model's folder"
        raise ModelError(what, expected="a language of source and of target", hint=hint)
    switch()
    tokenizer._in_target_context_manager = True  # else each call would switch back


def start_of(config: Any, tokenizer: Tokenizer) -> int:  # noqa: ANN401 - untyped library
    """Say which token a decoder starts with.

    Where the configuration does not say, it is the language's, if the tokenizer ends texts with one (mBART), else
    padding (T5).
    """
    named = getattr(config, "decoder_start_token_id", None)
    if getattr(config, "model_type", "") == "mbart" or (named is None and getattr(tokenizer, "tgt_lang", None)):
        # mBART moves the last token of the target, its language, to the front
        return int(tokenizer(["a"])["input_ids"][0][-1])
    usual = (named, getattr(config, "pad_token_id", None), getattr(config, "bos_token_id", None), 0)
    return next(int(each) for each in usual if each is not None)
