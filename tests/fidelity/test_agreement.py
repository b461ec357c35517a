"""A neuron agrees with itself fully, with a stranger less, and other models are refused."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from neurolect.errors import RunFolderError
from neurolect.fidelity.agreement import stability, stability_summary
from neurolect.folders.atomic import write_table
from neurolect.store import Run, open_run, read_manifest, write_manifest
from neurolect.views.texts.fidelity import stability_text
from tests.damaged import forget_sums
from tests.fidelity.scored_run import write_described_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return write_described_run(tmp_path_factory.mktemp("stability") / "run")


def test_a_signature_agrees_with_itself(run: Run) -> None:
    table = stability(run, run)
    assert np.allclose(table.column("score").to_numpy(), 1.0, atol=1e-6)
    assert set(table.column("evidence").to_pylist()) == {"words", "phrases", "length", "form", "metadata"}
    chance = table.column("chance").to_numpy()
    assert (chance[np.isfinite(chance)] <= 1 + 1e-6).all()
    rows = {row["evidence"]: row for row in stability_summary(table)}
    assert rows["words"]["agreement"] == 1.0
    assert rows["words"]["chance"] < 1.0
    assert rows["words"]["share_kept"] > 0.5
    text = stability_text(table)
    assert "words" in text
    assert "5 % would by chance" in text


def test_a_turned_signature_disagrees(run: Run, tmp_path: Path) -> None:
    forget_sums(Path(shutil.copytree(run.folder, tmp_path / "turned")))
    words = run.table("signatures/words")
    place = words.column_names.index("log_odds_z")
    turned = words.set_column(place, "log_odds_z", pa.array(-words.column("log_odds_z").to_numpy()))
    write_table(tmp_path / "turned" / "signatures" / "words.parquet", turned)
    table = stability(run, open_run(tmp_path / "turned"))
    is_word = np.array(table.column("evidence").to_pylist()) == "words"
    assert np.allclose(table.column("score").to_numpy()[is_word], -1.0, atol=1e-6)
    assert stability_summary(table)[0]["share_kept"] == 0.0


def test_runs_of_other_models_are_refused(run: Run, tmp_path: Path) -> None:
    shutil.copytree(run.folder, tmp_path / "other")
    manifest = read_manifest(tmp_path / "other")
    manifest["model"]["fingerprint"] = "another"
    write_manifest(tmp_path / "other", manifest)
    with pytest.raises(RunFolderError, match="not of one model: fingerprint"):
        stability(run, open_run(tmp_path / "other"))
