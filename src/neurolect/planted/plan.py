"""What is planted: the dimensions of the residual stream, and every neuron with its inputs, outputs and truth."""

from typing import NamedTuple

from neurolect.planted.grammar import CLASSES

N_BLOCKS = 4
WIDTH = 128
"""Of the residual stream and of the feed-forward layers."""
N_CODES = 32
"""Dimensions in which every word has random numbers: what noise is made of."""

NEXT: dict[str, tuple[str, ...]] = {
    "noun": ("animal", "tool", "food"),
    "adjective": ("colour", "size"),
    "plural": ("plural",),
    "verb": ("regular", "irregular"),
    "phrase": ("determiner", "number", "name"),
    "after_verb": ("adverb", "preposition"),
    "preposition": ("preposition",),
    "end": ("end", "conjunction"),
}
"""Outputs that the head reads: each raises the logits of the words of some classes."""
OUTPUTS = (*(f"next.{name}" for name in NEXT), "next.jumped", "next.frequent", "next.stray")
OF_WORDS = (*CLASSES, "fox", "bread", "grade", "frequency", "first_group", "second_group")
"""What the embedding says of a word."""
BY_ATTENTION = (*(f"previous.{name}" for name in CLASSES), "position", "wave", "food_so_far")
"""What attention in the first block adds."""
FEATURES = ("constant", "start", *OF_WORDS, *BY_ATTENTION, *OUTPUTS, "relayed", "dead")

CARRIED = {
    **{name: name for name in (*CLASSES, "fox", "bread", "first_group", "second_group", "food_so_far")},
    **{f"previous.{name}": f"after_{name}" for name in ("determiner", "number", "colour")},
}
"""Dimensions that hold a concept in every block, and the concept."""


class Plant(NamedTuple):
    """One neuron to plant in a feed-forward layer."""

    role: str
    concept: str | None
    reads: dict[str, float]
    """Weights by feature; ``code`` is a random direction of the codes."""
    writes: dict[str, float] = {}  # noqa: RUF012 - never changed
    threshold: float | None = 0.5
    """The neuron is silent below it and 1 at 0.5 above it; without one it is linear in what it reads."""
    steepness: float = 16.0
    sign: int = 1
    block: int | None = None
    """From 1; drawn where not given."""

    @property
    def used(self) -> bool:
        """Whether anything after it reads what it writes."""
        return any(name not in ("dead", "code") for name in self.writes)


def _detector(concept: str, writes: dict[str, float], **more: float) -> Plant:
    return Plant("detector", concept, {CONCEPT_INPUT.get(concept, concept): 1.0}, writes, **more)  # type: ignore[arg-type]


def _decoy(concept: str, *, dead: bool = False) -> Plant:
    return Plant("decoy", concept, {CONCEPT_INPUT.get(concept, concept): 1.0}, {"dead": 3.0} if dead else {})


CONCEPT_INPUT = {concept: name for name, concept in CARRIED.items()}

_VERB_OR_END = {"next.verb": 4.0, "next.end": 3.5}
_DETERMINER_AND_FOOD = {"determiner": 1.0, "food_so_far": 1.0}
_VERB_PART = {"regular": 0.25, "irregular": 0.25, "code": 0.5}
_DETECTORS = (
    _detector("determiner", {"next.noun": 5.0, "next.adjective": 5.0}),
    _detector("number", {"next.plural": 6.0, "next.adjective": 4.0}),
    _detector("colour", {"next.noun": 5.0, "next.plural": 4.0}),
    _detector("after_number", {"next.plural": 4.0}),
    _detector("animal", _VERB_OR_END),
    _detector("food", _VERB_OR_END),
    _detector("plural", _VERB_OR_END),
    _detector("name", _VERB_OR_END),
    _detector("regular", {"next.after_verb": 4.0, "next.end": 4.0}),
    _detector("preposition", {"next.phrase": 5.0}),
    _detector("conjunction", {"next.verb": 6.0}),
    _detector("fox", {"next.jumped": 6.0}),
    Plant("detector", "adverb", {"adverb": 1.0}, {"relayed": 1.0}, block=1),
    Plant("detector", "adverb", {"relayed": 1.0}, {"next.preposition": 5.0, "next.end": 4.0}, block=3),
)
_DECOYS = (
    *(_decoy(name) for name in ("tool", "irregular", "animal", "colour", "bread", "after_determiner", "adverb")),
    *(_decoy(name, dead=True) for name in ("tool", "number", "food_so_far")),
    Plant("decoy", "determiner_after_food", _DETERMINER_AND_FOOD, threshold=1.5),
)
_DOERS = (
    Plant("doer", None, {}, {"next.frequent": 0.8}, threshold=-0.5),
    Plant("doer", None, {}, {"next.stray": 0.8}, threshold=-0.5),
    Plant("doer", None, {"wave": 1.0}, {"next.stray": 1.2}),
    Plant("doer", None, {"wave": -1.0}, {"next.stray": 1.2}, threshold=-0.5),
)
_FOR_PROBING = (
    Plant("switch", "plural", {"plural": 1.0}),
    Plant("switch", "plural", {"plural": 1.0}, sign=-1),
    Plant("conjunction", "coloured_animal", {"animal": 1.0}),
    Plant("conjunction", "coloured_animal", {"previous.colour": 1.0}),
    Plant("xor", "one_group", {"first_group": 1.0}),
    Plant("xor", "one_group", {"second_group": 1.0}),
    *(Plant("distributed", "verb", _VERB_PART, threshold=None, block=2) for _ in range(6)),
    Plant("distractor", "frequency", {"frequency": 1.0}, threshold=None),
    Plant("distractor", "position", {"position": 1.0}, threshold=None),
    Plant("position", "first_two", {"position": 1.0}, threshold=0.29, steepness=200.0),
    Plant("graded", "animal", {"grade": 1.0}, threshold=None),
    Plant("scale", None, {"code": 1000.0}, threshold=None),
    Plant("duplicate", "size", {"size": 1.0}, {"next.noun": 2.5}),
    Plant("duplicate", "size", {"size": 1.0}, {"next.noun": 2.5}),
)
PLANTS = (*_DETECTORS, *_DECOYS, *_DOERS, *_FOR_PROBING)
