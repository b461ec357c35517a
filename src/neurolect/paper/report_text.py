"""The report's Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from neurolect.comparison import open_comparison
from neurolect.folders.variant_record import read_record
from neurolect.paper.finding import Finding, Verdict
from neurolect.paper.folder import PaperFolder
from neurolect.progress import counted
from neurolect.results.tag_numbers import WORD_CLASSES
from neurolect.signatures.evidence.features import Rows
from neurolect.signatures.evidence.patterns import PHRASE_ROWS, TAG_PATTERN_ROWS
from neurolect.signatures.evidence.words import SHOWN_ROWS
from neurolect.store import Run
from neurolect.views.comparisons.summary import comparison_summary

# The found neurons with their signatures, as [E] table 2 prints them.
QUOTED_WORDS = 12
"""A typical sentence is quoted no longer than that."""
_MOST_WORDS, _MOST_PATTERNS = 6, 3


class SignatureRow(NamedTuple):
    """A neuron's signature in short."""

    kind: str
    address: str
    words: tuple[str, ...]
    """By log-odds z."""
    word_patterns: tuple[str, ...]
    tag_patterns: tuple[str, ...]
    shares: tuple[float, float, float] | None
    """Of nouns, verbs and adjectives; None without tags."""
    length: float
    typical: str


def signature_rows(run: Run, addresses: Mapping[str, str]) -> list[SignatureRow]:
    """Read the signatures of neurons."""
    rows = []
    for kind, address in addresses.items():
        signature = run.neuron(address).signature("top")
        summary = signature["summary"].to_pylist()[0]
        shares = tuple(summary[f"{name}_share"] for name in WORD_CLASSES)
        rows.append(
            SignatureRow(
                kind,
                address,
                _leading(signature, SHOWN_ROWS, _MOST_WORDS),
                _leading(signature, PHRASE_ROWS, _MOST_PATTERNS),
                _leading(signature, TAG_PATTERN_ROWS, _MOST_PATTERNS),
                None if None in shares else shares,
                float(summary["mean_length"]),
                _typical(run, summary["typical_sentence_id"]),
            )
        )
    return rows


def _leading(signature: Mapping[str, pa.Table], rows: Rows, n: int) -> tuple[str, ...]:
    table = rows.of(signature[rows.table]).sort_by([("log_odds_z", "descending")])
    return tuple(rows.labels_of(table).to_pylist()[:n])


def _typical(run: Run, sentence_id: int | None) -> str:
    """Quote the beginning of a sentence."""
    if sentence_id is None:
        return ""
    table = run.take_sentences(pa.array([sentence_id], pa.int64()).to_numpy())
    words = str(table.column("text")[0]).split()
    return " ".join(words[:QUOTED_WORDS]) + (" ..." if len(words) > QUOTED_WORDS else "")


SMALL = 1_000_000
TITLES = {
    "convergence": "Convergence (E figure 1)",
    "maps": "Maps of neurons (E figure 2)",
    "pos": "Parts of speech by layer (E figure 3)",
    "polarity": "Polarity by layer (E figure 4)",
    "polarity-curves": "Polarity over all neurons (E figure 5)",
    "same-index": "The same index across layers (J figure 2)",
    "diversity": "Diversity by layer (J figure 3)",
    "groups": "Groups by response (J figure 4)",
}
_MARKS = {
    Verdict.reproduced: "**reproduced**",
    Verdict.differs: "differs",
    Verdict.not_reproduced: "*not reproduced*",
    Verdict.left_out: "left out",
}
_SOURCES = """\
E is Oba, Yoshinaga, Toyoda, *Exploratory Model Analysis Using Data-Driven Neuron Representations* (BlackboxNLP
2021): BERT-base over 82 M sentences, lists of 10,000. J is the Japanese paper before it, by the same authors.
Verdicts are those of rules that are part of the program (last section); none was chosen by its outcome.
"""


def cell(text: str) -> str:
    r"""Make a text fit into a cell of a Markdown table; nothing in it is markup.

    Examples
    --------
    >>> cell("a|b <i>")
    'a\\|b &lt;i&gt;'
    """
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for mark in "\\|*_`[]":
        plain = plain.replace(mark, f"\\{mark}")
    return plain


def report_text(
    folder: PaperFolder,
    runs: Mapping[str, Run],
    *,
    facts: Mapping[str, Any],
    findings: Sequence[Finding],
    figures: Mapping[str, str],
    signatures: Sequence[SignatureRow],
) -> str:
    """Write the report."""
    trained = runs["pretrained"]
    parts = [
        f"# The papers' findings on {cell(_short(trained.manifest['model']['name']))}",
        _SOURCES + "\n" + _verdicts(findings),
        "\n".join(_made(folder, runs, facts)),
        "## Findings\n\n" + "\n".join(_findings(findings)),
        "## The neurons found\n\n" + "\n".join(_signatures(signatures)),
        "## Figures",
        *(f"### {TITLES[name]}\n\n![{name}]({name}.png)\n\n{cell(caption)}" for name, caption in figures.items()),
        *_compared(folder),
        "## Rules\n\n" + "\n".join(_rules(findings)),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _short(name: str) -> str:
    return name.rstrip("/").rsplit("/", maxsplit=1)[-1]


def _verdicts(findings: Sequence[Finding]) -> str:
    counted = [(verdict, sum(each.verdict is verdict for each in findings)) for verdict in Verdict]
    shown = ", ".join(f"{n} {verdict.value}" for verdict, n in counted if n)
    return f"Of {len(findings)} findings: {shown}."


def _made(folder: PaperFolder, runs: Mapping[str, Run], facts: Mapping[str, Any]) -> list[str]:
    """Say what was read by what."""
    trained = runs["pretrained"]
    model, collected = trained.manifest["model"], trained.manifest["stages"]["collect"]
    n, size = (
        int(collected["n_sentences"]),
        trained.table("lists/top", columns=["rank"]).num_rows // trained.n_neurons,
    )
    lines = [
        "## What was done",
        "",
        f"- Model: {cell(_short(model['name']))}, {trained.n_neurons:,} neurons in {len(model['sites'])} layers, "
        f"{model['dtype']}.",
        f"- Corpus: {n:,} sentences, read by every model in the same random order; top lists of {size:,}.",
    ]
    if n < SMALL:
        lines.append(
            f"- **The corpus is small**: the papers' is {82_000_000 / n:,.0f} times as large, and a list here is "
            f"{size / n:.2%} of it, where theirs is 0.012 %. Lists are less pure for that."
        )
    for name, what in (
        ("random", "weights reinitialised, word embeddings kept"),
        ("sentiment", ""),
        ("category", ""),
    ):
        lines += _variant(folder, name, what, facts)
    lines += [f"- {cell(note)}" for note in facts["notes"]]
    return lines


def _variant(folder: PaperFolder, name: str, what: str, facts: Mapping[str, Any]) -> list[str]:
    if not folder.has_variant(name):
        return []
    record = read_record(folder.variant(name))
    if record["kind"] == "random":
        return [f"- Random model: {what} (seed {record['seed']})."]
    options = record["options"]
    distances = folder.compared / "distances.parquet"
    used = distances.is_file() if name == "category" else folder.opened(name) is not None
    unused = "" if used else " It was made, but nothing was measured with it."
    return [
        f"- Fine-tuned for {name} (field `{facts[name]['field']}`): {record['n_train']:,} texts, "
        f"{len(record['classes'])} classes, learning rate {options['learning_rate']:g}, "
        f"dropout {options['dropout']}, batches of {options['batch_size']}, "
        f"{counted(len(record['epochs']), '{} epoch', '{} epochs')}, "
        f"of which number {record['best_epoch']} was kept; {record['validation_accuracy']:.1%} of "
        f"{record['n_validation']:,} texts set aside are right (the largest class alone: {record['majority']:.1%})."
        f"{unused}"
    ]


def _findings(findings: Sequence[Finding]) -> list[str]:
    lines = ["| where | finding | theirs | ours | verdict |", "|---|---|---|---|---|"]
    for each in findings:
        verdict = _MARKS[each.verdict] + (f": {cell(each.because)}" if each.because else "")
        lines.append(
            f"| {cell(each.source)} | {cell(each.claim)} | {cell(each.theirs)} | {cell(each.ours)} | {verdict} |"
        )
    return lines


def _signatures(rows: Sequence[SignatureRow]) -> list[str]:
    lines = [
        "| kind | neuron | words | word patterns | tag patterns | noun, verb, adj. | length | typical sentence |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in rows:
        shares = "" if each.shares is None else ", ".join(f"{share:.0%}" for share in each.shares)
        texts = [
            each.kind,
            each.address.removeprefix("hidden."),
            ", ".join(each.words),
            "; ".join(each.word_patterns),
            "; ".join(each.tag_patterns),
            shares,
            f"{each.length:.1f}",
            each.typical,
        ]
        lines.append("| " + " | ".join(cell(text) for text in texts) + " |")
    return lines


def _compared(folder: PaperFolder) -> list[str]:
    """Tell what became of each layer's neurons."""
    places = [folder.compared / name for name in ("random", "sentiment")]
    made = [open_comparison(place) for place in places if (place / "manifest.json").is_file()]
    pairs = [comparison_summary(each)["pairs"][0] for each in made]
    if not pairs:
        return []
    lines = [
        "## What became of the pre-trained neurons",
        "",
        "Share of a layer's neurons that correlate by 0.5 or more (absolute) with the same address there.",
        "",
        "| layer | " + " | ".join(f"kept, {pair['other']}" for pair in pairs) + " |",
        "|" + "---|" * (len(pairs) + 1),
    ]
    for rows in zip(*(pair["layers"] for pair in pairs), strict=True):
        lines.append(f"| {rows[0]['layer']} | " + " | ".join(f"{row['kept']:.0%}" for row in rows) + " |")
    return ["\n".join(lines)]


def _rules(findings: Sequence[Finding]) -> list[str]:
    lines = ["| where | finding | reproduced if |", "|---|---|---|"]
    lines += [f"| {cell(each.source)} | {cell(each.claim)} | {cell(each.rule)} |" for each in findings]
    return lines
