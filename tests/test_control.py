"""A run with its control: the twin of random weights is read alike, and noted neuron by neuron."""

from pathlib import Path

import numpy as np
import pytest

from neurolect.errors import RunFolderError
from neurolect.fidelity.score import twin_correlations
from neurolect.pipeline import run
from neurolect.results import rank
from neurolect.store import Run, open_run
from neurolect.views import card, card_text
from tests.command_line import command
from tests.documented_folder import check_folder
from tests.test_disjoint import CONFIG
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert


@pytest.fixture(scope="module")
def controlled(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("controlled")
    write_tiny_bert(folder / "bert")
    documents = write_documents(folder / "documents.jsonl", n_documents=80)
    return run(str(folder / "bert"), [documents], out=folder / "run", config=CONFIG, control=True)


def test_the_twin_is_read_and_scored_like_the_run(controlled: Run) -> None:
    twin = open_run(controlled.folder.with_name("run-random"))
    assert twin.manifest["corpus"]["fingerprint"] == controlled.manifest["corpus"]["fingerprint"]
    assert twin.manifest["model"]["fingerprint"] != controlled.manifest["model"]["fingerprint"]
    assert controlled.is_current("control")
    assert check_folder(controlled.folder, page="run_folder.md", below="fidelity")
    before = (controlled.folder / "fidelity" / "twins.parquet").stat().st_mtime_ns
    again = run(
        controlled.manifest["model"]["name"], [controlled.manifest["corpus"]["path"]], out=controlled.folder,
        config=CONFIG, control=True,
    )  # fmt: skip
    assert (again.folder / "fidelity" / "twins.parquet").stat().st_mtime_ns == before


def test_correlations_are_those_of_numpy(controlled: Run) -> None:
    twin = open_run(controlled.folder.with_name("run-random"))
    own, other = (np.load(each.folder / "held_out" / "activations.npy") for each in (controlled, twin))
    plain = [np.corrcoef(a.astype(float), b.astype(float))[0, 1] for a, b in zip(own, other, strict=True)]
    found = controlled.table("fidelity/twins").column("correlation").to_numpy()
    assert np.allclose(found, plain, atol=1e-5)
    assert np.allclose(twin_correlations(controlled, controlled), 1.0)


def test_what_training_changed_is_a_number_and_on_the_card(controlled: Run) -> None:
    scores, random = (
        {
            (row["neuron_id"], row["side"]): row["auroc"]
            for row in controlled.table(name).to_pylist()
            if row["evidence"] == "all"
        }
        for name in ("fidelity/scores", "fidelity/control")
    )
    ranked = rank(controlled, by="trained-minus-random", limit=3).to_pylist()
    best = max(scores[key] - random[key] for key in scores if key in random)
    assert ranked[0]["score"] == pytest.approx(best, abs=1e-6)
    text = card_text(card(controlled.neuron(ranked[0]["address"])))
    assert "random weights" in text
    assert "(correlation " in text
    answer = command("rank", controlled.folder, "--by", "twin_correlation", "--limit", "2")
    assert answer.code == 0, answer.err


def test_other_held_out_sentences_are_refused(controlled: Run, tmp_path: Path) -> None:
    write_documents(tmp_path / "other.jsonl", n_documents=60, seed=5)
    model = controlled.manifest["model"]["name"]
    other = run(model, [tmp_path / "other.jsonl"], out=tmp_path / "other", config=CONFIG)
    with pytest.raises(RunFolderError, match="scored on different held-out sentences"):
        twin_correlations(controlled, other)
