"""The verbs between models: variant, compare."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.app import app
from neurolect.cli.arguments import Config, Device, Format, Model, Output, Settings, read_config
from neurolect.cli.printing import as_json, make_progress, quoted
from neurolect.errors import OptionError


class Kind(StrEnum):
    """What is done to the model."""

    random = "random"
    finetuned = "finetuned"


_TRAINS = "finetuned: "
_Data = Annotated[
    list[str] | None, typer.Option(help=_TRAINS + "a file, folder or glob of texts; may be repeated.")
]
_Text = Annotated[str | None, typer.Option(help=_TRAINS + "the column of the text; found when not given.")]
_Label = Annotated[str | None, typer.Option(help=_TRAINS + "the column of the class.")]
_Head = Annotated[
    str | None, typer.Option(help=_TRAINS + "first (the model's own head, default) or mean (of all tokens).")
]
_Rate = Annotated[float | None, typer.Option(help=_TRAINS + "step size of Adam; 1e-5.")]
_Dropout = Annotated[float | None, typer.Option(help=_TRAINS + "of the head; 0.3.")]
_Batch = Annotated[int | None, typer.Option(help=_TRAINS + "texts a step; 32.")]
_Epochs = Annotated[int | None, typer.Option(help=_TRAINS + "passes over the data at most; 5.")]
_Patience = Annotated[int | None, typer.Option(help=_TRAINS + "epochs without gain before it stops; 2, 0: never.")]
_Validation = Annotated[float | None, typer.Option(help=_TRAINS + "share of the texts set aside; 0.1.")]
_Tokens = Annotated[int | None, typer.Option(help=_TRAINS + "model tokens of a text; 128.")]
_Limit = Annotated[int | None, typer.Option(help=_TRAINS + "use so many texts, a seeded choice; all.")]


@app.command()
def variant(
    model: Model,
    kind: Annotated[Kind, typer.Argument(help="random weights but for the word embeddings, or finetuned.")],
    out: Annotated[Path, typer.Option(help="The model folder to make.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of all that is random.")] = 0,
    data: _Data = None,
    text: _Text = None,
    label: _Label = None,
    head: _Head = None,
    learning_rate: _Rate = None,
    dropout: _Dropout = None,
    batch_size: _Batch = None,
    epochs: _Epochs = None,
    patience: _Patience = None,
    validation: _Validation = None,
    max_tokens: _Tokens = None,
    limit: _Limit = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Make a model to compare a model with: of random weights, or fine-tuned to classify texts."""
    values = {
        "text": text,
        "label": label,
        "head": head,
        "learning_rate": learning_rate,
        "dropout": dropout,
        "batch_size": batch_size,
        "epochs": epochs,
        "patience": patience,
        "validation": validation,
        "max_tokens": max_tokens,
        "limit": limit,
    }
    given = {name: value for name, value in values.items() if value is not None}
    options = read_config(config, settings).model
    if kind is Kind.random:
        _refuse(["data"] * (data is not None) + list(given))
        _make_random(model, out=out, seed=seed, options=options)
    else:
        _make_finetuned(model, data or [], out=out, values=given | {"seed": seed}, options=options, device=device)
    typer.echo(f"Next: neurolect collect {quoted(out)} CORPUS --out RUN")


def _refuse(names: list[str]) -> None:
    """Say that options of fine-tuning mean nothing to a random variant."""
    if names:
        what = f"A random variant has no --{names[0].replace('_', '-')}."
        raise OptionError(what, hint="neurolect variant MODEL finetuned trains a classifier")


def _make_random(model: str, *, out: Path, seed: int, options: Any) -> None:  # noqa: ANN401 - lazily imported
    from neurolect.variants import random_variant

    made = random_variant(model, out=out, seed=seed, options=options, progress=make_progress())
    typer.echo(f"Kept: {', '.join(made.kept)} ({made.n_kept:,} numbers).")
    drawn = f"Drawn anew by {made.architecture}, seed {seed}: {len(made.redrawn)} parameters"
    typer.echo(f"{drawn} ({made.n_redrawn:,} numbers), {len(made.constant)} of them constant (biases, norms).")
    typer.echo(f"Their names: {out / 'variant.json'}")


def _make_finetuned(
    model: str,
    data: list[str],
    *,
    out: Path,
    values: dict[str, Any],
    options: Any,  # noqa: ANN401 - lazily imported
    device: str,
) -> None:
    for name, needed in (("data", data), ("label", values.get("label"))):
        if not needed:
            what = f"A finetuned variant needs --{name}."
            raise OptionError(what, hint="for example: --data reviews.csv --text review --label sentiment")
    from neurolect.variants import FinetuneOptions, finetuned_variant

    made = finetuned_variant(
        model,
        data,
        out=out,
        options=FinetuneOptions(**values),
        model_options=options,
        device=device,
        progress=make_progress(),
    )
    for each in made.history:
        kept = "  <- kept" if each is made.best else ""
        losses = f"loss {each.train_loss:.4f} training, {each.validation_loss:.4f} validation"
        typer.echo(f"Epoch {each.number}: {losses}, accuracy {each.validation_accuracy:.2%}{kept}")
    right = f"{made.best.validation_accuracy:.2%} right of {made.n_validation:,} texts set aside"
    typer.echo(f"{out}: {len(made.classes)} classes, {right} (the largest class alone: {made.majority:.2%}).")


_Runs = Annotated[list[Path], typer.Argument(help="Run folders of several models, one corpus.", metavar="RUN...")]
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
    """Compare models: which neurons were kept, moved, vanished or appeared, and how far activations went."""
    from neurolect.relations.between_models import CompareOptions, compare
    from neurolect.store import open_run
    from neurolect.views.comparison_folder import check_comparison_out, write_comparison
    from neurolect.views.comparison_summary import comparison_summary
    from neurolect.views.comparison_text import comparison_text

    if out is not None:
        check_comparison_out(out)
    progress = make_progress()
    made = compare(
        [open_run(each) for each in runs],
        options=CompareOptions(match=match, limit=limit, seed=seed),
        stream=stream,
        sentences=sentences or (),
        rank_by=by or (),
        models=model or (),
        device=device,
        progress=progress,
    )
    summary = comparison_summary(made)
    if out is not None:
        write_comparison(made, summary, out=out, progress=progress)
    typer.echo(as_json(summary) if output is Format.json else comparison_text(summary), nl=output is Format.json)
    if out is not None and output is Format.text:
        typer.echo(f"Tables, summary.txt and layers.png: {out}")
