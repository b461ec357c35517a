"""Write small folders of today's formats, for later versions to open: tests/fixtures/VERSION/{corpus,run,...}.

    git worktree add ../then COMMIT
    PYTHONPATH=../then/src:../then python scripts/write_fixtures.py 0.1.0

Only verbs of the command line are used, so that the script runs with sources of any version (their
tests/tiny_models.py and tests/tiny_corpora.py make the model and the texts). Under 500 KB together; nothing of this
machine is left inside.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

FIXTURES = Path(__file__).parent.parent / "tests" / "fixtures"
KEPT = ("corpus", "run", "comparison", "variant")
N_DOCUMENTS, WIDTH = 24, 8
LISTS = ("--set=collect.list_size=16", "--set=collect.sample_size=100", "--set=collect.activation_sample_size=100")
DESCRIBED = ("--set=describe.vector_size=8", "--set=describe.pattern_share=0.1", "--set=fidelity.min_positives=2")
RELATED = ("--set=relate.perplexity=4", "--set=relate.n_draws=20", "--set=relate.overlap_sentences=16")


def neurolect(folder: Path, *arguments: str) -> None:
    """Run a verb in a folder; what it prints is kept from the terminal unless it fails."""
    command = [sys.executable, "-m", "neurolect", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def make(folder: Path) -> None:
    """Make every kind of folder."""
    write_documents(folder / "documents.jsonl", n_documents=N_DOCUMENTS)
    write_tiny_bert(folder / "model", width=WIDTH)
    neurolect(folder, "prepare", "documents.jsonl", "--out", "corpus", "--set=prepare.held_out=0.2")
    neurolect(folder, "variant", "model", "random", "--out", "variant")
    for model, run in (("model", "run"), ("variant", "run-random")):
        neurolect(folder, "collect", model, "corpus", "--out", run, *LISTS)
    neurolect(folder, "describe", "run", *DESCRIBED)
    neurolect(folder, "relate", "run", *RELATED)
    neurolect(folder, "tokens", "run", "--neurons", "hidden.1.0")
    neurolect(folder, "compare", "run", "run-random", "--out", "comparison", "--sentences", "all=corpus:all")


def main() -> None:
    """Make the folders elsewhere, and put those that are kept in place."""
    out = FIXTURES / sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        home = Path(name).resolve()
        make(home)
        for path in home.rglob("*.json"):
            path.write_text(path.read_text(encoding="utf-8").replace(str(home), "/made"), encoding="utf-8")
        for kind in KEPT:
            shutil.rmtree(out / kind, ignore_errors=True)
            shutil.copytree(home / kind, out / kind)
    sizes = {kind: sum(path.stat().st_size for path in (out / kind).rglob("*") if path.is_file()) for kind in KEPT}
    print(json.dumps(sizes), sum(sizes.values()))


if __name__ == "__main__":
    main()
