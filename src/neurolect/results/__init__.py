"""Results: the numbers of neurons, rankings by them, the one table of all rankings and its writers."""

from neurolect.results.domains import corpus_statistics
from neurolect.results.number import Number, Numbers
from neurolect.results.ranking import LayerRanks, layer_ranks, rank
from neurolect.results.registry import numbers, numbers_of, register_number, unregister_number
from neurolect.results.shown import show_ranking
from neurolect.results.table import (
    Provenance,
    provenance,
    ranking_csv,
    ranking_json,
    ranking_table,
    read_ranking,
    write_ranking,
)

__all__ = [
    "LayerRanks",
    "Number",
    "Numbers",
    "Provenance",
    "corpus_statistics",
    "layer_ranks",
    "numbers",
    "numbers_of",
    "provenance",
    "rank",
    "ranking_csv",
    "ranking_json",
    "ranking_table",
    "read_ranking",
    "register_number",
    "show_ranking",
    "unregister_number",
    "write_ranking",
]
