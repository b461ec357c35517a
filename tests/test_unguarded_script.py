"""A script without a guard calls everything that starts processes; its body runs once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

ROOT = Path(__file__).parents[1]

SCRIPT = """
from pathlib import Path
with open("count", "a") as file:
    file.write("x")

import neurolect
import neurolect.signatures.annotation.annotate
from neurolect import CollectOptions, DescribeOptions, FidelityOptions, RunConfig
from neurolect.collector.engines.local import collect_local

neurolect.signatures.annotation.annotate.SENTENCES_PER_CHUNK = 50  # several chunks of few sentences
collect = CollectOptions(list_size=20, chunk_sentences=60, workers=2)
describe = DescribeOptions(tagger="{tagger}", pattern_length=1, max_senses=1)
config = RunConfig(collect=collect, describe=describe, fidelity=FidelityOptions(after_describe=False))
corpus = neurolect.prepare("documents.jsonl", out="corpus", workers=2)
run = neurolect.collect(neurolect.load_model("bert"), corpus, out="one", options=collect)
assert neurolect.describe(run, options=describe, workers=2).is_current("describe")
collect_local("bert", "corpus", out="two", workers=2, options=collect)
neurolect.run("bert", ["documents.jsonl"], out="three", config=config, workers=2)
print("done")
"""


def tagger(folder: Path) -> str:
    """Make a small spaCy pipeline that tags."""
    import spacy

    made = spacy.blank("en")
    made.add_pipe("tagger").add_label("NN")
    made.initialize()
    made.to_disk(folder)
    return str(folder)


@pytest.mark.slow
def test_a_script_without_a_guard_runs_once(tmp_path: Path) -> None:
    write_documents(tmp_path / "documents.jsonl")
    write_tiny_bert(tmp_path / "bert")
    (tmp_path / "script.py").write_text(SCRIPT.format(tagger=tagger(tmp_path / "tagger")))
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == "done\n", done.stderr
    assert (tmp_path / "count").read_text() == "x"
