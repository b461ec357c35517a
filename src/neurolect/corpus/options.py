"""The options of :func:`neurolect.corpus.prepare.prepare`."""

from dataclasses import dataclass
from typing import Literal

from neurolect.errors import OptionError

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
    min_words: int = 3
    """Sentences with fewer words (tokens with a letter or digit) are dropped."""
    max_characters: int = 2000
    """Longer sentences are cut at the last space before this many characters."""
    duplicates: Duplicates = "drop"
    """Sentences that occurred before: dropped, dropped also when they differ only in case, digits, punctuation,
    addresses and spaces (near), or kept."""
    held_out: float = 0.1
    """Share of the documents set aside, 0 to below 1."""
    seed: int = 0
    """Chooses which documents are set aside."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        checks = {
            "min_words": (self.min_words >= 1, "at least 1"),
            "max_characters": (self.max_characters >= 20, "at least 20"),
            "held_out": (0.0 <= self.held_out < 1.0, "at least 0 and below 1"),
            "seed": (0 <= self.seed < 1 << 63, "from 0 to 2**63 - 1"),
            "duplicates": (self.duplicates in ("drop", "near", "keep"), "'drop', 'near' or 'keep'"),
            "newlines": (self.newlines in ("auto", "paragraphs", "lines"), "'auto', 'paragraphs' or 'lines'"),
            "text_documents": (
                self.text_documents in ("auto", "file", "paragraph", "line"),
                "'auto', 'file', 'paragraph' or 'line'",
            ),
        }
        for name, (fits, expected) in checks.items():
            if not fits:
                what = f"The option prepare.{name} cannot be {getattr(self, name)!r}."
                raise OptionError(what, expected=expected)
