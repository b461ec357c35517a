"""Runs written for others: a site that holds what a server answers, tables, a dataset folder."""

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from neurolect.errors import OptionError, RunFolderError
from neurolect.explorer import Answers, export_folder
from neurolect.explorer.site.chunks import N_EXAMPLES, chunk, packed
from neurolect.explorer.site.pages import MADE_THERE
from neurolect.store import open_run
from tests.example_run import HOSTILE, write_example_run


def unpacked(value: Any) -> Any:
    """Do as the page's source.js does."""
    if isinstance(value, list):
        return [unpacked(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "$" not in value:
        return {name: unpacked(each) for name, each in value.items()}
    rows = [dict(zip(value["$"], map(unpacked, row), strict=True)) for row in value["r"]]
    return rows[0] if value.get("one") else rows


def values_of(folder: Path) -> dict[str, Any]:
    """Read every chunk of a site."""
    found: dict[str, Any] = {}
    for path in sorted((folder / "data").iterdir()):
        text = path.read_text(encoding="utf-8")
        assert text.startswith("neurolect.put(")
        assert not re.search("[<>&\u2028\u2029]", text)
        found |= {key: unpacked(each) for key, each in json.loads(text[14:-3]).items()}
    return found


@pytest.fixture(scope="module")
def site(example_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    said: list[str] = []
    out = tmp_path_factory.mktemp("site") / "site"
    assert export_folder(example_folder, to="site", out=out, announce=said.append) == out / "index.html"
    n_bytes = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    n_files = sum(path.is_file() for path in out.rglob("*"))
    stated, files = re.findall(r"[\d.,]+", said[0].rpartition(": about")[2])[:2]
    assert float(stated) == pytest.approx(n_bytes / 1e6, rel=0.25)  # said before it was written
    assert int(files) == pytest.approx(n_files, abs=3)
    return out


def test_a_site_holds_what_a_server_answers(site: Path, example_folder: Path) -> None:
    values, answers = values_of(site), Answers([example_folder])
    start, live = values["start"], answers.get("start")
    assert (start["live"], start["model"]) == (False, False)
    assert str(example_folder) not in json.dumps(start)  # where it lay is nobody else's business
    entry = start["runs"][0]
    assert not any(each["costly"] for each in entry["columns"])
    assert values["overview/0"] == answers.get("overview/0")
    for column in entry["columns"]:
        key = f"column/0/{column['name']}/0"
        if key in values:
            assert values[key] == answers.get(key)
        assert (key in values) != (column["name"] in MADE_THERE), key
    addresses = open_run(example_folder).neurons().column("address").to_pylist()
    assert {key for key in values if key.startswith("card/")} == {f"card/0/{each}" for each in addresses}
    card, whole = values["card/0/hidden.1.3"], answers.get("card/0/hidden.1.3")
    assert card["sides"][0]["evidence"] == whole["sides"][0]["evidence"]
    assert card["sides"][0]["examples"] == whole["sides"][0]["examples"][:N_EXAMPLES]
    assert live["runs"][0]["n_rows"] == entry["n_rows"]
    assert HOSTILE in json.dumps(values, ensure_ascii=False).replace('\\"', '"')


def test_a_site_allows_no_inline_script_and_no_other_host(site: Path) -> None:
    page = (site / "index.html").read_text(encoding="utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "unsafe" not in policy[1]
    assert "http" not in policy[1]
    assert page.index("Content-Security-Policy") < page.index("<script")
    assert "data-static" in page


def test_rows_are_packed_and_come_back() -> None:
    value = {"a": [{"x": 1, "y": [{"z": 1}, {"z": 2}]}, {"x": 2, "y": []}], "$": {"r": [{}, {}]}, "b": [[], [{}]]}
    assert unpacked(packed(value)) == value
    assert b"</script>" not in chunk({"a": "</script><!--\u2028"})


def test_tables_hold_every_list_and_sentence(example_folder: Path, tmp_path: Path) -> None:
    run = open_run(example_folder)
    out = export_folder(example_folder, to="dataset", out=tmp_path / "dataset")
    tables = {path.stem: pq.read_table(path) for path in (out / "data").iterdir()}
    assert set(tables) == {"neurons", "lists", "sentences", "evidence"}
    assert tables["lists"].num_rows == sum(run.table(f"lists/{side}").num_rows for side in run.sides)
    first = tables["lists"].filter(pc.field("address") == "hidden.1.3").filter(pc.field("side") == "top")
    assert first.column("sentence_id").to_pylist() == (
        run.neuron("hidden.1.3").list("top").column("sentence_id").to_pylist()
    )
    assert tables["neurons"].num_rows == 2 * run.n_neurons
    assert tables["sentences"].equals(run.sentences())
    said = {each["label"]: each["rows"] for each in Answers([example_folder]).get("start")["runs"][0]["downloads"]}
    assert said == {name: table.num_rows for name, table in tables.items()}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    for name in tables:
        assert f"data_files: data/{name}.parquet" in card
        assert f"| `{name}` | {tables[name].num_rows:,} |" in card
    assert "<b>" not in card


def test_what_cannot_be_written_is_refused(example_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="cannot be exported to 'pdf'"):
        export_folder(example_folder, to="pdf", out=tmp_path / "x")
    with pytest.raises(OptionError, match="is there already"):
        export_folder(example_folder, to="site", out=tmp_path.parent)
    with pytest.raises(OptionError, match="Other folders go with a site"):
        export_folder(example_folder, to="parquet", out=tmp_path / "x", also=[example_folder])


def test_a_site_of_a_damaged_run_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = write_example_run(tmp_path / "run")
    (run / "neurons.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(RunFolderError, match="neurons"):
        export_folder(run, to="site", out=tmp_path / "site")
    assert not (tmp_path / "site").exists()
