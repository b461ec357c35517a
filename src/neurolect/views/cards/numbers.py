"""How true a signature is, as a card says it."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.signatures.evidence.kind import EvidenceKind
from neurolect.signatures.evidence.registry import kinds, title_of
from neurolect.statistics.scores import MIN_Z
from neurolect.store import Neuron, Run
from neurolect.views.texts.bars import number, percent

NOT_APART = 0.55
"""Against hard negatives (0.5 is chance): below this a signature fits the most similar neuron as well."""
OF_NAME = ("auroc", "auroc_other", "covered", "share")
N_KINDS = 4
"""Kinds of evidence that have room on a line."""
_REFUSED = {
    "few positives": "too few held-out sentences move it",
    "constant": "its activation does not tell held-out sentences apart",
    "of lowest values": "lowest values of held-out sentences were not kept",
}


def card_fidelity(neuron: Neuron, side: str) -> dict[str, Any] | None:
    """Give the scores of one side's signature.

    Returns: ``refused`` (None, or why there is no score), ``auroc``, ``low``, ``high``, ``average_precision``,
        ``base_rate``, ``spearman``, ``n_positives``, ``n_documents``, ``n_sentences``, ``evidence`` (a list of
        ``evidence``, ``name``, ``auroc``, best first), ``other`` (AUROC of another neuron's signature), ``hard``
        (against hard negatives), ``random`` and ``twin`` (AUROC of the same neuron with random weights, and the
        correlation with it; None without such a run) and ``of_name``: ``auroc`` of the name's conditions alone, the
        same of another name (``auroc_other``), and the share of its and of all held-out sentences that hold its
        first part (``covered``, ``share``); None without conditions. None where the run has not been scored.
    """
    if not neuron.run.has("fidelity/neurons"):
        return None
    own = neuron.rows("fidelity/neurons", side=side).to_pylist()
    if not own:
        return None
    about = own[0]
    counts = {
        "n_positives": about["n_positives"],
        "n_documents": about["n_positive_documents"],
        "n_sentences": about["n_sentences"],
    }
    if about["refused"] is not None:
        return {"refused": _REFUSED.get(about["refused"], about["refused"]), **counts}
    scores = neuron.rows("fidelity/scores", side=side)
    together = _of(scores, "all")
    alone = [row for row in scores.to_pylist() if row["evidence"] != "all"]
    alone.sort(key=lambda row: -row["auroc"])
    random = twin = None
    if neuron.run.has("fidelity/control"):
        random = _of(neuron.rows("fidelity/control", side=side), "all").get("auroc")
    if neuron.run.has("fidelity/twins"):
        twin = neuron.rows("fidelity/twins").column("correlation")[0].as_py()
    return {
        "refused": None,
        "auroc": _plain(together["auroc"]),
        "low": _plain(together["auroc_low"]),
        "high": _plain(together["auroc_high"]),
        "average_precision": _plain(together["average_precision"]),
        "base_rate": _plain(about["base_rate"]),
        "spearman": _plain(together["spearman"]),
        **counts,
        "evidence": [
            {
                "evidence": row["evidence"],
                "name": title_of(row["evidence"]),
                "auroc": _plain(row["auroc"]),
            }
            for row in alone
        ],
        "other": _plain(about["auroc_other"]),
        "hard": _plain(about["auroc_hard"]),
        "random": _plain(random),
        "twin": _plain(twin),
        "of_name": {
            name: _plain(about.get(f"name_{name}")) for name in ("auroc", "auroc_other", "covered", "share")
        },
    }


def _of(table: pa.Table, evidence: str) -> dict[str, Any]:
    rows = table.filter(pc.equal(table.column("evidence"), evidence)).to_pylist()
    return dict(rows[0]) if rows else {}


def _plain(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def fidelity_lines(found: dict[str, Any]) -> list[str]:
    """Say it in two lines, or three.

    Returns: What the signature explains on held-out sentences, what the name does, and what that compares with.
    """
    if found["refused"] is not None:
        return [f"fidelity not scored: {found['refused']}"]
    explained = ", ".join(f"by {row['name']} {row['auroc']:.2f}" for row in found["evidence"][:N_KINDS])
    first = f"fidelity {found['auroc']:.2f} ({found['low']:.2f}\u2013{found['high']:.2f}): explained {explained}"
    parts = [
        f"distinguishes its {found['n_positives']:,} from all {found['n_sentences']:,} held-out sentences",
        f"precision {percent(found['average_precision'])} (chance {percent(found['base_rate'])})",
    ]
    if found["other"] is not None:
        parts.append(f"another's signature {found['other']:.2f}")
    if found["hard"] is not None:
        apart = ": cannot tell the two apart" if found["hard"] < NOT_APART else ""
        parts.append(f"against its most similar neuron's sentences {found['hard']:.2f}{apart}")
    if found["random"] is not None:
        twin = "" if found["twin"] is None else f" (correlation {found['twin']:.2f})"
        parts.append(f"random weights {found['random']:.2f}{twin}")
    return [first, *name_fidelity(found["of_name"]), "  \u00b7  ".join(parts)]


def name_fidelity(of_name: dict[str, float | None]) -> list[str]:
    """Say how far the name alone goes; nothing without conditions."""
    auroc, other = of_name["auroc"], of_name["auroc_other"]
    if auroc is None:
        return []
    compared = "" if other is None else f" (another's name {other:.2f})"
    return [
        f"name alone {auroc:.2f}{compared}: holds for {percent(of_name['covered'])} of its held-out sentences, "
        f"{percent(of_name['share'])} of all"
    ]


def sentences_read(run: Run) -> int:
    """Count the sentences that lists were chosen from: the mining part, or less where a limit ended the reading."""
    read = run.manifest["stages"].get("collect", {}).get("n_sentences")
    n_mining = int(run.manifest["corpus"]["n_mining"])
    return n_mining if read is None else min(int(read), n_mining)


def card_names(neuron: Neuron, side: str) -> list[dict[str, Any]]:
    """Give what language models named one side, by model.

    Returns: ``model``, ``judge``, ``name`` (None where it failed), ``failed`` (why), ``asked`` (when), ``score``
        with ``low`` and ``high``, ``automatic`` and ``other`` (the same judge on the automatic name, and on that of
        another neuron; by chance 0.5; None where not judged); nothing where none was asked.
    """
    if not neuron.run.has("names/neurons"):
        return []
    numbers = {"score": "score", "low": "score_low", "high": "score_high"}
    numbers |= {"automatic": "automatic_score", "other": "other_score"}
    rows = sorted(neuron.rows("names/neurons", side=side).to_pylist(), key=lambda row: str(row["model"]))
    return [
        {key: row[key] for key in ("model", "judge", "name", "failed", "asked")}
        | {key: _plain(row[column]) for key, column in numbers.items()}
        for row in rows
    ]


def names_line(found: dict[str, Any]) -> str:
    r"""Say in a line what a language model named a list, and how that was judged.

    >>> names_line({"model": "m", "judge": "j", "name": None, "failed": "timeout", "score": None})
    'm gave no name: timeout'
    """
    if found["name"] is None:
        return f"{found['model']} gave no name: {found['failed']}"
    line = f"named by {found['model']}: {found['name']}  \u00b7  "
    if found["score"] is None:
        return line + "not judged"
    judge = "" if found["judge"] == found["model"] else f" by {found['judge']}"
    line += f"judged{judge} {found['score']:.2f} ({found['low']:.2f}\u2013{found['high']:.2f})"
    for key, title in (("automatic", "automatic name"), ("other", "another's name")):
        line += "" if found[key] is None else f", {title} {found[key]:.2f}"
    return line + ", chance 0.50"


def card_cause(neuron: Neuron, side: str) -> dict[str, Any] | None:
    """Give what the causal check found of one side's signature.

    Returns: ``refused`` (None, or why it was not checked), ``verdict``, ``effect``, ``effect_random``,
        ``effect_controls``, ``q``, ``q_controls``, ``loss`` and ``loss_random`` (None without a head), ``outcome``.
        None where that side of the neuron was not checked.
    """
    if not neuron.run.has("cause/effects"):
        return None
    rows = neuron.rows("cause/effects", side=side).to_pylist()
    if not rows:
        return None
    row = rows[0]
    words = {name: row[name] for name in ("refused", "verdict")}
    wanted = ("effect", "effect_random", "effect_controls", "q", "q_controls", "loss", "loss_random")
    numbers = {name: None if row[name] is None else float(f"{row[name]:.3g}") for name in wanted}
    return words | {"outcome": neuron.run.manifest["stages"]["cause"]["outcome"]} | numbers


def cause_line(found: dict[str, Any]) -> str:
    """Say in a line what setting the neuron does."""
    if found["refused"] is not None:
        return f"causal check: not made ({found['refused']})"
    unit = {"embedding": "the embedding (cosine distance)", "class": "the classes (KL)"}
    what = unit.get(found["outcome"], "what is predicted at its peak (KL)")
    verdict = {"where it matches": "acts where it matches", "anywhere": "acts on controls too"}
    otherwise = "does little" if found["effect"] > found["effect_random"] else "does no more than random neurons"
    line = f"causal check: {verdict.get(found['verdict'], otherwise)}  \u00b7  setting it changes {what} by "
    line += (
        f"{found['effect']:g}, random neurons {found['effect_random']:g}, on controls {found['effect_controls']:g}"
    )
    if found["loss"] is not None:
        line += f"  \u00b7  loss there {found['loss']:+.2g} (random {found['loss_random']:+.2g})"
    return line


def card_align(neuron: Neuron, side: str) -> dict[str, Any] | None:
    """Give the phrases that one side of a neuron is aligned with.

    Returns: ``phrases`` (``phrase``, ``excess`` over random phrases as long, in standard deviations), the greatest
        excess first, ``excess_random`` (of the best of as many random phrases), ``selectivity`` and
        ``selectivity_random`` (None where too few sentences hold them). None where that side was not aligned.
    """
    if not neuron.run.has("align/neurons"):
        return None
    rows = neuron.rows("align/neurons", side=side).to_pylist()
    if not rows:
        return None
    phrases = neuron.rows("align/phrases", side=side).to_pylist()
    wanted = ("excess_random", "selectivity", "selectivity_random")
    numbers = {name: None if rows[0][name] is None else float(f"{rows[0][name]:.3g}") for name in wanted}
    shown = [{"phrase": row["phrase"], "excess": float(f"{row['excess']:.3g}")} for row in phrases]
    return {"phrases": shown} | numbers


def align_line(found: dict[str, Any]) -> str:
    """Say in a line what a neuron is aligned with.

    >>> align_line({"phrases": [{"phrase": "south asia", "excess": 5.21}], "excess_random": 1.9,
    ...     "selectivity": None, "selectivity_random": None})
    'aligned with "south asia" 5.2  \u00b7  repeated, z over random phrases (the best of as many random ones 1.9)'
    """
    if not found["phrases"]:
        return "aligned with nothing: no phrase of its sentences is text to the model"
    phrases = ", ".join(f'"{row["phrase"]}" {row["excess"]:.1f}' for row in found["phrases"])
    random = (
        "" if found["excess_random"] is None else f" (the best of as many random ones {found['excess_random']:.1f})"
    )
    line = f"aligned with {phrases}  \u00b7  repeated, z over random phrases{random}"
    if found["selectivity"] is not None:
        other = "" if found["selectivity_random"] is None else f" (random {found['selectivity_random']:.2f})"
        line += f"  \u00b7  selectivity {found['selectivity']:.2f}{other}"
    return line


def card_writes(neuron: Neuron) -> dict[str, Any] | None:
    """Give the tokens that the neuron promotes and suppresses, clearer than chance.

    Returns: ``promotes``, ``suppresses`` (tokens, the strongest first), ``score`` (above 1 where one is clear), and
        of mlp neurons ``cosine`` and ``cosine_gate`` (of what it reads, its gate reads, and what it writes); None
        where ``neurolect writes`` has not run.
    """
    if not neuron.run.has("writes/neurons"):
        return None
    rows = neuron.rows("writes/neurons").to_pylist()
    if not rows:
        return None
    numbers = {name: rows[0].get(name) for name in ("score", "cosine", "cosine_gate")}
    return {name: rows[0][name] for name in ("promotes", "suppresses")} | {
        name: None if value is None else float(f"{value:.3g}") for name, value in numbers.items()
    }


def writes_line(found: dict[str, Any], *, reads: str | None = None) -> str:
    r"""Say in a line what a neuron reads and writes.

    >>> writes_line({"promotes": [" her", " she"], "suppresses": [], "score": 2.1}, reads='at "mother"')
    'reads: at "mother"  \u2192  writes: her, she'
    """
    shown = {name: ", ".join(filter(None, map(str.strip, found[name]))) for name in ("promotes", "suppresses")}
    parts = [text if name == "promotes" else f"not {text}" for name, text in shown.items() if text]
    line = f"reads: {reads}  \u2192  writes: " if reads else "writes \u2192 "
    line += "  \u00b7  ".join(parts) or "nothing clear"
    cosines = {"input": found.get("cosine"), "gate": found.get("cosine_gate")}
    said = [f"{name} {number(value)}" for name, value in cosines.items() if value is not None]
    return line + (f"  \u00b7  cosine with its {', '.join(said)}" if said else "")


def card_concepts(neuron: Neuron, side: str) -> list[dict[str, Any]]:
    """Give the concepts that rankings have the neuron among the first for, on the side that fires for them.

    Returns: ``method``, ``concept``, ``rank``, ``sign`` (None where the method has none) and ``named`` (whether
        this side's signature names the concept; None where it cannot), the best rank first.
    """
    if not neuron.run.has("concepts/ranks"):
        return []
    rows = neuron.rows("concepts/ranks", side=side).sort_by([("rank", "ascending"), ("method", "ascending")])
    return [{key: row[key] for key in ("method", "concept", "rank", "sign", "named")} for row in rows.to_pylist()]


def concepts_line(found: list[dict[str, Any]]) -> str:
    """Say in a line which concepts a neuron is among the first for.

    >>> concepts_line([{"method": "lca", "concept": "VBD", "rank": 3, "sign": 1, "named": False}])
    'lca: 3rd for VBD, fires for it (not named by its signature)'
    """
    parts = []
    for each in found[:4]:
        fires = {1: ", fires for it", -1: ", fires against it"}.get(each["sign"], "")
        named = {True: " (named by its signature)", False: " (not named by its signature)"}.get(each["named"], "")
        parts.append(f"{each['method']}: {_ordinal(each['rank'])} for {each['concept']}{fires}{named}")
    more = f"  \u00b7  and {len(found) - 4} more" if len(found) > 4 else ""
    return "  \u00b7  ".join(parts) + more


def _ordinal(number: int) -> str:
    ending = "th" if 10 <= number % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


# What of a list's evidence the neuron responds to, and what only occurs next to it, as a card says it.
N_STRONG, N_WEAK = 2, 4
"""Pieces of evidence of every kind, and of all kinds together."""
GAIN, LOSS = 1.1, 0.8


def card_activation(neuron: Neuron, side: str) -> dict[str, list[dict[str, Any]]] | None:
    """Weigh the evidence of one list by the neuron's activation at its words.

    Returns: ``answers_to`` (leading words, phrases, tags and tag patterns whose words have more of the activation
        than an average word of their sentences) and ``beside_it`` (evidence that falls most): rows with ``kind``,
        ``label``, ``gain``, ``n_sentences``, ``plain_z``, ``weighted_z``. None where ``tokens`` has not read the
        list.
    """
    rows = [row for kind in kinds() for row in _rows(neuron, side, kind)]
    if not rows:
        return None
    strong: list[dict[str, Any]] = []
    for kind in kinds():
        own = [
            row for row in rows if row["kind"] == kind.name and row["gain"] >= GAIN and row["weighted_z"] > MIN_Z
        ]
        strong += sorted(own, key=lambda row: -row["weighted_z"])[:N_STRONG]
    weak = [row for row in rows if row["gain"] <= LOSS and row["plain_z"] > MIN_Z]
    weak.sort(key=lambda row: row["weighted_z"] - row["plain_z"])
    return {"answers_to": strong, "beside_it": weak[:N_WEAK]}


def held_line(side: dict[str, Any]) -> str:
    """Say how many of a list's strongest sentences hold its name's first part; a list may be shorter than 100.

    Examples
    --------
    >>> held_line({"n_sentences": 52, "name_held": {"of_10": 9, "of_100": 41, "share": 0.79}})
    'held by 9 of the strongest 10, 41 of all 52'
    >>> held_line({"n_sentences": 500, "name_held": {"of_10": 9, "of_100": 80, "share": 0.5}})
    'held by 9 of the strongest 10, 80 of 100, 50% of all'
    """
    held, n = side["name_held"], side["n_sentences"]
    first = f"held by {held['of_10']} of the strongest {min(10, n)}"
    if n <= 10:
        return first
    if n <= 100:
        return f"{first}, {held['of_100']} of all {n}"
    of_all = "" if held["share"] is None else f", {percent(held['share'])} of all"
    return f"{first}, {held['of_100']} of 100{of_all}"


def activation_lines(found: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Say it in lines.

    Returns: list of (str, str). A title and what follows it; none for what is empty.

    Examples
    --------
    >>> [(title, labels[:14]) for title, labels in activation_lines(
    ...     {"answers_to": [{"label": "south asia", "gain": 2.12}], "beside_it": []}
    ... )]
    [('responds to', 'south asia 2.1')]
    """
    titles = {"answers_to": "responds to", "beside_it": "next to it"}
    return [
        (title, ", ".join(f"{row['label']} {row['gain']:.1f}\u00d7" for row in found[name]))
        for name, title in titles.items()
        if found[name]
    ]


def _rows(neuron: Neuron, side: str, kind: EvidenceKind) -> list[dict[str, Any]]:
    """Read one kind of evidence; none where the table is not there."""
    if kind.token_rows is None or not kind.token_rows.exist(neuron.run):
        return []
    table = kind.token_rows.read_of(neuron, side)
    numbers = ("gain", "n_sentences", "plain_z", "weighted_z")
    columns = (table.column(name).to_pylist() for name in numbers)
    return [
        {"kind": kind.name, "label": label}
        | {name: round(each, 4) for name, each in zip(numbers, row, strict=True)}
        for label, *row in zip(kind.token_rows.labels_of(table).to_pylist(), *columns, strict=True)
    ]
