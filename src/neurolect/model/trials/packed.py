"""Try whether packing changes nothing: sentences of random tokens are run both ways."""

import numpy as np

from neurolect.model.architecture.network import Network
from neurolect.model.hugging_face import REFUSALS
from neurolect.model.trials.compare import TOLERANCE, random_sentences, worst_difference
from neurolect.model.ways.packed import Packed
from neurolect.model.ways.packed_attention import SHORT, register, varlen_kernel
from neurolect.model.ways.plain import Plain
from neurolect.model.ways.way import run_by

_LENGTHS = (9, 3, 40, 17, 400)


def attempt(model: Network) -> Packed | str:
    """Give the way, or why it cannot be, for people."""
    if not register():
        return "this version of transformers has no attention interface"
    if model.device.type == "cuda":
        if model.dtype == "float32":
            return "packed attention on a GPU needs 16-bit numbers"
        if varlen_kernel() is None:
            return "this PyTorch has no attention for sequences of many lengths"
    sentences = random_sentences(model, lengths=_LENGTHS)
    everything = np.arange(len(_LENGTHS))
    plain, packed, name = Plain(), Packed(model.body), type(model.body).__name__
    # Short and long sentences are attended to by different kernels.
    for rows in (everything, everything[np.array(_LENGTHS) <= SHORT]):
        expected = run_by(plain, model, plain.batch(model, sentences, rows)).values
        try:
            got = run_by(packed, model, packed.batch(model, sentences, rows)).values
        except REFUSALS as error:
            reason = str(error).partition("\n")[0]
            return f"a {name} does not take packed sentences ({reason[:120]})"
        if not worst_difference(got, expected, offsets=model.neurons.offsets.tolist()) <= TOLERANCE[model.dtype]:
            return f"a {name} gives other activations for packed sentences"
    return packed
