"""Patterns of words and of tags (skip n-grams) of lists; those of lemmas and mixed ones lie in the same table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurolect.signatures.counting.candidates import Candidate, of_evidence
from neurolect.signatures.counting.names import Stated
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, numbers_of, present
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, Shown
from neurolect.signatures.evidence.pattern_depths import skip_ngrams_at_depths
from neurolect.signatures.evidence.tags import TAG_NAMES, tag_tokens

if TYPE_CHECKING:
    from neurolect.signatures.patterns.tables import Patterns

N_TAG_PATTERNS = 4
"""Candidates for the name of a list."""
TITLES = {
    "word": "Patterns of words",
    "lemma": "Patterns of lemmas",
    "tag": "Patterns of tags",
    "mixed": "Patterns of words and tags",
    "subtree": "Subtrees",
}
PHRASE_ROWS, TAG_PATTERN_ROWS = (Rows("skip_ngrams", ("pattern",), ("item", item)) for item in ("word", "tag"))


def _count(collected: Collected) -> Counted:
    """Mine the patterns of every kind of item asked for, and say how many pass."""
    from neurolect.signatures.patterns.tables import mine_patterns_of, patterns_table, phrase_candidates

    stage, coded, inputs = collected.stage, collected.coded, collected.inputs
    mined: dict[str, Patterns] = {}
    for item in dict.fromkeys(stage.options.pattern_items) if stage.options.pattern_length >= 2 else ():
        if item != "word" and not coded.tag_names:
            continue
        with stage.timed(f"{item} patterns"):
            found = mine_patterns_of(
                coded,
                collected.lists,
                item=item,
                in_sample=inputs.in_sample,
                options=stage.options,
                tagger=collected.tagger,
                workers=stage.workers,
                progress=stage.progress,
            )
            mined[item] = skip_ngrams_at_depths(found, collected)
    phrases = None
    if "word" in mined:
        phrases = phrase_candidates(
            mined["word"],
            coded=coded,
            in_sample=inputs.in_sample,
            word_shares=collected.word_background / max(inputs.n_read, 1),
            times_longer=collected.lengths.times_longer,
            rate=stage.options.false_discovery_rate,
        )
    with stage.timed("pattern table"):
        table = patterns_table(list(mined.values()), lists=collected.lists)
    passed = {item: how_many_pass(each, collected) for item, each in mined.items()}
    stated = _stated_tag_patterns(mined["tag"], collected) if "tag" in mined else None
    return Counted(tables={"skip_ngrams": table}, phrases=phrases, stated=stated, passed=passed)


def _stated_tag_patterns(patterns: "Patterns", collected: Collected) -> list[list[Stated]]:
    """Turn patterns of tags into what names may say."""
    pieces = np.split(np.array(patterns.labels, dtype=object)[patterns.codes], patterns.offsets[1:-1])
    labels = [" ".join(each) for each in pieces] if len(patterns.offsets) > 1 else []
    candidates = of_evidence(
        patterns.evidence,
        labels=labels,
        n_lists=len(collected.lists.rows),
        kind="tag_patterns",
        times_longer=collected.lengths.times_longer,
        limit=N_TAG_PATTERNS,
        rate=collected.options.false_discovery_rate,
    )
    return [[stated_tag_pattern(each) for each in of_list] for of_list in candidates]


def stated_tag_pattern(candidate: Candidate) -> Stated:
    """Say a pattern of tags in a name."""
    named = " + ".join(TAG_NAMES.get(tag, tag) for tag in candidate.label.split())
    return Stated(candidate, "tag pattern", f"{named} ({candidate.label})", named)


def how_many_pass(patterns: "Patterns", collected: Collected) -> dict[str, int | float]:
    """Say how many patterns pass, and give the numbers of tests for the manifest."""
    rate = collected.options.false_discovery_rate
    n_reported = len(patterns.evidence.lists)
    n_sure = int((patterns.evidence.q <= rate).sum())
    collected.stage.progress.message(
        f"{TITLES[patterns.item]}: {patterns.n_passed:,} of {patterns.n_tests:,} tests (each pattern in each list) "
        f"pass at a false-discovery rate of {rate:g}; {n_sure:,} of the {n_reported:,} that are reported do."
    )
    return {
        "n_reported": n_reported,
        "n_tests": patterns.n_tests,
        "n_passed": patterns.n_passed,
        "false_discovery_rate": rate,
    }


def _found(
    labels: Sequence[str],
    vocabulary: Sequence[str],
    *,
    codes: NDArray[np.int32],
    offsets: NDArray[np.int64],
    gap: int,
) -> SentenceFeatures:
    """Find patterns with the gaps they were mined with."""
    from neurolect.signatures.patterns.find_in_sentences import build_table, find_patterns

    split = [label.split(" ") for label in labels]
    lengths = np.array([len(each) for each in split], dtype=np.int64)
    items = numbers_of([item for each in split for item in each], vocabulary)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    table = build_table(items, starts, n_items=max(len(vocabulary), 1))
    longest = int(lengths.max(initial=2))
    return present(*find_patterns(codes, offsets, table, max_gap=gap, max_length=longest))


def _phrases(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    coded, gap = sentences.coded, sentences.options.word_gap
    return _found(labels, coded.vocabulary, codes=coded.words, offsets=coded.offsets, gap=gap)


def _tag_patterns(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    codes, offsets = tag_tokens(sentences.coded)
    return _found(labels, sentences.coded.tag_names, codes=codes, offsets=offsets, gap=sentences.options.tag_gap)


PHRASES = EvidenceKind(
    name="phrases",
    title="phrases",
    rows=PHRASE_ROWS,
    count=_count,
    features=_phrases,
    search=lambda label: {"pattern": " * ".join(label.split())},
    shown=(
        Shown(
            name="phrases",
            title="phrases",
            rows=PHRASE_ROWS,
            place="left",
            n_rows=4,
            n_on_page=6,
            page_title="phrases with gaps",
            page_order=5,
        ),
    ),
    token_rows=PHRASE_ROWS._replace(table="token_patterns"),
)
TAG_PATTERNS = EvidenceKind(
    name="tag_patterns",
    title="tag patterns",
    rows=TAG_PATTERN_ROWS,
    features=_tag_patterns,
    search=lambda label: {"tag": " * ".join(label.split())},
    shown=(Shown(name="tag_patterns", title="tag patterns", rows=TAG_PATTERN_ROWS, page_order=6),),
    token_rows=TAG_PATTERN_ROWS._replace(table="token_patterns"),
)
