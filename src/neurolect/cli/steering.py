"""The verbs that use neurons: edit steer, edit switch."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.arguments import Device, Model, RankingFile, RankingFormat, RankingOutput, Settings, read_config
from neurolect.cli.interventions import edit_app, numbers_of
from neurolect.cli.printing import make_progress, print_ranking, print_rows, width


@edit_app.command()
def steer(
    model: Model,
    concept: Annotated[
        str, typer.Option(help="A corpus folder, or a file of texts with a class.", metavar="TEXTS")
    ],
    label: Annotated[str, typer.Option(help="Which texts have the concept: COLUMN=VALUE.")],
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    ranking: Annotated[
        Path | None,
        typer.Option(help="A ranking (.parquet) of neurons; by average precision when not given.", metavar="FILE"),
    ] = None,
    top: Annotated[str | None, typer.Option(help="How many of the first neurons: 10,50,200.")] = None,
    to: Annotated[
        str | None, typer.Option(help="p50, p90, mean, zero, NUMBER, scale=F or translate.", show_default="p50")
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="To write after; may be repeated; or @FILE of one a line; else 24 that say little."),
    ] = None,
    output: RankingOutput = RankingFormat.text,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Set neurons so that a model writes of a concept.

    More: --set steer.strengths=1,2,4, tokens, samples, draws, words, prefix, fluent, seed.
    """
    from neurolect.folders.atomic import write_text
    from neurolect.interventions import steer
    from neurolect.views.plots.steering import write_steering_figure
    from neurolect.views.texts.steering import steering_text

    config = read_config(None, settings)
    given: dict[str, Any] = {"set_to": to, "top": None if top is None else numbers_of(top)}
    made = steer(
        model,
        concept=concept,
        label=label,
        out=out,
        ranking=ranking,
        prompts=_beginnings(prompt),
        options=dataclasses.replace(
            config.steer, **{key: value for key, value in given.items() if value is not None}
        ),
        model_options=config.model,
        device=device,
        progress=make_progress(),
    )
    write_steering_figure(made, out / "curves.svg")
    text = steering_text(made, width=width())
    write_text(out / "summary.txt", text)
    print_rows(made.table.to_pylist(), facts=made.facts, text=text, output=output)


def _beginnings(given: list[str] | None) -> list[str] | Path | None:
    """Tell beginnings from ``@FILE``, which is given alone."""
    files = [each for each in given or () if each.startswith("@")]
    if not files:
        return given
    if len(given or ()) > 1:
        message = f"beginnings are in the file of {files[0]}, and others were given."
        raise typer.BadParameter(message, param_hint="--prompt")
    return Path(files[0][1:])


@edit_app.command()
def switch(
    model: Model,
    kind: Annotated[str, typer.Argument(help="number, gender, tense (English); or a file of pairs.")],
    top: Annotated[str | None, typer.Option(help="How many of the first neurons together: 1,5,20.")] = None,
    output: RankingOutput = RankingFormat.text,
    out: RankingFile = None,
    settings: Settings = None,
    device: Device = "cpu",
) -> None:
    """Find neurons that switch number, gender or tense.

    More: --set switch.pairs=200, exact, likeliest, draws, sites, seed.
    """
    from neurolect.interventions import find_switches
    from neurolect.views.texts.steering import switches_text

    config = read_config(None, settings)
    options = config.switch if top is None else dataclasses.replace(config.switch, top=numbers_of(top))
    made = find_switches(
        model, kind, options=options, model_options=config.model, device=device, progress=make_progress()
    )
    print_ranking(made.table, text=switches_text(made, width=width()), output=output, out=out)
