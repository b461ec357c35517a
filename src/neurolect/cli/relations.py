"""The verbs between neurons: relate, rank, plot."""

from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import (
    CORES,
    Config,
    Device,
    Format,
    Output,
    RankingFile,
    RankingFormat,
    RankingOutput,
    RunFolder,
    Settings,
    Workers,
    read_config,
    read_config_of,
    refuse_given,
    run_folder,
)
from neurolect.cli.printing import as_json, echo_next, make_progress, print_ranking, print_rows, width
from neurolect.folders.formats import ACTIVATIONS, COMPARISON, format_of
from neurolect.store import SIDES
from neurolect.visible import quoted

FIGURE_NAMES = "map, ranks, curve, heatmap, same-index, clusters, diversity, groups, redundancy or metadata."
By = Annotated[
    str | None,
    typer.Option(help="pos, tag, length, field=NAME, deviation=NAME, auroc or any other number of --list."),
]
Value = Annotated[str | None, typer.Option(help="One part of speech, or values of the field: a,b.")]
Layer = Annotated[int | None, typer.Option(help="Only this layer's neurons.")]


@app.command()
def relate(
    run: RunFolder,
    config: Config = None,
    settings: Settings = None,
    model: Annotated[str | None, typer.Option(help="Where the run's model is, if it has to read again.")] = None,
    device: Device = "cpu",
    workers: Workers = CORES,
    output: Output = Format.text,
) -> None:
    """Relate neurons: vectors, clusters, maps, nearest ones."""
    from neurolect.relations import relate
    from neurolect.views.texts.relations import relations_facts, relations_text

    options = read_config_of(run, config, settings).relate
    related = relate(run, options=options, model=model, device=device, workers=workers, progress=make_progress())
    facts = relations_facts(related)
    echo(as_json(facts) if output is Format.json else relations_text(facts), nl=output is Format.json)


@app.command()
def rank(
    run: Annotated[
        Path | None,
        typer.Argument(
            help="A run, a store of activations or a comparison.", metavar="RUN|ACTS|COMPARED", parser=run_folder
        ),
    ] = None,
    by: By = None,
    value: Annotated[
        str | None,
        typer.Option("--value", "--concept", help="A part of speech, a concept, values of the field: a,b; a run."),
    ] = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    layer: Layer = None,
    site: Annotated[str | None, typer.Option(help="Only this site's neurons: hidden, mlp, ...")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 20,
    list_numbers: Annotated[bool, typer.Option("--list", help="Print every name that --by takes.")] = False,
    settings: Settings = None,
    output: RankingOutput = RankingFormat.text,
    out: RankingFile = None,
) -> None:
    """Rank neurons by a number, or for a concept of a store.

    Of a run: --by pos, field=NAME, corpus ... Of a store of activations: --by lca, probeless, iou, gaussian ...,
    --concept one of its classes, --set probe.units=20000, l1, l2, search, standardise, gap. Of a comparison: --by
    max_correlation ... --list has every name. A file (--out) of a store has all
    neurons, whatever --limit is.
    """
    if by is None and not list_numbers:
        what = "A ranking has to be by something: give --by, or --list to see what there is."
        raise typer.BadParameter(what)
    if run is None:
        if not list_numbers:
            what = "A run, a store of activations or a comparison is missing; --list alone needs none."
            raise typer.BadParameter(what)
        _list_all(output)
        return
    if format_of(run) is ACTIVATIONS:
        refuse_given({"--side": side, "--layer": layer, "--site": site}, of="a store of activations")
        _rank_activations(
            run, None if list_numbers else by, value, limit=limit, settings=settings, output=output, out=out
        )
        return
    refuse_given({"--set": settings}, of="a run")
    if format_of(run) is COMPARISON:
        refuse_given({"--side": side, "--layer": layer, "--site": site, "--list": list_numbers}, of="a comparison")
        _rank_comparison(run, by, value, limit=limit, output=output, out=out)
        return
    from neurolect.results import numbers_of, rank
    from neurolect.views.texts.rankings import numbers_text, ranking_text

    if by is None or list_numbers:
        known = numbers_of(run)
        print_rows(known.to_pylist(), text=numbers_text(known, width=width()), output=output)
        return
    made = rank(run, by=by, value=value, side=side, layer=layer, site=site, limit=limit)
    print_ranking(made, text=ranking_text(made, width=width()), output=output, out=out)


def _list_all(output: RankingFormat) -> None:
    """Print every name that --by takes, of whatever there is to rank."""
    from neurolect.probing import ranking_methods
    from neurolect.results.registry import OF_COMPARISONS, known_numbers
    from neurolect.views.texts.rankings import known_text

    known, methods = known_numbers(), ranking_methods()
    nothing = dict.fromkeys(("name", "what", "source", "of", "for_numbers"))
    rows = [nothing | row for row in known.to_pylist()]
    rows += [nothing | {"of": "store"} | row for row in methods.to_pylist()]
    rows += [nothing | {"of": "comparison", "name": name} for name in OF_COMPARISONS]
    print_rows(rows, text=known_text(known, methods, OF_COMPARISONS, width=width()), output=output)


def _rank_activations(
    store: Path,
    by: str | None,
    concept: str | None,
    *,
    limit: int,
    settings: list[str] | None,
    output: RankingFormat,
    out: Path | None,
) -> None:
    """Rank the neurons of a store; a file gets all of them, and --limit is of what is printed."""
    from neurolect.probing import rank_activations, ranking_methods
    from neurolect.views.texts.probing import concept_ranking_text, methods_text

    if by is None:
        known = ranking_methods()
        print_rows(known.to_pylist(), text=methods_text(known), output=output)
        return
    with make_progress().step(f"rank by {by}"):
        made = rank_activations(store, by=by, concept=concept, options=read_config(None, settings).probe)
    print_ranking(made, text=concept_ranking_text(made, limit=limit), output=output, out=out)


def _rank_comparison(
    folder: Path, by: str | None, run: str | None, *, limit: int, output: RankingFormat, out: Path | None
) -> None:
    """Rank the neurons of one of a comparison's runs; a file gets all of them."""
    from neurolect.comparison import open_comparison
    from neurolect.views.texts.rankings import comparison_ranking_text

    compared = open_comparison(folder)
    made = compared.ranking(run or compared.labels[0], by=by)
    print_ranking(made, text=comparison_ranking_text(made, limit=limit), output=output, out=out)


@app.command()
def plot(
    run: RunFolder,
    figure: Annotated[str, typer.Argument(help=FIGURE_NAMES)],
    out: Annotated[Path, typer.Option(help="The file to write: .png, .svg, .pdf or .html.")],
    by: Annotated[
        str | None, typer.Option(help="The number to show, as for rank; map also takes layer, site and cluster.")
    ] = None,
    value: Value = None,
    side: Annotated[str, typer.Option(help="top or bottom.")] = "top",
    layer: Layer = None,
    method: Annotated[str | None, typer.Option(help="tsne or umap, where the run has both maps.")] = None,
    site: Annotated[
        str | None, typer.Option(help="heatmap, same-index, groups: whose neurons; the first site.")
    ] = None,
    indices: Annotated[str | None, typer.Option(help="heatmap: 301-350 shows only these, from 0.")] = None,
    neurons: Annotated[str | None, typer.Option(help="metadata: addresses, separated by commas.")] = None,
) -> None:
    """Draw a figure of a related run."""
    from neurolect.views.plots import plot

    plot(
        run,
        figure,
        out=out,
        by=by,
        value=value,
        side=side,
        layer=layer,
        method=method,
        site=site,
        indices=None if indices is None else _first_and_last(indices),
        neurons=_addresses(neurons),
    )
    echo(f"{out}: {figure}")


def _first_and_last(text: str) -> tuple[int, int]:
    """Read ``301-350``."""
    first, dash, last = text.partition("-")
    if not (dash and first.strip().isdecimal() and last.strip().isdecimal()):
        what = f"--indices {text!r} is no range; 301-350 is one."
        raise typer.BadParameter(what)
    return int(first), int(last)


def _addresses(text: str | None) -> list[str] | None:
    """Read addresses separated by commas."""
    return None if text is None else [each.strip() for each in text.split(",") if each.strip()]


# The verb that reads sentences again, token by token: tokens.
@app.command()
def tokens(
    run: RunFolder,
    neurons: Annotated[str | None, typer.Option(help="Addresses, separated by commas; all when not given.")] = None,
    side: Annotated[str | None, typer.Option(help="top or bottom; both when not given.")] = None,
    sentences: Annotated[
        int | None, typer.Option(min=1, help="Sentences of each list to read again; as before, or 20.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Where the model is, if it has moved.")] = None,
    device: Device = "cpu",
) -> None:
    """Weigh words by the neuron's activation at them.

    The words are those of its strongest sentences.
    """
    from neurolect.tokens import read_tokens

    chosen = _addresses(neurons)
    done = read_tokens(
        run,
        model=model,
        neurons=chosen,
        sides=SIDES if side is None else (side,),
        n_sentences=sentences,
        device=device,
        progress=make_progress(),
    )
    stage = done.manifest["stages"]["tokens"]
    echo(f"Activations at the tokens of {stage['n_entries']:,} list entries in {run}.")
    shown = chosen[0] if chosen else done.index.address(done.n_neurons // 2)
    echo_next(f"neurolect show {quoted(run)} {shown}")
