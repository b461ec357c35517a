"""Kinds of neurons ([E] table 2 and section 4.2, [J] section 4.2): one neuron of each, where there is one."""

import re
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import NeurolectError
from neurolect.finding import find
from neurolect.paper.finding import Finding, Verdict, left_out, reason
from neurolect.results import numbers
from neurolect.results.number import nearly_constant
from neurolect.store import Run

CLOSE, LIFT = 0.8, 2.0
WORD_SHARE, WORD_LIFT = 0.1, 10.0
SHORT, SHORTER = 0.25, 0.5
FEWEST_VALUES = 50
LARGE, RARE = 0.01, 0.001
SHARE_RULE = "a list with 0.8 times their share or more, and twice the corpus's; differs: twice the corpus's alone"
LENGTH_RULE = "a list whose mean length is a quarter of the corpus's or less (theirs: 0.19); differs: half"
WORD_RULE = "a list with the words in a tenth of its sentences, ten times the usual; differs: ten times alone"


class Kind(NamedTuple):
    """A kind of neuron."""

    source: str
    claim: str
    theirs: str
    share: float
    """Their share; of words and lengths not a number to be reached."""
    by: str
    """``pos``, ``length``, ``value``, ``author`` or ``words``."""
    what: str
    """Class, or expression of values or words."""


KINDS = (
    Kind("E table 2", "Noun neuron", "3.740: 91.7 % nouns (corpus 27.7 %)", 0.917, "pos", "noun"),
    Kind("E table 2", "Verb neuron", "6.462: 29.8 % verbs (corpus 14.2 %)", 0.298, "pos", "verb"),
    Kind("E table 2", "Short sentence neuron", "1.169: 3.5 words (corpus 18.9)", 0.0, "length", ""),
    Kind(
        "E table 2",
        "Social media neuron",
        "6.200: 82.2 % of its list",
        0.822,
        "value",
        r"(?i)social.*|twitter|tweets?",
    ),
    Kind(
        "E table 2",
        "Science neuron",
        "9.705: 45.3 % of its list",
        0.453,
        "value",
        r"(?i)sci(ence|entific)?\b.*|.*\bsciences?",
    ),
    Kind("E table 2", "Positive neuron", "7.43: 80.2 % of its list", 0.802, "value", r"(?i)pos(itive)?"),
    Kind("J 4.2", "Positive neuron", "12.104: 89.1 % of its list", 0.891, "value", r"(?i)pos(itive)?"),
    Kind("J 4.2", "Neuron of one author", "11.131: 61.7 % of its list", 0.617, "author", "author"),
    Kind(
        "E table 2",
        "United States neuron",
        "7.203: led by the words (no share given)",
        0.0,
        "words",
        r"\b([Uu]nited [Ss]tates\b|USA?\b|U\.S\.|[Aa]merica\b)",
    ),
    Kind(
        "E table 2", "Olympic neuron", "6.69: led by the words (no share given)", 0.0, "words", r"(?i)\bolympics?\b"
    ),
)


class Found(NamedTuple):
    """The neuron that comes nearest to a kind."""

    address: str
    share: float
    """Share of its list; mean length for lengths."""
    base: float
    """The same of the corpus."""
    value: str
    """Metadata value; else empty."""

    @property
    def lift(self) -> float:
        """How many times the corpus's share."""
        return self.share / self.base if self.base > 0 else float("inf")


def kinds_of_neurons(run: Run) -> tuple[list[Finding], dict[str, str]]:
    """Look for a neuron of every kind."""
    part = _part_of_a_list(run)
    findings: list[Finding] = []
    addresses: dict[str, str] = {}
    for kind in KINDS:
        rule = {"length": LENGTH_RULE, "words": WORD_RULE}.get(kind.by, SHARE_RULE)
        try:
            found = find_kind(run, kind)
        except NeurolectError as error:
            findings.append(
                left_out(kind.source, kind.claim, theirs=kind.theirs, because=_reason(kind, error, run), rule=rule)
            )
            continue
        verdict, because = _judge(kind, found)
        if verdict is not Verdict.reproduced and part > LARGE:
            because += f"; a list is {part:.1%} of what was read here, 0.012 % in theirs"
        addresses.setdefault(kind.claim, found.address)
        findings.append(
            Finding(kind.source, kind.claim, kind.theirs, _figures(kind, found), verdict, because, rule)
        )
    return findings, addresses


def _part_of_a_list(run: Run) -> float:
    """Say how much of the sentences read a list holds: a list cannot be purer than so many sentences allow."""
    size = run.table("lists/top", columns=["rank"]).num_rows / run.n_neurons
    n_read = pc.sum(run.table("background/lengths", columns=["n_sentences"]).column("n_sentences")).as_py()
    return float(size / n_read)


def _reason(kind: Kind, error: NeurolectError, run: Run) -> str:
    return "no list has a sentence with the words" if kind.by == "words" else reason(error, run)


def find_kind(run: Run, kind: Kind) -> Found:
    """Find the neuron that comes nearest to a kind.

    Returns: By share, lengths by the least, words by log-odds z.
    """
    still = nearly_constant(run)  # their lists are those sentences that come first among equals
    if kind.by == "words":
        rows: list[dict[str, Any]] = find(run, regex=kind.what, side="top", limit=run.n_neurons).to_pylist()
        vary = [row for row in rows if not still[run.index.neuron_id(row["address"])]]
        if not vary:
            what = "Only neurons that hardly vary have it."
            raise NeurolectError(what)
        return Found(vary[0]["address"], vary[0]["share_list"], vary[0]["share_background"], "")
    if kind.by == "length":
        lengths = np.where(still, np.nan, numbers(run, "length").values)
        best = int(np.nanargmin(lengths))
        table = run.table("background/lengths")
        words, n = (table.column(name).to_numpy().astype(np.float64) for name in ("n_words", "n_sentences"))
        return Found(run.index.address(best), float(lengths[best]), float((words * n).sum() / n.sum()), "")
    if kind.by == "pos":
        lifts = numbers(run, "pos", value=kind.what).values
        shares = np.where(still, np.nan, numbers(run, f"{kind.what}_share").values)
        best = int(np.nanargmax(shares))
        return Found(run.index.address(best), float(shares[best]), float(shares[best] / lifts[best]), "")
    return _of_metadata(run, kind)


def _of_metadata(run: Run, kind: Kind) -> Found:
    """Find the list with the greatest share of one value of a field."""
    table = run.table("signatures/metadata")
    table = table.filter(pc.equal(table.column("side"), "top"))
    labels = pa.compute.unique(table.column("field" if kind.by == "author" else "value")).to_pylist()
    fits = [each for each in labels if each is not None and re.fullmatch(kind.what, each)]
    numbers_ = {each["name"] for each in run.manifest["corpus"]["fields"] if each["kind"] == "number"}
    here = pc.and_(
        pc.is_in(table.column("field" if kind.by == "author" else "value"), value_set=pa.array(fits, pa.string())),
        pc.greater_equal(table.column("n_background"), FEWEST_VALUES),
    )
    still = nearly_constant(run)
    rows = [
        row
        for row in table.filter(here).to_pylist()
        if row["field"] not in numbers_ and not still[row["neuron_id"]]
    ]
    if not rows:
        what = (
            f"No metadata of the corpus ({FEWEST_VALUES} sentences or more) says which sentences are of this kind."
        )
        raise NeurolectError(what)
    best = max(rows, key=lambda row: (row["share_list"], -row["neuron_id"]))
    value = f"{best['field']} = {best['value']}"
    return Found(run.index.address(best["neuron_id"]), best["share_list"], best["share_background"], value)


def _judge(kind: Kind, found: Found) -> tuple[Verdict, str]:
    if kind.by == "length":
        verdict = judge_length(found)
        return verdict, "" if verdict is Verdict.reproduced else "the shortest list is not that short"
    if kind.by == "words":
        verdict = judge_words(found)
        if verdict is Verdict.reproduced:
            return verdict, ""
        common = f"{found.base:.1%} of all sentences here hold them: ten times that is much"
        return verdict, common if found.share >= WORD_SHARE else "fewer of its sentences hold them"
    verdict = judge_share(found, theirs=kind.share)
    if verdict is Verdict.reproduced:
        return verdict, ""
    if kind.by == "value" and found.base < 0.05:
        return verdict, f"only {found.base:.1%} of the sentences read have this value; other kinds mix in"
    return verdict, "the purest list here is less pure"


def judge_share(found: Found, *, theirs: float) -> Verdict:
    """Judge a share."""
    if found.lift < LIFT:
        return Verdict.not_reproduced
    return Verdict.reproduced if found.share >= CLOSE * theirs else Verdict.differs


def judge_length(found: Found) -> Verdict:
    """Judge the mean length of the shortest list."""
    part = found.share / found.base
    return Verdict.reproduced if part <= SHORT else Verdict.differs if part <= SHORTER else Verdict.not_reproduced


def judge_words(found: Found) -> Verdict:
    """Judge the share of sentences with given words."""
    if found.lift < WORD_LIFT:
        return Verdict.not_reproduced
    return Verdict.reproduced if found.share >= WORD_SHARE else Verdict.differs


def _figures(kind: Kind, found: Found) -> str:
    address = found.address.removeprefix("hidden.")
    if kind.by == "length":
        return f"{address}: {found.share:.1f} words (corpus {found.base:.1f})"
    what = {"pos": f"{kind.what}s", "words": "of its sentences hold them"}.get(
        kind.by, f"of its list ({found.value})"
    )
    base = f"{found.base:.1%}" if found.base >= RARE else f"{found.base:.2%}"
    return f"{address}: {found.share:.1%} {what} (corpus {base}, {found.lift:.1f} x)"
