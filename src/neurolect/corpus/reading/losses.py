"""Count what is not read as it is: rows that are broken, characters replaced, files of doubtful shape."""

from dataclasses import dataclass, field

from neurolect.corpus.reading.encoding import Encoding

NAMED = 3


@dataclass(slots=True)
class Losses:
    """What one reading of all sources met."""

    n_broken: int = 0
    """Rows that are no row and were skipped."""
    n_broken_characters: int = 0
    n_replaced: int = 0
    """Characters that could not be decoded."""
    n_short_rows: int = 0
    """Rows of delimited files with fewer values than there are column names."""
    _as: dict[str, dict[str, None]] = field(default_factory=dict)
    _said: dict[str, None] = field(default_factory=dict)
    _unknown: dict[str, int] = field(default_factory=dict)

    def broken(self, text: str, *, n_rows: int = 1) -> None:
        """Count what was skipped."""
        self.n_broken += n_rows
        self.n_broken_characters += len(text)

    def read_as(self, name: str, encoding: Encoding) -> None:
        """Remember a file that is not read as UTF-8."""
        if encoding.how in ("mark", "guess"):
            self._as.setdefault(encoding.name if encoding.how == "mark" else f"{encoding.name}?", {})[name] = None

    def say(self, notice: str) -> None:
        """Tell people something of a file, once."""
        self._said[notice] = None

    def unknown_column(self, column: str) -> None:
        """Count a value of a column that was not met when columns were chosen."""
        self._unknown[column] = self._unknown.get(column, 0) + 1

    def restart(self) -> None:
        """Count from nothing again; what was said of files stays said."""
        self.n_broken = self.n_broken_characters = self.n_replaced = self.n_short_rows = 0

    def notices(self) -> list[str]:
        """Put it into sentences for people."""
        said = [_read_as(encoding, list(files)) for encoding, files in self._as.items()]
        said += self._said
        if self._unknown:
            n = sum(self._unknown.values())
            names = ", ".join(map(repr, list(self._unknown)[:NAMED])) + (
                " ..." if len(self._unknown) > NAMED else ""
            )
            many = f"{n:,} values are in columns that only late rows have, and were left out: {names}"
            one = f"1 value is in a column that only late rows have, and was left out: {names}"
            said.append(f"{one if n == 1 else many} (prepare.metadata_columns keeps columns that it names).")
        return said


def _read_as(encoding: str, files: list[str]) -> str:
    is_guess = encoding.endswith("?")
    which = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1:,} other files"
    was = "was" if len(files) == 1 else "were"
    how = "guessed from the bytes; prepare.encoding names another" if is_guess else "as the first bytes say"
    return f"{which} {was} read as {encoding.rstrip('?')} ({how})."
