"""One row a list: its name and its plain numbers."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.signatures.coding import UNKNOWN_TAG, CodedSentences
from neurolect.signatures.distinct_names import distinct_names
from neurolect.signatures.evidence import Evidence
from neurolect.signatures.items import Items, count_in_rows, items_of_tokens
from neurolect.signatures.lengths import Lengths
from neurolect.signatures.lists import Lists
from neurolect.signatures.metadata import CodedField
from neurolect.signatures.names import ListEvidence, Name
from neurolect.signatures.naming_evidence import Candidate, Candidates, of_evidence, word_weights
from neurolect.signatures.says_nothing import SAYS_NOTHING
from neurolect.signatures.tags import ClassShares
from neurolect.signatures.typical_sentences import TypicalSentences
from neurolect.statistics.divergence import length_bits

__all__ = ["explained_shares", "name_lists", "summary_table"]

DEPENDENT_TOKENS = 0.5
"""Tokens of one sentence are not independent: each counts as so much of an observation."""
NUMBER_DISCOUNT = 0.9
"""Of two fields with nearly the same sentences (an author and the decade of the books) the words are the name."""


def name_lists(
    *,
    coded: CodedSentences,
    lists: Lists,
    words: Evidence,
    phrases: Candidates,
    tags: Evidence,
    fields: Sequence[tuple[CodedField, Evidence]],
    lengths: Lengths,
    in_sample: NDArray[np.bool_],
    constant: NDArray[np.bool_],
) -> list[Name]:
    """Name every list.

    Parameters
    ----------
    coded : CodedSentences
        The kept sentences.
    lists : Lists
        The lists.
    words, tags : Evidence
        Of the class ``all``; of tags.
    phrases : Candidates
        Patterns of words.
    fields : sequence of (CodedField, Evidence)
        Metadata.
    lengths : Lengths
        Mean lengths.
    in_sample : bool, shape (n_sentences,)
        Background of what metadata explain.
    constant : bool, shape (n_lists,)
        Lists of neurons whose activation is always the same: they have no theme.

    Returns
    -------
    list of Name
        One for each list.
    """
    n_lists = len(lists.rows)
    word_candidates = of_evidence(
        words,
        labels=coded.display,
        n_lists=n_lists,
        times_longer=lengths.times_longer,
        weights=word_weights(coded),
        limit=30,
        are_words=True,
    )
    tag_candidates = of_evidence(
        tags,
        labels=coded.tag_names,
        n_lists=n_lists,
        per_sentence=np.nan_to_num(lengths.mean) * DEPENDENT_TOKENS,
        weights=np.array(
            [name[:1].isalpha() and name != UNKNOWN_TAG for name in coded.tag_names], dtype=np.float64
        ),
    )
    values: list[list[tuple[str, Candidate]]] = [[] for _ in range(n_lists)]
    for field, evidence in fields:
        weights = np.array([_value_weight(value) for value in field.values])
        of_field = of_evidence(evidence, labels=field.values, n_lists=n_lists, weights=weights)
        for found, candidates in zip(values, of_field, strict=True):
            found += [(field.name, each) for each in candidates]
    sizes = _length_candidates(lengths)
    explained = explained_shares(coded, fields=[field for field, _ in fields], in_sample=in_sample)
    every = [
        ListEvidence(
            words=word_candidates[each],
            phrases=phrases[each],
            tags=tag_candidates[each],
            metadata=sorted(values[each], key=lambda pair: -pair[1].bits),
            length=sizes[each],
            constant=bool(constant[each]),
        )
        for each in range(n_lists)
    ]
    return distinct_names(every, explained=explained)


def _value_weight(value: str) -> float:
    """Say what a metadata value's bits count; a name says more than the number that comes with it."""
    if value.lower() in SAYS_NOTHING:
        return 0.0
    return NUMBER_DISCOUNT if value.lstrip("-")[:1].isdigit() else 1.0


def _length_candidates(lengths: Lengths) -> list[Candidate]:
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
    return [
        Candidate(
            label="long" if mean > lengths.background_mean else "short",
            share=float(mean),
            expected=lengths.background_mean,
            z=float(z),
            bits=float(each),
            items=(),
        )
        for mean, z, each in zip(lengths.mean, lengths.z, bits, strict=True)
    ]


def explained_shares(
    coded: CodedSentences, *, fields: Sequence[CodedField], in_sample: NDArray[np.bool_]
) -> Callable[[str, Candidate, Candidate], float]:
    """Prepare to say how often a word is expected where a metadata value is common.

    Parameters
    ----------
    coded : CodedSentences
        The kept sentences.
    fields : sequence of CodedField
        Metadata of the kept sentences.
    in_sample : bool, shape (n_sentences,)
        The uniform sample.

    Returns
    -------
    callable
        As :data:`neurolect.signatures.names.Explained`: with share v of the list having the value,
        ``v * share among sentences with the value + (1 - v) * share among the others``. Of a
        pattern the rarest word counts.
    """
    by_name = {field.name: field for field in fields}
    number = {field.name: {value: code for code, value in enumerate(field.values)} for field in fields}
    items: list[Items] = []
    shares: dict[tuple[str, str], tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def compare(name: str, value: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not items:
            items.append(items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary)))
        has = by_name[name].codes == number[name][value]
        inside, outside = in_sample & has, in_sample & ~has
        return (
            count_in_rows(items[0], inside) / max(int(inside.sum()), 1),
            count_in_rows(items[0], outside) / max(int(outside.sum()), 1),
        )

    def explained(name: str, value: Candidate, term: Candidate) -> float:
        key = (name, value.label)
        if key not in shares:
            shares[key] = compare(*key)
        inside, outside = shares[key]
        return min(
            value.share * float(inside[item]) + (1 - value.share) * float(outside[item]) for item in term.items
        )

    return explained


def summary_table(
    names: Sequence[Name],
    *,
    lists: Lists,
    lengths: Lengths,
    shares: ClassShares,
    typical: TypicalSentences,
    sentence_ids: NDArray[np.int64],
) -> pa.Table:
    """Write the summary as a table.

    Parameters
    ----------
    names : sequence of Name
        Name of each list.
    lists : Lists
        The lists.
    lengths : Lengths
        Their lengths.
    shares : ClassShares
        Their shares of nouns, verbs, adjectives.
    typical : TypicalSentences
        The first of each list goes here.
    sentence_ids : int64, shape (n_sentences,)
        Ids of the kept sentences.

    Returns
    -------
    pyarrow.Table
        ``signatures/summary`` of ``docs/run_folder.md``.
    """
    n_lists = len(names)
    first = typical.ranks == 0
    typical_ids = np.full(n_lists, -1, dtype=np.int64)
    typical_ids[typical.lists[first]] = sentence_ids[typical.rows[first]]

    def real(values: NDArray[np.float64]) -> pa.Array:
        return pa.array(values.astype(np.float32), from_pandas=True)

    columns = {
        "name": pa.array([name.text for name in names], pa.string()),
        "name_kind": pa.array([name.kind for name in names], pa.string()),
        "name_z": real(np.array([name.z for name in names], dtype=np.float64)),
        "n_sentences": pa.array(lists.sizes.astype(np.int32)),
        "mean_length": real(lengths.mean),
        "background_mean_length": real(np.full(n_lists, lengths.background_mean)),
        "noun_share": real(shares.noun),
        "verb_share": real(shares.verb),
        "adjective_share": real(shares.adjective),
        "typical_sentence_id": pa.array(typical_ids, mask=typical_ids < 0),
        "length_z": real(lengths.z),
    }
    return pa.table(lists.identify(np.arange(n_lists, dtype=np.int32)) | columns)
