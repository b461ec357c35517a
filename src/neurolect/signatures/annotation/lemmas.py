"""Lemmas of tagged words, by the tables of the tagger's model: exceptions, and suffixes that lead to a known word.

A word and its tag settle the lemma, so the vocabulary is looked up and not the text; this costs nearly nothing.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import DescribeError
from neurolect.signatures.annotation.tagger import model_folder

# Tags of inflected words and the table that knows them; singular nouns, infinitives and positives are lemmas.
INFLECTED = {
    **dict.fromkeys(("NNS",), "noun"),
    **dict.fromkeys(("VBD", "VBG", "VBN", "VBP", "VBZ"), "verb"),
    **dict.fromkeys(("JJR", "JJS"), "adj"),
    **dict.fromkeys(("RBR", "RBS"), "adv"),
}
NO_SUFFIX = ("VBP",)
"""Of these only exceptions count: 'are' is inflected, 'miss' is not."""
SHORT = {"n't": "not", "'ll": "will", "'re": "be", "'m": "be", "'ve": "have", "'s": "be", "ca": "can", "wo": "will"}
"""Pieces of contractions; the possessive ``'s`` has a tag of its own."""


class LemmaTables(NamedTuple):
    """What is known of inflection, by part of speech: noun, verb, adj, adv."""

    exceptions: Mapping[str, Mapping[str, str]]
    """Lemma of each irregular form."""
    suffixes: Mapping[str, Sequence[tuple[str, str]]]
    """Endings and what stands for them in a lemma."""
    known: Mapping[str, frozenset[str]]
    """Lemmas."""


@cache
def read_lemma_tables(tagger: str) -> LemmaTables:
    """Read the tables of a spaCy model.

    Returns: Empty for parts of speech that the model does not know.
    """
    from spacy.lookups import Lookups

    folder = model_folder(tagger) / "lemmatizer" / "lookups"
    names = ("lemma_exc", "lemma_rules", "lemma_index")
    lookups = Lookups()
    if (folder / "lookups.bin").is_file():
        lookups.from_disk(Path(folder))
    if not all(lookups.has_table(name) for name in names):
        what = f"The spaCy model {tagger!r} has no tables of lemmas."
        raise DescribeError(what, hint="Leave 'lemma' out of describe.pattern_items, or choose another model.")
    exceptions, suffixes, known = (lookups.get_table(name) for name in names)
    kinds = sorted(set(INFLECTED.values()))
    return LemmaTables(
        {kind: {form: found[0] for form, found in exceptions.get(kind, {}).items() if found} for kind in kinds},
        {kind: [(old, new) for old, new in suffixes.get(kind, []) if old] for kind in kinds},
        {kind: frozenset(known.get(kind, [])) for kind in kinds},
    )


def lemma(word: str, tag: str, *, tables: LemmaTables) -> str:
    """Give the lemma of a word.

    Examples
    --------
    >>> suffixes = {"verb": [("ing", "e"), ("ing", "")]}
    >>> tables = LemmaTables({"verb": {"ran": "run"}}, suffixes, {"verb": frozenset(["go"])})
    >>> [lemma(word, tag, tables=tables) for word, tag in (("ran", "VBD"), ("going", "VBG"), ("ran", "NN"))]
    ['run', 'go', 'ran']
    """
    if word in SHORT and tag not in ("POS", "PRP"):
        return SHORT[word]
    kind = INFLECTED.get(tag)
    if kind is None:
        return word
    irregular = tables.exceptions.get(kind, {}).get(word)
    if irregular is not None or tag in NO_SUFFIX:
        return irregular or word
    forms = [
        word[: -len(old)] + new for old, new in tables.suffixes.get(kind, ()) if word.endswith(old) and word != old
    ]
    found = [form for form in forms if form in tables.known.get(kind, ())]
    # of several known forms the last rule's is meant: "hoping" is of "hope", and "hopping" of "hop"
    return found[-1] if found else forms[0] if forms else word


def lemma_codes(
    words: NDArray[np.int32],
    tags: NDArray[np.int32],
    *,
    vocabulary: Sequence[str],
    tag_names: Sequence[str],
    tables: LemmaTables,
) -> tuple[NDArray[np.int32], list[str]]:
    """Give every token its lemma.

    ``words, tags``: int32, shape (n_tokens,). Codes of words and tags.
    Returns: codes: int32, shape (n_tokens,). Code of each token's lemma.
    Returns: lemmas: list of str. Lemma of each code, ascending.
    """
    n_tags = max(len(tag_names), 1)
    pairs, places = np.unique(words.astype(np.int64) * n_tags + tags, return_inverse=True)
    found = [lemma(vocabulary[pair // n_tags], tag_names[pair % n_tags], tables=tables) for pair in pairs.tolist()]
    lemmas = sorted(set(found))
    number = {each: code for code, each in enumerate(lemmas)}
    codes = np.array([number[each] for each in found], dtype=np.int32)
    return codes[places], lemmas
