"""Find the neurons that like a word, a part of speech or a metadata value."""

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from neurolect.errors import OptionError, RunFolderError, nearest
from neurolect.store import Run
from neurolect.store.select_rows import select_rows

__all__ = ["find"]

EN_DASH = "\u2013"  # between the ends of a number range

_SCORES = ["n_list", "share_list", "share_background", "lift", "log_odds_z"]


class Wanted(NamedTuple):
    """What is looked for, and where."""

    table: str
    column: str
    value: str
    group: tuple[str, str] | None  # a column and the value it must have
    what: str  # for messages


def find(
    run: Run,
    *,
    word: str | None = None,
    tag: str | None = None,
    where: str | None = None,
    side: str | None = None,
    limit: int = 10,
) -> pa.Table:
    """Rank the neurons whose lists have the most of something.

    Parameters
    ----------
    run : Run
        A described run.
    word : str, optional
        A word; upper and lower case are the same.
    tag : str, optional
        A Penn tag, e.g. ``"NNP"``.
    where : str, optional
        ``"field=value"``, e.g. ``"author=Jane Austen"``.
    side : str, optional
        ``top`` or ``bottom``; both when not given.
    limit : int, >= 1
        Rows at most.

    Returns
    -------
    pyarrow.Table
        ``address``, ``side``, ``evidence``, ``name`` (of that side), ``n_list``, ``share_list``,
        ``share_background``, ``lift``, ``log_odds_z``; by log-odds z, highest first, ties by neuron number.

    Raises
    ------
    OptionError
        If not exactly one of `word`, `tag` and `where` is given, `where` has no ``=``, its field does not exist,
        or `side` or `limit` is out of range.
    RunFolderError
        If no list has it (names the nearest things there are), or the run has not been described.
    """
    if side not in (None, "top", "bottom"):
        what = f"There is no side {side!r}."
        raise OptionError(what, expected="'top' or 'bottom'")
    if limit < 1:
        what = f"The limit is {limit}."
        raise OptionError(what, expected="1 or more")
    wanted = _wanted(run, word, tag, where)
    found = _rows(run, wanted, side, limit)
    if not found.num_rows:
        known = _known(run, wanted)
        wanted = wanted._replace(value=_as_listed(wanted, known))
        found = _rows(run, wanted, side, limit)
        if not found.num_rows:
            raise _nothing_found(run, wanted, known)
    return _told(run, found, wanted.value)


def _wanted(run: Run, word: str | None, tag: str | None, where: str | None) -> Wanted:
    """Read what was asked for."""
    if sum(each is not None for each in (word, tag, where)) != 1:
        what = "A search is for one thing at a time."
        raise OptionError(what, expected="exactly one of a word, a tag and field=value")
    if word is not None:
        return Wanted("words", "word", word.strip().lower(), ("word_class", "all"), f"the word {word!r}")
    if tag is not None:
        return Wanted("tags", "tag", tag.strip().upper(), None, f"the tag {tag!r}")
    field, equals, value = str(where).partition("=")
    fields = [each["name"] for each in run.manifest["corpus"]["fields"]]
    if not equals:
        what = f"{where!r} is no condition on metadata."
        raise OptionError(what, expected="field=value", hint=f"The fields are {nearest(field, fields, n=8)}.")
    if field.strip() not in fields:
        what = f"The corpus has no metadata field {field.strip()!r}."
        listed = ", ".join(repr(each) for each in fields)
        raise OptionError(what, expected=f"one of {listed}" if fields else "none: the corpus has no metadata")
    return Wanted(
        "metadata", "value", value.strip(), ("field", field.strip()), f"{field.strip()} {value.strip()!r}"
    )


def _rows(run: Run, wanted: Wanted, side: str | None, limit: int) -> pa.Table:
    """Read the strongest rows that have it."""
    equal = {wanted.column: wanted.value} | dict([wanted.group] if wanted.group else [])
    if side is not None:
        equal["side"] = side
    columns = ["neuron_id", "side", *_SCORES]
    name = f"signatures/{wanted.table}"
    return select_rows(run.folder, name, equal=equal, columns=columns, highest="log_odds_z", limit=limit)


def _known(run: Run, wanted: Wanted) -> list[str]:
    """List what there is to be found, in the order of the table."""
    columns = [wanted.column] + ([wanted.group[0]] if wanted.group else [])
    table = run.table(f"signatures/{wanted.table}", columns=columns)
    if wanted.group:
        table = table.filter(pc.field(wanted.group[0]) == wanted.group[1])
    return [each for each in pc.unique(table.column(wanted.column)).to_pylist() if each is not None]


def _as_listed(wanted: Wanted, known: list[str]) -> str:
    """Give a metadata value as the run writes it: a number's range, another case; else as it was given."""
    if wanted.table != "metadata":
        return wanted.value
    for each in known:
        if each.casefold() == wanted.value.casefold():
            return each
    try:
        number = float(wanted.value)
    except ValueError:
        return wanted.value
    for each in known:
        low, _, high = each.replace(" to ", EN_DASH).partition(EN_DASH)
        try:
            if float(low) <= number <= float(high or low):
                return each
        except ValueError:
            continue
    return wanted.value


def _nothing_found(run: Run, wanted: Wanted, known: list[str]) -> RunFolderError:
    """Say whether the corpus has it at all, and what is like it."""
    what = f"No neuron's lists have {wanted.what} among their evidence."
    if wanted.table == "words":
        words = run.table("background/words")
        rows = words.filter(pc.field("word") == wanted.value)
        n = rows.column("n_sentences")[0].as_py() if rows.num_rows else 0
        what += f" The corpus has it in {n:,} sentences." if n else " The corpus does not have it either."
        known = [each for each in known if each[:1] == wanted.value[:1]] or known
    hint = f"Nearest: {nearest(wanted.value, known)}" if known else None
    return RunFolderError(what, hint=hint)


def _told(run: Run, found: pa.Table, evidence: str) -> pa.Table:
    """Put addresses and names to the rows."""
    summary = run.table("signatures/summary", columns=["neuron_id", "side", "name"])
    ids = pa.array(found.column("neuron_id").to_pylist(), pa.int32())
    few = summary.filter(pc.is_in(summary.column("neuron_id"), ids)).to_pylist()
    names = {(row["neuron_id"], row["side"]): row["name"] for row in few}
    rows = found.select(["neuron_id", "side"]).to_pylist()
    columns = {
        "address": pa.array([run.index.address(row["neuron_id"]) for row in rows], pa.string()),
        "side": found.column("side"),
        "evidence": pa.array([evidence] * len(rows), pa.string()),
        "name": pa.array([names.get((row["neuron_id"], row["side"])) for row in rows], pa.string()),
    }
    return pa.table({**columns, **{name: found.column(name) for name in _SCORES}})
