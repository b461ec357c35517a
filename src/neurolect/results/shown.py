"""A ranking as notebooks show it: a table of Arrow has no picture of itself."""

import pyarrow as pa

from neurolect.results.table import provenance
from neurolect.store.notebook import Shown


class ShownRanking(Shown):
    """A ranking that a notebook draws; ``table`` is what it was made of."""

    def __init__(self, table: pa.Table) -> None:
        provenance(table)  # anything else is refused here rather than where it is drawn
        self.table = table


def show_ranking(table: pa.Table) -> ShownRanking:
    """Have a notebook draw a ranking: its first neurons, bars of their scores, and how it was made.

    Parameters
    ----------
    table : pyarrow.Table
        What ``rank``, ``find`` and all methods that rank neurons give, or rows of it.

    Returns
    -------
    ShownRanking
        As the last line of a cell it is drawn: static HTML, offline.

    Raises
    ------
    OptionError
        If the table is no ranking.
    """
    return ShownRanking(table)
