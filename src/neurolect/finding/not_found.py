"""Say that nothing was found, whether the corpus has it at all, and what is like it."""

import numpy as np
import pyarrow.compute as pc

from neurolect.errors import RunFolderError, nearest
from neurolect.finding.conditions import background_of, parse_condition
from neurolect.finding.criteria import Asked, Found
from neurolect.finding.evidence_labels import labels_like
from neurolect.finding.patterns import parse_pattern
from neurolect.store import Run
from neurolect.store.sentence_index import SentenceIndex


def nothing_found(run: Run, asked: Asked, found: Found, *, index: SentenceIndex) -> RunFolderError:
    """Make the error of a search that no list answers.

    Returns: With the nearest words or values, where something is not known at all.
    """
    what = f"No neuron's lists have a sentence with {found.label}."
    if list(asked.given) in (["word"], ["where"]):
        n = found.background[0] if found.background is not None else 0
        what += f" The corpus has it in {n:,} sentences." if n else " The corpus does not have it either."
    labels = None if asked.has is None else labels_like(asked.has, run)
    hints = [hint for hint in (_words_like(asked, index), _values_like(asked, run), labels) if hint]
    if len(found.rows):
        hints.append("Sentences of the sample have it, but none of a list.")
    return RunFolderError(what, hint=" ".join(hints) or None)


def _words_like(asked: Asked, index: SentenceIndex) -> str | None:
    """Name the words most like those that no kept sentence has."""
    texts = [text for text in (asked.word, asked.pattern) if text is not None]
    steps = [step for text in texts for step in parse_pattern(text, word_gap=0, tag_gap=0, is_word=index.has_word)]
    unknown = [step.item for step in steps if not step.is_tag and not len(index.places_of_word(step.item))]
    tags = [step.item for step in steps if step.is_tag and step.item not in index.tags]
    tags += [] if asked.tag is None else [tag for tag in asked.tag.upper().split() if tag not in index.tags]
    told = [f"Nearest to {tag!r}: {nearest(tag, index.tags)}." for tag in tags if not tag.startswith("*")]
    for word in unknown:
        like = _alike(word, index)
        told.append(f"No kept sentence has {word!r}" + (f"; nearest: {like}." if like else "."))
    return " ".join(told) or None


def _alike(word: str, index: SentenceIndex) -> str:
    """Compare with words of the same first letter and about the same length: all of them would take seconds."""
    lengths = pc.utf8_length(index.words).to_numpy()
    begins = pc.starts_with(index.words, word[:1]).to_numpy(zero_copy_only=False)
    some = index.words.filter(begins & (np.abs(lengths - len(word)) <= 2)).to_pylist()
    return nearest(word, some) if some else ""


def _values_like(asked: Asked, run: Run) -> str | None:
    """Name the values of a field most like one that it does not have."""
    if asked.where is None:
        return None
    condition = parse_condition(asked.where, run)
    if condition.is_number or background_of(condition, run)[0]:
        return None
    table = run.table("background/metadata")
    values = table.filter(pc.equal(table.column("field"), condition.field)).column("value").drop_null().to_pylist()
    return f"Nearest: {nearest(condition.value, values)}." if values else None
