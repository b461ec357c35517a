"""Tiny random models of many families, with a tokenizer that reads any English text. Nothing is downloaded."""

import string
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

_COMMON = """
the of and a to in is was he for it with as his on be at by i this had not are but from or have an
they which one you were her all she there would their we him been has when who will more no if out
so said what up its about into than them can only other new some could time these two may then do
first any my now such like our over man me even most made after also did many before must through
years where much your way well down should good film movie team game space god car price bank oil
music bad great
"""
WORDS = _COMMON.split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = [*SPECIAL, *string.printable[:94], *(f"##{each}" for each in string.printable[:94]), *WORDS]
N_TOKENS = len(dict.fromkeys(VOCABULARY))

_WIDE = {"num_attention_heads": 2, "intermediate_size": 24}
_GROUPED = {**_WIDE, "num_key_value_heads": 1}
_IDS = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}

# Per family: names of the settings for layers and width, and the rest.
FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Bert": ("num_hidden_layers", "hidden_size", {**_WIDE, "max_position_embeddings": 64}),
    "Roberta": ("num_hidden_layers", "hidden_size", {**_WIDE, "pad_token_id": 1, "max_position_embeddings": 66}),
    "MPNet": ("num_hidden_layers", "hidden_size", {**_WIDE, "max_position_embeddings": 66}),
    "DistilBert": ("n_layers", "dim", {"n_heads": 2, "hidden_dim": 24}),
    "Electra": ("num_hidden_layers", "hidden_size", {**_WIDE, "embedding_size": 8}),
    "DebertaV2": (
        "num_hidden_layers",
        "hidden_size",
        {**_WIDE, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    ),
    "ModernBert": (
        "num_hidden_layers",
        "hidden_size",
        {**_WIDE, **_IDS, "cls_token_id": 2, "sep_token_id": 3, "local_attention": 8},
    ),
    "Albert": ("num_hidden_layers", "hidden_size", {**_WIDE, "embedding_size": 8}),
    "GPT2": ("n_layer", "n_embd", {"n_head": 2, **_IDS}),
    "GPTNeoX": ("num_hidden_layers", "hidden_size", {**_WIDE, **_IDS}),
    "Llama": ("num_hidden_layers", "hidden_size", {**_GROUPED, **_IDS}),
    "Qwen2": ("num_hidden_layers", "hidden_size", {**_GROUPED, **_IDS}),
    "Mixtral": ("num_hidden_layers", "hidden_size", {**_GROUPED, **_IDS, "num_local_experts": 2}),
    "OPT": (
        "num_hidden_layers",
        "hidden_size",
        {"num_attention_heads": 2, "ffn_dim": 24, "word_embed_proj_dim": 16, **_IDS},
    ),
    "T5": ("num_layers", "d_model", {"num_heads": 2, "d_kv": 10, "d_ff": 24}),
    "Bart": (
        "encoder_layers",
        "d_model",
        {
            "decoder_layers": 2,
            "encoder_attention_heads": 2,
            "decoder_attention_heads": 2,
            "encoder_ffn_dim": 24,
            "decoder_ffn_dim": 20,
            **_IDS,
        },
    ),
    "XLNet": ("n_layer", "d_model", {"n_head": 2, "d_inner": 24}),
}


def tiny_network(family: str, *, seed: int = 0, n_layers: int = 3, width: int = 16) -> transformers.PreTrainedModel:
    """Build a random network, with an encoder-decoder whole, in evaluation mode."""
    layers_key, width_key, rest = FAMILIES[family]
    settings = {"vocab_size": N_TOKENS, layers_key: n_layers, width_key: width, **rest}
    config = getattr(transformers, f"{family}Config")(**settings)
    state = torch.random.get_rng_state()
    torch.manual_seed(seed)
    network = transformers.AutoModel.from_config(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            # Larger than the usual start: activations of tiny models would hardly differ otherwise.
            parameter.add_(0.2 * torch.randn_like(parameter))
    torch.random.set_rng_state(state)
    return network


def tiny_tokenizer(*, special: bool = True, limit: int = 64) -> PreTrainedTokenizerFast:
    """Build a tokenizer: known words whole, others letter by letter; [CLS] and [SEP] around where asked."""
    vocabulary = {each: number for number, each in enumerate(dict.fromkeys(VOCABULARY))}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if special:
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B [SEP]",
            special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
        )
    names = {"unk_token": "[UNK]"}
    if special:
        names |= {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, model_max_length=limit, **names)


def write_tiny(folder: Path, *, family: str, seed: int = 0, n_layers: int = 2, width: int = 16) -> Path:
    """Write a tiny model and its tokenizer as ``save_pretrained`` does."""
    tiny_network(family, seed=seed, n_layers=n_layers, width=width).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def write_tiny_bert(folder: Path, *, seed: int = 0, n_layers: int = 2, width: int = 16) -> Path:
    """Write a tiny BERT: ``n_layers * width`` hidden neurons, at most 64 model tokens."""
    return write_tiny(folder, family="Bert", seed=seed, n_layers=n_layers, width=width)
