import shutil
from pathlib import Path

import numpy as np
import pytest

from neurolect.progress import NullProgress
from neurolect.relations import inputs as module
from neurolect.relations.inputs import word_sentence_vectors
from neurolect.store import Run
from tests.damaged import forget_sums


def test_vectors_that_describe_did_not_keep_are_made_again(
    described: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_sums(Path(shutil.copytree(described.folder, tmp_path / "run")))
    kept = tmp_path / "run" / "signatures" / "word_vectors.npy"
    vectors = np.load(kept)
    from_file = word_sentence_vectors(Run(tmp_path / "run"), progress=NullProgress())
    kept.unlink()
    monkeypatch.setattr(
        module, "train_vectors", lambda _coded, *, options: vectors if options.vector_size else None
    )
    assert np.array_equal(word_sentence_vectors(Run(tmp_path / "run"), progress=NullProgress()), from_file)
    assert from_file.shape == (500, 8)
    assert np.linalg.norm(from_file, axis=1) == pytest.approx(np.ones(500), abs=1e-5)
