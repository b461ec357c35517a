"""Find a transformer's blocks, and in each block the tensors that hold a site's neurons.

Nothing is known of any architecture by name. One forward pass over a few tokens (the trial) is watched
through hooks: which block runs when and on what, which linear modules run in which order. The last
linear module that runs inside the attention is its output projection; the last one outside it that leads
from a wider layer back to the hidden width is the feed-forward down-projection.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from torch import Tensor, nn

from neurolect.errors import ModelError, nearest

_LAYER_KEYS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "num_encoder_layers")
_ATTENTION = re.compile(r"(attn|attention)$", re.IGNORECASE)
_EXPERTS = re.compile(r"(^|[._])(experts?|moe|router)([._]|$)", re.IGNORECASE)


class Linear(NamedTuple):
    """A linear module of a block."""

    name: str
    module: nn.Module
    n_in: int
    n_out: int

    lead: tuple[int, ...]
    """Shape of its input without the last axis."""


class Block(NamedTuple):
    """A block, and its linear modules in the order in which they ran."""

    module: nn.Module
    linears: list[Linear]


def n_layers_of(network: nn.Module) -> int:
    """Return the number of blocks by the network's configuration, 0 where it does not say."""
    # An encoder-decoder's encoder shares the configuration of the whole, whose own name for the encoder wins.
    keys = ("encoder_layers", *_LAYER_KEYS) if getattr(network.config, "is_encoder_decoder", False) else _LAYER_KEYS
    for key in keys:
        value = getattr(network.config, key, None)
        if isinstance(value, int) and value > 0:
            return value
    # a wrapper of several networks, such as one for images and one for text, says it of each
    text = getattr(network.config, "text_config", None)
    return blocks_by(text) if text is not None else 0


def blocks_by(config: object) -> int:
    """Return the number of blocks by a configuration that has one such number, else 0."""
    keys = (*_LAYER_KEYS, "decoder_layers", "num_decoder_layers")
    found = {value for key in keys if isinstance(value := getattr(config, key, None), int)}
    return found.pop() if len(found) == 1 and not getattr(config, "is_encoder_decoder", False) else 0


def find_blocks(network: nn.Module, *, n_layers: int) -> list[nn.Module] | None:
    """Find the list of blocks: the first of :func:`block_lists`; None where there is none."""
    return next(iter(block_lists(network, n_layers=n_layers)), None)


def block_lists(network: nn.Module, *, n_layers: int) -> list[list[nn.Module]]:
    """Find what may be the list of blocks.

    Returns: The lists of so many different modules, in module order, those of one class first; none in models that
        run one block many times.
    """
    found = [
        list(module)
        for module in network.modules()
        if isinstance(module, nn.ModuleList) and len(module) == n_layers == len({id(each) for each in module}) > 0
    ]
    return sorted(found, key=lambda blocks: len({type(each) for each in blocks}) > 1)


def first_states(args: tuple[object, ...], kwargs: dict[str, object]) -> Tensor | None:
    """Return the hidden states that a block is called with."""
    states = args[0] if args else kwargs.get("hidden_states")
    return states if isinstance(states, Tensor) else None


@contextmanager
def watch_linears(blocks: list[nn.Module]) -> Iterator[list[Block]]:
    """Record the linear modules of every block as they run."""
    watched = [Block(each, []) for each in blocks]
    handles = []
    for block in watched:
        for name, module in block.module.named_modules():
            if is_linear(module):
                handles.append(module.register_forward_hook(_recorder(block, name)))
    try:
        yield watched
    finally:
        for handle in handles:
            handle.remove()


def is_linear(module: nn.Module) -> bool:
    """Say whether a module is a product with a matrix."""
    # transformers' Conv1D is a linear module with its weight transposed; it is known by its class name,
    # for it has moved between modules of that library.
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _recorder(block: Block, name: str) -> Callable[[nn.Module, tuple[object, ...], object], None]:
    def record(module: nn.Module, args: tuple[object, ...], output: object) -> None:
        if args and isinstance(args[0], Tensor) and isinstance(output, Tensor):
            block.linears.append(
                Linear(name, module, args[0].shape[-1], output.shape[-1], tuple(args[0].shape[:-1]))
            )

    return record


def site_module(block: Block, *, site: str, states: Tensor, path: str | None = None) -> Linear:
    """Find the linear module whose input or output holds a site's neurons.

    ``states``: Tensor, shape (n_sentences, n_tokens, width). Hidden states of the watched run; the two numbers
        differ. ``path``: Its name within the block, where that is known.
    Returns: The attention's output projection (``attn``: its output, ``head``: its input) or the feed-forward
        down-projection (``mlp``: its input).
    """
    attention = _attention_prefix(block)
    n_sentences, n_tokens, width = states.shape
    # Networks that put tokens before sentences would be pooled over the wrong axis: theirs are not taken.
    leads = ((n_sentences, n_tokens), (n_sentences * n_tokens,))
    if path is not None:
        named = [each for each in block.linears if each.name == path and each.lead in leads]
        if not named:
            raise _not_at(block, site, path)
        return named[-1]
    usable = [each for each in block.linears if attention and each.lead in leads]
    inside = [each for each in usable if attention and each.name.startswith(attention)]
    outside = [each for each in usable if not (attention and each.name.startswith(attention))]
    if site == "mlp":
        if any(_EXPERTS.search(name) for name, _ in block.module.named_modules()):
            what = "The site 'mlp' was asked for, and the blocks are mixtures of experts."
            hint = "other sites work: hidden, attn, head"
            raise ModelError(what, expected="blocks with one feed-forward network each", hint=hint)
        # Up-projections of gated networks may come fused, twice as wide.
        made = [n for each in outside for n in (each.n_out, each.n_out / 2)]
        found = [each for each in outside if each.n_out == width and each.n_in in made]
    else:
        found = [each for each in inside if each.n_out == width]
    if not found:
        raise _not_found(block, site, width)
    return found[-1]


def _not_at(block: Block, site: str, path: str) -> ModelError:
    names = list(dict.fromkeys(each.name for each in block.linears))
    kind = type(block.module).__name__
    what = f"model.site_path says {site}={path}, and no linear module of that name ran in a {kind}."
    near = f"The nearest: {nearest(path, names)}." if names else None
    return ModelError(what, expected=f"one of those that ran: {', '.join(names) or 'none'}", hint=near)


def _attention_prefix(block: Block) -> str | None:
    """Name the first submodule called attention that holds linear modules which ran."""
    for name, _ in block.module.named_modules():
        if _ATTENTION.search(name.rpartition(".")[2]) and any(
            each.name.startswith(f"{name}.") for each in block.linears
        ):
            return f"{name}."
    return None


def _not_found(block: Block, site: str, width: int) -> ModelError:
    linears = ", ".join(f"{each.name} ({each.n_in} to {each.n_out})" for each in block.linears) or "none"
    part = "feed-forward down-projection" if site == "mlp" else "attention's output projection"
    return ModelError(
        f"The site {site!r} was asked for, and the {part} was not found in a {type(block.module).__name__}.",
        expected=f"a linear module that gives {width} values; those that ran: {linears}",
        hint=f"say which it is: --set model.site_path={site}=NAME; --set model.sites=hidden works with every model",
    )
