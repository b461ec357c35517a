"""What long work on a network keeps over a stop, and what it depends on."""

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager

from neurolect.folders.parts import Parts, digest_of, unfinished
from neurolect.interventions.outcomes import Texts
from neurolect.model.language_model import Model
from neurolect.model.trials.remembered import made_of


def parts_of(
    work: str, model: Model, *, loaded: bool, rests_on: Sequence[object], written: bool = False
) -> AbstractContextManager[Parts]:
    """Give the parts that stops left of work on a model; none where it was not loaded for it.

    A model of somebody else's may be edited or trained, which no fingerprint says. ``written``: Whether the work
    writes its results itself.
    """
    if not loaded or not model.fingerprint:
        return unfinished(work, None)
    own = [type(model.network).__name__, dataclasses.asdict(model.options)]
    return unfinished(work, [*made_of(model), *own, *rests_on], written=written)


def digest_of_texts(texts: Texts) -> str:
    """Name texts as a network reads them, in their order, with what is right of them."""
    own, source = texts.sentences, texts.sentences.source
    arrays = [own.ids, own.offsets, own.first, own.end, texts.weights]
    arrays += [] if source is None else [source.ids, source.offsets]
    return digest_of(texts.kind, *arrays, "labels" if texts.labels is None else texts.labels)
