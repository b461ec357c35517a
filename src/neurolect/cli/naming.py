"""The verb that has a language model name neurons: name."""

from pathlib import Path
from typing import Annotated, Any

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import Config, Format, Output, RunFolder, Settings, read_config_of, refuse_given
from neurolect.cli.printing import as_json, echo_next, is_quiet, make_progress, width
from neurolect.visible import quoted


@app.command()
def name(
    run: RunFolder,
    endpoint: Annotated[str | None, typer.Option(help="A server of OpenAI's API: http://127.0.0.1:8080/v1")] = None,
    model: Annotated[str | None, typer.Option(help="Its model that names.")] = None,
    neurons: Annotated[
        str | None, typer.Option(help="Addresses, separated by commas: mlp.15.200, mlp.15.0-9, mlp.15.")
    ] = None,
    answers: Annotated[
        Path | None, typer.Option(help="Instead of a server: a file of answers of what --to batch wrote.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask; without it only the cost is said.")] = False,
    to: Annotated[
        str | None, typer.Option(help="Ask nobody, write files for: batch (OpenAI's), delphi, neuronpedia.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Of --to: a file; of delphi, neuronpedia a folder.")] = None,
    config: Config = None,
    settings: Settings = None,
    output: Output = Format.text,
) -> None:
    """Have a language model name neurons; score its names.

    A judge says which held-out sentences fit them and the automatic names. A key is read from the environment
    variable NEUROLECT_API_KEY. For small judges add --set name.ask=sentence: yes or no.
    More: --set name.side=bottom, name.judge=MODEL, name.shown, name.at_once.
    """
    from neurolect.naming import export_names, name_cost, name_neurons

    chosen = [each.strip() for each in (neurons or "").split(",") if each.strip()]
    options = read_config_of(run, config, settings).name
    progress = make_progress()
    if to is not None:
        refuse_given({"--endpoint": endpoint, "--answers": answers, "--yes": yes}, of="--to")
        if out is None:
            what = "--to needs --out."
            raise typer.BadParameter(what)
        made = export_names(run, to=to, out=out, model=model, neurons=chosen, options=options, progress=progress)
        echo(f"{made.what} in {out}.")
        return
    refuse_given({"--out": out}, of="a server: it is for --to")
    if (endpoint is None and answers is None) or model is None:
        what = "Give --endpoint and --model, --answers and --model, or --to and --out."
        raise typer.BadParameter(what)
    from neurolect.views.texts.names import cost_text, names_of_run

    if answers is not None:
        refuse_given({"--endpoint": endpoint, "--yes": yes}, of="--answers")
        named = name_neurons(run, answers=answers, model=model, neurons=chosen, options=options, progress=progress)
        _echo_names(names_of_run(named), run, output)
        return
    cost = name_cost(run, model=model, endpoint=endpoint, neurons=chosen, options=options, progress=progress)
    said = cost_text(cost, model=model)
    if not yes and cost.n_names + cost.n_fits:
        echo(as_json(cost._asdict()) if output is Format.json else said)
        echo("Nothing was asked. To ask, give the same command with --yes.", err=output is Format.json)
        return
    if not is_quiet():
        echo(said, err=True)
    named = name_neurons(run, endpoint=endpoint, model=model, neurons=chosen, options=options, progress=progress)
    _echo_names(names_of_run(named), run, output)


def _echo_names(found: dict[str, Any], run: Path, output: Format) -> None:
    from neurolect.views.texts.names import names_text

    echo(as_json(found) if output is Format.json else names_text(found, width=width()))
    if output is Format.text and found["rows"]:
        echo_next(f"neurolect show {quoted(run)} {found['rows'][0]['address']}")
