"""Sheets to grade names by: each name with the 10 strongest sentences of its list and 10 random ones.

    python benchmarks/name_sheets.py RUN --out SHEETS [--before OTHER_RUN] [--n 100] [--seed 0]

Lists are drawn with a seed, equally over layers and sides. With ``--before``, a run of the same lists named another
way, every list has two sheets, and all sheets are shuffled: graders do not see which name is which.
``SHEETS/sheets.md`` is for graders, ``SHEETS/key.csv`` says which sheet is of which list and run.

Rubric. Right: the first part of the name fits at least 7 of the 10 strongest sentences and fewer than 3 of the 10
random ones. Wrong: it fits at most 3, or misses a plain property that unites 8, or says "no clear theme" where
there is one. Vague: the rest.
"""

import argparse
import csv
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurolect.store import Run, open_run

N_SHOWN = 10


class Sheet(NamedTuple):
    """One name to grade."""

    address: str
    side: str
    which: str
    name: str
    strongest: list[str]
    random: list[str]


def choose_lists(run: Run, *, n: int, seed: int) -> list[tuple[int, str]]:
    """Draw lists equally over layers and sides."""
    random = np.random.default_rng(seed)
    groups: list[list[tuple[int, str]]] = []
    first = 0
    for site in run.manifest["model"]["sites"]:
        ids = np.arange(first, first + site["width"])
        groups += [[(int(each), side) for each in random.permutation(ids)] for side in run.sides]
        first += site["width"]
    return [groups[place % len(groups)][place // len(groups)] for place in range(n)]


def sheet_of(run: Run, neuron_id: int, side: str, *, which: str, texts: list[str], seed: int) -> Sheet:
    """Gather one name, its strongest sentences and random ones, which are the same for every run."""
    neuron = run.neuron(run.index.address(neuron_id))
    name = neuron.rows("signatures/summary", side=side).column("name")[0].as_py()
    strongest = neuron.list(side, limit=N_SHOWN).column("text").to_pylist()
    chosen = np.random.default_rng((seed, neuron_id)).choice(len(texts), N_SHOWN, replace=False)
    return Sheet(neuron.address, side, which, name, strongest, [texts[each] for each in chosen])


def write_sheets(sheets: list[Sheet], folder: Path, *, seed: int) -> None:
    """Write the shuffled sheets, and the key to them."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(seed).permutation(len(sheets)).tolist()
    rows: list[dict[str, Any]] = []
    with (folder / "sheets.md").open("w", encoding="utf-8") as out:
        for number, place in enumerate(order, start=1):
            each = sheets[place]
            out.write(f"## Sheet {number}\n\nName: {each.name}\n\nStrongest:\n")
            out.writelines(f"{row}. {text}\n" for row, text in enumerate(each.strongest, start=1))
            out.write("\nRandom:\n")
            out.writelines(f"{row}. {text}\n" for row, text in enumerate(each.random, start=1))
            out.write("\n")
            rows.append(
                {"sheet": number, **{key: getattr(each, key) for key in ("address", "side", "which", "name")}}
            )
    with (folder / "key.csv").open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Write the sheets of one run, or of two of the same lists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--before", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    runs = {"after": open_run(given.run)} | ({"before": open_run(given.before)} if given.before else {})
    sample = runs["after"].table("sample/sentences").column("sentence_id").to_numpy()
    texts = runs["after"].take_sentences(np.sort(sample)).column("text").to_pylist()
    sheets = [
        sheet_of(run, neuron_id, side, which=which, texts=texts, seed=given.seed)
        for neuron_id, side in choose_lists(runs["after"], n=given.n, seed=given.seed)
        for which, run in runs.items()
    ]
    write_sheets(sheets, given.out, seed=given.seed)


if __name__ == "__main__":
    main()
