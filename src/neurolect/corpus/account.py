"""Account for all that was read: what became sentences and what was lost on the way, in numbers and characters."""

from collections import Counter
from collections.abc import Mapping

from neurolect.corpus.reading.documents import Sum
from neurolect.corpus.sentences.of_documents import Cut
from neurolect.progress import counted


def sums_of(
    rows: Sum, characters: Sum, cut: Cut, *, n_split: int, n_sentences: int, n_kept_characters: int
) -> dict[str, dict[str, int]]:
    """Sum up rows, sentences and characters: in each, ``read`` is the sum of the others.

    ``rows``, ``characters``: What the reading did with them.
    ``cut``: What became of the documents.
    ``n_split``: Sentences before duplicates were dropped.
    """
    characters_read = {name: n for name, n in characters.parts.items() if name != "documents"}
    return {
        "rows": {"read": rows.read, **rows.parts},
        "sentences": {
            "read": n_split + cut.n_short,
            "too short": cut.n_short,
            "duplicates": n_split - n_sentences,
            "kept": n_sentences,
        },
        "characters": {
            "read": characters.read,
            **characters_read,
            "too short": cut.short_characters,
            "duplicates": cut.kept_characters - n_kept_characters,
            "markup and spaces": cut.other_characters,
            **({"in two windows": -cut.again_characters} if cut.again_characters else {}),
            "kept": n_kept_characters,
        },
    }


def said_sums(sums: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Write each sum on a line."""
    lines = []
    for name, parts in sums.items():
        terms = [f"{n:,} {part}" for part, n in parts.items() if part != "read" and (n or part == "kept")]
        lines.append(f"{parts['read']:,} {name} read = {' + '.join(terms).replace('+ -', '- ')}")
    return lines


def count_notices(
    counts: Counter[str], sums: Mapping[str, Mapping[str, int]], misfits: dict[str, int], *, short: str
) -> list[str]:
    """Put the counts that a user should know into sentences; ``short``: what short sentences have too few of."""
    said = {
        "sources_repeated": (
            "{} source was given more than once and is read once.",
            "{} sources were given more than once and are read once.",
        ),
        "documents_without_text": (
            "{} document without text was skipped.",
            "{} documents without text were skipped.",
        ),
        "broken_lines": ("{} broken line was skipped.", "{} broken lines were skipped."),
        "replaced_characters": (
            "{} character could not be decoded and was replaced.",
            "{} characters could not be decoded and were replaced.",
        ),
        "documents_without_sentences": (
            "{} document has no sentence that was kept.",
            "{} documents have no sentence that was kept.",
        ),
        "short_sentences_dropped": (
            f"{{}} sentence with too few {short} was dropped.",
            f"{{}} sentences with too few {short} were dropped.",
        ),
        "long_sentences_divided": (
            "{} sentence was too long and was divided into PIECES.",
            "{} sentences were too long and were divided into PIECES.",
        ),
        "duplicates_dropped": (
            "{} sentence that had occurred before was dropped.",
            "{} sentences that had occurred before were dropped.",
        ),
    }
    sizes = {"broken_lines": "broken", "short_sentences_dropped": "too short", "duplicates_dropped": "duplicates"}
    notices = []
    for name, forms in said.items():
        if counts[name]:
            notice = counted(counts[name], *forms).replace(
                "PIECES", f"{counts['pieces_of_long_sentences']:,} pieces"
            )
            size = sums["characters"][sizes[name]] if name in sizes else 0
            notices.append(f"{notice[:-1]} ({counted(size, '{} character', '{} characters')})." if size else notice)
    for field, n in misfits.items():
        one = f"{{}} value of the field {_plain(field)} was of another type and was left empty."
        many = f"{{}} values of the field {_plain(field)} were of another type and were left empty."
        notices.append(counted(n, one, many))
    return notices


def _plain(field: str) -> str:
    """Quote a name whose braces are no places for numbers."""
    return repr(field).replace("{", "{{").replace("}", "}}")
