"""The options of :func:`neurolect.corpus.prepare.prepare`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from neurolect.ranges import SEED, Range, check_ranges

Duplicates = Literal["drop", "near", "keep"]
TextDocuments = Literal["auto", "file", "paragraph", "line"]

Newlines = Literal["auto", "paragraphs", "lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """How sources become a corpus.

    Raises
    ------
    OptionError
        If a value is out of its range.
    """

    text_column: str | None = None
    """Column that holds the text; found by its name, or as the column of long texts, when not given."""
    metadata_columns: tuple[str, ...] | None = None
    """Columns kept as metadata; all but identifiers, long texts and nested values when not given."""
    text_documents: TextDocuments = "auto"
    """What a document is in a .txt file: the file, a paragraph, a line; auto: the file, or groups of paragraphs
    of a file over 200,000 bytes."""
    newlines: Newlines = "auto"
    """What a single line break is: a space (paragraphs), a sentence's end (lines), or as fits (auto)."""
    skip_broken_lines: bool = False
    """Whether lines that are no JSON object, or do not fit the CSV header, are counted and skipped."""
    collapse_symbols: bool = True
    """Whether runs of one symbol become one."""
    remove_markup: bool = True
    """Whether HTML tags are removed."""
    min_words: Annotated[int, Range(1, 1_000)] = 3
    """Sentences with fewer words (tokens with a letter or digit) are dropped."""
    max_characters: Annotated[int, Range(20, 1_000_000)] = 2000
    """Longer sentences are cut at the last space before this many characters."""
    duplicates: Duplicates = "drop"
    """Sentences that occurred before: dropped, dropped also when they differ only in case, digits, punctuation,
    addresses and spaces (near), or kept."""
    held_out: Annotated[float, Range(0.0, 1.0, below=True)] = 0.1
    """Share of the documents set aside, 0 to below 1."""
    seed: Annotated[int, SEED] = 0
    """Chooses which documents are set aside."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "prepare")
