"""How do the seconds of patterns grow with neurons, sentences and support? A table and a picture."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from corpus_lists import make_lists

from neurolect.progress import NullProgress
from neurolect.signatures.annotation.annotate import Annotations
from neurolect.signatures.annotation.coding import CodedSentences, code_sentences
from neurolect.signatures.inputs import Inputs, Lists
from neurolect.signatures.options import DescribeOptions
from neurolect.signatures.patterns.tables import mine_patterns_of
from neurolect.signatures.trees.subtrees import mine_subtrees_of, read_forest

KINDS = ("words", "tags", "subtrees")
Row = tuple[str, float, dict[str, float]]


def measure_growth(
    coded: CodedSentences, inputs: Inputs, annotations: Annotations, *, options: DescribeOptions, out: Path
) -> None:
    """Change one size at a time; the others are those given."""
    rows: list[Row] = []
    n_neurons, n_sentences = len(inputs.lists.rows), coded.n_sentences

    def add(name: str, value: float, given: Callable[[], dict[str, float]]) -> None:
        rows.append((name, value, given()))
        print(name, value, {kind: round(seconds, 1) for kind, seconds in rows[-1][2].items()}, flush=True)

    for share in (8, 4, 2, 1):
        few = Lists(rows=inputs.lists.rows[: n_neurons // share], sides=inputs.lists.sides)
        part = inputs._replace(lists=few)
        add("neurons", len(few.rows), lambda part=part: seconds_of(coded, part, annotations, options=options))
    for share in (4, 2):
        first = n_sentences // share
        shorter = Annotations(*(None if each is None else each[:first] for each in annotations))
        size = inputs.lists.rows.shape[1]
        recoded = code_sentences(shorter)
        lists = make_lists(recoded, n_neurons=n_neurons, size=size)
        part = inputs._replace(
            lists=lists, in_sample=inputs.in_sample[:first], sentences=inputs.sentences.slice(0, first)
        )
        add("sentences", first, lambda *_, a=recoded, b=part, c=shorter: seconds_of(a, b, c, options=options))
    add("sentences", n_sentences, lambda: rows[3][2])
    for share in (0.02, 0.01, 0.005, 0.002):
        asked = dataclasses.replace(options, pattern_share=share)
        again = rows[3][2] if share == options.pattern_share else None
        add("support", share, lambda a=asked, b=again: b or seconds_of(coded, inputs, annotations, options=a))
    write_growth(rows, out=out, title=f"{n_neurons:,} neurons x {inputs.lists.rows.shape[1]:,} sentences")


def seconds_of(
    coded: CodedSentences, inputs: Inputs, annotations: Annotations, *, options: DescribeOptions
) -> dict[str, float]:
    """Processor seconds of each kind of pattern, index included."""
    found = {}
    for item in ("word", "tag"):
        start = time.process_time()
        mine_patterns_of(
            coded,
            inputs.lists,
            item="word" if item == "word" else "tag",
            in_sample=inputs.in_sample,
            options=options,
            workers=1,
            progress=NullProgress(),
        )
        found[f"{item}s"] = time.process_time() - start
    if options.trees != "none":
        start = time.process_time()
        sentences: pa.Table = inputs.sentences
        mine_subtrees_of(
            read_forest(annotations, coded, sentences=sentences, options=options),
            inputs.lists,
            in_sample=inputs.in_sample,
            lengths=coded.n_words,
            options=options,
            workers=1,
            progress=NullProgress(),
        )
        found["subtrees"] = time.process_time() - start
    return found


def write_growth(rows: Sequence[Row], *, out: Path, title: str) -> None:
    """Write the table and draw it."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    kinds = [kind for kind in KINDS if kind in rows[0][2]]
    lines = [f"| {' | '.join(['', '', *kinds])} |", "|" + "---|" * (2 + len(kinds))]
    lines += [f"| {name} | {value:,g} | {' | '.join(f'{s[k]:.1f}' for k in kinds)} |" for name, value, s in rows]
    out.with_suffix(".md").write_text(
        f"# Growth of pattern mining\n\nProcessor seconds; {title} unless the row says otherwise.\n\n"
        + "\n".join(lines) + "\n", encoding="utf-8",
    )  # fmt: skip
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
    for panel, name in zip(panels, ("neurons", "sentences", "support"), strict=True):
        here = [(value, seconds) for each, value, seconds in rows if each == name]
        values = np.array([value for value, _ in here])
        for kind, colour in zip(kinds, ("#d1600a", "#1d6fb8", "#3b8a3e"), strict=False):
            seconds = [found[kind] for _, found in here]
            panel.plot(values, seconds, marker="o", label=kind, color=colour)
        panel.set(xscale="log", yscale="log", xlabel=name)
        ticks = [f"{value:.1%}" if name == "support" else f"{value:,.0f}" for value in values]
        panel.set_xticks(values, ticks)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("processor seconds, all lists")
    panels[0].legend(frameon=False)
    figure.suptitle(f"Patterns of {title}, one size changed at a time", fontsize=10)
    for ending in (".png", ".svg"):
        figure.savefig(out.with_suffix(ending), dpi=130)
