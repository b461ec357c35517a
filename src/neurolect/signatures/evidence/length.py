"""Mean sentence length of lists against the lengths of all sentences read."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import Candidate
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Labelled, SentenceFeatures
from neurolect.signatures.evidence.kind import Counted, EvidenceKind
from neurolect.statistics.scores import length_bits
from neurolect.store import Run
from neurolect.store.sides import lists_of

FEATURES = ("log length", "log length squared")
"""A neuron may like what is neither long nor short."""


def _count(collected: Collected) -> Counted:
    lengths = collected.lengths
    # Averaging over few tokens gives more extreme activations, so every list leans to short sentences:
    # what tells a neuron from the others is how far its list is from the usual list, too.
    usual = float(np.median(lengths.mean[np.isfinite(lengths.mean)])) if np.isfinite(lengths.mean).any() else 0.0
    per_reference = [
        length_bits(
            lengths.mean, lengths.deviation, background_mean=mean, background_deviation=lengths.background_deviation
        )
        for mean in (lengths.background_mean, usual)
    ]
    same_side = (lengths.mean > lengths.background_mean) == (lengths.mean > usual)
    bits = np.where(same_side, np.minimum(*per_reference), 0.0)
    return Counted(
        stated=[
            [
                stated_length(
                    Candidate(
                        label="long" if mean > lengths.background_mean else "short",
                        share=float(mean),
                        expected=lengths.background_mean,
                        z=float(z),
                        bits=float(each),
                        items=(),
                    )
                )
            ]
            for mean, z, each in zip(lengths.mean, lengths.z, bits, strict=True)
        ]
    )


def stated_length(candidate: Candidate) -> Stated:
    """Say a length in a name; the candidate's share is the mean length."""
    text = f"{candidate.label} sentences (mean {candidate.share:.1f} words)"
    return Stated(candidate, "length", text, f"{candidate.label} sentences", mark="sentences (")


def _labels(run: Run, sides: Sequence[str]) -> Labelled:
    n_lists = run.n_neurons * len(sides)
    labels = pa.array(FEATURES).take(pa.array(np.tile([0, 1], n_lists)))
    return Labelled(np.repeat(np.arange(n_lists, dtype=np.int64), len(FEATURES)), labels)


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    """Give the logarithm of each length and its square."""
    n_words = sentences.table.column("n_words").to_numpy()
    logs = np.log1p(n_words.astype(np.float64))
    values = np.stack([logs, logs**2], axis=1).astype(np.float32).ravel()
    codes = np.tile(np.array([0, 1], dtype=np.int32), len(n_words))
    return SentenceFeatures(np.arange(0, len(codes) + 1, 2, dtype=np.int64), codes, values)


def _sizes(run: Run, sides: Sequence[str]) -> NDArray[np.float64]:
    """Give every list's mean length as a multiple of its corpus's, as a logarithm; NaN for an empty list."""
    table = run.table("signatures/summary", columns=["neuron_id", "side", "mean_length", "background_mean_length"])
    table = table.filter(pc.is_in(table.column("side"), value_set=pa.array(list(sides))))
    mean, background = (
        table.column(name).to_numpy().astype(np.float64) for name in ("mean_length", "background_mean_length")
    )
    found = np.full(run.n_neurons * len(sides), np.nan)
    found[lists_of(table, sides)] = np.log(np.maximum(mean, 1e-9) / np.maximum(background, 1e-9))
    return found


LENGTH = EvidenceKind(
    name="length",
    title="length",
    count=_count,
    features=_features,
    labels_of_lists=_labels,
    size_of_lists=_sizes,
    searchable=False,
)
