"""Which stages a run has, what each rests on and writes, and the command that makes it."""

import shlex
from functools import cache
from pathlib import Path
from typing import NamedTuple


class StageKind(NamedTuple):
    """What a stage is, whoever makes it."""

    rests_on: tuple[str, ...]
    """Stages whose results it reads, and cannot do without."""
    writes: tuple[str, ...]
    """Beginnings of the paths in the run folder that are its own; the longest that fits wins."""
    missing: str
    """What an error says of a run without it."""
    command: str
    """What makes it, RUN standing for the folder."""
    options: str | None = None
    """The table of options that it is made with."""
    uses: tuple[str, ...] = ()
    """Stages whose results it reads where they are there."""


STAGES: dict[str, StageKind] = {
    "collect": StageKind((), ("",), "is unfinished", "neurolect collect MODEL CORPUS --out RUN"),
    "describe": StageKind(
        ("collect",),
        ("annotations", "token_spans", "signatures/", "index/"),
        "has not been described",
        "neurolect describe RUN",
        "describe",
    ),
    "fidelity": StageKind(
        ("describe",),
        ("fidelity/", "held_out/annotations"),
        "has no scores of fidelity",
        "neurolect fidelity RUN",
        "fidelity",
    ),
    "control": StageKind(
        ("fidelity",),
        ("fidelity/control", "fidelity/twins"),
        "has no scores of random weights",
        "neurolect fidelity RUN --control RANDOM_RUN",
    ),
    "against": StageKind(
        ("fidelity",),
        ("against/",),
        "has no scores on a second corpus",
        "neurolect fidelity RUN --against CORPUS",
    ),
    "cause": StageKind(
        ("fidelity",),
        ("cause/",),
        "has no causal check of its signatures",
        "neurolect edit cause RUN",
        "cause",
    ),
    "align": StageKind(
        ("collect",),
        ("align/",),
        "has not been aligned with phrases",
        "neurolect edit align RUN",
        "align",
        uses=("describe",),
    ),
    "bridge": StageKind(
        ("describe",),
        ("concepts/",),
        "has no comparison with rankings for concepts",
        "neurolect probing bridge RUN RANKING",
    ),
    "writes": StageKind(
        ("collect",),
        ("writes/",),
        "does not know what its neurons write",
        "neurolect writes RUN",
    ),
    "tokens": StageKind(
        ("collect",),
        ("tokens/", "signatures/token_"),
        "has no activations at single tokens",
        "neurolect tokens RUN",
        uses=("describe",),
    ),
    "name": StageKind(
        ("describe",),
        ("names/",),
        "has no names by a language model",
        "neurolect name RUN --endpoint URL --model NAME --yes",
        "name",
    ),
    "relate": StageKind(("describe",), ("relations/",), "has not been related", "neurolect relate RUN", "relate"),
}
"""Every stage of a run, each after those it rests on."""


@cache
def stage_of(name: str) -> str:
    """Say which stage writes a table or an array of the run folder.

    >>> stage_of("signatures/words"), stage_of("signatures/token_words"), stage_of("lists/top")
    ('describe', 'tokens', 'collect')
    """
    fits = [
        (len(start), stage) for stage, kind in STAGES.items() for start in kind.writes if name.startswith(start)
    ]
    return max(fits)[1]


def described_with_tagger(folder: Path) -> str:
    """Say what to do where tags are missing; the run's own options may say that there be none."""
    return f"Describe it again with a tagger: {command_of('describe', folder)} --set describe.tagger=auto"


def command_of(stage: str, folder: Path) -> str:
    """Give the command that makes a stage, as a shell reads it."""
    return STAGES[stage].command.replace("RUN", shlex.quote(str(folder)), 1)
