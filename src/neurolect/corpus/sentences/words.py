"""Split a sentence into words, the way the Penn Treebank does, by one regular expression.

Used for counting words over everything that is read and as the tagger's input, so that a word means one thing
throughout. Contractions are split (``do n't``), hyphenated words, numbers, addresses, abbreviations and simple
emoticons stay whole, every other punctuation character is a word of its own. Chinese and Japanese, written without
spaces, are split by their characters.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

# Written with escapes: \u2019 is the typographic apostrophe, \u2010 and \u2011 are hyphens.
APOSTROPHE = "['\u2019]"
HYPHEN = "[-\u2010\u2011]"
# Abbreviations that keep their full stop in the middle of a sentence and at its end.
_ABBREVIATIONS = """
    Adm Apr Assn Aug Ave Blvd Bros Brig Capt Cmdr Co Col Corp Dec Dept Dr Feb Fig Ft Gen Gov Hon Inc Jan Jr Jul Jun
    Lt Ltd Maj Messrs Mlle Mme Mr Mrs Ms Mt Nov Oct Ph Prof Pvt Rep Reps Rev Sen Sens Sept Sep Sgt Sr St
    approx ca cf etc inc hon viz vs
"""
ABBREVIATIONS = frozenset(_ABBREVIATIONS.split())
PATTERN = rf"""
    [^\W\d_]+(?=[\s,;!?"()]|$)                                  # a plain word: most are, so it is tried first
  | (?:https?|ftp)://[^\s<>"]*[^\s<>"'.,;:!?)\]]                # web addresses, less the sentence's marks
  | www\.[^\s<>"]*[^\s<>"'.,;:!?)\]]
  | [\w.+-]{{1,64}}@[\w-]+(?:\.[\w-]+)+                           # e-mail
  | [@\#]\w+                                                    # a user, a tag
  | [<>]?[:;=8][-o*^']?[)(\[\]DPp/\\|3*](?!\w) | <3 | \^_?\^    # emoticons
  | [nN]{APOSTROPHE}[tT]\b                                      # the second part of a contraction
  | {APOSTROPHE}(?:s|re|ve|ll|d|m|em|tis|twas|til|S|RE|VE|LL|D|M|Tis|Twas|Til)\b
  | (?:{"|".join(sorted(ABBREVIATIONS))})\.(?=\W|$)
  | (?:[^\W\d_]\.){{2,}}(?!\w)                                    # U.S. e.g. a.m.
  | [A-Z]\.(?!\w)                                               # an initial
  | (?:[^\W\d_]\.)+[^\W\d_](?!\w)                               # U.S.A, e.g
  | [^\W\d_]+?(?=[nN]{APOSTROPHE}[tT]\b)                        # do|n't
  | [^\W\d_]\w*(?:{HYPHEN}\w+)*(?={APOSTROPHE}(?:s|re|ve|ll|d|m|S|RE|VE|LL|D|M)\b)
  | \w*\d\w*(?:[.,:/]\d+)*(?:{HYPHEN}\w+)*                      # numbers, dates, times; 10th; mp3; 6-6
  | \w+(?:(?:{APOSTROPHE}|{HYPHEN})\w+)*                        # words; o'clock; well-known
  | [.]{{2,}} | -{{2,}}                                           # left by texts that were not normalised
  | \S
"""
WORDS = re.compile(PATTERN, re.VERBOSE)

HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3005"
HIRAGANA = "\u3041-\u309f"
KATAKANA = "\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9f"
UNSPACED = re.compile(rf"[{HAN}]+|[{HIRAGANA}]+|[{KATAKANA}]+")
KANA = re.compile(rf"[{HIRAGANA}{KATAKANA}]")


def split_words(text: str) -> list[str]:
    """Split one sentence into words.

    Parameters
    ----------
    text : str
        One sentence.

    Returns
    -------
    list of str
        Words as written, in order; no white space in any.

    Examples
    --------
    >>> split_words("Mr. O'Brien doesn't like well-known U.S. brands, e.g. 3.5% beer.")
    ['Mr.', "O'Brien", 'does', "n't", 'like', 'well-known', 'U.S.', 'brands', ',', 'e.g.', '3.5', '%', 'beer', '.']
    """
    words = list(chain.from_iterable(map(split_piece, text.split())))
    if words and len(words[-1]) == 2 and words[-1].endswith("."):
        words[-1:] = words[-1]  # a letter at the end is no initial: plan B.
    return words


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
    if piece.isalpha() and (piece.isascii() or not UNSPACED.search(piece)):
        return (piece,)
    if not piece.isascii() and UNSPACED.search(piece):
        return tuple(_split_unspaced(piece))
    # The two most common other shapes, without the pattern: a word and a mark.
    word, mark = piece[:-1], piece[-1]
    if word.isalpha() and (mark in ',;:?!")' or (mark == "." and len(word) > 1 and word not in ABBREVIATIONS)):
        return (word, mark)
    return tuple(WORDS.findall(piece))


def _split_unspaced(piece: str) -> Iterator[str]:
    """Split Chinese and Japanese, which have no spaces between words.

    Japanese changes its script about where a word begins or ends, so each run of one script is a word. Chinese has
    one script: each character is a word, and patterns put the words of several characters together again.
    """
    is_japanese = KANA.search(piece) is not None
    end = 0
    for run in UNSPACED.finditer(piece):
        yield from WORDS.findall(piece[end : run.start()])
        yield from [run[0]] if is_japanese else run[0]
        end = run.end()
    yield from WORDS.findall(piece[end:])


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
