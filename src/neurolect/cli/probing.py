"""The verbs that find neurons for a concept from labelled data: probing activations, fit, judge, all ..."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from neurolect.cli.app import app, echo
from neurolect.cli.arguments import (
    Config,
    Device,
    Format,
    Model,
    Output,
    RankingFile,
    RankingFormat,
    RankingOutput,
    RunFolder,
    Settings,
    read_config,
)
from neurolect.cli.printing import as_json, make_progress, print_notices, print_ranking, print_rows

probing_app = typer.Typer(help="Find neurons for a concept from labelled data.", no_args_is_help=True)
app.add_typer(probing_app, name="probing")


class Aggregate(StrEnum):
    """Which of a word's tokens it is read at."""

    last = "last"
    first = "first"
    mean = "mean"


class Balance(StrEnum):
    """How classes are evened out."""

    auto = "auto"
    none = "none"
    undersample = "undersample"
    weights = "weights"


class ProbeMethod(StrEnum):
    """What is fitted."""

    linear = "linear"
    gaussian = "gaussian"
    forest = "forest"


Activations = Annotated[Path, typer.Argument(help="A store of activations.", metavar="ACTS")]
_Labelled = Annotated[
    list[str],
    typer.Argument(help="CoNLL columns, Parquet, JSON lines, CSV or texts; globs.", metavar="LABELLED..."),
]
_Concept = Annotated[
    str, typer.Option(help="A column, COLUMN=VALUE, arcs, suffix, a ready set, words=a,b ...; docs/probing.md.")
]
_Sites = Annotated[str | None, typer.Option(help="hidden, mlp, attn, head, separated by commas; default: hidden.")]
_Layers = Annotated[str | None, typer.Option(help="Blocks, separated by commas, from 1; default: all.")]


@probing_app.command()
def activations(
    model: Model,
    labelled: _Labelled,
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    concept: _Concept,
    sites: _Sites = None,
    layers: _Layers = None,
    aggregate: Annotated[
        Aggregate | None, typer.Option(help="Token of a word: last (default), first, mean.")
    ] = None,
    balance: Annotated[
        Balance | None, typer.Option(help="auto, none, undersample or weights; default: auto.")
    ] = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    output: Output = Format.text,
) -> None:
    """Read neurons at labelled words, pairs or sentences.

    Parts, limits and number format: --set activations.train=0.8, min_train, min_test, limit, dtype, seed ...
    """
    from neurolect.probing import read_activations
    from neurolect.views.texts.activations import activations_facts, activations_text

    asked = {
        "model.sites": sites,
        "model.layers": layers,
        "activations.aggregate": aggregate,
        "activations.balance": balance,
    }
    given = [f"{name}={value}" for name, value in asked.items() if value is not None]
    options = read_config(config, [*(settings or ()), *given])
    store = read_activations(
        model,
        labelled,
        out=out,
        concept=concept,
        options=options.activations,
        model_options=options.model,
        device=device,
        progress=make_progress(),
    )
    if output is Format.json:
        echo(as_json(activations_facts(store)))
        return
    echo(activations_text(store), nl=False)
    print_notices(store.manifest["notices"])


@probing_app.command()
def fit(
    acts: Activations,
    method: Annotated[ProbeMethod, typer.Option(help="linear, gaussian or forest.")],
    out: Annotated[Path, typer.Option(help="The probe's folder; a probe there is replaced.")],
    settings: Settings = None,
    output: Output = Format.text,
) -> None:
    """Fit a probe, and compare its accuracy.

    Sample, penalties and gap: --set probe.units=20000, l1, l2, standardise, gap, picks, trees, seed.
    """
    from neurolect.probing import fit_probe
    from neurolect.views.texts.probing import fit_text

    with make_progress().step("fit"):
        made = fit_probe(acts, method=method.value, out=out, options=read_config(None, settings).probe)
    echo(fit_text(made) if output is Format.text else as_json(made), nl=output is Format.json)


@probing_app.command()
def judge(
    acts: Activations,
    rankings: Annotated[list[Path], typer.Argument(help="Files of `rank ACTS --out`.", metavar="RANKING...")],
    out: Annotated[Path, typer.Option(help="The folder to write; a judge's folder there is replaced.")],
    concept: Annotated[str | None, typer.Option(help="One class against the rest; default: all classes.")] = None,
    settings: Settings = None,
    output: Output = Format.text,
) -> None:
    """Judge rankings by what probes read of their neurons.

    Sizes and samples: --set judge.units=10000, sizes, n_random, n_stability ...; penalties: probe.l1, l2.
    """
    from neurolect.folders.atomic import write_text
    from neurolect.probing import judge
    from neurolect.views.plots.judged import write_judge_figure, write_used_figure
    from neurolect.views.texts.probing import judge_text

    config = read_config(None, settings)
    made = judge(
        acts,
        rankings,
        out=out,
        concept=concept,
        options=config.judge,
        probe=config.probe,
        progress=make_progress(),
    )
    write_judge_figure(made, out / "curves.svg")
    write_used_figure(made, out / "used.svg")
    text = judge_text(made)
    write_text(out / "summary.txt", text)
    echo(text if output is Format.text else as_json(made.facts), nl=output is Format.json)


@probing_app.command()
def bench(
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    rankings: Annotated[
        list[Path] | None,
        typer.Option(
            "--scores", help="A file of scores of yours: docs/planted_bench.md; repeatable.", metavar="FILE"
        ),
    ] = None,
    settings: Settings = None,
    output: Output = Format.text,
) -> None:
    """Test rankings on models whose neurons are known.

    Models and methods: --set bench.seeds=3, noise=[0.0,0.25], methods=lca,iou, sentences, units; also probe.*.
    """
    from neurolect.folders.atomic import write_text
    from neurolect.probing import planted_bench
    from neurolect.views.plots.planted_bench import write_bench_figure
    from neurolect.views.texts.planted_bench import bench_text

    config = read_config(None, settings)
    made = planted_bench(
        out, rankings=rankings or (), options=config.bench, probe=config.probe, progress=make_progress()
    )
    write_bench_figure(made, out / "bench.svg")
    text = bench_text(made)
    write_text(out / "summary.txt", text)
    echo(text if output is Format.text else as_json(made.facts), nl=output is Format.json)


@probing_app.command("all")
def all_(
    model: Model,
    labelled: _Labelled,
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    concept: _Concept,
    activations: Annotated[
        Path | None, typer.Option(help="Where the store of activations is or will be; default: in the folder.")
    ] = None,
    random: Annotated[bool, typer.Option("--random", help="Read the model with random weights, too.")] = False,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    output: Output = Format.text,
) -> None:
    """Measure a concept in full: LCA, minimal sets, controls.

    With --preset reduced in a fraction of the time. Options: --set protocol.max_sets=20, delta, cuts ...;
    probe.units, standardise, seed; activations.limit, aggregate; model.sites, layers.
    """
    from neurolect.folders.atomic import write_text
    from neurolect.probing import probe_all
    from neurolect.views.plots.protocol import write_protocol_figures
    from neurolect.views.texts.protocol import protocol_text

    options = read_config(config, settings)
    made = probe_all(
        model,
        labelled,
        concept=concept,
        out=out,
        activations=activations,
        random=random,
        options=options.protocol,
        probe=options.probe,
        reading=options.activations,
        model_options=options.model,
        device=device,
        progress=make_progress(),
    )
    write_protocol_figures(made)
    text = protocol_text(made)
    write_text(out / "summary.txt", text)
    echo(text if output is Format.text else as_json(made.facts | {"steps": made.steps}), nl=output is Format.json)


@probing_app.command()
def transfer(
    model: Model,
    labelled: _Labelled,
    out: Annotated[Path, typer.Option(help="The folder to write, or to resume.")],
    concept: _Concept,
    activations: Annotated[
        Path | None, typer.Option(help="Where the store of activations is or will be; default: in the folder.")
    ] = None,
    config: Config = None,
    settings: Settings = None,
    device: Device = "cpu",
    output: Output = Format.text,
) -> None:
    """Select the few neurons of low layers that a task needs.

    Options: --set transfer.delta=0.01, cuts, max_solves, texts, rounds; probe.units, l1, l2, seed.
    """
    from neurolect.folders.atomic import write_text
    from neurolect.probing import select_features
    from neurolect.views.texts.transfer import transfer_text

    options = read_config(config, settings)
    made = select_features(
        model,
        labelled,
        concept=concept,
        out=out,
        activations=activations,
        options=options.transfer,
        probe=options.probe,
        reading=options.activations,
        model_options=options.model,
        device=device,
        progress=make_progress(),
    )
    text = transfer_text(made)
    write_text(out / "summary.txt", text)
    echo(text if output is Format.text else as_json(made.facts | {"steps": made.steps}), nl=output is Format.json)


@probing_app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of `probing all`.", metavar="FOLDER...")],
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Compare what `probing all` found in models or concepts."""
    from neurolect.probing import compare_probings
    from neurolect.views.texts.protocol import compared_text

    made = compare_probings(folders)
    print_rows(made.to_pylist(), text=compared_text(made), output=output)


@probing_app.command()
def bridge(
    run: RunFolder,
    rankings: Annotated[list[Path], typer.Argument(help="Files of `rank ACTS --concept C`.", metavar="RANKING...")],
    first: Annotated[int, typer.Option(min=1, help="First neurons of a ranking that are looked at.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Of the shuffled signatures.")] = 0,
    output: RankingOutput = RankingFormat.text,
) -> None:
    """Compare rankings with the signatures of a run.

    Do the neurons of a concept have signatures that name it? Cards show their ranks.
    """
    from neurolect.probing import bridge
    from neurolect.views.texts.bridge import bridge_facts, bridge_text

    with make_progress().step("bridge"):
        compared = bridge(run, rankings, first=first, seed=seed)
    facts = bridge_facts(compared)
    print_rows(facts["agreement"], facts=facts, name="agreement", text=bridge_text(compared), output=output)


@probing_app.command()
def formulas(
    acts: Activations,
    neurons: Annotated[
        str | None,
        typer.Option("--neurons", "--neuron", help="Addresses or layers, separated by commas.", show_default="all"),
    ] = None,
    random: Annotated[
        Path | None, typer.Option(help="The same units read by the model with random weights.", metavar="ACTS")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Rows to print.")] = 20,
    settings: Settings = None,
    output: RankingOutput = RankingFormat.text,
    out: RankingFile = None,
) -> None:
    """Explain neurons by formulas over words and labels.

    Threshold and search: --set formulas.units=10000, share, length, beam, penalty, min_count, open_atoms, seed.
    """
    from neurolect.probing import explain_neurons
    from neurolect.views.texts.probing import formulas_text

    found = explain_neurons(
        acts,
        neurons=[each.strip() for each in (neurons or "").split(",") if each.strip()],
        random=random,
        options=read_config(None, settings).formulas,
        progress=make_progress(),
    )
    print_ranking(found, text=formulas_text(found, limit=limit), output=output, out=out)
