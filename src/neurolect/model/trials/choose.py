"""Choose the way to run a model when it is loaded."""

from neurolect.errors import ModelError
from neurolect.model.architecture.network import Network
from neurolect.model.batching import Feeding
from neurolect.model.options import BACKENDS
from neurolect.model.trials import packed
from neurolect.model.ways.plain import Plain
from neurolect.model.ways.way import Way, backend


def torch_way(model: Network) -> Plain:
    """Choose how PyTorch runs a model: packed where that is wanted and changes nothing, else padded."""
    wanted = model.options.packing
    if wanted == "off" or (wanted == "auto" and model.device.type != "cuda"):
        return Plain(feeding=model.feeding)
    made = packed.attempt(model) if model.feeding == Feeding() else model.unlike
    if not isinstance(made, str):
        return made
    if wanted == "on":
        what = f"model.packing is 'on', and {made.rstrip('.')}."
        raise ModelError(what, expected="a network that takes packed sentences", hint="set model.packing to auto")
    return Plain(because=made if model.feeding == Feeding() else "", feeding=model.feeding)


def way_at_load(model: Network, usual: Plain) -> Way:
    """Give the backend that the options name, or how PyTorch runs the model."""
    wanted = model.options.backend
    if wanted not in BACKENDS:
        return usual
    made = "sentences are packed" if usual.packed else model.unlike or backend(wanted).attempt(model)
    if isinstance(made, str):
        what = f"model.backend is {wanted!r}, and {made.rstrip('.')}."
        title = backend(wanted).title
        raise ModelError(what, expected=f"a network {title} runs", hint="set model.backend to torch")
    return made
