"""Build the embedded demo corpus from a folder of openly licensed corpora.

    python scripts/build_demo_corpus.py DATA [--out src/neurolect/demo_data/documents.parquet]

``DATA`` holds ``corpora/NAME.parquet`` for each name in ``READERS``: one row a document, column ``text`` and
metadata. Only sources in the public domain or free to redistribute are read, and of these only the parts that
are (no tales, no GPL handbook). Long documents are cut to passages of consecutive sentences. A hash of their
text decides which passages are taken, so the same input gives the same file; passages with very long sentences
are passed over, because the demo runs on two processor cores. ``vaderSentiment`` (PyPI, MIT) labels sentiment.
"""

import argparse
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from neurolect.corpus import split_sentences

Row = dict[str, Any]

SCHEMA = pa.schema(
    [
        ("text", pa.string()),
        ("domain", pa.string()),
        ("author", pa.string()),
        ("title", pa.string()),
        ("topic", pa.string()),
        ("party", pa.string()),
        ("sentiment", pa.string()),
        ("year", pa.float64()),
    ]
)
DEBRIS = re.compile(r"[<>{}|\\]|\[\[|\]\]|https?:|www\.|\( ?[;,)]|::|``|\.\. |[a-z]:[A-Z]")
RARE_RECIPE = 8  # a category with fewer recipes is left out: too few to be anybody's theme
WORD = re.compile(r"\w+")
NEW_TESTAMENT = re.compile(
    r"Matthew|Mark|Luke|John|Acts|Romans|Galatians|Ephesians|Philippians|Colossians|Titus|Philemon|Hebrews|James"
    r"|[123] (Corinthians|Thessalonians|Timothy|Peter|John)|Jude|Revelation"
)
# VADER's word list was made for opinions: in recipes "cut" and in manuals "error" would count as complaints.
WITHOUT_SENTIMENT = frozenset({"recipe", "technical"})


class Plan(NamedTuple):
    """How much to take of one group of documents, and how to cut it."""

    n_sentences: int
    passage: int  # sentences a passage
    mean_words: float  # highest mean length of a passage's sentences
    longest: int  # longest sentence allowed, in words
    per_document: int  # passages a document at most


PLANS = {
    "Jane Austen": Plan(2500, 12, 25, 70, 6),
    "Herman Melville": Plan(1350, 12, 25, 70, 6),
    "scripture": Plan(2950, 12, 20, 45, 4),
    "speech": Plan(3400, 12, 22, 50, 3),
    "encyclopedia": Plan(3500, 12, 21, 40, 1),
    "dictionary": Plan(2800, 3, 24, 30, 1),
    "recipe": Plan(2500, 14, 18, 40, 1),
    "technical": Plan(2000, 12, 20, 45, 6),
}


def sentences_of(text: str) -> list[str]:
    """Split a text into sentences without surrounding space."""
    parts = (" ".join(part.split()) for part in split_sentences(text))
    return [part for part in parts if part]


def n_words(sentence: str) -> int:
    """Count words."""
    return len(WORD.findall(sentence))


def rank_of(text: str) -> bytes:
    """Order by which passages are taken: fixed, but unrelated to content."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def fiction_and_scripture(row: Row) -> tuple[str, Row] | None:
    """Take Austen, Melville and the King James Bible; the tales' translations state no licence."""
    author = row["author"]
    if author in ("Jane Austen", "Herman Melville"):
        meta = {"domain": "fiction", "author": author, "title": row["title"], "year": row["year"]}
        return author, meta
    if author == "King James Version":
        part = "New Testament" if NEW_TESTAMENT.fullmatch(row["title"]) else "Old Testament"
        return "scripture", {"domain": "scripture", "title": row["title"], "topic": part, "year": row["year"]}
    return None


def speech(row: Row) -> tuple[str, Row] | None:
    """Take every State of the Union address."""
    party = None if row["party"] == "none" else row["party"]
    president = row["president"].replace("Mc Kinley", "McKinley")
    meta = {"domain": "speech", "author": president, "party": party, "year": row["year"]}
    return "speech", {**meta, "title": f"State of the Union {row['year']:.0f}"}


def encyclopedia(row: Row) -> tuple[str, Row] | None:
    """Take leads that have a section in the list of vital articles."""
    if row["topic"] in (None, "Uncategorized"):
        return None
    return "encyclopedia", {"domain": "encyclopedia", "title": row["title"], "topic": row["topic"]}


def dictionary(row: Row) -> tuple[str, Row] | None:
    """Take the definition of a gloss, without its example uses."""
    row["text"] = row["text"].split('; "')[0]
    if not 5 <= n_words(row["text"]) <= 30:
        return None
    return "dictionary", {"domain": "dictionary", "title": row["words"], "topic": row["topic"]}


def recipe(row: Row) -> tuple[str, Row] | None:
    """Take recipes whose category is known; the category becomes the topic."""
    row["text"] = re.sub(r"<ref.*?(?:/>|</ref>)", "", row["text"])
    if row["category"] is None:
        return None
    topic = re.sub(r"^recipes for\s+|\s+recipes$", "", row["category"].strip(), flags=re.IGNORECASE).lower()
    topic = {"beverages": "beverage", "pastries": "pastry"}.get(topic, topic)
    return "recipe", {"domain": "recipe", "title": row["title"], "topic": topic}


def technical(row: Row) -> tuple[str, Row] | None:
    """Take the Python documentation; the Debian handbook's licences do not fit."""
    if row["source"] != "python-docs":
        return None
    row["text"] = row["text"].replace("\u00b6", "")
    return "technical", {"domain": "technical", "title": row["title"], "topic": f"python {row['section']}"}


READERS = {
    "books": fiction_and_scripture,
    "speeches": speech,
    "encyclopedia": encyclopedia,
    "glosses": dictionary,
    "recipes": recipe,
    "technical": technical,
}


def passages(text: str, plan: Plan) -> list[list[str]]:
    """Cut a text into runs of consecutive clean sentences that fit the plan, best hash first."""
    sentences = sentences_of(text)
    found = []
    for start in range(0, len(sentences), plan.passage):
        run = sentences[start : start + plan.passage]
        lengths = [n_words(each) for each in run]
        if len(run) < 5 <= len(sentences) and start:
            continue  # the tail of a long document
        if max(lengths) > plan.longest or sum(lengths) / len(run) > plan.mean_words:
            continue
        if not any(DEBRIS.search(each) for each in run):
            found.append(run)
    return sorted(found, key=lambda run: rank_of(" ".join(run)))[: plan.per_document]


def candidates(data: Path) -> dict[str, list[tuple[list[str], Row]]]:
    """Collect all passages that may be taken, by group."""
    groups: dict[str, list[tuple[list[str], Row]]] = defaultdict(list)
    for name, reader in READERS.items():
        for row in pq.read_table(data / "corpora" / f"{name}.parquet").to_pylist():
            taken = reader(row)
            if taken is None:
                continue
            group, meta = taken
            groups[group] += [(run, meta) for run in passages(row["text"], PLANS[group])]
    topics = Counter(meta["topic"] for _, meta in groups["recipe"])
    groups["recipe"] = [pair for pair in groups["recipe"] if topics[pair[1]["topic"]] >= RARE_RECIPE]
    return groups


def chosen(group: list[tuple[list[str], Row]], plan: Plan, seen: set[str]) -> Iterator[tuple[list[str], Row]]:
    """Yield passages until the plan is filled, topics (else titles) in turn, no sentence twice."""
    waiting: dict[str, list[tuple[list[str], Row]]] = defaultdict(list)
    for run, meta in sorted(group, key=lambda pair: rank_of(" ".join(pair[0])), reverse=True):
        waiting[str(meta.get("topic") or meta.get("title"))].append((run, meta))
    total = 0
    while waiting:
        for key in sorted(waiting):
            run, meta = waiting[key].pop()
            if not waiting[key]:
                del waiting[key]
            fresh = [each for each in run if each.lower() not in seen and n_words(each) >= 3]
            if total >= plan.n_sentences:
                return
            if len(fresh) < len(run) * 0.7:
                continue
            seen.update(each.lower() for each in fresh)
            total += len(fresh)
            yield fresh, meta


def sentiment(sentences: list[str], analyzer: Any) -> str:
    """Label a document by the mean of its sentences' VADER compound scores, with VADER's own thresholds."""
    mean = sum(analyzer.polarity_scores(each)["compound"] for each in sentences) / len(sentences)
    return "positive" if mean >= 0.05 else "negative" if mean <= -0.05 else "neutral"


def build(data: Path) -> pa.Table:
    """Choose, label and order the documents."""
    analyzer, seen, rows = SentimentIntensityAnalyzer(), set[str](), []
    groups = candidates(data)
    for name, plan in PLANS.items():
        for run, meta in chosen(groups[name], plan, seen):
            row = {**dict.fromkeys(SCHEMA.names), **meta, "text": " ".join(run)}
            if row["domain"] == "recipe":
                row["text"] = "\n".join(run)
            if row["domain"] not in WITHOUT_SENTIMENT:
                row["sentiment"] = sentiment(run, analyzer)
            rows.append(row)
    rows.sort(key=lambda row: rank_of(row["text"]))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def summary(table: pa.Table) -> str:
    """Count documents, sentences and words by domain, as a table in Markdown."""
    documents, sentences, words = Counter[str](), Counter[str](), Counter[str]()
    for row in table.select(["text", "domain"]).to_pylist():
        found = [each for line in row["text"].split("\n") for each in sentences_of(line)]
        documents[row["domain"]] += 1
        sentences[row["domain"]] += len(found)
        words[row["domain"]] += sum(map(n_words, found))
    lines = ["| domain | documents | sentences | share | words a sentence |", "|---|---|---|---|---|"]
    total = sentences.total()
    for name in sorted(sentences):
        share, mean = sentences[name] / total, words[name] / sentences[name]
        lines.append(f"| {name} | {documents[name]:,} | {sentences[name]:,} | {share:.1%} | {mean:.1f} |")
    mean = words.total() / total
    return "\n".join([*lines, f"| all | {documents.total():,} | {total:,} | 100 % | {mean:.1f} |"])


def main() -> None:
    """Build the file and print its counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("src/neurolect/demo_data/documents.parquet"))
    options = parser.parse_args()
    table = build(options.data)
    pq.write_table(table, options.out, compression="zstd", compression_level=19)
    print(summary(table))
    print(Counter(table["sentiment"].to_pylist()))
    print(f"{options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
