"""A run as a Hugging Face dataset folder: Parquet tables and a card that describes them; nothing is uploaded."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.tables import TableOf, tables_of, write_tables
from neurolect.folders.atomic import write_text
from neurolect.folders.formats import neurolect_version
from neurolect.progress import Progress
from neurolect.views.cards.contents import short_name
from neurolect.views.cards.facts import run_facts
from neurolect.visible import one_line

COLUMNS = {
    "neurons": (
        "`neuron_id`, `address` (site.layer.index), `side` (`top`: highest activations, `bottom`: lowest), `name` "
        "and `kind` (what its evidence is), then a column a number, as `neurolect rank --list` names them."
    ),
    "lists": "`neuron_id`, `address`, `side`, `rank` (from 0), `sentence_id`, `activation`.",
    "sentences": "`sentence_id`, `document_id`, `position`, `n_words`, `text`, and the corpus's metadata.",
    "evidence": (
        "`neuron_id`, `address`, `side`, `kind`, `label`, sentences of the list and of the background that have "
        "it, their shares, `lift`, `log_odds_z`, and `q` (false-discovery rate of patterns and values)."
    ),
    "maps": "`method`, `of`, `neuron_id`, `address`, `x`, `y`.",
}


def write_dataset(of: OpenedRun, folder: Path, *, progress: Progress) -> int:
    """Write tables and card; returns the bytes written."""
    written = write_tables(of, folder / "data", progress=progress)
    n_rows = {path.stem: pq.read_metadata(path).num_rows for path in (folder / "data").iterdir()}
    card = dataset_card(of, n_rows)
    write_text(folder / "README.md", card)
    return written + len(card.encode())


def dataset_card(of: OpenedRun, n_rows: dict[str, int]) -> str:
    """Write the card: a YAML head that the hub reads, then the tables, how long they are and how they were made."""
    run = of.run()
    tables, model = tables_of(run), short_name(run.manifest["model"]["name"])
    facts = "\n".join(f"- {label}: {_inline(value)}" for label, value in run_facts(run))
    rows = "\n".join(
        f"| `{each.name}` | {n_rows[each.name]:,} | {each.what}. {COLUMNS[each.name]} |" for each in tables
    )
    return f"""---
pretty_name: {_quoted(f"What the neurons of {model} read")}
license: other
tags:
- neurolect
- interpretability
- neurons
configs:
{_configs(tables)}
---

# What {run.n_neurons:,} neurons of {_inline(model)} read

For every neuron the sentences of a corpus that activate it most and least, and what these have more of than the
corpus. Made by neurolect {neurolect_version()} (`neurolect export RUN --to dataset`).

{facts}

| table | rows | what |
|---|---|---|
{rows}

    from datasets import load_dataset
    neurons = load_dataset("FOLDER", "neurons", split="train")

## Before you publish it

`sentences` holds texts of the corpus: whether they may be passed on is for their licence to say; set `license`
above to it. A name says what a list has more of; it is no claim about what the neuron does. Numbers are
compared with what random weights give where the run has that (`trained-minus-random`).
"""


def _configs(tables: list[TableOf]) -> str:
    lines = []
    for each in tables:
        lines += [f"- config_name: {each.name}", f"  data_files: data/{each.name}.parquet"]
        lines += ["  default: true"] if each.name == "neurons" else []
    return "\n".join(lines)


def _inline(text: str) -> str:
    """Write a foreign text within a line of Markdown: as text, whatever it holds."""
    shown = one_line(text)
    for character in "\\`*_{}[]<>#|&~$":
        shown = shown.replace(character, f"\\{character}" if character not in "<>&" else f"&#{ord(character)};")
    return shown


def _quoted(text: str) -> str:
    """Write a text as YAML."""
    return json.dumps(one_line(text))
