"""Part-of-speech tags of lists, counted over tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.annotation.coding import UNKNOWN_TAG, CodedSentences
from neurolect.signatures.counting.candidates import Candidate, of_evidence
from neurolect.signatures.counting.counts import (
    Evidence,
    Sizes,
    at_depths,
    evidence_table,
    item_evidence,
    score_counts,
)
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, of_tokens
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, SenseItems, Shown
from neurolect.signatures.evidence.levels import items_of, meets_tag_shares, tag_share_labels, without
from neurolect.signatures.inputs import Lists

# What the Penn Treebank's tags mean, in a word or two.
TAG_NAMES = {
    "``": "opening quote", "''": "closing quote", ",": "comma", ".": "sentence end", ":": "colon or dash",
    "-LRB-": "opening bracket", "-RRB-": "closing bracket", "HYPH": "hyphen", "$": "currency", "ADD": "address",
    "AFX": "affix", "NFP": "superfluous mark", "CC": "conjunction", "CD": "number", "DT": "determiner",
    "EX": "existential there", "FW": "foreign word", "IN": "preposition", "JJ": "adjective",
    "JJR": "comparative adjective", "JJS": "superlative adjective", "MD": "modal verb", "NN": "noun",
    "NNS": "plural noun", "NNP": "proper noun", "NNPS": "plural proper noun", "PDT": "predeterminer",
    "POS": "possessive ending", "PRP": "pronoun", "PRP$": "possessive pronoun", "RB": "adverb",
    "RBR": "comparative adverb", "RBS": "superlative adverb", "RP": "particle", "SYM": "symbol", "TO": "to",
    "UH": "interjection", "VB": "base-form verb", "VBD": "past-tense verb", "VBG": "-ing verb",
    "VBN": "past participle", "VBP": "present-tense verb", "VBZ": "third-person verb", "WDT": "wh-determiner",
    "WP": "wh-pronoun", "WP$": "possessive wh-pronoun", "WRB": "wh-adverb",
}  # fmt: skip
"""What cards call a word of a tag."""

TAGS_IN_NAMES = {
    "ADD": "web and e-mail addresses", "AFX": "affixes", "CC": "conjunctions", "CD": "numbers",
    "DT": "determiners", "EX": "existential 'there'", "FW": "foreign words", "HYPH": "hyphens",
    "IN": "prepositions", "JJ": "adjectives", "JJR": "comparatives", "JJS": "superlatives", "MD": "modal verbs",
    "NN": "singular nouns", "NNP": "proper names", "NNPS": "plural proper names", "NNS": "plural nouns",
    "PDT": "predeterminers", "POS": "possessives", "PRP": "personal pronouns", "PRP$": "possessive pronouns",
    "RB": "adverbs", "RBR": "comparative adverbs", "RBS": "superlative adverbs", "RP": "particles",
    "SYM": "symbols", "TO": "infinitive 'to'", "UH": "interjections", "VB": "base-form verbs",
    "VBD": "past-tense verbs", "VBG": "-ing verbs", "VBN": "past participles", "VBP": "present-tense verbs",
    "VBZ": "third-person verbs", "WDT": "wh-determiners", "WP": "wh-pronouns", "WP$": "possessive wh-pronouns",
    "WRB": "wh-adverbs",
}  # fmt: skip
"""What names call many words of a tag."""
CLASSES_IN_NAMES = {"noun": "nouns", "verb": "verbs", "adjective": "adjectives"}


def tag_name(tag: str) -> str:
    """Name a tag for people.

    Examples
    --------
    >>> tag_name("NNP"), tag_name("XX")
    ('proper noun (NNP)', 'XX')
    """
    return f"{TAG_NAMES[tag]} ({tag})" if tag in TAG_NAMES else tag


N_IN_SENSES, N_CANDIDATES = 2, 12
N_FEATURES = 1_000
"""All tags of a list are its evidence."""
TOO_COMMON = 0.35
"""What more than this share of all sentences meets is no name, and is not counted in lists."""
NO_MARKS = "[^.]"
"""The mark at a sentence's end takes a greater share of the tokens wherever sentences are shorter."""


def tag_evidence(
    coded: CodedSentences, lists: Lists, *, in_sample: NDArray[np.bool_], prior_size: float, workers: int = 1
) -> Evidence:
    """Compare the tags of lists with those of the sample."""
    from neurolect.signatures.counting.items import count_in_lists, count_in_rows, items_of_tokens

    codes, offsets = tag_tokens(coded)
    items = items_of_tokens(codes, offsets, n_items=len(coded.tag_names), occurrences=True)
    counts = count_in_lists(
        items, lists, in_background=in_sample, min_counts=np.ones(len(lists.rows), np.int64), workers=workers
    )
    totals = count_in_rows(items, in_sample)
    sums = [
        np.bincount(counts.lists, weights=n, minlength=len(lists.rows)) for n in (counts.n_list, counts.n_overlap)
    ]
    sizes = Sizes(
        of_list=sums[0].astype(np.int64), of_overlap=sums[1].astype(np.int64), of_background=int(totals.sum())
    )
    presence = items._replace(weights=np.ones_like(items.weights))
    return at_depths(
        score_counts(counts, background=totals, sizes=sizes, prior_size=prior_size),
        items=presence,
        lists=lists,
        background=count_in_rows(presence, in_sample),
        size_background=int(in_sample.sum()),
        inside=in_sample,
        workers=workers,
    )


def class_shares(evidence: Evidence, *, tag_names: list[str], n_lists: int) -> dict[str, NDArray[np.float64]]:
    """Add up the shares of noun, verb and adjective tags of each list's tokens; NaN for a list without tags."""
    has_tags = np.bincount(evidence.lists, minlength=n_lists) > 0
    shares = {}
    for name, letter in WORD_CLASSES.items():
        member = np.array([tag.startswith(letter) for tag in tag_names], dtype=np.bool_)
        weights = evidence.share_list * member[evidence.items] if len(member) else evidence.share_list
        shares[f"{name}_share"] = np.where(
            has_tags, np.bincount(evidence.lists, weights=weights, minlength=n_lists), np.nan
        )
    return shares


def _count(collected: Collected) -> Counted:
    coded, lists = collected.coded, collected.lists
    with collected.stage.timed("tags"):
        found = tag_evidence(
            coded,
            lists,
            in_sample=collected.inputs.in_sample,
            prior_size=collected.options.prior_size,
            workers=collected.stage.workers,
        )
        return Counted(
            tables={"tags": evidence_table(found, labels={"tag": coded.tag_names}, lists=lists)},
            stated=_many_of(collected),
            columns=class_shares(found, tag_names=coded.tag_names, n_lists=len(lists.rows)),
        )


def _many_of(collected: Collected) -> list[list[Stated]]:
    """Find the tags that take up more of the words of a list's sentences than elsewhere."""
    from neurolect.signatures.counting.items import count_in_rows

    coded, lists, in_sample = collected.coded, collected.lists, collected.inputs.in_sample
    labels = tag_share_labels(coded.tag_names)
    if not labels:
        return [[] for _ in lists.rows]
    items = items_of(meets_tag_shares(labels, collected.sentences), n_items=len(labels))
    items = without(items, count_in_rows(items, in_sample) > TOO_COMMON * int(in_sample.sum()))
    found = item_evidence(
        items,
        lists,
        background=count_in_rows(items, in_sample),
        n_background=int(in_sample.sum()),
        inside=in_sample,
        options=collected.options,
        workers=collected.stage.workers,
    )
    rate = collected.options.false_discovery_rate
    candidates = of_evidence(
        found, labels=labels, n_lists=len(lists.rows), kind="tags", limit=N_CANDIDATES, rate=rate
    )
    return [[stated_tag(each) for each in of_list] for of_list in candidates]


def stated_tag(candidate: Candidate) -> Stated:
    """Say in a name that a tag takes up much of the sentences; the label is ``NNP >= 20 %``."""
    tag, _, share = candidate.label.partition(" >= ")
    name = CLASSES_IN_NAMES.get(tag) or TAGS_IN_NAMES.get(tag, tag)
    mark = f" ({tag})" if tag in TAGS_IN_NAMES else ""
    text = f"many {name}{mark}: at least {share.replace(' ', '')} of the words"
    return Stated(candidate, "part of speech", text, f"many {name}{mark}")


def tag_tokens(coded: CodedSentences) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Give tags, and where each sentence's start; none without tags."""
    if coded.tag_names:
        return coded.tags, coded.offsets
    return np.empty(0, dtype=np.int32), np.zeros_like(coded.offsets)


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    codes, offsets = tag_tokens(sentences.coded)
    return of_tokens(labels, sentences.coded.tag_names, codes=codes, offsets=offsets, shares=True)


def _sense_items(collected: Collected) -> SenseItems | None:
    from neurolect.signatures.counting.items import count_in_rows, items_of_tokens

    coded, names = collected.coded, collected.coded.tag_names
    if not names:
        return None
    tags = items_of_tokens(coded.tags, coded.offsets, n_items=len(names), occurrences=True)
    in_all = count_in_rows(tags, collected.inputs.in_sample)
    weights = np.array([float(name[:1].isalpha() and name != UNKNOWN_TAG) for name in names])
    found = SenseItems("tag", tags, in_all, int(in_all.sum()), weights, N_IN_SENSES, of_tokens=True)
    return found._replace(labels=names)


TAG_ROWS = Rows("tags", ("tag",))
TAGS = EvidenceKind(
    name="tags",
    title="tags",
    rows=TAG_ROWS,
    count=_count,
    features=_features,
    conditions=meets_tag_shares,
    n_features=N_FEATURES,
    search=lambda label: {"tag": label},
    sense_items=_sense_items,
    shown=(Shown(name="tags", title="tags", rows=TAG_ROWS, like=NO_MARKS, gloss=TAG_NAMES, page_order=9),),
    token_rows=TAG_ROWS._replace(table="token_tags"),
)
