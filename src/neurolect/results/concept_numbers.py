"""How much of a concept (a tag, a word or a value of a field) lists have, by their counted evidence."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.results.number import Asked, Numbers
from neurolect.store import Run
from neurolect.store.stage_kinds import described_with_tagger


def of_concept(run: Run, asked: Asked, *, measure: str) -> Numbers:
    """Give a measure of a concept in the lists; NaN where a list keeps no count of it.

    `asked.value` is a tag, ``word=WORD`` or ``FIELD=VALUE``, the tag that a list has most of when not given;
    `measure` is a column of the tables of evidence.
    """
    if asked.value is None:
        return _greatest_of_tags(run, asked.side, measure)
    table, name = _evidence(run, asked.value.strip())
    if not table.num_rows:
        what = f"No list of {run.folder} has the concept {asked.value!r} among its evidence."
        raise OptionError(what, expected="a tag, word=WORD or FIELD=VALUE", hint=_known(run, asked.value))
    here = table.filter(pc.field("side") == asked.side)
    values: NDArray[np.float64] = np.full(run.n_neurons, np.nan)
    found = here.column(measure).to_numpy(zero_copy_only=False)
    values[here.column("neuron_id").to_numpy()] = found.astype(np.float64)
    n_without = int(np.isnan(values).sum())
    note = f"{n_without:,} {asked.side} lists keep no count of {name}; they are left out."
    return Numbers(values, [name] * run.n_neurons, "", (note,) if n_without else ())


def _evidence(run: Run, concept: str) -> tuple[pa.Table, str]:
    """Read the rows of a concept."""
    field, equals, value = concept.partition("=")
    if not equals:
        table = _tags(run)
        tag = concept if pc.any(pc.equal(table.column("tag"), concept)).as_py() else concept.upper()
        return table.filter(pc.field("tag") == tag), tag
    if field == "word":
        table = run.table("signatures/words").filter(pc.field("word_class") == "all")
        return table.filter(pc.field("word") == value.lower()), value
    table = run.table("signatures/metadata")
    return table.filter((pc.field("field") == field) & (pc.field("value") == value)), concept


def _tags(run: Run) -> pa.Table:
    table = run.table("signatures/tags")
    if not table.num_rows:
        what = f"The run {run.folder} has no tags."
        raise RunFolderError(what, hint=described_with_tagger(run.folder))
    return table


def _greatest_of_tags(run: Run, side: str, measure: str) -> Numbers:
    table = (
        _tags(run).filter(pc.field("side") == side).sort_by([("neuron_id", "ascending"), (measure, "descending")])
    )
    ids, first = np.unique(table.column("neuron_id").to_numpy(), return_index=True)
    values = np.full(run.n_neurons, np.nan)
    values[ids] = table.column(measure).to_numpy(zero_copy_only=False)[first]
    tags = dict(zip(ids.tolist(), table.column("tag").take(pa.array(first)).to_pylist(), strict=True))
    return Numbers(values, [tags.get(each, "") for each in range(run.n_neurons)])


def _known(run: Run, concept: str) -> str:
    """Name what is most like a concept that there is not."""
    field, equals, value = concept.partition("=")
    if field == "word" and equals:
        known = pc.unique(run.table("signatures/words").column("word")).to_pylist()
        return f"The nearest: {nearest(value, known)}."
    if equals:
        table = run.table("signatures/metadata")
        own = table.filter(pc.field("field") == field) if table.num_rows else table
        known = pc.unique((own if own.num_rows else table).column("value" if own.num_rows else "field")).to_pylist()
        return f"The nearest: {nearest(value if own.num_rows else field, known)}."
    return f"The nearest: {nearest(concept, pc.unique(run.table('signatures/tags').column('tag')).to_pylist())}."
