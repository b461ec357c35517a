"""Split a document into sentences.

Rules, no training: an end mark before white space ends a sentence unless what is before it (an abbreviation,
an initial, a list number) or after it (a small letter) says otherwise. One pass over the end marks, so time and
memory stay linear in the text whatever it holds. Why not a library: docs/decisions/0001-sentence-splitter.md.
"""

import re
import unicodedata
from itertools import pairwise

import regex

from neurolect.corpus.options import Newlines

CLOSERS = "\"')\\]}\u2019\u201d\u00bb"
OPENERS = "\"'(\\[{\u2018\u201c\u00ab\u00a1\u00bf"
MARKS = r".!?\u2026\u061f\u203d\u2047-\u2049"
# Full stops of scripts without capitals, which are nothing else: Indic, Urdu, Ethiopic, Burmese, Khmer, Tibetan,
# Mongolian, Santali, Meetei; and of Armenian. A letter may follow them without a space.
STOPS = r"\u0964\u0965\u06d4\u1362\u1367\u1368\u104b\u17d4\u17d5\u0f0d\u0f0e\u1803\u1c7e\u1c7f\uabeb\u0589"
# The marks of Chinese and Japanese need no space after them.
WIDE = r"\u3002\uff01\uff1f\uff61"
WIDE_CLOSERS = r"\u300d\u300f\u201d\u2019\uff09\u3009\u300b\u3011"
# End marks, closing quotes and brackets, a quote that is alone between spaces, then white space.
# Possessive and anchored at a run's first mark: linear.
END_OF_ASCII = re.compile(r"""(?<![.!?])[.!?]++["')\]}]*+(?:[ ]"(?=[ ]))?[ ]++""")
END = re.compile(
    rf"(?<![{MARKS}])[{MARKS}]++[{CLOSERS}]*+(?:[ ][\"\u201d](?=[ ]))?[ ]++"
    rf"|[{STOPS}]++[{CLOSERS}]*+(?:[ ]++|(?=[^\W\d_]))"
    rf"|[{WIDE}]++[{WIDE_CLOSERS}]*+[ ]*+"
    rf"|(?<=[\u0370-\u03ff\u1f00-\u1fff]);[{CLOSERS}]*+[ ]++"  # what asks in Greek
)
MARK_AND_CAPITAL = re.compile(r"[?!](?=[A-Z][a-z' ])")
JOINED = re.compile(r"(?<![\w/=&#.:@-])[a-z']++[?!]++(?=[A-Z][a-z' ])")
NEXT = re.compile(rf"[{OPENERS}*_\-\u2013\u2014\u2022 ]*")
WORD_BEFORE = re.compile(r"[\w.&'\u2019-]*$")
WORD_WITH_MARKS_BEFORE = regex.compile(r"[\w\p{M}.&'\u2019-]*$")
FIRST_WORD = re.compile(r"[\w'\u2019]+")
BULLET = re.compile(r"(?:[-*\u2022\u00b7+]|\(?\d{1,3}[.)]|\(?[A-Za-z][.)])\s")
LINE_END = re.compile(rf"[:;{MARKS}{STOPS}{WIDE}][{CLOSERS}{WIDE_CLOSERS}]*$")

# Never the last word of a sentence (a name, a number or an example follows).
_BEFORE_MORE = """
    adm brig capt cf cmdr col cpl dr drs e.g eg eq eqs fig figs fr ft gen gov hon i.e ie incl lt maj messrs
    mlle mme mr mrs ms msgr mt nos pp pres prof pvt ref refs rep reps rev rt sen sens sgt supt viz vol
    vols vs
"""
BEFORE_MORE = frozenset(_BEFORE_MORE.split())
# Last in a sentence only if what follows is a word that usually begins one.
_SOMETIMES_LAST = """
    a.d a.k.a a.m abbr acad approx apr assn assoc aug ave b.c blvd bros ca cal calif cent co colo conn
    corp ct dec del dept dist ed eds esq est etc ex ext feb fla ga govt ill inc ind inst jan jr jul jun
    kan ky la ltd mar mass md me mfg mich minn miss mo mon mont nat natl neb nev nov oct okla ont ore
    p.m pa ph.d pop pp pt rd rs sat sec sep sept sq sr st sta sun tenn tex thu thur tue univ va vt wash
    wed wis wyo yr
"""
SOMETIMES_LAST = frozenset(_SOMETIMES_LAST.split())
# Abbreviations only before a number.
_BEFORE_NUMBER = """
    art ch chap no nos p par sect sec v ver vol
"""
BEFORE_NUMBER = frozenset(_BEFORE_NUMBER.split())
# Small words that begin sentences and hardly ever a name: they decide after initials and abbreviations.
_STARTERS = """
    A After All Also Although An And Another As At Because Before Both But By Despite Do During Each
    Even Every For From Given He Her Here His How However I If In Instead Is It Its Many Meanwhile More
    Most My No Not Nor Now Of On Once One Only Or Our Over People She Since So Some Still Such Than That
    The Their Then There These They This Those Though Through Thus To Today Under Unless Until Upon Was
    We Were What When Where Whether Which While Who Why With Without Yes Yet You Your
"""
STARTERS = frozenset(_STARTERS.split())
NAMES_WITH_MARK = frozenset({"yahoo!", "jeopardy!", "oklahoma!"})


def split_sentences(text: str, *, newlines: Newlines = "auto", max_characters: int | None = None) -> list[str]:
    r"""Split a text into sentences.

    Parameters
    ----------
    text : str
        A document; best after :func:`neurolect.corpus.sentences.normalise.normalise`.
    newlines : {"auto", "paragraphs", "lines"}
        What a single line break is: a space (``"paragraphs"``), the end of a sentence (``"lines"``), or whichever
        fits the document (``"auto"``). A blank line always ends a sentence.
    max_characters : int, optional
        Where a paragraph has a longer sentence, its lines are sentences under ``"auto"``.

    Returns
    -------
    list of str
        Sentences in order, no white space at their ends, line breaks turned into spaces; none is empty.

    Examples
    --------
    >>> split_sentences('Mr. Smith left the U.S. Army at 5 p.m. on Friday. "Why?" she asked. He shrugged.')
    ['Mr. Smith left the U.S. Army at 5 p.m. on Friday.', '"Why?" she asked.', 'He shrugged.']
    >>> split_sentences("Heat the oil.\nFry the onions\nuntil soft.\n\nServe", newlines="lines")
    ['Heat the oil.', 'Fry the onions', 'until soft.', 'Serve']
    """
    if "\n" not in text:
        return _split_paragraph(text)
    sentences: list[str] = []
    for lines in paragraphs(text, newlines=newlines):
        found = _split_paragraph(" ".join(lines))
        if newlines == "auto" and max_characters and len(lines) > 1 and max(map(len, found)) > max_characters:
            found = [sentence for line in lines for sentence in _split_paragraph(line)]
        sentences += found
    return sentences


def pieces_of(sentence: str, *, max_characters: int) -> list[str]:
    """Cut a sentence that is too long into pieces of about equal length, at spaces where there are any.

    Examples
    --------
    >>> pieces_of("one two three four five six", max_characters=20)
    ['one two three four', 'five six']
    """
    pieces: list[str] = []
    start, n = 0, len(sentence)
    while n - start > max_characters:
        n_pieces = -(-(n - start) // max_characters)
        wanted = start + -(-(n - start) // n_pieces)
        end = sentence.find(" ", wanted, start + max_characters + 1)
        if end < 0:
            end = sentence.rfind(" ", start + 1, wanted)
        if end < 0:
            end = wanted
            while end > start + 1 and _within_letter(sentence, end):
                end -= 1
        pieces.append(sentence[start:end])
        start = end
        while start < n and sentence[start] == " ":
            start += 1
    return [*pieces, sentence[start:]] if start < n else pieces


def _within_letter(text: str, place: int) -> bool:
    """Tell whether a cut would part a letter from its marks, or an emoji."""
    return unicodedata.category(text[place])[0] == "M" or "\u200d" in text[place - 1 : place + 1]


def paragraphs(text: str, *, newlines: Newlines = "auto") -> list[list[str]]:
    """Cut a text at the line breaks that end sentences; each piece is the lines it is written over."""
    lines = [line.strip() for line in text.split("\n")]
    by_line = newlines == "lines" or (newlines == "auto" and _one_unit_a_line(lines))
    pieces: list[list[str]] = []
    current: list[str] = []
    for line in lines:
        if current and (not line or by_line or BULLET.match(line)):
            pieces.append(current)
            current = []
        if line:
            current.append(line)
    if current:
        pieces.append(current)
    return pieces


def _one_unit_a_line(lines: list[str]) -> bool:
    # Wrapped prose ends few of its lines with an end mark; steps, list items and unwrapped paragraphs most of them.
    # Lines longer than any screen were not wrapped by hand.
    inner = [line for line, following in pairwise(lines) if line and following]
    if not inner:
        return False
    n_ended = sum(1 for line in inner if LINE_END.search(line))
    n_long = sum(1 for line in inner if len(line) > 120)
    return 2 * n_ended > len(inner) or 2 * n_long > len(inner)


def _split_paragraph(text: str) -> list[str]:
    ends = [0, *_joined_ends(text), len(text)]
    return [sentence for start, end in pairwise(ends) for sentence in _split_part(text[start:end])]


def _joined_ends(text: str) -> list[int]:
    """Find the ends of sentences that the next one follows without a space, as in "is it?I think"."""
    if not MARK_AND_CAPITAL.search(text):
        return []
    found = JOINED.finditer(text)
    return [each.end() for each in found if each.group().rstrip("?!") + "!" not in NAMES_WITH_MARK]


def _split_part(text: str) -> list[str]:
    sentences = []
    start = 0
    for match in (END_OF_ASCII if text.isascii() else END).finditer(text):
        end = match.end()
        if end < len(text) and _ends_sentence(text, start, match):
            sentences.append(text[start:end].strip())
            start = end
    rest = text[start:].strip()
    if rest:
        sentences.append(rest)
    return [sentence for sentence in sentences if sentence]


def _ends_sentence(text: str, start: int, match: re.Match[str]) -> bool:
    mark = match.group().rstrip(" ")
    if mark[0] in "\u3002\uff01\uff1f\uff61":
        return True
    following = NEXT.match(text, match.end(), match.end() + 20)
    at = following.end() if following else match.end()
    after = text[at : at + 1]
    if after.islower():
        return False
    if mark[0] == "!":
        return _word_before(text, start, match.start()).lower() + "!" not in NAMES_WITH_MARK
    if mark != "." and not mark.startswith((".)", ".'", ".\u2019")):
        return True
    word = _word_before(text, start, match.start())
    first = FIRST_WORD.match(text, at, at + 24)
    return _ends_after(word, first.group() if first else "", opens=match.start() - start <= len(word) + 1)


def _word_before(text: str, start: int, end: int) -> str:
    before = text[max(start, end - 24) : end]
    match = (WORD_BEFORE if before.isascii() else WORD_WITH_MARKS_BEFORE).search(before)
    return match.group() if match else ""


def _ends_after(word: str, first: str, *, opens: bool) -> bool:
    """Decide about one full stop by the word before it and the first word after it."""
    lower = word.lower()
    if opens and (word.isdigit() or len(word) <= 1 or (len(word) <= 5 and not word.strip("IVXivx"))):
        return False  # the number of a list item
    if lower in BEFORE_MORE:
        return False
    if lower in BEFORE_NUMBER:
        return not first[:1].isdigit()
    if len(word) == 1 and word.isalpha() and (word != "I" or first not in STARTERS):
        return first in STARTERS and first != "A"
    if lower in SOMETIMES_LAST or (len(word) >= 3 and word[1::2].strip(".") == "" and "." in word):
        return first in STARTERS
    return True
