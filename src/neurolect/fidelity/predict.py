"""What signatures predict of held-out sentences: the score that each gives each."""

import numpy as np
from numpy.typing import NDArray

from neurolect.fidelity.evaluate import add_senses
from neurolect.fidelity.fitting_kernels import score_sentences
from neurolect.fidelity.inputs import sentence_features
from neurolect.fidelity.results import fitted
from neurolect.fidelity.stage import Stage, annotated_part, senses_of
from neurolect.signatures.evidence.registry import kind_names


def predicted_scores(stage: Stage, lists: NDArray[np.int64]) -> NDArray[np.float32]:
    """Score the held-out sentences of a scored run by the signatures of some lists.

    Returns: float32, shape (len(lists), n_sentences). The higher, the more the signature expects of the neuron; 0
        where a sentence has none of its evidence.
    """
    compiled = fitted(stage.run)
    annotated = annotated_part(stage, stage.run.folder / "held_out")
    features, weights = compiled.features, compiled.weights
    turned = sentence_features(features, annotated).by_feature(len(features.labels))
    senses = senses_of(annotated, compiled=compiled)
    made = np.empty((1 + len(kind_names()), annotated.coded.n_sentences), dtype=np.float32)
    scores = np.empty((len(lists), made.shape[1]), dtype=np.float32)
    for place, each in enumerate(lists.tolist()):
        own = slice(features.offsets[each], features.offsets[each + 1])
        own_weights = (features.codes[own], weights.alone[own], weights.together[own])
        score_sentences(*turned, *own_weights, features.starts, made)
        add_senses(senses, features, weights, made, each)
        scores[place] = made[0]
    return scores
