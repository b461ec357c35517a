"""What the model stage lets the user choose."""

from dataclasses import dataclass

from neurolect.errors import OptionError, nearest

SITES = ("hidden", "mlp", "attn", "head")
POOLINGS = ("mean", "max", "first", "last")
DTYPES = ("auto", "float32", "float16", "bfloat16")
PACKINGS = ("auto", "on", "off")
BACKENDS = {
    "openvino": "neurolect.model.trials.openvino",
}
"""Names, and the module of each whose ``BACKEND`` tries it: a new backend is a line here."""
MAX_TOKENS_DEFAULT = 512
"""Sentences are short: a model that could read 128 K tokens is still fed no more than this unless asked."""
MAX_TOKENS_LIMIT = 32767
"""Token positions are stored as int16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which neurons of a model are read, and how a sentence becomes one number for each."""

    sites: tuple[str, ...] = ("hidden",)
    """Kinds of places in a block: ``hidden`` (block output), ``mlp`` (input of the feed-forward down-projection),
    ``attn`` (output of the attention's output projection), ``head`` (input of that projection: the
    heads' contexts side by side, index = head * head_dim + dimension)."""

    layers: tuple[int, ...] | None = None
    """Blocks to read, from 1; 0 is the embedding output, for the site ``hidden`` only. None: all blocks."""

    pooling: str = "mean"
    """How the values at a sentence's tokens become one: ``mean``, ``max``, ``first`` or ``last``."""

    special_tokens: str = "exclude"
    """``exclude`` leaves out of pooling what the tokenizer adds ([CLS], [SEP], <s>); ``include`` pools them too."""

    max_tokens: int | None = None
    """Model tokens of a sentence, special ones included; the rest is cut. None: the model's limit, at most 512."""

    dtype: str = "auto"
    """Number format of the forward pass: ``float32``, ``float16``, ``bfloat16``, or ``auto``: float32 on a CPU,
    float16 on a CUDA device, and where that overflows bfloat16, then float32. Pooling is always float32."""

    packing: str = "auto"
    """Whether sentences are laid end to end instead of padded: ``on``, ``off``, or ``auto``: on a CUDA device, with
    networks that give the same activations so (tried when the model is loaded)."""

    backend: str = "auto"
    """What runs the network on a CPU: ``torch`` (PyTorch); ``openvino`` (an extra; the same numbers but for
    rounding); ``auto``: OpenVINO where it is installed and collect has 50,000 sentences or more to read, else
    PyTorch; ``fastest``: collect tries both for some seconds and takes the faster one (not for shards, whose trials
    may end differently). A run keeps the one it began with."""

    allow_pickle: bool = False
    """Also load weights from ``.bin`` files, which can run any code while they load."""

    trust_remote_code: bool = False
    """Also run Python code that comes with the model."""

    def __post_init__(self) -> None:
        for site in self.sites:
            _check_choice("sites", site, SITES)
        _check_choice("pooling", self.pooling, POOLINGS)
        _check_choice("special_tokens", self.special_tokens, ("exclude", "include"))
        _check_choice("dtype", self.dtype, DTYPES)
        _check_choice("packing", self.packing, PACKINGS)
        _check_choice("backend", self.backend, ("auto", "torch", *BACKENDS, "fastest"))
        if not self.sites or len(set(self.sites)) != len(self.sites):
            what = f"model.sites is {self.sites!r}."
            raise OptionError(what, expected="at least one site, each named once")
        if self.layers is not None:
            _check_layers(self.layers)
        if self.max_tokens is not None and not 1 <= self.max_tokens <= MAX_TOKENS_LIMIT:
            what = f"model.max_tokens is {self.max_tokens}."
            raise OptionError(
                what, expected=f"a number from 1 to {MAX_TOKENS_LIMIT}, or none for the model's limit"
            )


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        what = f"model.{key} holds {value!r}, which is unknown."
        raise OptionError(
            what, expected=f"one of {', '.join(choices)}", hint=f"nearest: {nearest(str(value), choices)}"
        )


def _check_layers(layers: tuple[int, ...]) -> None:
    if not layers or len(set(layers)) != len(layers) or min(layers) < 0:
        what = f"model.layers is {layers!r}."
        raise OptionError(
            what, expected="layer numbers from 0 (embedding output) or 1 (first block), each named once"
        )
