"""Rankings of several models side by side: where each layer's lists stand."""

from collections.abc import Sequence

import pyarrow as pa

from neurolect.comparison.folder import RANKINGS
from neurolect.errors import RunFolderError
from neurolect.results import layer_ranks, provenance, rank
from neurolect.store import Run

_QUARTILES = ("rank_least", "rank_q1", "rank_median", "rank_q3", "rank_greatest")


def usual_rankings(runs: Sequence[Run]) -> tuple[str, ...]:
    """Say what runs are ranked by without being asked: parts of speech where tagged, length where described."""
    if not all(run.is_current("describe") for run in runs):
        return ()
    tagged = all(run.table("signatures/tags", columns=["tag"]).num_rows for run in runs)
    return ("pos", "length") if tagged else ("length",)


def layer_rankings(runs: Sequence[Run], *, labels: Sequence[str], by: Sequence[str]) -> pa.Table:
    """Rank the lists of every described run by the same numbers, as ``rankings.parquet``."""
    rows = []
    for number in by:
        for run, label in zip(runs, labels, strict=True):
            if not run.is_current("describe"):
                what = f"The run {run.folder} has not been described, so its lists cannot be ranked by {number!r}."
                raise RunFolderError(what, hint=f"neurolect describe {run.folder}")
            ranking = rank(run, by=number, limit=1)
            facts = provenance(ranking).details
            for each in layer_ranks(ranking):
                # as shares, from 0: the first, to 1: the last; so models of other sizes can stand beside
                shares = [(place - 1) / max(1, facts["n_ranked"] - 1) for place in each.quartiles]
                rows.append(
                    {
                        "by": number,
                        "label": facts["label"],
                        "run": label,
                        "site": each.site,
                        "layer": each.layer,
                        "n": each.n,
                        "mean": each.mean,
                        **dict(zip(_QUARTILES, shares, strict=True)),
                    }
                )
    return pa.Table.from_pylist(rows, schema=RANKINGS)
