"""Find a transformer's blocks, and in each block the tensors that hold a site's neurons.

Nothing is known of any architecture by name. One forward pass over a few tokens (the trial) is watched
through hooks: which block runs when and on what, which linear modules run in which order. The last
linear module that runs inside the attention is its output projection; the last one outside it that leads
from a wider layer back to the hidden width is the feed-forward down-projection. A block without attention may
mix tokens by a convolution or a recurrence; its feed-forward network is what a second run shows to treat each token
by itself.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurolect.errors import ModelError, nearest
from neurolect.model.options import ADDED_SITES

_LAYER_KEYS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "num_encoder_layers")
_ATTENTION = re.compile(r"(attn|attention)$", re.IGNORECASE)
_EXPERTS = re.compile(r"(^|[._])(experts?|moe)([._]|$)", re.IGNORECASE)
_BY_ITSELF = {"float32": 1e-3, "float16": 5e-2, "bfloat16": 2e-1}
"""How far states may differ after the order of tokens is turned round, of the greatest."""


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
    own = getattr(network, "n_decoder_blocks", None)  # a decoder's side knows its own
    if isinstance(own, int):
        return own
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
    # next to a decoder's blocks are those of the encoder that feeds it
    found = [
        list(module)
        for module in getattr(network, "decoder_part", network).modules()
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


def site_module(
    block: Block, *, site: str, states: Tensor, path: str | None = None, shared: frozenset[nn.Module] = frozenset()
) -> Linear:
    """Find the linear module whose input or output holds a site's neurons, if a name or the attention tells.

    ``states``: Tensor, shape (n_sentences, n_tokens, width). Hidden states of the watched run; the two numbers
        differ. ``path``: Its name within the block, where that is known. ``shared``: Linear modules that ran more
        than once, which hold neurons of no single layer.
    Returns: The attention's output projection (``attn``: its output, ``head``: its input) or the feed-forward
        down-projection (``mlp``: its input).
    """
    attention = attention_prefix(block)
    if site in ADDED_SITES:
        return _added_module(block, site, states, shared)
    if path is not None:
        named = [each for each in _of_tokens(block, states, shared) if each.name == path]
        if not named:
            raise _not_at(block, site, path)
        return named[-1]
    found: list[Linear] = []
    if site == "mlp":
        _check_dense(block, site)
        found = down_projections(block, states, shared=shared) if attention else []
    elif attention:
        _check_dense(block, site, within=attention)
        ran = _of_tokens(block, states, shared)
        found = [each for each in ran if each.name.startswith(attention) and each.n_out == states.shape[-1]]
    if not found:
        raise _not_found(block, site, states.shape[-1], shared)
    return found[-1]


def _added_module(block: Block, site: str, states: Tensor, shared: frozenset[nn.Module]) -> Linear:
    """Find the last linear module that a site of others names."""
    wanted = ADDED_SITES[site].module
    found = [each for each in _of_tokens(block, states, shared) if re.search(wanted, each.name)]
    if not found:
        names = ", ".join(dict.fromkeys(each.name for each in block.linears)) or "none"
        kind = type(block.module).__name__
        what = f"The site {site!r} is at linear modules like {wanted!r}, and none ran in a {kind}."
        raise ModelError(what, expected=f"one of those that ran: {names}")
    return found[-1]


def reads_output(site: str) -> bool:
    """Say whether a site's neurons are what its linear module gives, not what it gets."""
    return ADDED_SITES[site].reads == "output" if site in ADDED_SITES else site == "attn"


def down_projections(block: Block, states: Tensor, *, shared: frozenset[nn.Module] = frozenset()) -> list[Linear]:
    """Find the linear modules outside of the attention that lead from what another one made to the hidden width."""
    attention, width = attention_prefix(block), states.shape[-1]
    ran = _of_tokens(block, states, shared)
    outside = [each for each in ran if not (attention and each.name.startswith(attention))]
    # Up-projections of gated networks may come fused, twice as wide.
    made = [n for each in outside for n in (each.n_out, each.n_out / 2)]
    found = [each for each in outside if each.n_out == width and each.n_in in made]
    # A square one may follow the feed-forward network, or mix what several parts of the block gave.
    return [each for each in found if each.n_in != width] or found


def _of_tokens(block: Block, states: Tensor, shared: frozenset[nn.Module]) -> list[Linear]:
    """Give the linear modules that were given a state for each token.

    Networks that put tokens before sentences would be pooled over the wrong axis: theirs are not taken.
    """
    n_sentences, n_tokens, _ = states.shape
    leads = ((n_sentences, n_tokens), (n_sentences * n_tokens,))
    return [each for each in block.linears if each.lead in leads and each.module not in shared]


def is_mixture(block: Block, *, within: str = "") -> bool:
    """Say whether a block, or the part of it whose names begin so, is a mixture of experts."""
    return any(_EXPERTS.search(name) for name, _ in block.module.named_modules() if name.startswith(within))


def _check_dense(block: Block, site: str, *, within: str = "") -> None:
    """Refuse a mixture of experts: of each token other neurons run."""
    if is_mixture(block, within=within):
        what = f"The site {site!r} was asked for, and a {type(block.module).__name__} is a mixture of experts."
        hint = "other sites work: hidden, attn, head" if site == "mlp" else "the site hidden works"
        raise ModelError(what, expected="blocks with one feed-forward network each", hint=hint)


def feed_forward_parts(block: Block, linears: Sequence[Linear]) -> list[nn.Module | None]:
    """Give of each down-projection the smallest part of the block that also holds what made its input.

    None where that is the whole block.
    """
    return [_feed_forward_around(block, each) for each in linears]


def _feed_forward_around(block: Block, down: Linear) -> nn.Module | None:
    """Give the smallest part of a block that holds a down-projection and what made its input; not the block."""
    ran = [each.name for each in block.linears]
    before = [each for each in block.linears[: ran.index(down.name)] if down.n_in in (each.n_out, each.n_out / 2)]
    for depth in range(down.name.count("."), 0, -1):
        name = ".".join(down.name.split(".")[:depth])
        if any(each.name.startswith(f"{name}.") for each in before):
            return block.module.get_submodule(name)
    return None


def parts_by_token(parts: Sequence[nn.Module], run: Callable[[], object]) -> set[nn.Module]:
    """Find the parts of a network that treat each token by itself, as a feed-forward network does.

    Each is run once more on what it was given, the order of tokens turned round: a recurrence, a convolution or an
    attention that sees what is before gives something else. Parts that take more than states are none of them.

    ``run``: Runs the network again, as when it was watched.
    """
    kept: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {each: [] for each in parts}

    def keep(module: nn.Module, args: tuple[object, ...], kwargs: dict[str, object], output: object) -> None:
        given = [each for each in (*args, *kwargs.values()) if each is not None]
        if len(given) == 1 and isinstance(given[0], Tensor) and isinstance(output, Tensor):
            kept[module].append((given[0].clone(), output.clone()))

    if not kept:
        return set()
    with ExitStack() as stack:
        for each in kept:
            stack.callback(each.register_forward_hook(keep, with_kwargs=True).remove)
        run()
    return {each for each, calls in kept.items() if len(calls) == 1 and _by_token(each, *calls[0])}


def _by_token(part: nn.Module, given: Tensor, made: Tensor) -> bool:
    if given.ndim != 3 or given.shape[:2] != made.shape[:2]:
        return False
    with torch.inference_mode():
        turned = part(given.flip(1)).flip(1)
    most = _BY_ITSELF.get(str(made.dtype).removeprefix("torch."), 1e-3)
    return bool((turned - made).abs().max() <= most * made.abs().max())


def _not_at(block: Block, site: str, path: str) -> ModelError:
    names = list(dict.fromkeys(each.name for each in block.linears))
    kind = type(block.module).__name__
    what = f"model.site_path says {site}={path}, and no linear module of that name ran in a {kind}."
    near = f"The nearest: {nearest(path, names)}." if names else None
    return ModelError(what, expected=f"one of those that ran: {', '.join(names) or 'none'}", hint=near)


def attention_prefix(block: Block) -> str | None:
    """Name the first submodule called attention, else of such a class, that holds linear modules which ran."""
    named = list(block.module.named_modules())
    of_name = [name for name, _ in named if _ATTENTION.search(name.rpartition(".")[2])]
    of_class = [name for name, module in named if name and _ATTENTION.search(type(module).__name__)]
    for name in (*of_name, *of_class):
        if any(each.name.startswith(f"{name}.") for each in block.linears):
            return f"{name}."
    return None


def _not_found(block: Block, site: str, width: int, shared: frozenset[nn.Module]) -> ModelError:
    linears = ", ".join(
        f"{each.name} ({each.n_in} to {each.n_out}{', shared with another layer' * (each.module in shared)})"
        for each in block.linears
    )
    linears = linears or "none"
    part = "feed-forward down-projection" if site == "mlp" else "attention's output projection"
    return ModelError(
        f"The site {site!r} was asked for, and the {part} was not found in a {type(block.module).__name__}.",
        expected=f"a linear module that gives {width} values; those that ran: {linears}",
        hint=f"say which it is: --set model.site_path={site}=NAME; --set model.sites=hidden works with every model",
    )
