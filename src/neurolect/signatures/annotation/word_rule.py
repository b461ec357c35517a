"""By which rule the words of a run were split: those of two rules are not mixed without a word."""

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.corpus.sentences.words import WORD_RULE, is_cut_otherwise
from neurolect.errors import RunFolderError
from neurolect.store import Run
from neurolect.store.stage_kinds import command_of


def rule_of(run: Run, stage: str) -> int:
    """Give the rule that a stage of a run split words by; 0.1.0 wrote none and had rule 1."""
    return int(run.manifest["stages"].get(stage, {}).get("word_rule", 1))


def words_cut_otherwise(words: pa.ChunkedArray) -> list[str]:
    """List the words of a table that today's rule would not give."""
    # of ASCII only elisions are split in another way; small letters hide what is an abbreviation or a name
    odd = words.filter(pc.match_substring_regex(words, pattern="[^[:ascii:]]|^[a-ce-z]+'[a-z]"))
    return [word for word in odd.to_pylist() if is_cut_otherwise(word)]


def background_notice(run: Run) -> str | None:
    """Say what a description by today's rule has to know of counts by an earlier one."""
    if rule_of(run, "collect") == WORD_RULE:
        return None
    words = run.table("background/words", columns=["word"]).column("word")
    other = words_cut_otherwise(words)
    if not other:
        return None
    return (
        f"{len(other):,} of the {len(words):,} words of the background were split by an earlier rule "
        f"(rule {rule_of(run, 'collect')}; now {WORD_RULE}), e.g. {other[0]!r}: how frequent words with marks and "
        "curly apostrophes are in the corpus is not right. A new collect counts them again."
    )


def check_same_rule(run: Run, *, doing: str) -> None:
    """Refuse to mix words by today's rule with those of a description by an earlier one, if any differ."""
    if rule_of(run, "describe") == WORD_RULE:
        return
    other = words_cut_otherwise(run.table("index/words", columns=["word"]).column("word"))
    if not other:
        return
    what = (
        f"The run folder {run.folder} was described by word rule {rule_of(run, 'describe')}; {doing} would split "
        f"by rule {WORD_RULE}: {len(other):,} of its words differ, e.g. {other[0]!r}."
    )
    raise RunFolderError(what, hint=f"Describe it again: {command_of('describe', run.folder)}")
