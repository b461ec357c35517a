"""Read tables in text: CSV and TSV, whatever the delimiter, the quotes, the line ends and the header are like."""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from neurolect.corpus.options import PrepareOptions
from neurolect.corpus.reading.decode import Decoder
from neurolect.corpus.reading.fields import ID_NAMES, MOST, TEXT_NAMES, to_number
from neurolect.corpus.reading.losses import Losses
from neurolect.corpus.reading.names import unique_names
from neurolect.corpus.reading.sources import shown, suffixes
from neurolect.errors import CorpusError
from neurolect.folders.remote import RemotePath
from neurolect.progress import counted

DELIMITERS = ",;\t|"
SAMPLE_LINES = 1000
MOST_TITLES = 3
SAMPLE_CHARACTERS = 1 << 20
# What one value may have; beyond it, a quote was opened that never closes.
FIELD_LIMIT = 1 << 27
SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?\s*\Z", re.IGNORECASE | re.DOTALL)
LONE_RETURN = re.compile(r"(?<=\r)(?!\n)(?!\Z)")
NO_END = "unexpected end of data"


class Shape(NamedTuple):
    """How the text of one file is a table."""

    delimiter: str
    quotes: bool
    escape: str | None
    n_before: int
    """Lines before the first row of values."""
    names: list[str]

    def reader(self, lines: Iterator[str]) -> Any:  # noqa: ANN401 - the csv module does not name its readers
        """Parse lines; what quotes spoil is an error."""
        # The csv module's limit holds for the whole process; it is only ever raised.
        csv.field_size_limit(max(FIELD_LIMIT, csv.field_size_limit()))
        if not self.quotes:
            return csv.reader(lines, delimiter=self.delimiter, quoting=csv.QUOTE_NONE, quotechar=None)
        return csv.reader(lines, delimiter=self.delimiter, escapechar=self.escape, strict=True)


def find_shape(path: Path | RemotePath, *, decoder: Decoder, options: PrepareOptions, losses: Losses) -> Shape:
    """Look at a file: its delimiter, whether quotes are quotes, and its column names."""
    sample = _sample(_table_lines(path, decoder))
    n_before = next((n for n, line in enumerate(sample) if line.strip()), len(sample))
    delimiter = "\t" if options.delimiter == "tab" else options.delimiter
    if n_before < len(sample) and (said := SEPARATOR_LINE.match(sample[n_before])):
        delimiter = said[1] if delimiter == "auto" else delimiter
        n_before += 1
        n_before += next((n for n, line in enumerate(sample[n_before:]) if line.strip()), 0)
    n_comments = _comments(sample[n_before:], delimiter, suffixes(path)[0])
    if n_comments:
        n_characters = sum(map(len, sample[n_before : n_before + n_comments]))
        what = counted(n_comments, "{} line that begins with # was", "{} lines that begin with # were")
        losses.say(f"{what} left out before the table of {shown(path)} ({n_characters:,} characters).")
        n_before += n_comments
    n_titles = _titles(sample[n_before:], delimiter, suffixes(path)[0])
    if n_titles:
        n_characters = sum(map(len, sample[n_before : n_before + n_titles]))
        what = counted(n_titles, "{} line above the header was", "{} lines above the header were")
        losses.say(f"{what} left out of {shown(path)} ({n_characters:,} characters): {sample[n_before].strip()!r}.")
        n_before += n_titles
    rest = sample[n_before:]
    if delimiter == "auto":
        delimiter = _delimiter(rest, suffixes(path)[0])
    shape = Shape(delimiter, options.quotes != "none", None, n_before, [])
    if shape.quotes and any('\\"' in line for line in rest):
        escaped = shape._replace(escape="\\")
        shape = escaped if _fault(shape, rest) and not _fault(escaped, rest) else shape
    if options.quotes == "auto" and delimiter == "\t":
        shape = _with_or_without_quotes(path, shape, decoder, losses)
    rows = [row for row in _rows_of(shape, rest) if row]
    if not rows:
        return shape
    has_header = options.header == "yes" or (options.header == "auto" and _has_header(rows[0], rows[1:]))
    if has_header:
        names, changed = unique_names(rows[0])
        n_header = _lines_of_first_row(shape, rest)
        if len(names) == 1 and options.header == "auto" and names[0].strip().lower() not in TEXT_NAMES:
            what = f"The first line of {shown(path)} is taken for the name of its column: {names[0]!r}"
            losses.say(f"{what} (prepare.header=no reads it as a document).")
        if changed:
            losses.say(f"Column names of {shown(path)} that were empty or there twice are now {changed}.")
        return shape._replace(names=names, n_before=n_before + n_header)
    names, _ = unique_names([""] * max(map(len, rows)))
    losses.say(f"{shown(path)} has no header: its columns are called {names[0]} to {names[-1]} (prepare.header).")
    return shape._replace(names=names)


def _sample(lines: Iterator[str]) -> list[str]:
    sample: list[str] = []
    n = 0
    for line in islice(lines, SAMPLE_LINES):
        sample.append(line)
        n += len(line)
        if n > SAMPLE_CHARACTERS:
            break
    return sample


def _table_lines(path: Path | RemotePath, decoder: Decoder) -> Iterator[str]:
    """Yield lines; a lone carriage return ends one too."""
    for line in decoder.lines(path):
        if "\r" in line[:-2]:
            yield from LONE_RETURN.split(line)
        else:
            yield line


def _rows_of(shape: Shape, lines: Sequence[str]) -> list[list[str]]:
    """Parse a sample up to where it is no table."""
    rows: list[list[str]] = []
    with suppress(csv.Error):
        rows.extend(shape.reader(iter(lines)))
    return rows


def _lines_of_first_row(shape: Shape, lines: Sequence[str]) -> int:
    reader = shape.reader(iter(lines))
    while not next(reader):
        pass
    return int(reader.line_num)


def _delimiter(lines: Sequence[str], ending: str) -> str:
    """Choose the delimiter that most rows have as often as the header."""
    best, chosen = (0.0, 0), "\t" if ending == ".tsv" else ","
    for delimiter in sorted(DELIMITERS, key=lambda each: each != chosen):
        rows = [row for row in csv.reader(iter(lines), delimiter=delimiter) if row]
        width = len(rows[0]) if rows else 0
        score = (sum(len(row) == width for row in rows) / max(1, len(rows)), width)
        if width > 1 and score > best:
            best, chosen = score, delimiter
            if ending == ".tsv" and delimiter == "\t":
                break
    return chosen


def _comments(lines: Sequence[str], delimiter: str, ending: str) -> int:
    """Count the lines before a table that are comments on it, not its header: ``#`` and another shape."""
    n = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith("#")), 0)
    below = lines[n:]
    if not n or not below:
        return 0
    delimiter = _delimiter(below, ending) if delimiter == "auto" else delimiter
    rows = [row for row in csv.reader(iter(below), delimiter=delimiter) if row]
    last = max(place for place in range(n) if lines[place].strip())
    cells = next(csv.reader([lines[last]], delimiter=delimiter))
    width = len(rows[0])
    if width == 1 or sum(len(row) == width for row in rows) < MOST * len(rows):
        return 0
    is_named = any(cell.strip().lower() in TEXT_NAMES for cell in rows[0])
    if len(cells) == width and not (is_named and not any(cell.lower().strip("# ") in TEXT_NAMES for cell in cells)):
        return last  # it is the header, as in "#id,text"
    return n


def _titles(lines: Sequence[str], delimiter: str, ending: str) -> int:
    """Count the lines above a header that hold one value, as spreadsheets have a title there."""
    written = [n for n, line in enumerate(lines) if line.strip()]
    for place in range(1, min(1 + MOST_TITLES, len(written))):
        n = written[place]
        below = lines[n:]
        separator = _delimiter(below, ending) if delimiter == "auto" else delimiter
        rows = [row for row in csv.reader(iter(below), delimiter=separator) if row]
        names = [cell.strip().lower() for cell in rows[0]]
        if len(names) < 2 or not all(names) or not any(name in TEXT_NAMES for name in names):
            continue
        above = csv.reader([lines[each] for each in written[:place]], delimiter=separator)
        held = [[cell.strip() for cell in row if cell.strip()] for row in above]
        alike = sum(len(row) == len(names) for row in rows)
        if all(len(row) == 1 and row[0].lower() not in TEXT_NAMES for row in held) and alike >= MOST * len(rows):
            return n
    return 0


def _fault(shape: Shape, lines: Sequence[str] | Iterator[str]) -> bool:
    """Tell whether quotes do not close where values end; a sample may end within a value."""
    try:
        for _ in shape.reader(iter(lines)):
            pass
    except csv.Error as error:
        return str(error) != NO_END or not isinstance(lines, Sequence)
    return False


def _with_or_without_quotes(path: Path | RemotePath, shape: Shape, decoder: Decoder, losses: Losses) -> Shape:
    """Tell whether the quotes of a file with tabs are quotes: many writers of such files know none."""
    # Lines without a quote neither open nor close one.
    lines = islice(_table_lines(path, decoder), shape.n_before, None)
    if not _fault(shape, (line for line in lines if '"' in line)):
        return shape
    plain = shape._replace(quotes=False)
    widths = [len(row) for row in plain.reader(_table_lines(path, decoder)) if row]
    if not widths or widths.count(widths[0]) < MOST * len(widths):
        return shape
    losses.say(f"The quotes of {shown(path)} do not close: they are read as plain characters (prepare.quotes).")
    return plain


def _has_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Tell names from values: a first row that is like the rows below it has none."""
    names = [cell.strip().lower() for cell in first]
    if not rows or any(name in TEXT_NAMES or (name and name in ID_NAMES) for name in names):
        return True
    if [name for name in names if name] == [str(n) for n in range(sum(map(bool, names)))]:
        return True  # what pandas writes of a table without names
    for place, cell in enumerate(first):
        below = [row[place] for row in rows if len(row) > place and row[place]]
        if not below or not cell:
            continue
        if to_number(cell) is not None and sum(to_number(each) is not None for each in below) >= MOST * len(below):
            return False
        if len(below) >= 10 and below.count(cell) > 1:
            return False
        is_text = len(cell) >= 60 and cell.count(" ") >= 8 and not cell.rstrip().endswith("?")
        if len(first) == 1 and cell.count(" ") >= 3 and cell.rstrip().endswith((".", "!")):
            return False
        if is_text and sum(map(len, below)) >= 40 * len(below):
            return False
    return True


class DelimitedFile:
    """One file as rows; ``broken`` is called with line number, reason and text of what is no row."""

    def __init__(
        self,
        path: Path | RemotePath,
        shape: Shape,
        *,
        decoder: Decoder,
        losses: Losses,
        broken: Callable[[int, str, str], None],
    ) -> None:
        self._path, self._shape = path, shape
        self._decoder, self._losses, self._broken = decoder, losses, broken
        self._n_rows = self._n_short = self._n_spread = self._longest = self._first_spread = 0

    def rows(self) -> Iterator[dict[str, object]]:
        """Yield the rows."""
        names, shape = self._shape.names, self._shape
        lines = islice(_table_lines(self._path, self._decoder), shape.n_before, None)
        n_done = shape.n_before
        pending: list[str] = []
        again: deque[str] = deque()
        while True:
            try:
                for values in shape.reader(_recorded(lines, again, pending)):
                    self._n_rows += 1
                    if len(pending) > 1:
                        self._spread(n_done + 1, len(pending))
                    if len(values) > len(names) and any(values[len(names) :]):
                        why = f"{len(values)} values under {len(names)} column names"
                        if self._n_rows == 1 and shape.n_before:
                            why += f" (those of line {shape.n_before}: is that the header?)"
                        self._broken(n_done + len(pending), why, "".join(pending))
                    elif values:
                        self._n_short += len(values) < len(names)
                        yield dict(zip(names, values, strict=False))
                    n_done += len(pending)
                    pending.clear()
            except csv.Error as error:
                self._broken(n_done + 1, self._why(error, n_done + 1, n_done + len(pending)), pending[0])
                # The rest of what the quote swallowed is read again.
                again.extendleft(reversed(pending[1:]))
                n_done += 1
                pending.clear()
                continue
            break
        self._report()

    def _spread(self, first: int, n_lines: int) -> None:
        self._n_spread += 1
        if n_lines > self._longest:
            self._longest, self._first_spread = n_lines, first

    def _why(self, error: csv.Error, first: int, last: int) -> str:
        if str(error) == NO_END or "field larger" in str(error):
            return f"no row: a quote opened on line {first} never closes"
        if "expected after" in str(error):
            return f"no row: a quote that is opened on line {first} is closed within a value on line {last}"
        return f"no row ({error})"

    def _report(self) -> None:
        """Say what is doubtful about the whole."""
        name = shown(self._path)
        self._losses.n_short_rows += self._n_short
        if len(self._shape.names) == 1 and self._n_rows:
            self._losses.say(f"{name} has one column, {self._shape.names[0]!r}: check its delimiter.")
        if self._n_short:
            one = f"{{}} row of {name} has fewer values than column names; the others are empty."
            many = f"{{}} rows of {name} have fewer values than column names; the others are empty."
            self._losses.say(counted(self._n_short, *(each.replace(name, _plain(name)) for each in (one, many))))
        if 0 < self._n_spread < 0.01 * self._n_rows:
            rows = counted(self._n_spread, "{} row", "{} rows")
            self._losses.say(
                f"{rows} of {name} are over several lines, the longest from line {self._first_spread:,} over "
                f"{self._longest:,}: check that its quotes close."
            )


def _plain(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _recorded(lines: Iterator[str], again: deque[str], pending: list[str]) -> Iterator[str]:
    """Yield lines and keep those of the row that is being parsed."""
    while again:
        pending.append(again.popleft())
        yield pending[-1]
    for line in lines:
        pending.append(line)
        yield line


def broken_row(path: Path | RemotePath, number: int, why: str, *, is_whole: bool = False) -> CorpusError:
    """Say which line is no row, and what to do.

    ``is_whole``: Whether the file begins as one JSON value does.
    """
    if is_whole and "JSON" in why:
        what = f"{shown(path)}:{number} is {why}."
        hint = "Write one object a line; jq -c '.[]' does it of a list of them, jq -c . of objects over lines."
        return CorpusError(what, expected="one JSON object a line", hint=hint)
    is_open = why.startswith("no row: a quote")
    quotes = ", set prepare.quotes = none if its quotes are plain characters" if is_open else ""
    above = "Remove what is above the header. Or correct" if "is that the header" in why else "Correct"
    hint = f"{above} the line{quotes}, or set prepare.skip_broken_lines = true to count such lines and go on."
    return CorpusError(f"{shown(path)}:{number} is {why}.", hint=hint)
