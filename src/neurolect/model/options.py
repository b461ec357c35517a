"""What the model stage lets the user choose."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from neurolect.errors import OptionError, nearest
from neurolect.ranges import OneOf, Range, check_ranges

LATENT = "latent"
"""The site of what sparse autoencoders make of states; that of one is ``latent.NAME``."""
DECODER = "decoder."
"""What the sites of an encoder-decoder's decoder begin with."""
_OF_BLOCKS = ("hidden", "mlp", "attn", "head")
SITES = [*_OF_BLOCKS, LATENT, *(DECODER + each for each in _OF_BLOCKS)]
EMPTY, SAME, FIELD = "empty", "same", "field="
"""What an encoder is given while its decoder is read: no text, the sentence itself, or a field of the corpus."""
POOLINGS = ("mean", "max", "first", "last")
DTYPES = ("auto", "float32", "float16", "bfloat16")
PACKINGS = ("auto", "on", "off")
BACKENDS = {
    "openvino": "neurolect.model.trials.openvino",
}
"""Names, and the module of each whose ``BACKEND`` tries it: a new backend is a line here."""
_OWN_BACKENDS, _OWN_SITES = frozenset(BACKENDS), frozenset(SITES)


class AddedSite(NamedTuple):
    """Where the neurons of a site of others are, in each block."""

    module: str
    """A regular expression that is searched for in the names of a block's linear modules; the last one that ran."""
    reads: str
    """``input`` or ``output`` of that module."""


ADDED_SITES: dict[str, AddedSite] = {}
"""Sites of others, by name."""


def register_site(name: str, *, module: str, reads: str = "output") -> None:
    """Add a kind of place in a block whose neurons are read and set in this process.

    Parameters
    ----------
    name : str
        What addresses begin with. One of the same name that was added before is replaced.
    module : str
        A regular expression for the name of a linear module within a block, e.g. ``(query|q_proj|q_lin)$``.
    reads : str
        ``output`` (one neuron a value that it gives) or ``input`` (one a value that it gets).

    Raises
    ------
    OptionError
        If the name is that of a site of neurolect's own or has a dot, or ``reads`` is something else.
    """
    if name in _OWN_SITES or not name.isidentifier():
        what = f"The site {name!r} cannot be added."
        raise OptionError(what, expected=f"a name of letters, none of {', '.join(sorted(_OWN_SITES))}")
    if reads not in ("input", "output"):
        what = f"A site reads {reads!r}."
        raise OptionError(what, expected="input or output")
    SITES.extend(each for each in (name, DECODER + name) if each not in SITES)
    ADDED_SITES[name] = AddedSite(module, reads)


def unregister_site(name: str) -> None:
    """Take an added site away again.

    Parameters
    ----------
    name : str
        One that was added; nothing happens with any other.
    """
    if ADDED_SITES.pop(name, None) is not None:
        SITES.remove(name)
        SITES.remove(DECODER + name)


def register_backend(name: str, module: str) -> None:
    """Add a way to run networks that ``model.backend`` can name in this process.

    Parameters
    ----------
    name : str
        One of the same name that was added before is replaced.
    module : str
        Importable name of a module whose ``BACKEND`` is a ``Backend``.

    Raises
    ------
    OptionError
        If the name is that of one of neurolect's own.
    """
    if name in {"auto", "torch", "fastest", *_OWN_BACKENDS}:
        what = f"The backend {name!r} is neurolect's own."
        raise OptionError(what, expected="another name")
    BACKENDS[name] = module


def unregister_backend(name: str) -> None:
    """Take an added backend away again.

    Parameters
    ----------
    name : str
        One that was added; nothing happens with any other.
    """
    if name not in _OWN_BACKENDS:
        BACKENDS.pop(name, None)


MAX_TOKENS_DEFAULT = 512
"""Sentences are short: a model that could read 128 K tokens is still fed no more than this unless asked."""
MAX_TOKENS_LIMIT = 32767
"""Token positions are stored as int16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """Which neurons of a model are read, and how a sentence becomes one number for each."""

    sites: tuple[Annotated[str, OneOf(SITES)], ...] = ("hidden",)
    """Kinds of places in a block: ``hidden`` (block output), ``mlp`` (input of the feed-forward down-projection),
    ``attn`` (output of the attention's output projection), ``head`` (input of that projection: the
    heads' contexts side by side, index = head * head_dim + dimension), ``latent`` (what the sparse autoencoders of
    ``sae`` make of states). Of an encoder-decoder these are the encoder's; ``decoder.hidden`` and so on are its
    decoder's."""

    layers: tuple[Annotated[int, Range(0, 10_000)], ...] | None = None
    """Blocks to read, from 1; 0 is the embedding output, for the site ``hidden`` only. None: all blocks."""

    site_path: tuple[str, ...] = ()
    """Where a site is, if it is not found: ``SITE=NAME``, the name of a linear module within a block, e.g.
    ``mlp=ffn.w2``. Read is its input (``mlp``, ``head``) or its output (``attn``)."""

    sae: tuple[str, ...] = ()
    """Folders of sparse autoencoders (SAELens, sparsify), each ``FOLDER`` or ``NAME=FOLDER``: with the site
    ``latent`` their latents are read as neurons, ``latent.NAME.layer.index``; ``layers`` does not bear on them."""

    source: str = EMPTY
    """What the encoder is given while its decoder reads a sentence: ``empty`` (no text), ``same`` (the sentence),
    or ``field=NAME``: a field of the corpus, with the source that the sentence is the target of."""

    pooling: Annotated[str, OneOf(POOLINGS)] = "mean"
    """How the values at a sentence's tokens become one: ``mean``, ``max``, ``first`` or ``last``."""

    special_tokens: Annotated[str, OneOf(("exclude", "include"))] = "exclude"
    """``exclude`` leaves out of pooling what the tokenizer adds ([CLS], [SEP], <s>); ``include`` pools them too."""

    skip_first: Annotated[int, Range(0, MAX_TOKENS_LIMIT)] = 0
    """Model tokens at the beginning of a sentence, special ones not counted, that are left out of pooling: many
    decoders put an attention sink there. A sentence of no more is not fed."""

    prepend_bos: bool = False
    """Put the tokenizer's beginning-of-text token before each sentence where the tokenizer does not; it is special,
    so ``special_tokens`` says whether it is pooled."""

    max_tokens: Annotated[int, Range(1, MAX_TOKENS_LIMIT)] | None = None
    """Model tokens of a sentence, special ones included; the rest is cut. None: the model's limit, at most 512."""

    dtype: Annotated[str, OneOf(DTYPES)] = "auto"
    """Number format of the forward pass: ``float32``, ``float16``, ``bfloat16``, or ``auto``: float32 on a CPU,
    float16 on a CUDA device, and where that overflows bfloat16, then float32. Pooling is always float32. On a CPU
    bfloat16 is for those that compute in it (AMX or AVX-512 BF16: nearly twice as fast), which keeps about 97 % of
    lists of 10; others are six to eight times slower in it."""

    packing: Annotated[str, OneOf(PACKINGS)] = "auto"
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

    @property
    def of_decoder(self) -> bool:
        """Whether an encoder-decoder's decoder is read."""
        return self.sites[0].startswith(DECODER)

    @property
    def source_field(self) -> str | None:
        """The field of the corpus that the encoder is given; None where it is given something else."""
        return self.source.removeprefix(FIELD) if self.source.startswith(FIELD) else None

    @property
    def paths(self) -> dict[str, str]:
        """Names of linear modules by site, of ``site_path``."""
        return {site: name for site, _, name in (each.partition("=") for each in self.site_path)}

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "model")
        backends = ("auto", "torch", *BACKENDS, "fastest")  # more may be registered
        if self.backend not in backends:
            what = f"model.backend is {self.backend!r}."
            hint = f"The nearest: {nearest(self.backend, backends)}."
            raise OptionError(what, expected=f"one of {', '.join(backends)}", hint=hint)
        sites = {each.partition("=")[0] for each in self.site_path}
        if any(not each.partition("=")[2] for each in self.site_path) or not sites <= {"mlp", "attn", "head"}:
            what = f"model.site_path is {', '.join(self.site_path)!r}."
            raise OptionError(what, expected="SITE=NAME with one of mlp, attn, head, e.g. mlp=ffn.w2")
        if bool(self.sae) != (LATENT in self.sites):
            what = f"model.sites is {', '.join(self.sites)!r}, and model.sae {', '.join(self.sae) or 'nothing'!r}."
            hint = "--sae FOLDER sets both"
            raise OptionError(what, expected="the site latent with sparse autoencoders, and not without", hint=hint)
        for name, given in (("sites", self.sites), ("layers", self.layers)):
            if given is not None and (not given or len(set(given)) != len(given)):
                what = f"model.{name} is {given!r}."
                raise OptionError(what, expected="at least one, each named once")
        self._check_side()

    def _check_side(self) -> None:
        """Refuse sites of both sides of an encoder-decoder, and sources of a network without one."""
        if len({each.startswith(DECODER) for each in self.sites}) > 1:
            what = f"model.sites is {', '.join(self.sites)!r}: sites of an encoder and of a decoder."
            raise OptionError(what, expected="those of one side: each reads its own text", hint="make two runs")
        if self.source not in (EMPTY, SAME) and not self.source_field:
            what = f"model.source is {self.source!r}."
            raise OptionError(what, expected=f"{EMPTY}, {SAME}, or {FIELD}NAME with a field of the corpus")
        if self.source != EMPTY and not self.of_decoder:
            what = f"model.source is {self.source!r}, and model.sites {', '.join(self.sites)!r}."
            hint = "--set model.sites=decoder.hidden reads the decoder; leave model.source out for other networks"
            raise OptionError(
                what, expected="sites of a decoder, which an encoder gives what it made of a source", hint=hint
            )
        if self.prepend_bos and self.of_decoder:
            what = "model.prepend_bos is true, and a decoder is read."
            raise OptionError(
                what, hint="leave it out: the token that its decoder starts with is put before each sentence"
            )


def plain_site(site: str) -> str:
    """Name a kind of place whatever the side.

    Examples
    --------
    >>> plain_site("decoder.mlp"), plain_site("hidden"), plain_site("latent.own")
    ('mlp', 'hidden', 'latent.own')
    """
    return site.removeprefix(DECODER)
