"""The verbs about what neurons do: edit ablate and edit cause set them, writes reads their output directions."""

import dataclasses
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import (
    CORES,
    Config,
    Device,
    Format,
    Model,
    Output,
    RankingFormat,
    RankingOutput,
    RunFolder,
    Settings,
    Workers,
    ranking_file,
    read_config,
    read_config_of,
)
from neurolect.cli.printing import as_json, make_progress, print_ranking, print_rows, width

edit_app = typer.Typer(help="Set neurons of the running model; measure what changes.", no_args_is_help=True)
app.add_typer(edit_app, name="edit")

_On = Annotated[str, typer.Option("--on", help="A corpus folder, or a file or folder of texts.", metavar="TEXTS")]
_Neurons = Annotated[
    str | None, typer.Option(help="Addresses, separated by commas: mlp.15.200, mlp.15.0-9, mlp.15.")
]
_Ranking = Annotated[
    Path | None, typer.Option(help="A ranking (.parquet) whose first neurons are set together.", metavar="FILE")
]
_Top = Annotated[str | None, typer.Option(help="Of the ranking, how many: 10,50.")]
_Each = Annotated[bool, typer.Option("--each", help="Every neuron of the addresses or layers by itself.")]
_Asked = Annotated[
    list[str] | None,
    typer.Option(
        "--neurons",
        "--layer",
        help="Addresses or layers, separated by commas: mlp.15.200, mlp.15.0-9, mlp.15; 15 at model.sites.",
    ),
]
_To = Annotated[str | None, typer.Option(help="What they are set to: mean, zero, resample.")]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--out", help="Write all of it to a .parquet, .csv or .json file.", metavar="FILE", callback=ranking_file
    ),
]


@edit_app.command()
def ablate(
    model: Model,
    on: _On,
    neurons: _Asked = None,
    ranking: _Ranking = None,
    top: _Top = None,
    each: _Each = False,
    to: _To = None,
    output: RankingOutput = RankingFormat.text,
    out: _Out = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Measure what setting neurons changes in what comes out.

    More: --set edit.texts=200, edit.exact, edit.controls, edit.label=COLUMN (classes of a classifier), edit.seed.
    """
    from neurolect.interventions import ablate
    from neurolect.views.texts.interventions import ablation_text

    config = read_config(None, settings)
    given: dict[str, Any] = {"to": to, "top": None if top is None else numbers_of(top)}
    named = [
        [part] if "." in part else [f"{site}.{part}" for site in config.model.sites]
        for part in _parts(",".join(neurons or ()))
    ]
    asked = list(chain.from_iterable(named))
    if ranking is not None and asked:
        message = "a ranking says which neurons are set; --neurons and --layer say others."
        raise typer.BadParameter(message, param_hint="--ranking")
    if ranking is None and top is not None:
        message = "it says how many of a ranking, and no --ranking is given."
        raise typer.BadParameter(message, param_hint="--top")
    made = ablate(
        model,
        ranking if ranking is not None else asked,
        on=on,
        each=each,
        options=dataclasses.replace(
            config.edit, **{key: value for key, value in given.items() if value is not None}
        ),
        model_options=config.model,
        device=device,
        progress=make_progress(),
    )
    print_ranking(made, text=ablation_text(made, width=width()), output=output, out=out)


@edit_app.command()
def cause(
    run: RunFolder,
    neurons: _Neurons = None,
    side: Annotated[str | None, typer.Option(help="Whose signatures: top or bottom.", show_default="top")] = None,
    to: _To = None,
    model: Annotated[str | None, typer.Option(help="Where the run's model lies, if it has moved.")] = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    workers: Workers = CORES,
    output: Output = Format.text,
) -> None:
    """Check that neurons do something where they respond.

    More: --set cause.n_sentences=20, cause.neurons, cause.n_permutations, cause.seed.
    """
    from neurolect.interventions import cause
    from neurolect.views.texts.interventions import cause_of_run, cause_text

    options = read_config_of(run, config, settings).cause
    given: dict[str, Any] = {key: value for key, value in (("side", side), ("to", to)) if value is not None}
    checked = cause(
        run,
        model=model,
        neurons=_parts(neurons),
        options=dataclasses.replace(options, **given),
        device=device,
        workers=workers,
        progress=make_progress(),
    )
    made = cause_of_run(checked)
    echo(as_json(made) if output is Format.json else cause_text(made, width=width()), nl=output is Format.json)


@edit_app.command()
def align(
    run: RunFolder,
    neurons: _Neurons = None,
    sides: Annotated[
        str | None, typer.Option(help="Whose lists: top, bottom, or top,bottom.", show_default="top")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the run's model lies, if it has moved.")] = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    output: Output = Format.text,
) -> None:
    """Find the phrases that activate neurons most when repeated.

    More: --set align.neurons=200, align.n_sentences, align.n_phrases, align.longest, align.n_random, align.seed.
    """
    from neurolect.interventions import align
    from neurolect.views.texts.aligning import align_of_run, align_text

    options = read_config_of(run, config, settings).align
    given: dict[str, Any] = {} if sides is None else {"sides": tuple(_parts(sides))}
    aligned = align(
        run,
        neurons=_parts(neurons),
        model=model,
        options=dataclasses.replace(options, **given),
        device=device,
        progress=make_progress(),
    )
    made = align_of_run(aligned)
    echo(as_json(made) if output is Format.json else align_text(made, width=width()), nl=output is Format.json)


@edit_app.command()
def prune(
    model: Model,
    keep: Annotated[str, typer.Option(help="Shares of the neurons to keep, separated by commas: 0.9,0.5.")],
    on: _On,
    out: Annotated[Path, typer.Option("--out", help="The folder to make; one in it for each of several shares.")],
    ranking: Annotated[
        Path | None,
        typer.Option(help="A ranking (.parquet) of mlp neurons; Wanda's when not given.", metavar="FILE"),
    ] = None,
    across: Annotated[
        str, typer.Option(help="layer: of each the same number; model: all compete, zeros in the full shapes.")
    ] = "layer",
    settings: Settings = None,
    device: Device = "cpu",
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Cut mlp neurons out of a model and save the smaller one.

    More: --set edit.texts=200, edit.controls (random rankings, at most 5), edit.seed.
    """
    from neurolect.interventions import prune
    from neurolect.views.texts.interventions import prune_text

    config = read_config(None, settings)
    made = prune(
        model,
        ranking,
        keep=_shares(keep),
        on=on,
        out=out,
        across=across,
        options=config.edit,
        model_options=config.model,
        device=device,
        progress=make_progress(),
    )
    rows = made.table.to_pylist()
    print_rows(rows, facts=made.facts, text=prune_text(made, width=width()), output=output)


@edit_app.command()
def dream(
    model: Annotated[str, typer.Argument(help="A run folder, or a model.", metavar="RUN|MODEL")],
    neuron: Annotated[str, typer.Argument(help="A neuron's address, e.g. hidden.6.200.")],
    side: Annotated[
        str | None, typer.Option(help="top: the highest activation; bottom: the lowest.", show_default="top")
    ] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Model tokens of a text.", show_default="12")] = None,
    max_seconds: Annotated[float | None, typer.Option(min=1.0, help="Stop after so long.")] = None,
    settings: Settings = None,
    device: Device = "cpu",
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Write texts that activate a neuron more than those read.

    More: --set dream.population, dream.children, dream.iterations, dream.seed; of a model, model.pooling.
    """
    from neurolect.interventions import dream
    from neurolect.views.texts.interventions import dream_text

    config = read_config(None, settings)
    given: dict[str, Any] = {"side": side, "tokens": tokens, "max_seconds": max_seconds}
    made = dream(
        model,
        neuron,
        options=dataclasses.replace(
            config.dream, **{key: value for key, value in given.items() if value is not None}
        ),
        model_options=config.model,
        device=device,
        progress=make_progress(),
    )
    rows = made.table.to_pylist()
    print_rows(rows, facts=made.facts, text=dream_text(made, width=width()), output=output)


@app.command()
def writes(
    model: Model,
    neurons: _Neurons = None,
    token: Annotated[str | None, typer.Option(help="Only neurons that promote or suppress it.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Neurons shown at most.")] = 20,
    output: RankingOutput = RankingFormat.text,
    out: _Out = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Show the tokens that mlp neurons of a decoder write."""
    from neurolect.interventions import writes
    from neurolect.views.texts.interventions import writes_text

    made = writes(
        model,
        _parts(neurons),
        token=token,
        model_options=read_config(None, settings).model,
        device=device,
        progress=make_progress(),
    )
    text = writes_text(made, limit=limit, width=width())
    print_ranking(made, text=text, output=output, out=out)


def _parts(text: str | None) -> list[str]:
    return [each.strip() for each in (text or "").split(",") if each.strip()]


def _shares(text: str) -> list[float]:
    """Read shares that are separated by commas."""
    try:
        return [float(each) for each in _parts(text)]
    except ValueError:
        message = f"{text!r} is not a list of shares like 0.9,0.5."
        raise typer.BadParameter(message, param_hint="--keep") from None


def numbers_of(text: str) -> tuple[int, ...]:
    """Read numbers that are separated by commas."""
    parts = _parts(text)
    if any(not each.isdecimal() for each in parts):
        message = f"{text!r} is not a list of numbers like 10,50."
        raise typer.BadParameter(message, param_hint="--top")
    return tuple(map(int, parts))
