"""Which sentence splitter? Boundary F1 on a treebank's running text, and sentences per second on one core.

    python benchmarks/bench_sentence_splitters.py TREEBANK.parquet [splitter ...]

The treebank has one sentence a row: `tokens` (list of strings), `file` and `genre`. Tokens are joined into running
text as print would have it; a boundary is the number of non-space characters before it, so a splitter may strip.
"""

import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow.parquet as pq

Splitter = Callable[[str], Iterable[str]]
OPENING = {"(", "[", "{", "$", "``", "`"}
CLOSING = {")", "]", "}", ".", ",", ";", ":", "?", "!", "%", "''", "'", "n't", "'s"}


def detokenise(tokens: list[str]) -> str:
    """Join tokens as print would have them."""
    words, glue = [], True
    for token in tokens:
        shown = {"``": '"', "''": '"', "`": "'"}.get(token, token)
        if not glue and token not in CLOSING:
            words.append(" ")
        words.append(shown)
        glue = token in OPENING
    return "".join(words)


def load(path: Path) -> dict[str, list[list[str]]]:
    """Sentences of each file, grouped by genre (genre -> list of files -> list of sentences)."""
    table = pq.read_table(path, columns=["tokens", "file", "genre"])
    files: dict[tuple[str, str], list[str]] = defaultdict(list)
    for tokens, file, genre in zip(*(table[c].to_pylist() for c in ("tokens", "file", "genre")), strict=True):
        # Doubled end marks are an artefact of the Brown Corpus.
        kept = [t for i, t in enumerate(tokens) if not (i and t == tokens[i - 1] and t in ".?!;:")]
        files[(genre, file)].append(detokenise(kept))
    genres: dict[str, list[list[str]]] = defaultdict(list)
    for (genre, _), sentences in files.items():
        genres[genre].append(sentences)
    return genres


def boundaries(sentences: Iterable[str]) -> set[int]:
    """Non-space characters before each sentence end, the last one left out."""
    ends, n = [], 0
    for sentence in sentences:
        n += len("".join(sentence.split()))
        ends.append(n)
    return set(ends[:-1])


def splitters() -> dict[str, Splitter]:
    """Every candidate that is installed."""
    found: dict[str, Splitter] = {}
    found["regex"] = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[]*[A-Z0-9])").split
    try:
        from neurolect.corpus.sentences.split import split_sentences

        found["neurolect"] = split_sentences
    except ImportError:
        pass
    try:
        import sentencex

        found["sentencex"] = lambda text: sentencex.segment("en", text)
    except ImportError:
        pass
    try:
        from nltk.tokenize.punkt import PunktSentenceTokenizer

        found["punkt (untrained)"] = PunktSentenceTokenizer().tokenize
    except ImportError:
        pass
    try:
        import blingfire

        found["blingfire"] = lambda text: blingfire.text_to_sentences(text).split("\n")
    except ImportError:
        pass
    found |= slow_splitters()
    return found


def slow_splitters() -> dict[str, Splitter]:
    """Return the candidates written in plain Python."""
    found: dict[str, Splitter] = {}
    try:
        import pysbd

        found["pysbd"] = pysbd.Segmenter(language="en", clean=False).segment
    except ImportError:
        pass
    try:
        from syntok import segmenter

        def syntok(text: str) -> list[str]:
            paragraphs = segmenter.process(text)
            return ["".join(t.spacing + t.value for t in s) for p in paragraphs for s in p]

        found["syntok"] = syntok
    except ImportError:
        pass
    try:
        import spacy

        nlp = spacy.blank("en")
        nlp.add_pipe("sentencizer")
        nlp.max_length = 10_000_000
        found["spacy sentencizer"] = lambda text: [s.text for s in nlp(text).sents]
    except ImportError:
        pass
    return found


def score(
    split: Splitter, genres: dict[str, list[list[str]]]
) -> tuple[float, float, float, float, dict[str, float]]:
    """Precision, recall, F1, sentences/s, F1 by genre."""
    hits = predicted = gold = n = 0
    by_genre = {}
    seconds = 0.0
    for genre, files in sorted(genres.items()):
        g_hits = g_predicted = g_gold = 0
        for sentences in files:
            text = " ".join(sentences)
            start = time.perf_counter()
            parts = list(split(text))
            seconds += time.perf_counter() - start
            ours, true = boundaries(parts), boundaries(sentences)
            g_hits += len(ours & true)
            g_predicted += len(ours)
            g_gold += len(true)
            n += len(sentences)
        by_genre[genre] = 2 * g_hits / (g_predicted + g_gold)
        hits, predicted, gold = hits + g_hits, predicted + g_predicted, gold + g_gold
    return hits / predicted, hits / gold, 2 * hits / (predicted + gold), n / seconds, by_genre


def main() -> None:
    genres = load(Path(sys.argv[1]))
    wanted = sys.argv[2:]
    print(f"{'splitter':<20} {'precision':>9} {'recall':>7} {'F1':>6} {'sentences/s':>12}  F1 by genre")
    for name, split in splitters().items():
        if wanted and name not in wanted:
            continue
        files = genres
        if name in ("pysbd",):  # hundreds of sentences a second: one file a genre is enough
            files = {genre: texts[:1] for genre, texts in genres.items()}
        precision, recall, f1, rate, by_genre = score(split, files)
        shown = " ".join(f"{genre[:7]}={value:.3f}" for genre, value in by_genre.items())
        print(f"{name:<20} {precision:9.4f} {recall:7.4f} {f1:6.4f} {rate:12,.0f}  {shown}", flush=True)


if __name__ == "__main__":
    main()
