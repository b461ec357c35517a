"""Split a sentence into words: the Penn Treebank's way where there are spaces, UAX 29's for all scripts.

Used for counting words over everything that is read and as the tagger's input, so that a word means one thing
throughout. Contractions and elisions are split (``do n't``, ``l' homme``), hyphenated words, numbers, addresses,
abbreviations and simple emoticons stay whole, every other punctuation character is a word of its own. No word
begins or ends inside a character as people see it (a grapheme cluster). What is written without spaces is split
into characters, Japanese where its script changes. Words are given in one form (``folding.py``).
Why so, and what else was measured: docs/decisions/0070-words-of-all-scripts.md.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain

import regex

from neurolect.corpus.sentences.folding import fold, positions

WORD_RULE = 2
"""Number of the rule that words are split by, kept with what is counted; 0.1.0 had rule 1."""

# Abbreviations that keep their full stop in the middle of a sentence and at its end.
_ABBREVIATIONS = """
    Adm Apr Assn Aug Ave Blvd Bros Brig Capt Cmdr Co Col Corp Dec Dept Dr Feb Fig Ft Gen Gov Hon Inc Jan Jr Jul Jun
    Lt Ltd Maj Messrs Mlle Mme Mr Mrs Ms Mt Nov Oct Ph Prof Pvt Rep Reps Rev Sen Sens Sept Sep Sgt Sr St
    approx ca cf etc inc hon viz vs
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
# Short words that lose their vowel before another one: French, Italian, Catalan. D'Amato is a name.
_ELIDED = (
    "c|j|l|m|n|s|t|qu|jusqu|lorsqu|puisqu|quoiqu|un|(?:d|n)ell|(?:a|da|su|co)ll|quell|quest|bell|anch|com|cos|dov"
)
_VOWELS = "aeiouh\u00e0\u00e2\u00e6\u00e8\u00e9\u00ea\u00ec\u00ed\u00ee\u00ef\u00f2\u00f3\u00f4\u00f9\u00fa\u0153"
# What Swedish and Finnish put after the colon of an abbreviation or a number.
_ENDINGS = "s|n|t|a|ta|e|en|et|ar|er|na|arna|erna|in|ksi|(?:ss|st|ll|lt|t)[a\u00e4]|lle"

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3005"
HIRAGANA = "\u3041-\u309f"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
# Blocks of scripts without spaces besides: Thai and Lao, Burmese, Khmer, those of the Tai and of the Cham.
SOUTH_EAST = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\ua9e0-\ua9ff\uaa60-\uaadf"
    "\U00011700-\U0001174f"
)
# Thai, Lao, Khmer, Burmese and their like (UAX 14 calls them SA). What belongs to a consonant: those below it, and
# the vowels of Thai and Lao before and after it.
_CLUSTER = (
    r"(?=\p{LB=SA})[\u0e40-\u0e44\u0ec0-\u0ec4]*\X\p{M}*(?:(?<=[\u1039\u17d2\u1a60])\X\p{M}*)*"
    r"[\u0e30\u0e32\u0e33\u0e45\u0eb0\u0eb2\u0eb3]*"
)
_UNSPACED = rf"{HAN}{HIRAGANA}{KATAKANA}\p{{LB=SA}}"
UNSPACED = re.compile(rf"[{HAN}{HIRAGANA}{KATAKANA}{SOUTH_EAST}]")
RUNS = re.compile(
    rf"(?P<han>[{HAN}]+)|(?P<south_east>[{SOUTH_EAST}]+)|[{HIRAGANA}][{HIRAGANA}\u30fc]*|[{KATAKANA}]+"
)
MAY_HOLD_UNSPACED = re.compile(r"[@#\uff20\uff03]|://|www\.")
KANA = re.compile(f"[{HIRAGANA}{KATAKANA}]")


class _Alphabet:
    """What the pattern takes for letters, and what it has besides."""

    first = ""
    letter, word, one = "[A-Za-z]", r"\w", "[A-Za-z]"
    not_in_addresses = ""
    tag = r"[@\#]\w+"
    separators, inside = "[.,:/']", "['-]"
    after, end, other = '[,;!?"()]', "", r"\S"


class _AllAlphabets(_Alphabet):
    """Letters and marks as UAX 29 has them, and all numbers."""

    all_letters = r"\p{L}\p{M}\p{WB=ALetter}\p{WB=Extend}\p{No}\p{Nl}\u200c\u200d"
    letter, word = rf"[{all_letters}]", rf"[{all_letters}\p{{Nd}}_]"
    one = r"(?:\p{L}\p{M}*(?:(?<=\p{ccc=9})\p{L}\p{M}*)*)"
    not_in_addresses = rf"\u0964\u0965\u3000-\u303f\uff00-\uff65{HAN}{HIRAGANA}{KATAKANA}"
    tag = rf"[@\#\uff20\uff03]{word}+"
    separators = r"[.,:/'\u066b\u066c]"
    # hyphens; Catalan's dot; the quotes in and after Hebrew abbreviations
    inside = r"(?:['\-\u00b7\u2027]|(?<=\p{Hebrew}\p{M}*)\"(?=\p{Hebrew}))"
    after, end = r'(?:[,;!?()]|"(?!\p{Hebrew}))', r"(?:(?<=\p{Hebrew}\p{M}*)')?"
    other = r"\X"


class _WithUnspaced(_AllAlphabets):
    """The same where something is written without spaces, which comes first."""

    han = rf"[{HAN}]\p{{M}}*"
    first = rf"(?:{han}) | [{HIRAGANA}][{HIRAGANA}\u30fc]* | [{KATAKANA}]+ | {_CLUSTER} |"
    letter, word = (rf"[{each}--[{_UNSPACED}]]" for each in (_AllAlphabets.letter, _AllAlphabets.word))
    one = _AllAlphabets.one.replace(r"\p{L}", letter)


class _Japanese(_WithUnspaced):
    first = _WithUnspaced.first.replace(_WithUnspaced.han, f"(?:{_WithUnspaced.han})+")


def _pattern(of: type[_Alphabet]) -> str:
    """Write the pattern for an alphabet."""
    letter, word, one = of.letter, of.word, of.one
    return rf"""
    {of.first}
    {letter}+(?={of.after}|$)                                    # a plain word: most are, so it is tried first
  | (?:(?:https?|ftp)://|www\.)[^\s<>"{of.not_in_addresses}]*     # web addresses, less the sentence's marks
    [^\s<>"'.,;:!?)\]{of.not_in_addresses}]
  | (?:{word}|[.+-]){{1,64}}@(?:{word}|-)+(?:\.(?:{word}|-)+)+     # e-mail
  | {of.tag}                                                     # a user, a tag
  | [<>]?[:;=8][-o*^']?[)(\[\]DPp/\\|3*](?!{word}) | <3 | \^_?\^   # emoticons
  | [nN]'[tT]\b                                                  # the second part of a contraction
  | '(?:s|re|ve|ll|d|m|em|tis|twas|til|S|RE|VE|LL|D|M|Tis|Twas|Til)\b
  | (?:{"|".join(sorted(ABBREVIATIONS))})\.(?=\W|$)
  | (?:{one}\.){{2,}}(?!{word})                                    # U.S. e.g. a.m.
  | [A-Z]\.(?!{word})                                            # an initial
  | (?:{one}\.)+{one}(?!{word})                                  # U.S.A, e.g
  | (?:(?i:{_ELIDED}|(?-i:d|D(?=.[a-z])))')(?=(?i:[{_VOWELS}]))   # l'homme, dell'arte
  | {letter}+?(?=[nN]'[tT]\b)                                    # do|n't
  | (?:[A-Z\u00c5\u00c4\u00d6]+|\d+|[ck]):(?:{_ENDINGS})(?!{word})  # EU:s, S:t, 1:a
  | {letter}{word}*(?:-{word}+)*(?='(?:s|re|ve|ll|d|m|S|RE|VE|LL|D|M)\b)
  | {word}*\d{word}*(?:{of.separators}\d+)*(?:-{word}+)*         # numbers, dates, times; 10th; mp3; 6-6
  | {word}+(?:{of.inside}{word}+)*{of.end}                       # words; o'clock; well-known
  | [.]{{2,}} | -{{2,}}                                            # left by texts that were not normalised
  | {of.other}
"""


WORDS = re.compile(_pattern(_Alphabet), re.VERBOSE | re.ASCII)
_FLAGS = regex.VERBOSE | regex.VERSION1
WORDS_OF_ALL = regex.compile(_pattern(_AllAlphabets), _FLAGS)
WORDS_WITHOUT_SPACES = regex.compile(_pattern(_WithUnspaced), _FLAGS)
WORDS_OF_JAPANESE = regex.compile(_pattern(_Japanese), _FLAGS)
_INSIDE = r"\p{M}\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}"
IN_CLUSTERS = regex.compile(rf"[{_INSIDE}\p{{GCB=Prepend}}]")
INSIDE_A_CLUSTER = regex.compile(f"[{_INSIDE}]")
# A virama joins what follows, of whatever script.
OPEN_CLUSTER = regex.compile(r"(?:\p{InCB=Linker}[\p{InCB=Linker}\p{InCB=Extend}]*(?<!\u200c)|\p{GCB=Prepend})$")


def split_words(text: str) -> list[str]:
    """Split one sentence into words.

    Parameters
    ----------
    text : str
        One sentence.

    Returns
    -------
    list of str
        Words in order, in one form: straight apostrophes and quotes, NFC, nothing that is not seen; no white space
        in any. :func:`word_spans` says where they are.

    Examples
    --------
    >>> split_words("Mr. O'Brien doesn't like well-known U.S. brands, e.g. 3.5% beer.")
    ['Mr.', "O'Brien", 'does', "n't", 'like', 'well-known', 'U.S.', 'brands', ',', 'e.g.', '3.5', '%', 'beer', '.']
    """
    words = list(chain.from_iterable(map(split_piece, text.split())))
    if words and is_initial(words[-1]):
        words[-1:] = words[-1]  # a letter at the end is no initial: plan B.
    return words


def is_initial(word: str) -> bool:
    """Tell whether a word is a letter with a full stop, which are two words at the end of a sentence."""
    return len(word) == 2 and word[1] == "." and word[0].isalpha()


def count_words(text: str) -> int:
    """Count the words of a sentence that have a letter or a digit.

    Returns: As many as :func:`split_words` gives that :func:`is_word` says yes to.

    Examples
    --------
    >>> count_words("Don't!")
    2
    """
    return sum(map(_count_piece, text.split()))


# Words follow Zipf's law: nearly every piece between two spaces has been seen before.
@lru_cache(maxsize=1 << 15)
def split_piece(piece: str) -> tuple[str, ...]:
    """Split what is between two spaces into words, as in the middle of a sentence."""
    piece = fold(piece)
    unspaced = not piece.isascii() and UNSPACED.search(piece) is not None
    if piece.isalpha() and not unspaced:
        return (piece,)
    # The two most common other shapes, without the pattern: a word and a mark.
    word, mark = piece[:-1], piece[-1:]
    if (
        word.isalpha()
        and (mark in ',;:?!")' or (mark == "." and len(word) > 1 and word not in ABBREVIATIONS))
        and not unspaced
    ):
        return (word, mark)
    return tuple(WORDS.findall(piece)) if piece.isascii() else _split_other(piece, unspaced=unspaced)


def _split_other(piece: str, *, unspaced: bool) -> tuple[str, ...]:
    """Split what is not all ASCII.

    Japanese changes its script about where a word begins or ends, so each run of one script is a word. Chinese has
    one script: each character is a word, and patterns put the words of several characters together again; the
    scripts of South-East Asia are split likewise.
    """
    found = list(_split_unspaced(piece)) if unspaced else WORDS_OF_ALL.findall(piece)
    if not IN_CLUSTERS.search(piece):
        return tuple(found)
    words = found[:1]
    for word in found[1:]:
        if INSIDE_A_CLUSTER.match(word) or OPEN_CLUSTER.search(words[-1][-16:]):
            words[-1] += word
        else:
            words.append(word)
    return tuple(words)


def _split_unspaced(piece: str) -> Iterator[str]:
    is_japanese = KANA.search(piece) is not None
    if MAY_HOLD_UNSPACED.search(piece):  # an address, a tag
        yield from (WORDS_OF_JAPANESE if is_japanese else WORDS_WITHOUT_SPACES).findall(piece)
        return
    end = 0
    for run in RUNS.finditer(piece):
        between = piece[end : run.start()]
        yield from between if len(between) < 2 else WORDS_OF_ALL.findall(between)
        if run.lastgroup == "han":
            yield from [run[0]] if is_japanese else run[0]
        else:
            yield from WORDS_WITHOUT_SPACES.findall(run[0]) if run.lastgroup == "south_east" else [run[0]]
        end = run.end()
    yield from WORDS_OF_ALL.findall(piece[end:])


@lru_cache(maxsize=1 << 15)
def _count_piece(piece: str) -> int:
    return 1 if piece.isalnum() and piece.isascii() else sum(map(is_word, split_piece(piece)))


def is_word(token: str) -> bool:
    """Tell whether a token of :func:`split_words` has a letter or a digit.

    Parameters
    ----------
    token : str
        A token.

    Returns
    -------
    bool
        False for punctuation and symbols.

    Examples
    --------
    >>> [is_word(token) for token in ("well-known", "3", "%", ":)")]
    [True, True, False, False]
    """
    return token.isalnum() or any(map(str.isalnum, token))


def is_cut_otherwise(word: str) -> bool:
    r"""Tell whether a word of an earlier rule is none of this one.

    Examples
    --------
    >>> [is_cut_otherwise(word) for word in ("dog", "n't", "n\u2019t", "\u094d", "d'art")]
    [False, False, True, True, True]
    """
    return INSIDE_A_CLUSTER.match(word) is not None or split_piece(word) != (word,)


def word_spans(text: str, words: Sequence[str]) -> list[tuple[int, int]]:
    """Find words in their sentence, one after the other.

    ``words``: Its words, in order, as :func:`split_words` gives them, or an earlier rule did.
    Returns: list of (int, int). First character in ``text`` and one past the last; an empty span for a word that
        is not there.

    Examples
    --------
    >>> word_spans("I don\u2019t, no.", ["I", "do", "n't", ",", "no", "."])
    [(0, 1), (2, 4), (4, 7), (7, 8), (9, 11), (11, 12)]
    """
    folded, starts, ends = (text, range(len(text)), range(1, len(text) + 1)) if text.isascii() else positions(text)
    spans: list[tuple[int, int]] = []
    at = reached = 0
    for word in words:
        same = fold(word)
        start = folded.find(same, at) if same else -1
        if start < 0:
            spans.append((reached, reached))
            continue
        at = start + len(same)
        reached = ends[at - 1]
        spans.append((starts[start], reached))
    return spans
