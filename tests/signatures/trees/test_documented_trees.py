"""The example of bracketed trees in docs/paper.md runs."""

import json
import re
import shlex
from pathlib import Path

from neurolect.store import open_run
from tests.command_line import succeed
from tests.tiny_models import write_tiny_bert

PAGE = Path(__file__).parents[3] / "docs" / "paper.md"


def test_the_example_of_bracketed_trees_runs(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in re.findall(r'(?m)^ {4}(\{"text".+\})$', text)]
    assert len(rows) == 3
    # the same forms again and again: a corpus has more than three sentences
    many = [row | {"text": f"{row['text'][:-1]} {number}{row['text'][-1]}"} for number in range(40) for row in rows]
    (tmp_path / "trees.jsonl").write_text("\n".join(map(json.dumps, many)), encoding="utf-8")
    command = next(line for line in re.findall(r"(?m)^ {4}neurolect (run .+)$", text) if "field:tree" in line)
    verb, _model, source, *options = shlex.split(command)
    options[options.index("tree-run")] = str(tmp_path / "run")
    quick = ("--set=describe.tagger=none", "--set=describe.vectors=none", "--workers=1")
    succeed(verb, write_tiny_bert(tmp_path / "bert"), tmp_path / source, *options, *quick)
    run = open_run(tmp_path / "run")
    table = run.table("signatures/subtrees")
    assert {"NP(DT JJ NN)", "VP(VB NP)", "PP(IN NP)"} & set(table.column("subtree").to_pylist())
    labels = {label for each in table.column("labels").to_pylist() for label in each}
    assert "dog" not in labels
    assert "DT" in labels
