"""What a judge says of a list's held-out sentences: asked of all at a time or one by one, read alike."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.naming.answers import AnswerStore
from neurolect.naming.options import SENTENCE
from neurolect.naming.plan import ListToName, Plan
from neurolect.naming.questions import Question, fits_of
from neurolect.naming.scores import Score, balanced_accuracy, graded_auroc
from neurolect.naming.sentences import FEWEST
from neurolect.naming.yes_no import reading_of

NONSENSE_FIT = "the judge's answer is no list of sentences"
NONSENSE_YES = "the judge's answer is neither yes nor no"
"""Why an answer of a judge is not counted."""


class Choice(NamedTuple):
    """What a judge said of every sentence."""

    fits: NDArray[np.bool_]
    """Which it says fit; False where its answer cannot be read."""
    probabilities: NDArray[np.float64]
    """Of yes against no; NaN where the server does not tell."""
    read: NDArray[np.bool_]
    """Of which there is an answer that can be read."""
    n_unread: int
    """Answers that cannot be read: a list counts once, for all its sentences."""

    @property
    def is_graded(self) -> bool:
        """Whether there is a probability wherever there is an answer."""
        return bool(self.read.any() and np.isfinite(self.probabilities[self.read]).all())


class Judgement(NamedTuple):
    """How well a judge tells a list's sentences by one name."""

    score: Score
    n: int
    """Sentences whose answers could be read."""


def choice_of(plan: Plan, each: ListToName, questions: Sequence[Question], store: AnswerStore) -> Choice:
    """Read what answers there are to the questions of one name of a list."""
    n = 0 if each.judged is None else len(each.judged.texts)
    fits, read = np.zeros(n, bool), np.zeros(n, bool)
    probabilities = np.full(n, np.nan)
    records = [store.get(question) for question in questions]
    n_unread = 0
    if plan.options.ask == SENTENCE:
        for place, record in enumerate(records):
            found = None if record is None else reading_of(record)
            n_unread += record is not None and found is None
            if found is not None:
                read[place], fits[place] = True, found.fits
                probabilities[place] = np.nan if found.probability is None else found.probability
    else:
        for record in records:
            chosen = None if record is None else fits_of(record, n)
            n_unread += record is not None and chosen is None
            if chosen is not None:
                read[:] = True
                fits[np.array(sorted(chosen), np.int64) - 1] = True
    return Choice(fits, probabilities, read, n_unread)


def judged(choices: Mapping[str, Choice], fits: NDArray[np.bool_], *, interval: float) -> dict[str, Judgement]:
    """Score the names of one list, all by probabilities or, where one has none, all by words.

    ``fits``: bool, shape (n,). Which sentences are the neuron's.
    Returns: By name; none of one with answers of fewer than half of either kind of sentences, or of fewer than 3.
    """
    graded, found = all_graded(choices), {}
    for name, choice in choices.items():
        read, own = choice.read, fits[choice.read]
        if any(each < max(FEWEST, n / 2) for each, n in ((own.sum(), fits.sum()), ((~own).sum(), (~fits).sum()))):
            continue
        if graded:
            score = graded_auroc(choice.probabilities[read], own, interval=interval)
        else:
            score = balanced_accuracy(choice.fits[read], own, interval=interval)
        found[name] = Judgement(score, int(read.sum()))
    return found


def all_graded(choices: Mapping[str, Choice]) -> bool:
    """Say whether the names of one list are scored by probabilities."""
    answered = [choice for choice in choices.values() if choice.read.any()]
    return bool(answered) and all(choice.is_graded for choice in answered)
