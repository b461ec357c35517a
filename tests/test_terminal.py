"""Whatever a corpus, a folder or a command holds, no verb sends a terminal a control character."""

import json
import re
from pathlib import Path

import pytest

from tests.command_line import Answer, command
from tests.test_visible import acts
from tests.tiny_models import write_tiny_bert

ROOT = Path(__file__).parent.parent
HOSTILE = ("\x1b]0;owned\x07", "\x1b[2J", "\u202egnp", "\u2066x", "\x9b31m", "\u2028", "a\rb", "\x08")
VERBS = (
    ("show", "RUN", "hidden.1.3"),
    ("show", "RUN", "hidden.1.3", "--format", "json"),
    ("find", "RUN", "--word", "film\x1b[2J"),
    ("find", "RUN", "--has", "metadata=\x1b]0;owned\x07"),
    ("find", "RUN", "--word", "film", "--format", "json"),
    ("find", "RUN", "--word", "film", "--format", "csv"),
    ("rank", "RUN", "--by", "\x1b[2J"),
    ("rank", "RUN", "--list"),
    ("rank", "RUN", "--by", "length"),
    ("rank", "RUN", "--by", "length", "--format", "json"),
    ("convergence", "RUN"),
    ("fidelity", "RUN"),
    ("report", "RUN", "--out", "OUT"),
    ("show", "RUN", "hidden.1.\x1b[2J"),
    ("show", "no\x1b[2Jrun", "hidden.1.3"),
    ("collect", "no\u202emodel", "no\x9b31mcorpus", "--out", "OUT"),
    ("describe", "RUN", "--set", "describe.\x1b[2J=1"),
    ("describe", "RUN", "--set", "describe.tagger=\x1b[2J"),
    ("plot", "RUN", "\x1b[2J", "--out", "OUT.png"),
    ("stability", "RUN", "\x1b[2J"),
    ("compare", "\x1b[2J", "RUN", "--out", "OUT"),
    ("tokens", "\x1b[2J"),
    ("merge", "\x1b[2J", "RUN", "--out", "OUT"),
    ("variant", "\x1b[2J", "random", "--out", "OUT"),
    ("prepare", "\x1b[2J.jsonl", "--out", "OUT"),
    ("paper", "--out", "OUT", "--model", "\x1b[2J"),
    ("relate", "\x1b[2J"),
)


def harmless(answer: Answer) -> None:
    found = sorted({each for each in answer.out + answer.err if acts(each)})
    assert not found, f"{found}: {answer}"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a run over texts, field names and values that hold what terminals act on; look at all that is said."""
    folder = tmp_path_factory.mktemp("terminal")
    rows = [
        {
            "text": f"The film {number} was good{bad} and the team won the {bad} game. It is a bank {bad}price.",
            f"field{HOSTILE[number % 2]}": bad,
            "topic": f"{bad}{number % 3}",
        }
        for number, bad in ((each, HOSTILE[each % len(HOSTILE)]) for each in range(120))
    ]
    source = folder / "documents\x1b[2J.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    model = write_tiny_bert(folder / "bert")
    answer = command(
        "run", model, source, "--out", folder / "run\x1b[31m", "--workers", "1", "--set=describe.tagger=none",
        "--set=describe.vectors=none", "--set=model.pooling=max", "--set=collect.list_size=20",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    harmless(answer)
    return folder / "run\x1b[31m"


@pytest.mark.parametrize("line", VERBS, ids=lambda line: "-".join(re.sub(r"[^\w.]", "", each) for each in line))
def test_no_verb_drives_the_terminal(hostile: Path, tmp_path: Path, line: tuple[str, ...]) -> None:
    places = {"RUN": str(hostile), "OUT": str(tmp_path / "out\x1b[2J"), "OUT.png": str(tmp_path / "out\x1b[2J.png")}
    answer = command(*(places.get(each, each) for each in line))
    assert answer.out + answer.err
    harmless(answer)
    if "json" in line:
        json.loads(answer.out)


def test_one_place_prints() -> None:
    printing = r"typer\.s?echo|click\.s?echo|sys\.std(out|err)\.write"
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "src").rglob("*.py"))
        if re.search(printing, path.read_text(encoding="utf-8"))
    ]
    # the first one says that it was stopped, in its own words, while nothing else is loaded
    assert found == ["src/neurolect/__main__.py", "src/neurolect/cli/app.py"]
