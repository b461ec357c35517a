"""Find where a sparse autoencoder reads a network: by the names of hooks of TransformerLens, or of a module.

Layers are numbered as everywhere here: what block 8 (from 0) gives is layer 9.
"""

import re
from collections.abc import Callable

from torch import Tensor, nn

from neurolect.errors import ModelError
from neurolect.model.architecture.structure import find_blocks, n_layers_of
from neurolect.model.architecture.taps import Tap, Target, listen
from neurolect.model.autoencoders.autoencoder import Autoencoder
from neurolect.model.neurons import SiteLayer

_HOOK = re.compile(r"blocks\.(\d+)\.([\w.]+)")
_OF_BLOCK = {
    "hook_resid_pre": "input",
    "hook_resid_post": "output",
    "hook_normalized_resid_post": "output",
}
_OF_SITE = {
    "attn.hook_z": ("head", "input"),
    "hook_attn_out": ("attn", "output"),
    "mlp.hook_post": ("mlp", "input"),
    "hook_mlp_out": ("mlp", "output"),
}
"""Names of hooks within a block, the site whose linear module they are at, and which end of it."""


def latent_tap(network: nn.Module, autoencoder: Autoencoder, *, find: Callable[[str, int], Tap]) -> Tap:
    """Find the tap of an autoencoder's latents.

    ``find``: Gives the tap of a site at a layer.
    """
    blocks = find_blocks(network, n_layers=n_layers_of(network)) or []
    match = _HOOK.fullmatch(autoencoder.hook)
    if match is None:
        return _at_module(network, autoencoder, blocks)
    number, name = int(match[1]), match[2]
    if name not in _OF_BLOCK and name not in _OF_SITE:
        raise _unknown(autoencoder, type(network).__name__)
    if number >= len(blocks):
        what = f"The sparse autoencoder {autoencoder.name!r} reads {autoencoder.hook}."
        raise ModelError(what, expected=f"a block from 0 to {len(blocks) - 1} of a {type(network).__name__}")
    if name in _OF_BLOCK:
        layer = number + (_OF_BLOCK[name] == "output")
        return _made(autoencoder, layer, blocks[number], _OF_BLOCK[name])
    site, end = _OF_SITE[name]
    found = find(site, number + 1)
    if found.module is None:
        raise _unknown(autoencoder, type(network).__name__)
    return _made(autoencoder, number + 1, found.module, end)


def _made(autoencoder: Autoencoder, layer: int, module: nn.Module, end: str) -> Tap:
    place = SiteLayer(autoencoder.site, layer, autoencoder.n_latents)
    return Tap(place, module, end, Target(module, end), autoencoder)


def _at_module(network: nn.Module, autoencoder: Autoencoder, blocks: list[nn.Module]) -> Tap:
    """Find a module by its name, whose first parts may be those of a network with a head."""
    modules, name = dict(network.named_modules()), autoencoder.hook
    while name not in modules or not name:
        name = name.partition(".")[2]
        if not name:
            raise _unknown(autoencoder, type(network).__name__)
    inside = [number for number, block in enumerate(blocks, 1) if modules[name] in set(block.modules())]
    return _made(autoencoder, inside[0] if inside else 0, modules[name], "output")


def _unknown(autoencoder: Autoencoder, network: str) -> ModelError:
    what = (
        f"The sparse autoencoder {autoencoder.name!r} reads {autoencoder.hook!r}, which a {network} does not have."
    )
    known = ", ".join(f"blocks.N.{each}" for each in (*_OF_BLOCK, *_OF_SITE))
    hint = "say it in cfg.json: `hook_name` of SAELens, `hookpoint` of sparsify (else its folder's name)"
    return ModelError(what, expected=f"{known}, or the name of a module", hint=hint)


def check_width(tap: Tap, *, run: Callable[[], object], n_tokens: int) -> None:
    """Refuse an autoencoder of states of another width, or of something else than a state a token.

    ``run``: Runs the network once on two sentences of ``n_tokens``.
    """
    seen: list[tuple[int, ...]] = []

    def see(_number: int, states: Tensor) -> None:
        seen.append(tuple(states.shape))

    autoencoder = tap.autoencoder
    if autoencoder is None:
        return
    with listen([tap._replace(autoencoder=None)], receive=see):
        run()
    where = f"The sparse autoencoder {autoencoder.name!r} reads {autoencoder.hook}"
    if not seen or len(seen) > 1 or seen[0][:-1] not in ((2, n_tokens), (2 * n_tokens,)):
        what = f"{where}, which gives {seen or 'nothing'} for 2 sentences of {n_tokens} tokens."
        raise ModelError(what, expected="one state a token")
    if seen[0][-1] != autoencoder.width:
        what = f"{where}, whose states have {seen[0][-1]:,} dimensions; it was made for {autoencoder.width:,}."
        raise ModelError(what, expected="an autoencoder of this model and place", hint="check both folders")
