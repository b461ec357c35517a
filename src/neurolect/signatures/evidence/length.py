"""Mean sentence length of lists against the lengths of all sentences read."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import Candidate, of_evidence
from neurolect.signatures.counting.counts import Evidence, item_evidence
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Labelled, SentenceFeatures
from neurolect.signatures.evidence.kind import Counted, EvidenceKind
from neurolect.signatures.evidence.levels import AT_LEAST, AT_MOST, items_of, length_labels, meets_lengths
from neurolect.signatures.inputs import groups_of
from neurolect.store import Run
from neurolect.store.sides import lists_of

FAR, MOST = 1.5, 0.5
"""Times the usual length from which a list is one of long sentences; share of the lists from which that is said."""
FEATURES = ("log length", "log length squared")
"""A neuron may like what is neither long nor short."""


def _count(collected: Collected) -> Counted:
    """Find the lengths that a list's sentences keep to, more than the other lists of its layer and side do.

    The mean over few tokens is more extreme in any neuron, and the maximum over many: what pooling gives is no
    theme.
    """
    lists, labels, inputs = collected.lists, length_labels(), collected.inputs
    items = items_of(meets_lengths(labels, collected.sentences), n_items=len(labels))
    found = item_evidence(
        items,
        lists,
        background=_background(collected),
        n_background=inputs.n_read,
        inside=np.ones(len(inputs.sentence_ids), np.bool_),
        options=collected.options,
        workers=collected.stage.workers,
    )
    groups = groups_of(collected.stage.run, n_sides=len(lists.sides))
    candidates = of_evidence(
        found,
        labels=labels,
        n_lists=len(lists.rows),
        kind="length",
        at_least=usual_in_layer(found, groups, n_items=len(labels)),
        rate=collected.options.false_discovery_rate,
    )
    return Counted(stated=[[stated_length(each) for each in own_lengths(of_list)] for of_list in candidates])


def _background(collected: Collected) -> NDArray[np.int64]:
    """Count the sentences read that meet each condition."""
    values, counts = collected.inputs.length_values, collected.inputs.length_counts
    below = [int(counts[values <= n].sum()) for n in AT_MOST]
    return np.array([*below, *(int(counts[values >= n].sum()) for n in AT_LEAST)], np.int64)


def usual_in_layer(found: Evidence, groups: NDArray[np.int64], *, n_items: int) -> NDArray[np.float64]:
    """Give the median share among the strongest 100, over the lists of the same site, layer and side.

    ``groups``: int64, shape (n_lists,). Lists that are compared.
    Returns: float64, shape (n_rows,). Of each row; a list without a row has none of it.
    """
    shares = np.zeros((len(groups), n_items))
    shares[found.lists, found.items] = found.share_100
    usual = np.zeros((int(groups.max(initial=-1)) + 1, n_items))
    for group in range(len(usual)):
        usual[group] = np.median(shares[groups == group], axis=0)
    return usual[groups[found.lists], found.items]


def length_notice(times_longer: NDArray[np.float64]) -> str | None:
    """Say that most lists hold sentences of an unusual length, where they do: then it is the pooling's doing.

    Examples
    --------
    >>> length_notice(np.array([2.0, 1.9, 1.0])).partition(":")[0]
    '67 % of the lists hold long sentences (1.5 times the mean of the corpus, or more)'
    """
    for kind, share in (("long", (times_longer >= FAR).mean()), ("short", (times_longer <= 1 / FAR).mean())):
        if share > MOST:
            far = f"{FAR:g} times the mean of the corpus, or more"
            far = far if kind == "long" else f"1/{FAR:g} of the mean of the corpus, or less"
            return (
                f"{100 * share:.0f} % of the lists hold {kind} sentences ({far}): pooling alone gives that, since "
                "the maximum grows with the number of tokens and a mean varies most over few. Words and patterns "
                "are compared with what sentences of that length hold; a length is a name only beyond the layer's."
            )
    return None


def own_lengths(of_list: Sequence[Candidate]) -> list[Candidate]:
    """Count a length as the list's own where the list exceeds its layer at another number of words."""
    signs = {each.label[:2] for each in of_list if each.passes}
    return [
        each._replace(passes=True, of_layer=False) if each.of_layer and each.label[:2] in signs else each
        for each in of_list
    ]


def stated_length(candidate: Candidate) -> Stated:
    """Say a length in a name; the label is ``<= 5 words``."""
    sign, number, _ = candidate.label.split(" ")
    kind = "short" if sign == "<=" else "long"
    text = f"{kind} sentences (at {'most' if sign == '<=' else 'least'} {number} words)"
    return Stated(candidate, "length", text, text)


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
    conditions=meets_lengths,
    labels_of_lists=_labels,
    size_of_lists=_sizes,
    searchable=False,
)
