"""Documents, code and messages use the field's words, not quaint ones; docs/glossary.md defines them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

# What not to write (a regular expression, whole words, any case): what to write instead.
BANNED = {
    r"foretells?|foretold|foretelling": "predict, predicted",
    r"mov(e|es|ed|ing) (a|the|its|their|this|each|every) neurons?( most)?": "activate",
    r"likest": "most similar",
    r"oftener": "more often",
    r"oftenest|commonest": "most frequent, most common",
    r"gone on with|(goes|go|went|going) on (with|after|from|where)": "resume",
    r"drawn anew": "reinitialised (weights), drawn again with another seed (samples)",
    r"anew": "again",
    r"told": "reported, said, named, distinguished",
    r"tells? (of|apart|its)": "report, describe, distinguish, give its",
    r"beside": "next to, compared with, in addition to",
    r"stands?|stood": "is, was",
    r"sought": "searched for",
    r"(says?|said) nothing( of)?": "does not describe, is not informative",
    r"take(s|n)? (it|them|this|that) on": "accept, read",
    r"let(s)? (it|them|\w+ ones|\w+ rare) go": "drop, release",
    r"found wanting": "fails",
    r"bear(s)? (it |them )?out|borne out": "support, confirm",
    r"for ever": "forever",
    r"begun with": "started with",
    r"answers? to|answered to": "respond to",
    r"gives? again": "reproduce",
    r"looked for again|looks? for (it |them )?again": "replicate",
    r"and kin": "and similar ones",
    r"twofold|threefold|tenfold|twentyfold": "a factor of two, twenty times",
    r"hitherto|whence|thereof|whereof|wherein|nigh|aught|naught": "plain English",
    r"reckon(s|ed)?": "compute, estimate",
    r"dealt out": "assigned",
    r"drawn by chance": "sampled at random, random",
}

# Legitimate uses: these phrases are taken out of a file's text before it is searched.
ALLOWED = (
    '"likest there"',  # a heading that 0.1.0 wrote, read by a test
    "likest_layer",  # keys of comparison folders and of cards as JSON: a format that is kept
    "likest_svcca_held_out",
    "answers_to",
    "beside_it",
    "stand-in",
    "stand_in",
    "stand_for",
    "stands_for",
    "stand in for",
    "stand for",
    "stands for",
)

# Pages that a program writes: what they say is changed where it is written.
WRITTEN = ("docs/options.md", "docs/paper/minilm/report.md", "docs/paper/mpnet/report.md")


def documents() -> list[str]:
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    pages += [path for folder in ("docs", "benchmarks") for path in sorted((ROOT / folder).rglob("*.md"))]
    return [name for name in (path.relative_to(ROOT).as_posix() for path in pages) if name not in WRITTEN]


def code() -> list[str]:
    kinds = {
        "src": ("*.py", "*.html", "*.css", "*.js", "*.j2"),
        "tests": ("*.py",),
        "benchmarks": ("*.py",),
        "scripts": ("*.py",),
    }
    paths = {path for folder, names in kinds.items() for name in names for path in (ROOT / folder).rglob(name)}
    return sorted({path.relative_to(ROOT).as_posix() for path in paths - {Path(__file__)}})


def found(text: str) -> Iterator[str]:
    """Name the banned words of a text, with their line and what to write instead."""
    for phrase in ALLOWED:
        text = text.replace(phrase, re.sub(r"\w", "-", phrase))
    text = text.replace("_", " ")  # names hold words too
    for banned, instead in BANNED.items():
        spaced = banned.replace(" ", r"\s+")
        for match in re.finditer(rf"(?i)\b(?:{spaced})\b", text):
            line = text.count("\n", 0, match.start()) + 1
            yield f"line {line}: {' '.join(match.group().split())!r}: write {instead}"


def complaints(names: Iterable[str]) -> list[str]:
    return [f"{name}, {each}" for name in names for each in found((ROOT / name).read_text(encoding="utf-8"))]


def test_documents_use_the_words_of_the_field() -> None:
    assert not complaints(documents())


def test_code_and_what_it_writes_use_the_words_of_the_field() -> None:
    assert not complaints([*code(), *WRITTEN])


def test_banned_words_are_found_and_plain_ones_are_not() -> None:
    quaint = "It foretells what\nmoves the neuron, and is told beside the list."
    assert [line.split(":")[0] for line in found(quaint)] == ["line 1", "line 2", "line 2", "line 2"]
    assert not list(found("It predicts what activates the neuron. That outstanding standard was retold."))
