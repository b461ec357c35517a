"""Write words in one form: what people take for one word is one word, whatever marks it was typed with.

Curly and straight apostrophes and quotes are one, accents are composed (NFC), and what cannot be seen is left out.
The text itself stays as it is; :func:`positions` tells where each character of the one form is in it.
"""

import re
import unicodedata

import regex

_ONE_FORM = {
    # single quotes and the letters and marks that look like them: Hawaiian, Ukrainian, Armenian, Hebrew, Greek
    "'": "\u2018\u2019\u201a\u201b\u02bb\u02bc\u055a\u05f3\u1fbd\u1fbf\uff07",
    '"': "\u201c\u201d\u201e\u201f\u05f4\uff02",
    "-": "\u2010\u2011",
}
_FOLDED = {ord(written): plain for plain, forms in _ONE_FORM.items() for written in forms}
# Marks that are not seen: soft hyphens, zero-width spaces, directions, byte order, variants of one character.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\U000e0100-\U000e01ef"
)
UNSEEN = re.compile(f"[{_UNSEEN}]")
_WRITTEN_OTHERWISE = re.compile(rf"[{_UNSEEN}\u200c\u200d{''.join(_ONE_FORM.values())}]")
# Joiners change what is seen next to a virama (Indic scripts), between letters that would be joined (Persian) and
# in emoji. Elsewhere, say after a Persian letter that never joins, they are not seen either.
_BY_VIRAMA = r"\p{ccc=9}\p{M}*"
IDLE_JOINER = regex.compile(
    rf"""
    (?<!{_BY_VIRAMA}) [\u200c\u200d] (?!\p{{M}}*\p{{ccc=9}})
    (?<!\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}?\u200d(?=\p{{Extended_Pictographic}}))
    (?<![\p{{JT=L}}\p{{JT=D}}]\p{{JT=T}}*\u200c(?=\p{{JT=T}}*[\p{{JT=R}}\p{{JT=D}}]))
    """,
    regex.VERBOSE,
)


def fold(text: str) -> str:
    r"""Write a text in the one form.

    Examples
    --------
    >>> fold("don\u2019t co\u00adoperate") == "don't cooperate", fold("cafe\u0301") == "caf\u00e9"
    (True, True)
    """
    if text.isascii() or (not _WRITTEN_OTHERWISE.search(text) and unicodedata.is_normalized("NFC", text)):
        return text
    return unicodedata.normalize("NFC", IDLE_JOINER.sub("", UNSEEN.sub("", text))).translate(_FOLDED)


def positions(text: str) -> tuple[str, list[int], list[int]]:
    """Fold a text and say where it came from.

    Returns: The folded text.
    Returns: starts, ends: for each of its characters the first character in ``text`` and one past the last.
    """
    places = _without(UNSEEN, text, list(range(len(text))))
    seen = "".join(text[place] for place in places)
    kept = _without(IDLE_JOINER, seen, list(range(len(seen))))
    places, seen = [places[place] for place in kept], "".join(seen[place] for place in kept)
    folded: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for cluster in regex.finditer(r"\X", seen):
        plain = unicodedata.normalize("NFC", cluster[0]).translate(_FOLDED)
        first, last = cluster.span()
        here = places[first:last]
        folded.append(plain)
        one_to_one = len(plain) == len(here)
        starts += here if one_to_one else [here[0]] * len(plain)
        ends += [place + 1 for place in here] if one_to_one else [here[-1] + 1] * len(plain)
    return "".join(folded), starts, ends


def _without(unseen: "re.Pattern[str] | regex.Pattern[str]", text: str, places: list[int]) -> list[int]:
    dropped = {match.start() for match in unseen.finditer(text)}
    return [place for place in places if place not in dropped] if dropped else places
