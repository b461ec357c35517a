"""Words of lists: all of them against exact background counts, nouns, verbs and adjectives against the sample."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.annotation.coding import CodedSentences
from neurolect.signatures.counting.candidates import name_weights, of_evidence, word_weights
from neurolect.signatures.counting.counts import Evidence, evidence_columns, item_evidence
from neurolect.signatures.evidence.collected import Annotated, Collected
from neurolect.signatures.evidence.features import Rows, SentenceFeatures, of_tokens
from neurolect.signatures.evidence.kind import Counted, EvidenceKind, SenseItems, Shown
from neurolect.signatures.inputs import Lists
from neurolect.signatures.options import DescribeOptions

N_CANDIDATES, N_IN_SENSES = 30, 6
LISTS_AT_ONCE = 8_192
LIKE_A_WORD = r"^\pL"
"""Nouns, verbs and adjectives begin with a letter: the tagger has to call pieces of "it's" something."""


def word_evidence(
    coded: CodedSentences,
    lists: Lists,
    *,
    background: NDArray[np.int64],
    n_background: int,
    in_sample: NDArray[np.bool_],
    options: DescribeOptions,
    workers: int = 1,
    advance: Callable[[int], None] | None = None,
) -> dict[str, Evidence]:
    """Find the words that are frequent in lists, and those that are more frequent than elsewhere."""
    from neurolect.signatures.counting.items import count_in_rows, items_of_tokens

    everywhere = np.ones(coded.n_sentences, dtype=np.bool_)
    is_word = coded.counts_as_word[coded.words]
    found: dict[str, Evidence] = {}
    for name, letter in {"all": "", **WORD_CLASSES}.items():
        if letter and not coded.tag_names:
            continue
        has_class = np.array([tag.startswith(letter) for tag in coded.tag_names], dtype=np.bool_)
        keep = is_word & has_class[coded.tags] if letter else is_word
        items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary), keep=keep)
        inside = in_sample if letter else everywhere
        found[name] = item_evidence(
            items,
            lists,
            background=count_in_rows(items, inside) if letter else background,
            n_background=int(inside.sum()) if letter else n_background,
            inside=inside,
            options=options,
            workers=workers,
            advance=advance,
        )
    return found


def words_table(evidence: dict[str, Evidence], *, coded: CodedSentences, lists: Lists) -> pa.Table:
    """Write word evidence as a table.

    So many lists at once: of 131,072 lists there are 23 million rows, which are put in order 150 bytes each.
    """
    vocabulary, display = pa.array(coded.vocabulary, pa.string()), pa.array(coded.display, pa.string())
    names = pa.array(list(evidence), pa.string())
    bounds = np.arange(0, len(lists.rows) + LISTS_AT_ONCE, LISTS_AT_ONCE)
    ends = [np.searchsorted(each.lists, bounds) for each in evidence.values()]
    tables = []
    for number in range(max(1, len(bounds) - 1)):
        parts = [
            Evidence._make(column[at[number] : at[number + 1]] for column in each)
            for each, at in zip(evidence.values(), ends, strict=True)
        ]
        joined = Evidence._make(np.concatenate(columns) for columns in zip(*parts, strict=True))
        classes = np.repeat(np.arange(len(parts)), [len(each.lists) for each in parts])
        order = np.lexsort((joined.rank_frequency, classes, joined.lists))
        joined = Evidence._make(column[order] for column in joined)
        columns = lists.identify(joined.lists)
        columns["word_class"] = names.take(pa.array(classes[order]))
        columns["word"] = vocabulary.take(pa.array(joined.items))
        columns["display"] = display.take(pa.array(joined.items))
        tables.append(pa.table(columns | evidence_columns(joined)))
    return pa.concat_tables(tables)


def _count(collected: Collected) -> Counted:
    coded, lists, stage = collected.coded, collected.lists, collected.stage
    total = len(lists.rows) * (1 + len(WORD_CLASSES) if coded.tag_names else 1)
    with stage.timed("words"), stage.progress.task("words", total=total, unit="lists") as task:
        found = word_evidence(
            coded,
            lists,
            background=collected.word_background,
            n_background=collected.inputs.n_read,
            in_sample=collected.inputs.in_sample,
            options=stage.options,
            workers=stage.workers,
            advance=task.advance,
        )
        candidates = of_evidence(
            found["all"],
            labels=coded.display,
            n_lists=len(lists.rows),
            kind="words",
            conditions=coded.vocabulary,
            rate=stage.options.false_discovery_rate,
            times_longer=collected.lengths.times_longer,
            weights=name_weights(coded),
            limit=N_CANDIDATES,
            are_words=True,
        )
        return Counted(tables={"words": words_table(found, coded=coded, lists=lists)}, words=candidates)


def _features(labels: Sequence[str], sentences: Annotated) -> SentenceFeatures:
    coded = sentences.coded
    return of_tokens(labels, coded.vocabulary, codes=coded.words, offsets=coded.offsets, shares=False)


def _sense_items(collected: Collected) -> SenseItems:
    from neurolect.signatures.counting.items import items_of_tokens

    coded = collected.coded
    is_word = coded.counts_as_word[coded.words]
    items = items_of_tokens(coded.words, coded.offsets, n_items=len(coded.vocabulary), keep=is_word)
    # a word that the background has let go is in one sentence at least
    background = np.maximum(collected.word_background, 1)
    found = SenseItems("word", items, background, collected.inputs.n_read, word_weights(coded), N_IN_SENSES)
    return found._replace(labels=coded.display, of_words=True)


WORD_ROWS = Rows("words", ("word",), ("word_class", "all"))
SHOWN_ROWS = WORD_ROWS._replace(labels=("display",))


def _shown(name: str, word_class: str, order: int) -> Shown:
    rows = SHOWN_ROWS._replace(only=("word_class", word_class))
    return Shown(name=name, title=name, rows=rows, place="line", page_order=order, like=LIKE_A_WORD)


WORDS = EvidenceKind(
    name="words",
    title="words",
    rows=WORD_ROWS,
    count=_count,
    features=_features,
    search=lambda label: {"word": label},
    sense_items=_sense_items,
    shown=(
        Shown(
            name="words",
            title="words",
            rows=SHOWN_ROWS,
            place="left",
            n_rows=6,
            n_on_page=8,
            page_order=0,
        ),
        _shown("nouns", "noun", 2),
        _shown("verbs", "verb", 3),
        _shown("adjectives", "adjective", 4),
    ),
    token_rows=Rows("token_words", ("display",)),
)
