"""Columns of the table of neurons: a row is a list, neurons ascending, within a neuron the top list first.

The browser filters and sorts; a column is handed out in pieces of ``PIECE`` rows.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from neurolect.errors import NeurolectError, OptionError, RunFolderError, nearest
from neurolect.explorer.answers.opened import OpenedRun
from neurolect.explorer.answers.plain import numbers_list, shortened
from neurolect.model.neurons import SiteLayer
from neurolect.results import numbers
from neurolect.results.number import Number
from neurolect.results.registry import declared_numbers
from neurolect.signatures.evidence.words import WORDS
from neurolect.store import Run
from neurolect.store.sides import lists_of
from neurolect.views.texts.striking import kind_label

PIECE = 16_384
"""Rows a piece."""
SUMMARY, MAPS = "signatures/summary", "relations/maps"
N_WORDS, SENTENCE, NAME = 6, 140, 200
"""Leading words of a list, and characters of a sentence and of a name."""
SHOWN = ("name_z", "auroc", "cause")
"""Numbers that the table shows before anything is chosen."""
COSTLY = ("field=", "deviation=", "list_mean")
"""Numbers for which all lists are read."""
_ASKED = "corpus"
"""Numbers of this name are of a value that has to be given."""


class Column(NamedTuple):
    """What a column is and how a piece of it is read."""

    name: str
    label: str
    type: str
    """``number``, ``text`` or ``category``."""
    read: Callable[[OpenedRun, int], dict[str, Any]]
    """Gives the piece of a number."""
    shown: bool = False
    descending: bool = False
    costly: bool = False
    by: str | None = None
    """Of a number what ``rank --by`` takes."""

    def described(self) -> dict[str, Any]:
        """Say what it is."""
        about = {"name": self.name, "label": self.label, "type": self.type}
        return about | {"default": self.shown, "descending": self.descending, "costly": self.costly}


def columns_of(run: Run) -> dict[str, Column]:
    """Name the columns of a run; nothing is read yet."""
    found = [
        Column("address", "neuron", "text", _addresses, shown=True),
        Column("site", "site", "category", lambda of, piece: _sites(of.run(), piece)),
        Column("layer", "layer", "number", lambda of, piece: _places(of.run(), piece, "layer")),
        Column("index", "index", "number", lambda of, piece: _places(of.run(), piece, "index")),
        Column("side", "side", "category", _sides, shown=True),
        Column("name", "name", "text", lambda of, piece: _texts(of, piece, "name", NAME), shown=True),
        Column("kind", "what the name rests on", "category", _kinds),
    ]
    taken = {each.name for each in found} | {"words", "writes", "typical"}
    for by, number in declared_numbers(run):
        if not by.startswith(_ASKED) and _has_source(run, number):
            name = _file_name(by, taken)
            taken.add(name)
            found.append(_of_number(name, by, number))
    if WORDS.shown[0].rows.exist(run):
        found.append(Column("words", "leading words", "text", _words))
    if run.has("writes/neurons"):
        found.append(Column("writes", "writes", "text", _writes))
    found.append(Column("typical", "typical sentence", "text", _typical, shown=True))
    return {each.name: each for each in found}


def n_pieces(run: Run) -> int:
    """Count the pieces of a column."""
    return max(1, -(-run.n_neurons * len(run.sides) // PIECE))


def column_piece(of: OpenedRun, name: str, piece: int) -> dict[str, Any]:
    """Give a piece of a column."""
    columns: dict[str, Column] = of.kept("columns", columns_of)
    if name not in columns:
        what = f"The run {of.folder} has no column {name!r}."
        raise OptionError(what, hint=f"Nearest: {nearest(name, columns)}.")
    check_piece(of.run(), piece)
    return columns[name].read(of, piece)


def order_piece(of: OpenedRun, name: str, piece: int) -> dict[str, Any]:
    """Give the places of a piece's texts in the order of all; null where there is none."""
    columns: dict[str, Column] = of.kept("columns", columns_of)
    if name not in columns or columns[name].type != "text":
        what = f"The run {of.folder} has no column of texts {name!r}."
        raise OptionError(what, expected=", ".join(each.name for each in columns.values() if each.type == "text"))
    check_piece(of.run(), piece)
    ranks: NDArray[np.int32] = of.kept(("order", name), lambda run: ranks_of(_all_texts(of, columns[name], run)))
    here = ranks[piece * PIECE : (piece + 1) * PIECE]
    return {"v": [None if each < 0 else each for each in here.tolist()]}


def _all_texts(of: OpenedRun, column: Column, run: Run) -> pa.Array:
    texts = (pa.array(column.read(of, piece)["v"], pa.string()) for piece in range(n_pieces(run)))
    return pa.chunked_array(list(texts)).combine_chunks()


def ranks_of(texts: pa.Array) -> NDArray[np.int32]:
    """Order texts as a reader would: small and capital letters, plain and accented ones next to each other.

    Equal texts have the same rank, from 0; what is empty or null has -1.

    >>> ranks_of(pa.array(["b", "A", None, "\u00e9", "f", "b", ""])).tolist()
    [1, 0, -1, 2, 3, 1, -1]
    """
    coded = pc.if_else(pc.equal(texts, ""), None, texts).dictionary_encode()
    keys = pc.utf8_lower(pc.utf8_normalize(coded.dictionary, form="NFKD"))
    keys = pc.replace_substring_regex(keys, pattern="^[^\\p{L}\\p{N}]+", replacement="")  # quotation marks
    ranks = pc.rank(keys, sort_keys="ascending", tiebreaker="dense").to_numpy().astype(np.int32) - 1
    codes = coded.indices.fill_null(len(ranks)).to_numpy()
    places: NDArray[np.int32] = np.append(ranks, np.int32(-1))[codes]
    return places


def check_piece(run: Run, piece: int) -> None:
    """Refuse a piece that there is not."""
    if not 0 <= piece < n_pieces(run):
        what = f"There is no piece {piece} of {run.folder}."
        raise OptionError(what, expected=f"0 to {n_pieces(run) - 1}")


def rows_of(run: Run, piece: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the neurons of a piece's rows and the places of their sides among those of the run."""
    n_sides = len(run.sides)
    rows = np.arange(piece * PIECE, min((piece + 1) * PIECE, run.n_neurons * n_sides))
    return rows // n_sides, rows % n_sides


def _file_name(by: str, taken: set[str]) -> str:
    """Name a number so that it can be part of an address and of a file's name.

    >>> _file_name("field=a/b", set()), _file_name("field=a b", {"field-a-b"})
    ('field-a-b', 'field-a-b-2')
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", by).strip("-")[:60] or "number"
    found, n = name, 1
    while found in taken:
        found, n = f"{name}-{n + 1}", n + 1
    return found


def _has_source(run: Run, number: Number) -> bool:
    """Say whether the tables of a number are there; one of an extension says so itself when it is read."""
    if "/" not in number.source or "," in number.source:
        return True
    try:
        return run.has(number.source)
    except NeurolectError:
        return False


def _of_number(name: str, by: str, number: Number) -> Column:
    argument = by.removeprefix(number.name)
    label = f"{number.label}: {argument}" if argument else number.label

    def read(of: OpenedRun, piece: int) -> dict[str, Any]:
        values: NDArray[np.float64] = of.kept(("number", by), lambda run: number_of_lists(run, by))
        return {"v": numbers_list(values[piece * PIECE : (piece + 1) * PIECE])}

    costly = number.name in COSTLY
    return Column(name, label, "number", read, shown=by in SHOWN, descending=True, costly=costly, by=by)


def number_of_lists(run: Run, by: str) -> NDArray[np.float64]:
    """Read a number of every list; NaN where there is none; raises where no side has it."""
    values = np.full((run.n_neurons, len(run.sides)), np.nan)
    errors: list[NeurolectError] = []
    for place, side in enumerate(run.sides):
        try:
            values[:, place] = numbers(run, by, side=side).values
        except RunFolderError as error:
            errors.append(error)
    if len(errors) == len(run.sides):
        raise errors[0]
    return values.reshape(-1)


def _addresses(of: OpenedRun, piece: int) -> dict[str, Any]:
    run = of.run()
    neurons, _ = rows_of(run, piece)
    return {"v": [run.index.address(each) for each in neurons.tolist()]}


def _sites(run: Run, piece: int) -> dict[str, Any]:
    taps = run.index.site_layers
    labels = list(dict.fromkeys(tap.site for tap in taps))
    codes = np.array([labels.index(tap.site) for tap in taps])
    return {"labels": labels, "v": codes[_taps(taps, rows_of(run, piece)[0])].tolist()}


def _places(run: Run, piece: int, what: str) -> dict[str, Any]:
    taps, neurons = run.index.site_layers, rows_of(run, piece)[0]
    of_tap = _taps(taps, neurons)
    if what == "layer":
        return {"v": np.array([tap.layer for tap in taps])[of_tap].tolist()}
    starts = np.cumsum([0, *(tap.width for tap in taps)])
    return {"v": (neurons - starts[of_tap]).tolist()}


def _taps(taps: tuple[SiteLayer, ...], neurons: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.searchsorted(np.cumsum([tap.width for tap in taps]), neurons, side="right")


def _sides(of: OpenedRun, piece: int) -> dict[str, Any]:
    run = of.run()
    return {"labels": list(run.sides), "v": rows_of(run, piece)[1].tolist()}


def summary_column(run: Run, name: str) -> pa.Array:
    """Give a column of the summary for every list in order; null where a list has none, or nothing is described."""
    n_rows = run.n_neurons * len(run.sides)
    if not run.has(SUMMARY):
        return pa.nulls(n_rows)
    table = run.table(SUMMARY, columns=["neuron_id", "side", name])
    table = table.filter(pc.is_in(table.column("side"), value_set=pa.array(run.sides)))
    rows = np.full(n_rows, -1, np.int64)
    rows[lists_of(table, run.sides)] = np.arange(len(table))
    return table.column(name).combine_chunks().take(pa.array(rows, mask=rows < 0))


def _texts(of: OpenedRun, piece: int, name: str, length: int) -> dict[str, Any]:
    column: pa.Array = of.kept(("summary", name), lambda run: summary_column(run, name))
    texts = column.slice(piece * PIECE, PIECE).to_pylist()
    return {"v": [None if each is None else shortened(each, length) for each in texts]}


def kinds_of_lists(run: Run) -> tuple[list[str], NDArray[np.int64]]:
    """Name the kinds of names, the most common first and those without a theme last, and the kind of each list."""
    if not run.has(SUMMARY):
        return ["not described"], np.zeros(run.n_neurons * len(run.sides), np.int64)
    coded = summary_column(run, "name_kind").dictionary_encode(null_encoding="encode")
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    labels = [kind_label(each) for each in coded.dictionary.to_pylist()]
    counts = dict(zip(labels, np.bincount(codes, minlength=len(labels)).tolist(), strict=False))
    known = sorted(set(labels), key=lambda each: (each == kind_label(None), -counts[each], each))
    return known, np.array([known.index(each) for each in labels])[codes]


def _kinds(of: OpenedRun, piece: int) -> dict[str, Any]:
    labels, codes = of.kept("kinds", kinds_of_lists)
    return {"labels": labels, "v": codes[piece * PIECE : (piece + 1) * PIECE].tolist()}


def _words(of: OpenedRun, piece: int) -> dict[str, Any]:
    run = of.run()
    neurons, _ = rows_of(run, piece)
    rows = WORDS.shown[0].rows
    first, last = int(neurons[0]), int(neurons[-1])
    columns = ["neuron_id", "side", "display", "rank_relative", *([rows.only[0]] if rows.only else [])]
    table = rows.of(run.rows_between(rows.name, first, last=last, columns=columns))
    table = table.filter(pc.less_equal(table.column("rank_relative"), N_WORDS))
    table = table.sort_by([("neuron_id", "ascending"), ("rank_relative", "ascending")])
    words: dict[int, list[str]] = {}
    for at, word in zip(lists_of(table, run.sides).tolist(), table.column("display").to_pylist(), strict=True):
        words.setdefault(at, []).append(shortened(word, 40))
    start = piece * PIECE
    return {"v": [" ".join(words.get(start + row, ())) or None for row in range(len(neurons))]}


def _writes(of: OpenedRun, piece: int) -> dict[str, Any]:
    run = of.run()
    neurons, _ = rows_of(run, piece)
    table = run.table("writes/neurons", columns=["neuron_id", "promotes", "suppresses"])
    low, high = np.searchsorted(table.column("neuron_id").to_numpy(), [neurons[0], neurons[-1] + 1])
    found = {}
    for row in table.slice(int(low), int(high - low)).to_pylist():
        parts = [", ".join(map(str.strip, row["promotes"][:N_WORDS]))]
        parts += [f"not {', '.join(map(str.strip, row['suppresses'][:N_WORDS]))}"] if row["suppresses"] else []
        found[row["neuron_id"]] = shortened(" \u00b7 ".join(filter(None, parts)), NAME) or None
    return {"v": [found.get(each) for each in neurons.tolist()]}


def _typical(of: OpenedRun, piece: int) -> dict[str, Any]:
    """Give the typical sentence of every list, the strongest where nothing is described."""
    run = of.run()
    if run.has(SUMMARY):
        column = of.kept(("summary", "typical"), lambda run: summary_column(run, "typical_sentence_id"))
        ids = column.slice(piece * PIECE, PIECE)
    else:
        ids = _strongest(run, piece)
    known = np.unique(ids.drop_null().to_numpy(zero_copy_only=False))
    texts = [shortened(text, SENTENCE) for text in run.take_sentences(known).column("text").to_pylist()]
    at = pc.index_in(ids, value_set=pa.array(known, pa.int64())).to_pylist()
    return {"v": [None if each is None else texts[each] for each in at]}


def _strongest(run: Run, piece: int) -> pa.Array:
    neurons, places = rows_of(run, piece)
    found = np.full(len(neurons), -1, np.int64)
    for place, side in enumerate(run.sides):
        columns = ["neuron_id", "rank", "sentence_id"]
        table = run.rows_between(f"lists/{side}", int(neurons[0]), last=int(neurons[-1]), columns=columns)
        table = table.filter(pc.equal(table.column("rank"), 0))
        of_neuron = np.full(int(neurons[-1] - neurons[0]) + 1, -1, np.int64)
        of_neuron[table.column("neuron_id").to_numpy() - neurons[0]] = table.column("sentence_id").to_numpy()
        here = places == place
        found[here] = of_neuron[neurons[here] - neurons[0]]
    return pa.array(found, mask=found < 0)


# Places of lists on the maps that `relate` made.
def maps_of(run: Run) -> list[dict[str, str]]:
    """Name the maps of a run."""
    if not run.has(MAPS):
        return []
    of = run.table(MAPS, columns=["method", "of"]).group_by(["method", "of"], use_threads=False).aggregate([])
    methods = list(dict.fromkeys(of.column("method").to_pylist()))
    kinds = dict.fromkeys("lists" if each.endswith(" vectors") else each for each in of.column("of").to_pylist())
    titles = {"tsne": "t-SNE", "umap": "UMAP"}
    what = {"lists": "by their sentences", "responses": "by their responses"}
    return [
        {"name": f"{method}-{kind}", "label": f"{what.get(kind, kind)} ({titles.get(method, method)})"}
        for kind in kinds
        for method in methods
    ]


def map_piece(of: OpenedRun, name: str, piece: int) -> dict[str, Any]:
    """Give the places of a piece's lists on a map; null where there is none."""
    run = of.run()
    check_piece(run, piece)
    known = [each["name"] for each in maps_of(run)]
    if name not in known:
        what = f"The run {of.folder} has no map {name!r}."
        raise OptionError(what, expected=", ".join(known) or "a run that was related")
    xy: NDArray[np.float64] = of.kept(("map", name), lambda run: _map(run, name))
    here = xy[:, piece * PIECE : (piece + 1) * PIECE]
    return {axis: numbers_list(values) for axis, values in zip("xy", here, strict=True)}


def _map(run: Run, name: str) -> NDArray[np.float64]:
    """Read a map; float64, shape (2, n_rows)."""
    method, kind = name.split("-", 1)
    table = run.table(MAPS)
    table = table.filter(pc.field("method") == method)
    xy = np.full((2, run.n_neurons, len(run.sides)), np.nan)
    for place, side in enumerate(run.sides):
        own = table.filter(pc.field("of") == (f"{side} vectors" if kind == "lists" else kind))
        ids = own.column("neuron_id").to_numpy()
        for axis, column in enumerate(("x", "y")):
            xy[axis, ids, place] = own.column(column).to_numpy(zero_copy_only=False)
    return xy.reshape(2, -1)
