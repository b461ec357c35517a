"""Try whether compiling a network's blocks changes nothing: sentences of random tokens are run both ways."""

import numpy as np

from neurolect.model.architecture.network import Network
from neurolect.model.architecture.structure import find_blocks, n_layers_of
from neurolect.model.batching import Batch
from neurolect.model.hugging_face import REFUSALS
from neurolect.model.trials.compare import TOLERANCE, random_sentences, worst_difference
from neurolect.model.ways.plain import Compiled, Plain
from neurolect.model.ways.way import run_by

_MIXED, _EQUAL, _LONG = (9, 3, 40, 17, 30), (21,), (400, 5)


def attempt(model: Network, inner: Plain, *, token_budget: int) -> Compiled | str:
    """Compile every block for batches of any size, or say why they stay as they are, for people.

    The trial's batches are as large as the pass's and always the same, so that the compiler always makes the same
    choices.
    """
    if any(tap.place.site != "hidden" or tap.reads == "hidden_states" for tap in model.taps):
        return "activations are read inside of blocks"
    name = type(model.body).__name__
    blocks = find_blocks(model.body, n_layers=n_layers_of(model.body))
    if blocks is None:
        return f"a {name} has no list of blocks"
    batches = _batches(model, inner, token_budget)
    before = [run_by(inner, model, batch).values for batch in batches]
    way = Compiled(inner, blocks)
    why_not = None
    offsets = model.neurons.offsets.tolist()
    try:
        for batch, expected in zip(batches, before, strict=True):
            got = run_by(way, model, batch).values
            if not worst_difference(got, expected, offsets=offsets) <= TOLERANCE[model.dtype]:
                why_not = f"a {name} gives other activations once compiled"
                break
    except REFUSALS as error:
        reason = str(error).strip().partition("\n")[0]
        why_not = f"a {name} cannot be compiled here ({reason[:120]})"
    if why_not is not None:
        way.restore()
        return why_not
    return way


def _batches(model: Network, inner: Plain, token_budget: int) -> list[Batch]:
    """Make a batch of short sentences, of equally long ones (which need no mask), and with long ones."""
    batches = []
    for lengths in (_MIXED, _EQUAL, _LONG):
        n_rounds = max(1, token_budget // (len(lengths) * max(lengths)))
        sentences = random_sentences(model, lengths=lengths * n_rounds)
        batches.append(inner.batch(model, sentences, np.arange(len(sentences.lengths))))
    return batches
