"""The options of :func:`neurolect.corpus.prepare.prepare`."""

import codecs
from dataclasses import dataclass, replace
from typing import Annotated, Literal, NamedTuple

from neurolect.errors import OptionError
from neurolect.ranges import SEED, Range, check_ranges

Duplicates = Literal["drop", "near", "keep"]
OF_RUN = "@model"
"""What stands for the run's own model, where one is known."""
Unit = Literal["sentence", "paragraph", "document", "window"]
TextDocuments = Literal["auto", "file", "paragraph", "line"]

Quotes = Literal["auto", "double", "none"]
Header = Literal["auto", "yes", "no"]
Newlines = Literal["auto", "paragraphs", "lines"]


class Codec(NamedTuple):
    """The names of codecs that make text of bytes."""

    automatic: str = "auto"

    def holds(self, name: str) -> bool:
        """Tell whether a name is one."""
        if name == self.automatic:
            return True
        try:
            return isinstance(b"a".decode(name, "replace"), str) and bool(codecs.getincrementaldecoder(name))
        except (LookupError, ValueError):
            return False

    def __str__(self) -> str:
        """Say it in words."""
        return "that is auto or a codec of Python for text, e.g. cp1252"


class Delimiter(NamedTuple):
    """What may be between values."""

    words: tuple[str, ...] = ("auto", "tab")

    def holds(self, given: str) -> bool:
        """Tell whether it is a delimiter."""
        return given in self.words or (len(given) == 1 and given not in '\r\n"')

    def __str__(self) -> str:
        """Say it in words."""
        return "that is auto, tab or one character, no quote and no line break"


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
    unit: Unit = "sentence"
    """What is read at once and listed: a sentence, a paragraph (it ends where a line break ends a sentence), a
    document, or a window of ``window_tokens`` of ``tokenizer``. Line breaks within become spaces."""
    window_tokens: Annotated[int, Range(8, 32_767)] = 64
    """Most tokens of a window, special ones left out; it ends with a word, so it may have a few less."""
    window_stride: Annotated[int, Range(1, 32_767)] | None = None
    """Tokens from the first of a window to that of the next one, moved back to a word; when not given, and at most,
    ``window_tokens``: each word is in one window."""
    text_documents: TextDocuments = "auto"
    """What a document is in a .txt file: the file, a paragraph, a line; auto: the file, or groups of paragraphs
    of a file over 200,000 bytes."""
    newlines: Newlines = "auto"
    """What a single line break is: a space (paragraphs), a sentence's end (lines), or as fits (auto)."""
    encoding: Annotated[str, Codec()] = "auto"
    """Encoding of text, CSV and JSON files: a codec such as utf-8, cp1252 or shift_jis; auto: each file's own, as
    its first bytes say, UTF-8, or guessed and reported."""
    delimiter: Annotated[str, Delimiter()] = "auto"
    """What is between the values of a CSV file: one character, tab, or as the file's rows say (auto)."""
    quotes: Quotes = "auto"
    """Whether quotes enclose values of CSV files: yes (double), no: they are characters (none); auto: yes, but for
    files with tabs whose quotes do not close."""
    header: Header = "auto"
    """Whether the first row of a CSV file names its columns: yes, no, or unless it is like the others (auto)."""
    skip_broken_lines: bool = False
    """Whether lines that are no JSON object, or do not fit the CSV header, are counted and skipped."""
    collapse_symbols: bool = True
    """Whether runs of one symbol become one."""
    remove_markup: bool = True
    """Whether HTML tags are removed."""
    min_words: Annotated[int, Range(1, 1_000)] = 3
    """Sentences with fewer words (tokens with a letter or digit) are dropped."""
    tokenizer: str | None = None
    """Model by whose tokens windows are cut, and short sentences are dropped (``min_tokens``), as in the first
    paper, and not by words; a sentence without any word is dropped still. A folder with tokenizer.json, a name on
    the hub, or ``minilm``; ``@model``: that of the run, where ``run`` or ``paper`` prepare the corpus, or none."""
    min_tokens: Annotated[int, Range(1, 1_000)] = 3
    """Sentences with fewer tokens of ``tokenizer``, special ones left out, are dropped."""
    max_characters: Annotated[int, Range(20, 1_000_000)] = 2000
    """Longer sentences, paragraphs and documents, and texts without sentence ends, become pieces of about equal
    length up to this."""
    duplicates: Duplicates = "drop"
    """Sentences that occurred before: dropped, dropped also when they differ only in case, digits, punctuation,
    addresses and spaces (near), or kept."""
    held_out: Annotated[float, Range(0.0, 1.0, below=True)] = 0.1
    """Share of the documents set aside, 0 to below 1."""
    seed: Annotated[int, SEED] = 0
    """Chooses which documents are set aside, and those of a sample."""
    sample: Annotated[int, Range(1, 10**12)] | None = None
    """Documents of a uniform sample (of the seed) that become the corpus; all when not given. The sources are read
    twice."""
    sample_field: str | None = None
    """Metadata field whose values keep their shares of all documents in the sample, such as the domain; when not
    given they have them by chance."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_ranges(self, "prepare")
        if self.sample_field is not None and self.sample is None:
            what = f"prepare.sample_field is {self.sample_field!r}, and nothing is sampled."
            raise OptionError(what, hint="Set prepare.sample too, or leave the field out.")
        if self.unit == "window" and self.tokenizer is None:
            what = "prepare.unit is window, and no model's tokens are named to cut windows by."
            raise OptionError(what, hint="--tokenizer MODEL, e.g. smollm2; @model where `run` prepares the corpus.")
        if self.stride > self.window_tokens:
            what = f"prepare.window_stride is {self.stride}, and windows have {self.window_tokens} tokens."
            raise OptionError(what, expected=f"at most {self.window_tokens}, so that no text is lost between them")

    def for_model(self, model: str | None) -> "PrepareOptions":
        """Give the options with the run's model in place of ``@model``.

        Parameters
        ----------
        model : str or None
            Name or folder of the model; None where there is no run.

        Returns
        -------
        PrepareOptions
            These, where ``tokenizer`` is something else.

        Examples
        --------
        >>> PrepareOptions(tokenizer="@model").for_model("minilm").tokenizer
        'minilm'
        """
        return replace(self, tokenizer=model) if self.tokenizer == OF_RUN else self

    @property
    def stride(self) -> int:
        """Tokens from the first of a window to that of the next one."""
        return self.window_tokens if self.window_stride is None else self.window_stride

    @property
    def length_unit(self) -> str:
        """What sentences are too short in: words, or tokens."""
        return "words" if self.tokenizer is None else "tokens"
