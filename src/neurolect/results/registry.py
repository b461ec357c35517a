"""Every number that neurons can be ranked, mapped and compared by: one entry each."""

import shlex
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import NeurolectError, OptionError, RunFolderError, nearest
from neurolect.results.concept_numbers import of_concept
from neurolect.results.field_numbers import fields_of, of_field
from neurolect.results.list_entries import mean_activations
from neurolect.results.number import Asked, Number, Numbers, nearly_constant
from neurolect.results.tag_numbers import WORD_CLASSES, of_tag_counts, of_tags
from neurolect.store import Run, open_run
from neurolect.store.sides import check_side
from neurolect.store.stage_kinds import command_of, described_with_tagger, stage_of

# Numbers that are columns of a run's tables: moments, signatures, senses, fidelity.
SUMMARY, SENSES, FIDELITY = "signatures/summary", "signatures/polysemy", "fidelity/scores"
CAUSE = "cause/effects"
ALIGN = "align/neurons"
NAMES = "names/neurons"
CONTROL, FIDELITY_OF_LISTS = "fidelity/control", "fidelity/neurons"


def moment(name: str, label: str) -> Number:
    """Describe a column of ``neurons``."""
    return Number(name=name, label=label, source="neurons", read=partial(_of_neurons, column=name), of_neuron=True)


def column(name: str, label: str, table: str = SUMMARY, *, column: str | None = None) -> Number:
    """Describe a column of a table of lists."""
    return Number(name=name, label=label, source=table, read=partial(_of_lists, table=table, column=column or name))


def _of_neurons(run: Run, _asked: Asked, *, column: str) -> NDArray[np.float64]:
    return np.asarray(run.table("neurons", columns=[column]).column(column).to_numpy().astype(np.float64))


def _of_lists(run: Run, asked: Asked, *, table: str, column: str) -> NDArray[np.float64]:
    """Read a column for one side."""
    columns = ["neuron_id", "side", column]
    if table in (FIDELITY, CONTROL):
        rows = run.table(table, columns=[*columns, "evidence"])
        rows = rows.filter(pc.equal(rows.column("evidence"), "all"))
    else:
        rows = run.table(table)
        if column not in rows.column_names:
            what = f"{run.folder} was made before there was the number {column!r}."
            raise RunFolderError(what, hint=f"Make it again: neurolect describe {shlex.quote(str(run.folder))}")
        rows = rows.select(columns)
    rows = rows.filter(pc.equal(rows.column("side"), asked.side))
    values = np.full(run.n_neurons, np.nan)
    values[rows.column("neuron_id").to_numpy()] = pc.cast(rows.column(column), pa.float64()).to_numpy()
    if not np.isfinite(values).any():
        what = f"No {asked.side} list of {run.folder} has the number {column!r}."
        hint = described_with_tagger(run.folder)
        if stage_of(table) != "describe":
            hint = f"Make it of that side: {command_of(stage_of(table), run.folder)}"
        if table in (FIDELITY, FIDELITY_OF_LISTS):
            hint = f"No signature could be scored; why: neurolect fidelity {shlex.quote(str(run.folder))}"
        raise RunFolderError(what, hint=hint)
    return values


def _minus_random(run: Run, asked: Asked) -> NDArray[np.float64]:
    """Take what random weights score from what the trained ones do."""
    trained, random = (_of_lists(run, asked, table=table, column="auroc") for table in (FIDELITY, CONTROL))
    return trained - random


def _of_twins(run: Run, _asked: Asked) -> NDArray[np.float64]:
    column = run.table("fidelity/twins", columns=["correlation"]).column("correlation")
    return np.asarray(column.to_numpy().astype(np.float64))


def _of_names(run: Run, asked: Asked) -> Numbers:
    """Read how the names of the language model that named last were judged; the names are the evidence."""
    table = run.table(NAMES)
    model = run.manifest["stages"]["name"]["model"]
    rows = table.filter(pc.is_valid(table.column("score"))).to_pylist()
    ask = run.manifest["stages"]["name"].get("ask")  # scores of one kind
    rows = [row for row in rows if row["model"] == model and row.get("ask") == ask]
    if not rows:
        what = f"No name by {model} in {run.folder} was judged."
        raise RunFolderError(what, hint=f"Name more, or with another judge: {command_of('name', run.folder)}")
    values, names = np.full(run.n_neurons, np.nan), [""] * run.n_neurons
    for row in [row for row in rows if row["side"] == asked.side]:
        values[row["neuron_id"]], names[row["neuron_id"]] = row["score"], row["name"]
    return Numbers(values, names)


def _of_writing(run: Run, _asked: Asked, *, column: str = "kurtosis") -> NDArray[np.float64]:
    table = run.table("writes/neurons")
    values = np.full(run.n_neurons, np.nan)
    if column in table.column_names:  # tables of before have no cosines
        found = table.column(column).to_numpy(zero_copy_only=False)
        values[table.column("neuron_id").to_numpy()] = found.astype(np.float64)
    return values


_NUMBERS = [
    Number(
        name="pos",
        label="selectivity for a part of speech (greatest lift)",
        source="signatures/tags",
        read=partial(of_tags, by="pos"),
        takes_value=True,
    ),
    Number(
        name="tag",
        label="selectivity for a tag (greatest lift)",
        source="signatures/tags",
        read=partial(of_tags, by="tag"),
        takes_value=True,
    ),
    column("length", "mean length of the sentences (words)", column="mean_length"),
    Number(
        name="field=",
        label="one-sidedness in a metadata field (standard deviation)",
        source="lists, sentences",
        read=of_field,
        takes_value=True,
        arguments=fields_of,
    ),
    Number(
        name="deviation=",
        label="unbalanced one-sidedness in a metadata field (standard deviation)",
        source="lists, sentences",
        read=partial(of_field, balanced=False),
        takes_value=True,
        arguments=fields_of,
    ),
    *(
        Number(
            name=name,
            label=f"{label} of a concept in the list",
            source="signatures/tags, words, metadata",
            read=partial(of_concept, measure=measure),
            takes_value=True,
            signed=True,
        )
        for name, label, measure in (
            ("corpus", "log-odds z", "log_odds_z"),
            ("corpus-lift", "lift", "lift"),
            ("corpus-share", "share", "share_list"),
        )
    ),
    column("name_z", "strength of the name (log-odds z)"),
    column("n_sentences", "sentences of the list"),
    column("mean_length", "mean length of the sentences (words), as length"),
    column("background_mean_length", "mean length of the corpus's sentences (words)"),
    column("noun_share", "noun share"),
    column("verb_share", "verb share"),
    column("adjective_share", "adjective share"),
    *(
        Number(
            name=f"{name}_count",
            label=f"{name}s in a sentence (mean)",
            source="signatures/tags",
            read=partial(of_tag_counts, word_class=name),
        )
        for name in WORD_CLASSES
    ),
    Number(
        name="list_mean",
        label="mean activation of the list's sentences",
        source="lists",
        read=lambda run, asked: mean_activations(run, asked.side),
    ),
    column("length_z", "length z"),
    column("n_senses", "number of senses", SENSES),
    column("polysemy", "effective number of senses", SENSES),
    column("auroc", "fidelity (AUROC of the whole signature)", FIDELITY),
    column("average_precision", "fidelity (average precision of the whole signature)", FIDELITY),
    column("balanced_average_precision", "fidelity (balanced average precision of the whole signature)", FIDELITY),
    column("spearman", "fidelity (rank correlation of the whole signature)", FIDELITY),
    column("name-auroc", "fidelity of the name alone (AUROC)", FIDELITY_OF_LISTS, column="name_auroc"),
    column(
        "name-covered",
        "share of its held-out sentences that the name covers",
        FIDELITY_OF_LISTS,
        column="name_covered",
    ),
    Number(
        name="model-name",
        label="how well a judge tells sentences by the name by a language model (AUROC; chance 0.5)",
        source=NAMES,
        read=_of_names,
    ),
    Number(
        name="trained-minus-random",
        label="fidelity (AUROC) minus that of the same neuron with random weights",
        source="fidelity/control",
        read=_minus_random,
    ),
    Number(
        name="twin_correlation",
        label="correlation with the same neuron with random weights",
        source="fidelity/twins",
        read=_of_twins,
        of_neuron=True,
    ),
    column(
        "alignment",
        "selectivity of the phrases it is aligned with (mean difference over range)",
        ALIGN,
        column="selectivity",
    ),
    column("cause", "what setting it changes where its signature matches (mean)", CAUSE, column="effect"),
    Number(
        name="write-kurtosis",
        label="how few tokens what it writes goes to (excess kurtosis over the vocabulary)",
        source="writes/neurons",
        read=_of_writing,
        of_neuron=True,
    ),
    Number(
        name="write-cosine",
        label="cosine of what an mlp neuron reads and writes",
        source="writes/neurons",
        read=partial(_of_writing, column="cosine"),
        of_neuron=True,
    ),
    moment("mean", "mean of the activation"),
    moment("std", "standard deviation of the activation"),
    moment("skewness", "skewness of the activation"),
    moment("kurtosis", "excess kurtosis of the activation"),
    moment("minimum", "least activation"),
    moment("maximum", "greatest activation"),
]
_OWN = frozenset(each.name for each in _NUMBERS)


def register_number(number: Number) -> None:
    """Add a number to rankings, plots and comparisons of this process.

    Parameters
    ----------
    number : Number
        One of the same name that was added before is replaced.

    Raises
    ------
    OptionError
        If the name is that of one of neurolect's own.
    """
    if number.name in _OWN:
        what = f"The number {number.name!r} is neurolect's own."
        raise OptionError(what, expected="another name")
    unregister_number(number.name)
    _NUMBERS.append(number)


def unregister_number(name: str) -> None:
    """Take an added number away again."""
    _NUMBERS[:] = [each for each in _NUMBERS if each.name != name or name in _OWN]


def numbers(run: Run, by: str, *, side: str = "top", value: str | None = None) -> Numbers:
    """Look up a number of every neuron.

    Parameters
    ----------
    run : Run
        A described run.
    by : str
        ``pos`` (how many times the usual share the noun, verb or adjective tags have, the greatest of the three),
        ``tag`` (the same over single Penn tags), ``length`` (mean words of a sentence), ``field=NAME`` (how
        one-sided the list is in a metadata field: standard deviation of its values' balanced shares),
        ``deviation=NAME`` (the same of the shares among its labelled sentences, as they are), or any other
        name that :func:`numbers_of` gives. Behind ``NAME`` values can follow: ``deviation=mood:good,bad``.
    side : str
        ``top`` or ``bottom``.
    value : str, optional
        With ``pos`` and ``tag`` one class or tag (its lift), with a field one value (its share of the list), or
        several, separated by commas: only these count.

    Returns
    -------
    Numbers
        The greater, the more. Of lists, neurons that are constant have none.

    Raises
    ------
    OptionError
        If there is no such number, side, field or value; names those there are.
    RunFolderError
        If the run has not been described, has no tags, or no list has enough labelled sentences.
    """
    check_side(side, run.sides, of=run.folder)
    number, argument = _look_up(by)
    if value is not None and not number.takes_value:
        what = f"A value ({value!r}) goes with pos, tag, corpus or field=NAME, not with {by!r}."
        raise OptionError(what, hint="Leave --value out, or rank by one of these.")
    read = number.read(run, Asked(side, value, argument))
    found = read if isinstance(read, Numbers) else Numbers(read)
    found = found._replace(label=found.label or number.label, of_neuron=number.of_neuron, signed=number.signed)
    return found if found.of_neuron else _without_constant(run, found)


def numbers_of(run: Run | str | Path) -> pa.Table:
    """Say which numbers there are, and which of them a run has.

    Parameters
    ----------
    run : Run, str or Path
        A run.

    Returns
    -------
    pyarrow.Table
        ``name`` (as ``rank --by`` takes it), ``what``, ``source`` (the run's tables), ``of`` (``list`` or
        ``neuron``), ``has`` (whether all sides of the run have it) and ``why_not`` (null where it has).
    """
    run = open_run(run)
    rows = []
    for name, number in declared_numbers(run):
        try:
            labels = [numbers(run, name, side=side).label for side in run.sides]
            label, why_not = labels[0], None
        except NeurolectError as error:
            label, why_not = number.label, error.what
        of = "neuron" if number.of_neuron else "list"
        rows.append((name, label, number.source, of, why_not is None, why_not))
    columns = dict(zip(("name", "what", "source", "of", "has", "why_not"), zip(*rows, strict=True), strict=True))
    return pa.table(columns | {"why_not": pa.array(columns["why_not"], pa.string())})


def declared_numbers(run: Run) -> list[tuple[str, Number]]:
    """Name the numbers that a run may have, without reading any; each as ``rank --by`` takes it."""
    return [(f"{each.name}{argument}", each) for each in _NUMBERS for argument in each.arguments(run)]


def known_numbers() -> pa.Table:
    """Give every number that some run can be ranked by: ``name``, ``what``, ``source``, ``of``; without any run."""
    rows = [(_choice(each), each.label, each.source, "neuron" if each.of_neuron else "list") for each in _NUMBERS]
    return pa.table(dict(zip(("name", "what", "source", "of"), zip(*rows, strict=True), strict=True)))


def _choice(number: Number) -> str:
    return f"{number.name}NAME" if number.name.endswith("=") else number.name


OF_COMPARISONS = ("max_correlation", "min_correlation", "r2", "svcca")
"""Numbers that only a comparison of several runs has."""


def _look_up(by: str) -> tuple[Number, str]:
    """Find out which number is meant, with which argument."""
    name, is_given, argument = by.partition("=")
    wanted = name + is_given
    for each in _NUMBERS:
        if each.name == wanted:
            return each, argument.strip()
    if name in OF_COMPARISONS:
        what = f"The number {by!r} is of a comparison of runs, not of one run."
        hint = "neurolect compare RUN OTHER --out COMPARED; then neurolect rank COMPARED"
        raise OptionError(what, expected="a comparison", hint=f"{hint} --by {name}")
    choices = [_choice(each) for each in _NUMBERS]
    what = f"There is no number {by!r} of neurons."
    raise OptionError(what, expected=", ".join(choices), hint=f"The nearest: {nearest(by, choices)}.")


def _without_constant(run: Run, found: Numbers) -> Numbers:
    """Take the number from neurons that do not vary: their lists are the first sentences among equals."""
    still = nearly_constant(run) & np.isfinite(found.values)
    n_still = int(still.sum())
    if not n_still or n_still == run.n_neurons:
        return found
    constant = f"{n_still:,} of {run.n_neurons:,} neurons are constant"
    note = f"{constant}: what their lists hold is not informative; left out."
    return found._replace(values=np.where(still, np.nan, found.values), notes=(*found.notes, note))
