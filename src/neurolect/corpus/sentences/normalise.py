"""Make text plain: one form of each character, no debris, no runs of one symbol.

Line breaks survive, since the sentence splitter reads paragraphs from them.
"""

import html
import re
import unicodedata

import regex

# The papers collapse runs of these to one.
SYMBOLS = re.compile(r"([!@#$%^&*()_+=\-\[\]{};:?,.])\1+")
DOUBLES = tuple(2 * symbol for symbol in "!@#$%^&*()_+=-[]{};:?,.")
# Between letters a run stands for a pause: collapsed alone it would glue two words together.
DASHES = re.compile(r"(?<=\w)-{2,}(?=\w)")
DOTS = re.compile(r"(?<=[^\W\d_])\.{2,}(?=[^\W\d_])|(?<=[^\W\d_]) (?:\.{2,}|\.(?: \.)+)(?= ?[^\W\d_]) ?")
# Words of many scripts end in marks, which are no letters.
DASHES_OF_ALL = regex.compile(DASHES.pattern.replace(r"(?<=\w)", r"(?<=[\w\p{M}])"))
DOTS_OF_ALL = regex.compile(DOTS.pattern.replace(r"(?<=[^\W\d_])", r"(?<=[\p{L}\p{M}])"))
SPACED_DOTS = " . ."
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
FOOTNOTE = re.compile(r"<ref\b[^<>]{0,300}(?:/>|>[^<>]{0,1000}</ref\s*>)", re.IGNORECASE)
BLOCK_TAG = re.compile(r"<(?:/?(?:p|div|li|ul|ol|tr|table|h[1-6]|blockquote)(?:\s[^<>]{0,300})?/?)>", re.IGNORECASE)
LINE_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
INLINE_TAG = re.compile(
    r"</?(?:a|abbr|b|big|center|cite|code|del|em|font|i|img|ins|nowiki|q|ref|s|small|span|strike|strong|sub|sup|"
    r"td|th|tt|u)(?:\s[^<>]{0,300})?/?>",
    re.IGNORECASE,
)
LINE_ENDS = re.compile(r"\r\n?|[\x0b\x1c-\x1e\x85\u2028]")
PAGE_ENDS = re.compile(r"[\x0c\u2029]")
# Control characters, soft hyphen, zero-width space, marks of direction and byte order. The zero-width joiner stays:
# it holds emoji together and is spelling in several scripts.
CONTROLS = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
SURROGATES = re.compile("[\ud800-\udfff]")
OTHER_SPACES = re.compile(r"[^\S\n ]")
SPACES = re.compile(r" {2,}")
BLANK_LINES = re.compile(r"\n{3,}")


def normalise(text: str, *, collapse_symbols: bool = True, remove_markup: bool = True) -> str:
    r"""Normalise one document.

    Parameters
    ----------
    text : str
        A document.
    collapse_symbols : bool
        Whether runs of one symbol become one (``!!!`` becomes ``!``).
    remove_markup : bool
        Whether HTML tags and footnotes are removed (the names of HTML only: ``<stdio.h>`` stays).

    Returns
    -------
    str
        In NFC; spaces single, none at a line's ends; at most two line breaks in a row.

    Notes
    -----
    ``--`` between words becomes a dash with spaces and ``...`` between words a full stop with a space, so that the
    words stay two.

    Examples
    --------
    >>> normalise("Wow!!!  Tom &amp; Ann<br />came--at last...")
    'Wow! Tom & Ann\ncame - at last.'
    """
    if remove_markup and "<" in text:
        text = _without_markup(text)
    if "&" in text:
        text = ENTITY.sub(lambda match: html.unescape(match.group()), text)
    # Searching for a substring is many times faster than a pattern that finds nothing.
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        text = _without_controls(text)
    if collapse_symbols and (SPACED_DOTS in text or any(map(text.__contains__, DOUBLES))):
        dots, dashes = (DOTS, DASHES) if text.isascii() else (DOTS_OF_ALL, DASHES_OF_ALL)
        text = SYMBOLS.sub(r"\1", dots.sub(". ", dashes.sub(" - ", text)))
    if "  " in text:
        text = SPACES.sub(" ", text)
    if "\n" in text:
        text = BLANK_LINES.sub("\n\n", text.replace(" \n", "\n").replace("\n ", "\n"))
    return text.strip()


def _without_controls(text: str) -> str:
    text = LINE_ENDS.sub("\n", text)
    text = PAGE_ENDS.sub("\n\n", text)
    text = OTHER_SPACES.sub(" ", CONTROLS.sub("", text))
    return text if text.isascii() else unicodedata.normalize("NFC", SURROGATES.sub("\ufffd", text))


def _without_markup(text: str) -> str:
    text = FOOTNOTE.sub("", text)
    text = LINE_TAG.sub("\n", text)
    text = BLOCK_TAG.sub("\n\n", text)
    return INLINE_TAG.sub("", text)
