"""What neurons are aligned with, as lines for the terminal: by layer, and the most selective ones."""

from typing import Any

import numpy as np

from neurolect.results.table import list_names
from neurolect.store import Run
from neurolect.visible import one_line

_N_LISTED = 12
_OF = ("", "_listed", "_random")
"""The aligned phrases, random ones of the same sentences, random ones of the corpus."""


def align_of_run(run: Run) -> dict[str, Any]:
    """Summarise the alignment of a run.

    Returns: ``n_lists``, ``phrases_from``, ``n_phrases``, ``n_tokens``, ``described``, ``all`` and ``layers``
        (site, layer: see :func:`_summary`) and ``most``: the most selective lists with ``address``, ``side``,
        ``name``, ``phrases`` and their numbers.
    """
    entry = run.manifest["stages"]["align"]
    table = run.table("align/neurons")
    rows = table.to_pylist()
    named = run.has("signatures/summary")
    names = list_names(run, table).to_pylist() if named else [None] * len(rows)
    phrases: dict[tuple[int, str], list[dict[str, Any]]] = {}
    for each in run.table("align/phrases").to_pylist():
        phrases.setdefault((each["neuron_id"], each["side"]), []).append(each)
    for row, name in zip(rows, names, strict=True):
        row |= {"address": run.index.address(row["neuron_id"]), "name": name}
        row["phrases"] = [each["phrase"] for each in phrases.get((row["neuron_id"], row["side"]), [])]
    layers = []
    for place in dict.fromkeys(row["address"].rpartition(".")[0] for row in rows):
        site, _, layer = place.partition(".")
        own = [row for row in rows if row["address"].rpartition(".")[0] == place]
        layers.append({"site": site, "layer": int(layer), **_summary(own)})
    most = sorted((row for row in rows if row["selectivity"] is not None), key=lambda row: -row["selectivity"])
    return {
        "n_lists": len(rows),
        **{name: entry[name] for name in ("phrases_from", "n_phrases", "n_tokens")},
        "described": any(row["words_agree"] is not None for row in rows),
        "all": _summary(rows),
        "layers": layers,
        "most": most[:_N_LISTED],
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summarise some lists: ``n``, and by number of the aligned phrases and of both baselines.

    Selectivities are medians over the lists that have all three, their number is ``n_selectivity``; agreement is a
    mean over lists.
    """
    found: dict[str, Any] = {"n": len(rows)}
    for name in ("excess", "selectivity", "replicated", "words_agree", "phrases_agree"):
        columns = [f"{name}{of}" for of in _OF]
        whole = [row for row in rows if all(row[each] is not None for each in columns)]
        average = np.mean if name.endswith("agree") else np.median
        found |= {each: float(average([row[each] for row in whole])) if whole else None for each in columns}
        found[f"n_{name}"] = len(whole)
    return found


def align_text(made: dict[str, Any], *, width: int = 100) -> str:
    """Lay :func:`align_of_run` out as lines that end in a newline."""
    origin = {
        "n-grams": "n-grams (there are no trees: --set describe.trees=dependencies gives constituents)",
        "dependencies": "constituents of the parses",
        "brackets": "constituents of the trees in brackets",
    }
    lines = [
        f"{made['n_lists']:,} lists are aligned with phrases: {origin[made['phrases_from']]},",
        f"each repeated to {made['n_tokens']:.0f} model tokens, the mean of the corpus.",
        "",
        f"{'':19}{'excess':>16}{'selectivity':>24}{'repeated':>16}{'evidence':>16}",
        f"{'layer':<12}{'lists':>7}{'aligned':>8}{'random':>8}{'aligned':>8}{'listed':>8}{'random':>8}"
        + f"{'aligned':>8}{'random':>8}{'aligned':>8}{'listed':>8}",
    ]
    lines += [f"{row['site']} {row['layer']}".ljust(12) + _numbers(row) for row in made["layers"]]
    lines += ["all".ljust(12) + _numbers(made["all"]), "", *_notes(made)]
    if made["most"]:
        lines += ["", "Most selective", *(_line(row)[: max(width, 60)] for row in made["most"])]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _numbers(row: dict[str, Any]) -> str:
    columns = [(name, 1) for name in ("excess", "excess_random")]
    columns += [(f"selectivity{of}", 2) for of in _OF] + [("replicated", 2), ("replicated_random", 2)]
    numbers = [_plain(row[name], digits) for name, digits in columns]
    numbers += [_share(row[name]) for name in ("words_agree", "words_agree_listed")]
    return f"{row['n']:>7,}" + "".join(f"{each:>8}" for each in numbers)


def _notes(made: dict[str, Any]) -> list[str]:
    """Say what the columns are."""
    of = made["all"]
    lines = [
        "excess: repeated phrases over random ones as long, in standard deviations; random: the best of as many.",
        "selectivity: mean over sentences with a phrase less that over others, by the range; of the "
        f"{of['n_selectivity']:,}",
        "lists whose phrases enough sentences hold. listed, random: random phrases of the same sentences, of the",
        "corpus. repeated: the same with the repeated phrases in place of sentences.",
    ]
    if not made["described"]:
        return [*lines, "The run is not described: there are no signatures to compare with."]
    words, phrases = ([_share(of[f"{name}_agree{each}"]) for each in _OF] for name in ("words", "phrases"))
    return [
        *lines,
        f"evidence: a phrase has a leading word of the signature (random phrases of the corpus: {words[2]});",
        f"a leading phrase of it: {phrases[0]} (listed {phrases[1]}, random {phrases[2]}).",
    ]


def _line(row: dict[str, Any]) -> str:
    numbers = f"{row['selectivity']:.2f} (random {_plain(row['selectivity_random'])})"
    phrases = ", ".join(f'"{one_line(each)}"' for each in row["phrases"])
    side = "" if row["side"] == "top" else " bottom"
    name = f"  [{one_line(row['name'])}]" if row["name"] else ""
    return f"  {row['address'] + side:<14} {numbers}  {phrases}{name}"


def _plain(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
