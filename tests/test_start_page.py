"""The commands of the first page that people read really run, on a tiny model and corpus."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command_line import succeed
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny, write_tiny_bert

PAGE = Path(__file__).parent.parent / "docs" / "start.md"
NOT_HERE = {
    "demo": "minutes; tests/test_demo.py runs it on fewer documents",
    "serve": "does not end; tests/explorer run it",
}
INSTEAD = {"bert-base-uncased": "bert", "smollm2": "llama", "neurolect-demo": "my-run", "hidden.3.45": "hidden.2.4"}
"""What is there on a machine without models, for what the page names."""


def commands() -> list[list[str]]:
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    found = [shlex.split(line, comments=True)[1:] for line in re.findall(r"(?m)^ {4}(neurolect .*)$", text)]
    return [words for words in found if words[0] not in NOT_HERE]


@pytest.mark.filterwarnings("default")  # of the libraries of the tagger, whatever is installed with them
@pytest.mark.timeout(600)
def test_every_command_runs_in_the_order_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tiny_bert(Path("bert"))
    write_tiny(Path("llama"), family="Llama")
    write_documents(Path("reviews.jsonl"), n_documents=120)
    given = commands()
    assert len(given) >= 8
    shown = next(words for words in given if words[0] == "show")
    given.remove(shown)
    for words in [*given, shown]:
        words = [INSTEAD.get(each, each) for each in words]
        if words[0] == "find":
            words[words.index("--word") + 1] = "the"
        if words[0] == "collect":
            words[words.index("--out") + 1] = "again"  # my-run is there already
        succeed(*words)
    assert Path("my-run/relations").is_dir()
