"""The planted network: a Llama whose weights are written by hand where something is planted, and random elsewhere.

A large constant dimension does three things: it makes every norm the identity (to 0.5 %), it serves as the bias
that these layers lack, and it opens the gates of linear neurons. Ordinary heads and neurons read random codes of
words and write into dimensions of their own, which the head reads weakly.

Dims: D residual stream, N neurons of a feed-forward layer, V words of the vocabulary.
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neurolect.planted.grammar import CLASS_OF, CLASSES, WORDS, frequencies, groups
from neurolect.planted.plan import FEATURES, N_BLOCKS, N_CODES, NEXT, PLANTS, WIDTH, Plant

SPECIAL = ("<pad>", "<unk>", "<s>")
VOCABULARY = (*SPECIAL, *WORDS)
CONSTANT = 128.0
_N_HEADS, _HEAD_WIDTH = 8, 16
_OPEN = 8.0
"""Gate of a neuron that is linear or fires: silu(8) is 7.997."""
_SHARP = 40.0
"""Score by which attention prefers what it looks for."""

Array = NDArray[np.float64]


class Placed(NamedTuple):
    """A planted neuron and where it is."""

    plant: Plant
    block: int
    """From 1."""
    column: int


class Planted(NamedTuple):
    """A network with what is planted in it."""

    network: Any
    """A ``transformers.LlamaForCausalLM``."""
    placed: tuple[Placed, ...]
    dimensions: dict[str, int]
    """Of the residual stream, by feature."""


class Stream:
    """Which dimension of the residual stream holds what."""

    def __init__(self, choose: np.random.Generator) -> None:
        order = choose.permutation(WIDTH)
        self.of = {name: int(place) for name, place in zip(FEATURES, order, strict=False)}
        self.codes = order[len(FEATURES) : len(FEATURES) + N_CODES]
        self.free = order[len(FEATURES) + N_CODES :]
        self.bias = self.of["constant"]

    def row(self, reads: dict[str, float], constant: float = 0.0) -> Array:
        """Give the weights of one linear map, with a constant added to it; shape (D,)."""
        row = np.zeros(WIDTH)
        for name, weight in reads.items():
            row[self.of[name]] = weight
        row[self.bias] += constant / CONSTANT
        return row


def build(*, seed: int, noise: float) -> Planted:
    """Build the network; ``noise`` is the standard deviation over words of what is added to planted inputs."""
    from transformers import LlamaConfig, LlamaForCausalLM

    choose = np.random.default_rng([seed, 1])
    stream = Stream(choose)
    placed = _places(choose)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=WIDTH,
        intermediate_size=WIDTH,
        num_hidden_layers=N_BLOCKS,
        num_attention_heads=_N_HEADS,
        num_key_value_heads=_N_HEADS,
        head_dim=_HEAD_WIDTH,
        max_position_embeddings=512,
        architectures=["LlamaForCausalLM"],
        tie_word_embeddings=False,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=None,
        rms_norm_eps=1e-6,
        rope_theta=10_000.0,
    )
    weights = {"model.embed_tokens": _embedding(choose, stream), "lm_head": _head(choose, stream)}
    weights["model.norm"] = np.full(WIDTH, CONSTANT / math.sqrt(WIDTH))
    for block in range(N_BLOCKS):
        name = f"model.layers.{block}"
        weights |= {f"{name}.self_attn.{part}": each for part, each in _attention(choose, stream, block).items()}
        here = [each for each in placed if each.block == block + 1]
        weights |= {f"{name}.mlp.{part}": each for part, each in _neurons(choose, stream, here, noise).items()}
        weights |= {
            f"{name}.{norm}": weights["model.norm"] for norm in ("input_layernorm", "post_attention_layernorm")
        }
    network: Any = LlamaForCausalLM(config).float().eval()
    network.load_state_dict(
        {f"{name}.weight": torch.from_numpy(each.astype(np.float32)) for name, each in weights.items()}
    )
    return Planted(network, tuple(placed), stream.of)


def _places(choose: np.random.Generator) -> list[Placed]:
    """Draw the place of every planted neuron."""
    free = [list(choose.permutation(WIDTH)) for _ in range(N_BLOCKS)]
    placed = []
    for plant in PLANTS:
        block = plant.block or int(choose.integers(1, N_BLOCKS + 1))
        placed.append(Placed(plant, block, int(free[block - 1].pop())))
    return placed


def _embedding(choose: np.random.Generator, stream: Stream) -> Array:
    """Say of every word what it is; shape (V, D)."""
    table = np.zeros((len(VOCABULARY), WIDTH))
    table[:, stream.bias] = CONSTANT
    table[:, stream.codes] = choose.standard_normal((len(VOCABULARY), N_CODES))
    table[VOCABULARY.index("<s>"), stream.of["start"]] = 1.0
    logs = {word: math.log(share) for word, share in frequencies().items()}
    mean, spread = np.mean(list(logs.values())), np.std(list(logs.values()))
    grades = dict(
        zip(CLASSES["animal"], choose.permutation(np.linspace(0.3, 1.0, len(CLASSES["animal"]))), strict=True)
    )
    for word in WORDS:
        row = table[VOCABULARY.index(word)]
        row[stream.of[CLASS_OF[word]]] = 1.0
        if word in ("fox", "bread"):
            row[stream.of[word]] = 1.0
        row[stream.of["grade"]] = grades.get(word, choose.uniform(0.0, 0.6))
        row[stream.of["frequency"]] = (logs[word] - mean) / spread
        row[stream.of["first_group"]], row[stream.of["second_group"]] = groups()[word]
    return table


def _head(choose: np.random.Generator, stream: Stream) -> Array:
    """Turn outputs into logits; shape (V, D)."""
    table = np.zeros((len(VOCABULARY), WIDTH))
    table[:, stream.free] = 0.01 * choose.standard_normal((len(VOCABULARY), len(stream.free)))
    table[: len(SPECIAL), stream.bias] = -20.0 / CONSTANT
    logs = {word: math.log(share) for word, share in frequencies().items()}
    stray = choose.random(len(WORDS)) < 0.2
    for number, word in enumerate(WORDS):
        row = table[len(SPECIAL) + number]
        for name, classes in NEXT.items():
            row[stream.of[f"next.{name}"]] = float(CLASS_OF[word] in classes)
        row[stream.of["next.jumped"]] = float(word == "jumped")
        row[stream.of["next.frequent"]] = logs[word] - np.mean(list(logs.values()))
        row[stream.of["next.stray"]] = float(stray[number])
    return table


def _attention(choose: np.random.Generator, stream: Stream, block: int) -> dict[str, Array]:
    """Weights of a block's heads; in the first block four of them are planted."""
    shape = (_N_HEADS * _HEAD_WIDTH, WIDTH)
    inner = np.concatenate([stream.codes, stream.free])
    made = {part: np.zeros(shape) for part in ("q_proj", "k_proj", "v_proj")}
    for each in made.values():
        each[:, inner] = choose.standard_normal((len(each), len(inner))) / math.sqrt(len(inner))
    out = np.zeros((WIDTH, shape[0]))
    out[stream.free] = 0.02 * choose.standard_normal((len(stream.free), shape[0]))
    if block == 0:
        for head in range(4):
            rows = slice(head * _HEAD_WIDTH, (head + 1) * _HEAD_WIDTH)
            for each in made.values():
                each[rows] = 0.0
            out[:, rows] = 0.0
        _previous_word(stream, made, out, first=0)
        _average(stream, made, out, first=_HEAD_WIDTH)
        _wave(choose, stream, made, out, first=2 * _HEAD_WIDTH)
        _food(stream, made, out, first=3 * _HEAD_WIDTH)
    return {**made, "o_proj": out}


def _angle(pair: int) -> float:
    """Give the rotation of a pair of dimensions, in radians a token."""
    return float(10_000.0 ** (-2 * pair / _HEAD_WIDTH))


def _previous_word(stream: Stream, made: dict[str, Array], out: Array, *, first: int) -> None:
    """Look at the token before, where three rotations meet, and copy its class."""
    for pair in range(3):
        turned = _angle(pair)
        made["k_proj"][first + pair] = stream.row({}, 1.0)
        # a score is divided by the root of the head's width
        made["q_proj"][first + pair] = stream.row({}, 4 * _SHARP * math.cos(turned))
        made["q_proj"][first + pair + _HEAD_WIDTH // 2] = stream.row({}, -4 * _SHARP * math.sin(turned))
    for number, name in enumerate(CLASSES):
        made["v_proj"][first + number] = stream.row({name: 1.0})
        out[stream.of[f"previous.{name}"], first + number] = 1.0


def _average(stream: Stream, made: dict[str, Array], out: Array, *, first: int) -> None:
    """Look at all tokens alike: the share of the start among them is 1 / (place + 1)."""
    made["v_proj"][first] = stream.row({"start": 1.0})
    out[stream.of["position"], first] = 1.0


def _wave(choose: np.random.Generator, stream: Stream, made: dict[str, Array], out: Array, *, first: int) -> None:
    """Look at the start as far as a rotation says: up and down with the place, about every six tokens."""
    phase = choose.uniform(0.0, 2 * math.pi)
    made["k_proj"][first] = stream.row({"start": 1.0})
    made["q_proj"][first] = stream.row({}, _SHARP * math.cos(phase))
    made["q_proj"][first + _HEAD_WIDTH // 2] = stream.row({}, _SHARP * math.sin(phase))
    made["v_proj"][first] = stream.row({"start": 1.0})
    out[stream.of["wave"], first] = 1.0


def _food(stream: Stream, made: dict[str, Array], out: Array, *, first: int) -> None:
    """Look for a food anywhere before; the slowest rotation hardly turns."""
    slow = first + _HEAD_WIDTH // 2 - 1
    made["k_proj"][slow] = stream.row({"food": 1.0})
    made["q_proj"][slow] = stream.row({}, 2 * _SHARP)
    made["v_proj"][first] = stream.row({"food": 1.0})
    out[stream.of["food_so_far"], first] = 1.0


def _neurons(choose: np.random.Generator, stream: Stream, placed: list[Placed], noise: float) -> dict[str, Array]:
    """Weights of a block's feed-forward layer: ordinary neurons, and the planted ones in their places."""
    inner = np.concatenate([stream.codes, stream.free])
    gate, up, down = (np.zeros((WIDTH, WIDTH)) for _ in range(3))
    for random in (gate, up):
        random[:, inner] = choose.standard_normal((WIDTH, len(inner))) / math.sqrt(N_CODES)
    down[stream.free] = 0.02 * choose.standard_normal((len(stream.free), WIDTH))
    balanced = _balanced(choose, sum(each.plant.role == "distributed" for each in placed))
    for each in placed:
        plant, code = each.plant, choose.standard_normal(N_CODES)
        code /= np.linalg.norm(code)
        reads = {name: weight for name, weight in plant.reads.items() if name != "code"}
        row = stream.row(reads)
        own = balanced.pop() if plant.role == "distributed" else code
        row[stream.codes] += plant.reads.get("code", 0.0) * own + noise * code
        if plant.threshold is None:
            gate[each.column], up[each.column] = stream.row({}, _OPEN), row / _OPEN
        else:
            gate[each.column] = plant.steepness * row + stream.row({}, -plant.steepness * plant.threshold)
            up[each.column] = stream.row({}, plant.sign / _OPEN)
        down[:, each.column] = 0.0
        for name, weight in plant.writes.items():
            down[stream.of[name], each.column] = weight
    return {"gate_proj": gate, "up_proj": up, "down_proj": down}


def _balanced(choose: np.random.Generator, n: int) -> list[Array]:
    """Draw directions whose sum is zero, so that the sum of a distributed code has no noise."""
    if not n:
        return []
    rows = choose.standard_normal((n, N_CODES))
    rows -= rows.mean(0)
    return list(rows / np.linalg.norm(rows, axis=1).mean())
