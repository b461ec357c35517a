import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from neurolect.finding import striking
from neurolect.results.number import nearly_constant, not_finite
from neurolect.store import Run, open_run
from neurolect.views import card, card_text


def with_deviation(run: Run, folder: Path, address: str, std: float, *, n: int = 100) -> Run:
    shutil.copytree(run.folder, folder)
    path = folder / "neurons.parquet"
    table = pq.read_table(path)
    for name, value, usual in (("std", std, 0.2), ("n", n, 100)):
        values = [value if each == address else usual for each in table["address"].to_pylist()]
        column = pa.array(values, table.schema.field(name).type)
        table = table.set_column(table.column_names.index(name), name, column)
    pq.write_table(table, path)
    return open_run(folder)


def test_a_neuron_far_below_the_others_is_nearly_constant(example_run: Run, tmp_path: Path) -> None:
    found = nearly_constant(with_deviation(example_run, tmp_path / "run", "hidden.1.2", 1e-9))
    assert found.tolist() == [number == 2 for number in range(16)]
    assert not nearly_constant(with_deviation(example_run, tmp_path / "other", "hidden.1.2", 1e-3)).any()


def test_it_is_reported_on_its_card_and_is_not_striking(example_run: Run, tmp_path: Path) -> None:
    run = with_deviation(example_run, tmp_path / "run", "hidden.1.2", 1e-9)
    assert "nearly constant" in card_text(card(run.neuron("hidden.1.2")))
    assert "nearly constant" not in card_text(card(run.neuron("hidden.1.3")))
    assert "hidden.1.2" in striking(example_run).column("address").to_pylist()
    assert "hidden.1.2" not in striking(run).column("address").to_pylist()


def test_one_that_was_never_finite_is_not_called_constant(example_run: Run, tmp_path: Path) -> None:
    run = with_deviation(example_run, tmp_path / "run", "hidden.1.2", 0.0, n=0)
    text = card_text(card(run.neuron("hidden.1.2")))
    assert np.flatnonzero(not_finite(run)).tolist() == [2]
    assert not nearly_constant(run).any()
    assert "not finite: its activation was NaN or infinite on every sentence" in text
    assert "nearly constant" not in text
