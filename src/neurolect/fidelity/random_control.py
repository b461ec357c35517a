"""Beside every score that of the same neuron in a randomly initialised model: what the architecture alone gives."""

from typing import Any

import pyarrow as pa

from neurolect.atomic import write_table
from neurolect.errors import RunFolderError
from neurolect.store import Run
from neurolect.store.stages import check_current, making


def compare_with_random(run: Run, control: Run) -> Run:
    """Note what the same neurons of another model scored.

    Returns: The run, opened again, with ``fidelity/control.parquet``.
    """
    for each in (run, control):
        check_current(each.folder, each.manifest, "fidelity")
    pairs: dict[str, list[Any]] = {
        "neurons": [each.manifest["model"]["sites"] for each in (run, control)],
        "corpora": [each.manifest["corpus"]["fingerprint"] for each in (run, control)],
        "ways of scoring": [each.manifest["options"]["fidelity"] for each in (run, control)],
    }
    for name, (here, there) in pairs.items():
        if here != there:
            what = f"{run.folder} and {control.folder} have different {name}: {here} and {there}."
            raise RunFolderError(what, expected="the same architecture on the same corpus, scored alike")
    table = control.table("fidelity/scores", columns=["neuron_id", "side", "evidence", "auroc", "spearman"])
    with making(run.folder, "control") as record:
        write_table(run.folder / "fidelity" / "control.parquet", pa.table(table))
        record.entry["model"] = control.manifest["model"]["name"]
    return Run(run.folder)
