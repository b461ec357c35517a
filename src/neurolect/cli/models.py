"""The verbs between models: variant, compare."""

import dataclasses
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import Config, Device, Format, Model, Output, Settings, read_config
from neurolect.cli.printing import as_json, echo_next, make_progress
from neurolect.visible import quoted

if TYPE_CHECKING:
    from neurolect.variants import FinetunedVariant, RandomVariant


class Kind(StrEnum):
    """What is done to the model."""

    random = "random"
    finetuned = "finetuned"


_TRAINS = "finetuned: "
_Data = Annotated[
    list[str] | None, typer.Option(help=_TRAINS + "a file, folder or glob of texts; may be repeated.")
]
_Text = Annotated[str | None, typer.Option(help=_TRAINS + "the column of the text; found when not given.")]
_Label = Annotated[str | None, typer.Option(help=_TRAINS + "the column of the class.", show_default="label")]


@app.command()
def variant(
    model: Model,
    kind: Annotated[Kind, typer.Argument(help="random weights but for the word embeddings, or finetuned.")],
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    data: _Data = None,
    text: _Text = None,
    label: _Label = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of all that is random.", show_default="0")] = None,
    new_embeddings: Annotated[
        bool, typer.Option("--new-embeddings", help="Random: reinitialise the word embeddings, too.")
    ] = False,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Make a control model: random weights, or fine-tuned.

    It is fine-tuned to classify texts. How it is trained: --set finetune.epochs=3 and so on.
    """
    from neurolect.variants import variant

    options = read_config(config, settings)
    columns: dict[str, Any] = {
        name: value for name, value in (("text", text), ("label", label)) if value is not None
    }
    made = variant(
        model,
        kind.value,
        out=out,
        data=data or (),
        seed=seed,
        keep_embeddings=not new_embeddings,
        options=dataclasses.replace(options.finetune, **columns),
        model_options=options.model,
        device=device,
        progress=make_progress(),
    )
    for line in _lines(made):
        echo(line)
    echo_next(f"neurolect collect {quoted(out)} CORPUS --out RUN")


def _lines(made: "RandomVariant | FinetunedVariant") -> Iterator[str]:
    """Say what was made."""
    from neurolect.variants import RandomVariant

    if isinstance(made, RandomVariant):
        yield f"Kept: {', '.join(made.kept) or 'nothing'} ({made.n_kept:,} numbers)."
        drawn = f"Reinitialised by {made.architecture}: {len(made.redrawn)} parameters"
        yield f"{drawn} ({made.n_redrawn:,} numbers), {len(made.constant)} of them constant (biases, norms)."
        yield f"Their names: {made.folder / 'variant.json'}"
        return
    for each in made.history:
        kept = "  <- kept" if each is made.best else ""
        losses = f"loss {each.train_loss:.4f} training, {each.validation_loss:.4f} validation"
        yield f"Epoch {each.number}: {losses}, accuracy {each.validation_accuracy:.2%}{kept}"
    right = f"{made.best.validation_accuracy:.2%} right of {made.n_validation:,} texts set aside"
    yield f"{made.folder}: {len(made.classes)} classes, {right} (the largest class alone: {made.majority:.2%})."


_Runs = Annotated[
    list[Path],
    typer.Argument(help="Run folders of several models, one corpus; or a comparison.", metavar="RUN..."),
]
_Out = Annotated[Path | None, typer.Option(help="A folder to make of tables, summary and a figure.")]
_Stream = Annotated[
    str | None, typer.Option(help="A corpus that all models read now, instead of the runs' stored samples.")
]
_Sets = Annotated[
    list[str] | None,
    typer.Option(help="NAME=SOURCE: sentences to take distances over; a corpus or files; may be repeated."),
]
_By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Rank layers by this number, as rank does; may be repeated. Default: pos, length."),
]
_Names = Annotated[
    list[str] | None, typer.Option("--model", help="Where a run's model is now; once a run, in their order.")
]


@app.command()
def compare(
    runs: _Runs,
    out: _Out = None,
    stream: _Stream = None,
    sentences: _Sets = None,
    by: _By = None,
    limit: Annotated[int, typer.Option(min=1, help="Sentences of --stream and of each set.")] = 10_000,
    match: Annotated[float, typer.Option(help="Absolute correlation that makes two neurons partners.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="Chooses sentences.")] = 0,
    model: _Names = None,
    device: Device = "cpu",
    output: Output = Format.text,
) -> None:
    """Compare models: neurons kept, moved, vanished, appeared.

    Also how far apart their activations are.
    """
    from neurolect.comparison import CompareOptions, compare
    from neurolect.views.comparisons.pages import write_pages
    from neurolect.views.comparisons.summary import comparison_summary
    from neurolect.views.comparisons.text import comparison_text

    progress = make_progress()
    made = compare(
        runs,
        out=out,
        options=CompareOptions(match=match, limit=limit, seed=seed, rank_by=tuple(by or ())),
        stream=stream,
        sentences=sentences or (),
        models=model or (),
        device=device,
        progress=progress,
    )
    summary = comparison_summary(made)
    if out is not None:
        write_pages(made, summary, progress=progress)
    echo(as_json(summary) if output is Format.json else comparison_text(summary), nl=output is Format.json)
    if made.folder is not None and output is Format.text:
        echo(f"Tables, summary.txt and layers.png: {made.folder}")
