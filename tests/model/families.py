"""Tiny random networks of many families of transformers, to see how each must be fed. Nothing is downloaded."""

from typing import Any

import torch
import transformers

from tests.tiny_models import N_TOKENS

_BERT: dict[str, Any] = {
    "num_hidden_layers": 3,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
_LONG = {**_BERT, "max_position_embeddings": 128}
_ROBERTA = {**_BERT, "max_position_embeddings": 130, "pad_token_id": 1}
_IDS: dict[str, Any] = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
_LLAMA = {**_BERT, **_IDS, "num_key_value_heads": 1}
_GEMMA = {**_LLAMA, "head_dim": 8}
_GPT2 = {"n_layer": 3, "n_embd": 16, "n_head": 2, **_IDS}
_T5 = {"num_layers": 3, "d_model": 16, "num_heads": 2, "d_kv": 8, "d_ff": 24}
_BART = {
    "encoder_layers": 3,
    "decoder_layers": 2,
    "d_model": 16,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 20,
    "max_position_embeddings": 128,
    **_IDS,
}
_XLM = {"n_layers": 3, "emb_dim": 16, "n_heads": 2, "pad_index": 0}
_SQUEEZE = ("q_groups", "k_groups", "v_groups", "intermediate_groups", "output_groups")
_REFORMER = {
    "attention_head_size": 8,
    "attn_layers": ["local", "lsh", "local"],
    "axial_pos_shape": [8, 16],
    "axial_pos_embds_dim": [8, 8],
    "feed_forward_size": 24,
    "hidden_size": 16,
    "num_attention_heads": 2,
    "max_position_embeddings": 128,
    "lsh_attn_chunk_length": 8,
    "local_attn_chunk_length": 8,
    "is_decoder": False,
}

SETTINGS: dict[str, dict[str, Any]] = {
    "Bert": _LONG,
    "Roberta": _ROBERTA,
    "XLMRoberta": _ROBERTA,
    "Camembert": _ROBERTA,
    "XLMRobertaXL": _ROBERTA,
    "RobertaPreLayerNorm": _ROBERTA,
    "Data2VecText": _ROBERTA,
    "Albert": {**_LONG, "embedding_size": 8},
    "DistilBert": {"n_layers": 3, "dim": 16, "n_heads": 2, "hidden_dim": 24},
    "Electra": {**_LONG, "embedding_size": 8},
    "Deberta": {
        **_BERT,
        "relative_attention": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
    },
    "DebertaV2": {**_BERT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "conv_kernel_size": 3},
    "MPNet": _ROBERTA,
    "XLNet": {"n_layer": 3, "d_model": 16, "n_head": 2, "d_inner": 24},
    "Longformer": {**_ROBERTA, "attention_window": 8},
    "BigBird": {**_LONG, "block_size": 4, "num_random_blocks": 1, "attention_type": "block_sparse"},
    "FNet": _LONG,
    "Canine": {**_LONG, "num_hash_buckets": 64, "local_transformer_stride": 8},
    "Funnel": {
        "architectures": ["FunnelModel"],
        "block_sizes": [1, 1, 1],
        "d_model": 16,
        "n_head": 2,
        "d_head": 8,
        "d_inner": 24,
        "num_decoder_layers": 1,
    },
    "Nystromformer": {**_BERT, "segment_means_seq_len": 64, "num_landmarks": 8, "max_position_embeddings": 66},
    "Reformer": _REFORMER,
    "Yoso": _LONG,
    "Mra": _LONG,
    "ConvBert": {**_LONG, "embedding_size": 16, "conv_kernel_size": 3, "head_ratio": 2},
    "SqueezeBert": {**_LONG, "embedding_size": 16, "post_attention_groups": 1, **dict.fromkeys(_SQUEEZE, 2)},
    "MobileBert": {**_LONG, "embedding_size": 8, "intra_bottleneck_size": 8, "true_hidden_size": 8},
    "IBert": _ROBERTA,
    "RoFormer": {**_LONG, "embedding_size": 16},
    "ModernBert": {**_BERT, **_IDS, "cls_token_id": 2, "sep_token_id": 3, "local_attention": 8},
    "NomicBert": _BERT,
    "EuroBert": _LLAMA,
    "JinaEmbeddingsV3": _BERT,
    "Ernie": _LONG,
    "MegatronBert": _LONG,
    "RemBert": {**_LONG, "input_embedding_size": 8, "output_embedding_size": 8},
    "Luke": {**_ROBERTA, "entity_vocab_size": 10, "entity_emb_size": 8},
    "Xmod": {**_ROBERTA, "languages": ["en_XX"], "default_language": "en_XX"},
    "Esm": {**_ROBERTA, "position_embedding_type": "rotary"},
    "Splinter": _LONG,
    "RoCBert": {**_LONG, "pronunciation_vocab_size": 9, "shape_vocab_size": 9},
    "MarkupLM": _LONG,
    "LayoutLM": _LONG,
    "CLIPText": _LONG,
    "XLM": _XLM,
    "Flaubert": _XLM,
    "CTRL": {"n_layer": 3, "n_embd": 16, "n_head": 2, "dff": 24},
    "OpenAIGPT": {"n_layer": 3, "n_embd": 16, "n_head": 2},
    "GPT2": _GPT2,
    "GPTBigCode": _GPT2,
    "GPTJ": {**_GPT2, "rotary_dim": 4},
    "CodeGen": {**_GPT2, "rotary_dim": 4},
    "GPTNeo": {
        "num_layers": 2,
        "hidden_size": 16,
        "num_heads": 2,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
        **_IDS,
    },
    "GPTNeoX": {**_BERT, **_IDS},
    "OPT": {
        "num_hidden_layers": 3,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "ffn_dim": 24,
        "word_embed_proj_dim": 16,
        **_IDS,
    },
    "BioGpt": {**_BERT, **_IDS},
    "Bloom": {"n_layer": 3, "hidden_size": 16, "n_head": 2, **_IDS},
    "Mpt": {"n_layers": 3, "d_model": 16, "n_heads": 2},
    "Falcon": {"num_hidden_layers": 3, "hidden_size": 16, "num_attention_heads": 2, **_IDS},
    "Llama": _LLAMA,
    "Mistral": {**_LLAMA, "sliding_window": 8},
    "Mixtral": {**_LLAMA, "num_local_experts": 2},
    "Qwen2": _LLAMA,
    "Qwen3": _GEMMA,
    "Gemma": _GEMMA,
    "Gemma2": {**_GEMMA, "sliding_window": 8},
    "Gemma3Text": {**_GEMMA, "sliding_window": 8},
    "Phi": {**_BERT, **_IDS},
    "Phi3": _LLAMA,
    "StableLm": _LLAMA,
    "Olmo": _LLAMA,
    "Olmo2": _LLAMA,
    "Cohere": _LLAMA,
    "Starcoder2": _LLAMA,
    "Granite": _LLAMA,
    "SmolLM3": _LLAMA,
    "Nemotron": _LLAMA,
    "Persimmon": {**_BERT, **_IDS},
    "Glm": _GEMMA,
    "Mamba": {"num_hidden_layers": 3, "hidden_size": 16, "state_size": 4, **_IDS},
    "Mamba2": {
        "num_hidden_layers": 3,
        "hidden_size": 16,
        "state_size": 4,
        "num_heads": 4,
        "head_dim": 8,
        "n_groups": 1,
        "chunk_size": 8,
        **_IDS,
    },
    "Rwkv": {
        "num_hidden_layers": 3,
        "hidden_size": 16,
        "attention_hidden_size": 16,
        "intermediate_size": 24,
        "rescale_every": 2,
        **_IDS,
    },
    "RecurrentGemma": {
        "num_hidden_layers": 3,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "lru_width": 16,
        "attention_window_size": 8,
        **_IDS,
    },
    "T5": _T5,
    "UMT5": _T5,
    "LongT5": {
        **_T5,
        "local_radius": 7,
        "encoder_attention_type": "transient-global",
        "global_block_size": 4,
    },
    "Bart": _BART,
    "Pegasus": _BART,
    "M2M100": _BART,
    "BigBirdPegasus": {**_BART, "block_size": 4, "num_random_blocks": 1},
    "LED": {**_BART, "attention_window": 8, "max_encoder_position_embeddings": 128},
    "ProphetNet": {
        "num_encoder_layers": 3,
        "num_decoder_layers": 2,
        "hidden_size": 16,
        "num_encoder_attention_heads": 2,
        "num_decoder_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "decoder_ffn_dim": 24,
        **_IDS,
    },
}


def network_of(family: str, **settings: Any) -> transformers.PreTrainedModel:
    """Build a random network, of an encoder-decoder the encoder, in evaluation mode; the same each time."""
    own = {**SETTINGS[family], **settings}
    if family not in ("Canine",):
        own = {"vocab_size": N_TOKENS, **own}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = getattr(transformers, f"{family}Config")(**own)
        network = transformers.AutoModel.from_config(config).eval()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    network.requires_grad_(False)
    return network.get_encoder() if getattr(config, "is_encoder_decoder", False) else network
