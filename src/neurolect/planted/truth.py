"""What is true of a planted model's neurons: ``planted.json`` in its folder."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from neurolect.errors import ModelError
from neurolect.folders.atomic import write_json

TRUTH = "planted.json"
_FORMAT, _VERSION = "neurolect-planted", 1


class PlantedNeuron(NamedTuple):
    """One planted neuron."""

    address: str
    """As ``mlp.3.79`` or ``hidden.2.17``."""

    role: str
    """Why it is there: docs/planted.md has a table of roles."""

    concept: str | None
    """What it fires for, alone or with others of its role; None where there is nothing to say."""

    used: bool
    """Whether the head's scores rest on it."""

    sign: int
    """+1 where it is high for the concept, -1 where it is low."""

    loss_change: float | None
    """Nats a token by which the next token's loss rises where it fires, when it is set to 0; of mlp neurons."""


class Truth(NamedTuple):
    """What is true of a planted model; neurons that are not named are ordinary ones, of random weights."""

    folder: Path
    """Of the model."""

    seed: int
    """Of the model."""

    noise: float
    """Standard deviation over words of what is added to planted inputs."""

    concepts: dict[str, str]
    """In plain words."""

    neurons: tuple[PlantedNeuron, ...]
    """By site, layer and index."""


def read_truth(folder: str | Path) -> Truth:
    """Read what is true of a planted model.

    Parameters
    ----------
    folder : str or Path
        The folder that :func:`planted_model` made.

    Returns
    -------
    Truth
        The planted neurons with their roles and concepts.

    Raises
    ------
    ModelError
        If the folder holds no planted model, or one of a newer version.
    """
    path = Path(folder) / TRUTH
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if read["format"] == _FORMAT and read["schema_version"] == _VERSION:
            neurons = tuple(PlantedNeuron(**each) for each in read["neurons"])
            return Truth(Path(folder), int(read["seed"]), float(read["noise"]), dict(read["concepts"]), neurons)
        what = f"{path} is {read['format']} in version {read['schema_version']}."
    except FileNotFoundError:
        what = f"The folder {str(folder)!r} has no {TRUTH}."
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"{path} cannot be read: {error}."
    raise ModelError(what, expected=f"{_FORMAT} in version {_VERSION}", hint="make it again with planted_model")


def write_truth(folder: Path, truth: Truth) -> None:
    """Write it into a model's folder."""
    rows: list[dict[str, Any]] = [each._asdict() for each in truth.neurons]
    head = {"format": _FORMAT, "schema_version": _VERSION, "seed": truth.seed, "noise": truth.noise}
    write_json(folder / TRUTH, {**head, "concepts": truth.concepts, "neurons": rows})


def refuse_taken(out: Path) -> None:
    """Refuse a place where something is."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        what = f"{out} is there already; nothing is overwritten."
        raise ModelError(what, expected="a folder that does not exist yet", hint="give another --out")
