"""Pages about extending are done: the code of each page is run as it is there."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neurolect.collector import CollectOptions, collect
from neurolect.corpus import open_corpus, prepare, register_source, unregister_source
from neurolect.errors import ModelError, OptionError
from neurolect.model import (
    ModelOptions,
    load_model,
    register_backend,
    register_site,
    unregister_backend,
    unregister_site,
)
from neurolect.probing import (
    ActivationsOptions,
    rank_activations,
    ranking_methods,
    read_activations,
    register_method,
    unregister_method,
)
from neurolect.results import read_ranking, unregister_number
from neurolect.signatures import DescribeOptions, describe
from neurolect.signatures.evidence import unregister
from neurolect.views import card, plot
from neurolect.views.plots import register_figure, unregister_figure
from tests.tiny_corpora import write_documents
from tests.tiny_models import write_tiny_bert

PAGES = Path(__file__).parent.parent / "docs" / "extending"
TEXTS = ["The first sentence.", "Another one."]


def blocks_of(page: str) -> list[tuple[str | None, str]]:
    """Give the code of a page: the file that each block is of, where it is one, and the block."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    found = re.findall(r'```python(?: title="([\w.]+)")?\n(.*?)```', text, flags=re.DOTALL)
    assert found, f"{page}.md has no code"
    return [(name or None, code) for name, code in found]


def done(page: str) -> dict[str, Any]:
    """Do what a page says, in the current folder."""
    names: dict[str, Any] = {"__name__": page}
    for file, code in blocks_of(page):
        if file:
            Path(file).write_text(code, encoding="utf-8")
        else:
            exec(compile(code, f"docs/extending/{page}.md", "exec"), names)
    return names


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make what the pages name: a model, a run, a store of activations, mails."""
    folder = tmp_path_factory.mktemp("extending")
    write_tiny_bert(folder / "model")
    write_documents(folder / "documents.jsonl", n_documents=60)
    corpus = prepare([folder / "documents.jsonl"], out=folder / "documents")
    options = CollectOptions(list_size=20, sample_size=50)
    run = collect(load_model(str(folder / "model")), corpus, out=folder / "my-run", options=options)
    describe(run, options=DescribeOptions(tagger="none", vectors="none"))
    (folder / "words.jsonl").write_text(
        "".join(
            json.dumps({"words": [f"w{n % 7}", word], "kind": ["x", kind]}) + "\n"
            for n in range(120)
            for word, kind in (("walking", "ing"), ("quickly", "ly"), ("table", "x"))
        )
    )
    read_activations(
        str(folder / "model"), folder / "words.jsonl", out=folder / "acts", concept="kind",
        options=ActivationsOptions(min_train=20, min_test=2),
    )  # fmt: skip
    (folder / "mails").mkdir()
    for n, name in enumerate(("Ada", "Ben")):
        (folder / "mails" / f"{n}.eml").write_text(
            f"From: {name} <a@b.c>\nSubject: Hello\n\n{name} sends a letter. It has two sentences in it.\n"
        )
    return folder


@pytest.fixture
def here(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(made)
    monkeypatch.syspath_prepend(str(made))
    yield made
    unregister_source(".eml")
    unregister_site("query")
    unregister("last_marks")
    unregister_method("median-difference")
    unregister_number("reach")
    unregister_figure("spread")
    unregister_backend("one-thread")


def test_every_page_is_done_here() -> None:
    named = {page.stem for page in PAGES.glob("*.md")} - {"index"}
    assert named == {"source", "site", "evidence_kind", "ranking", "number", "figure", "backend"}
    for page in named:
        assert f"]({page}.md)" in (PAGES / "index.md").read_text(encoding="utf-8")


def test_a_source(here: Path) -> None:
    corpus = done("source")["corpus"]
    table = next(iter(corpus.batches(part="all")))
    last = "It has two sentences in it."  # occurs in both mails, and is kept once
    assert table.column("text").to_pylist() == ["Ada sends a letter.", last, "Ben sends a letter."]
    assert set(table.column("sender").to_pylist()) == {"Ada <a@b.c>", "Ben <a@b.c>"}
    assert {each["name"] for each in corpus.fields} >= {"sender"}
    for ending in (".csv", "eml", ".gz"):
        with pytest.raises(OptionError, match="cannot be given another reader"):
            register_source(ending, lambda file: iter(()))


def test_a_site_is_what_a_plain_hook_reads_and_can_be_set(here: Path) -> None:
    names = done("site")
    model, values = names["model"], names["values"]
    of_query = [place for place, address in enumerate(model.addresses) if address.startswith("query.1.")]
    kept: list[torch.Tensor] = []
    module = next(each for name, each in model.body.named_modules() if name.endswith("query"))
    handle = module.register_forward_hook(lambda _m, _i, output: kept.append(output.detach()))
    encoded = model.tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        model.body(**encoded)
    handle.remove()
    plain = kept[0][0, 1:-1].mean(dim=0).numpy()  # without [CLS] and [SEP]
    assert np.allclose(values[0][of_query], plain, atol=1e-5)
    assert not names["changed"][0][of_query].any()
    assert names["report"].touched


def test_a_site_that_no_module_fits_is_refused(here: Path) -> None:
    for name, reads in (("mlp", "output"), ("a.b", "output"), ("query", "middle")):
        with pytest.raises(OptionError, match=r"cannot be added|A site reads"):
            register_site(name, module="query$", reads=reads)
    register_site("query", module="no such name$")
    with pytest.raises(ModelError, match=r"at linear modules like 'no such name\$', and none ran"):
        load_model("model", options=ModelOptions(sites=("query",)))
    unregister_site("query")
    with pytest.raises(OptionError, match=r"model\.sites"):
        ModelOptions(sites=("query",))


def test_a_run_of_an_added_site_opens_where_the_site_is_not_known(here: Path, tmp_path: Path) -> None:
    register_site("query", module="query$")
    model = load_model("model", options=ModelOptions(sites=("hidden", "query")))
    options = CollectOptions(list_size=20, sample_size=50)
    collect(model, open_corpus("documents"), out=tmp_path / "run", options=options)
    unregister_site("query")
    run = describe(tmp_path / "run", options=DescribeOptions(tagger="none", vectors="none"))
    neuron = run.neuron("query.1.3")
    assert card(neuron)["address"] == "query.1.3"
    assert neuron.list("top", limit=3).num_rows == 3


def test_a_kind_of_evidence(here: Path) -> None:
    names = done("evidence_kind")
    assert names["found"].num_rows > 0
    assert "signatures/last_marks" in names["run"].tables()


def test_a_ranking(here: Path) -> None:
    names = done("ranking")
    ranking = names["ranking"]
    store_values = ranking.column("score").to_numpy()
    assert (np.diff(store_values) <= 0).all()
    assert store_values[0] > 0
    assert "median-difference" in ranking_methods().column("name").to_pylist()
    with pytest.raises(OptionError, match="neurolect's own"):
        register_method("lca", "mine", score=names["median_difference"])
    register_method("median-difference", "wrong", score=lambda activations, labels, classes: np.ones(1))
    with pytest.raises(OptionError, match=r"gave scores of shape \(1,\)"):
        rank_activations("acts", by="median-difference", concept="ing")
    unregister_method("median-difference")
    with pytest.raises(OptionError, match="There is no method"):
        rank_activations("acts", by="median-difference")


def test_a_ranking_through_the_command_line(here: Path) -> None:
    (here / "mine.py").write_text(blocks_of("ranking")[0][1].rsplit("ranking =", 1)[0])
    code = "import mine; from neurolect.cli import main; main()"
    given = ["rank", "acts", "--by", "median-difference", "--concept", "ing", "--out", "mine.parquet"]
    asked = re.findall(r'(?m)^    python -c "(.*?)" (.*)$', (PAGES / "index.md").read_text(encoding="utf-8"))
    assert asked == [(code, "rank acts --by median-difference")]
    answer = subprocess.run(
        [sys.executable, "-c", code, *given], cwd=here, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert read_ranking(here / "mine.parquet").num_rows > 0


def test_a_number(here: Path) -> None:
    ranking = done("number")["ranking"]
    assert ranking.column("score").to_numpy()[0] > 0


def test_a_figure(here: Path) -> None:
    names = done("figure")
    assert (here / "spread.png").stat().st_size > 5_000
    with pytest.raises(OptionError, match="takes no layer"):
        plot("my-run", "spread", out="other.png", layer=1)
    with pytest.raises(OptionError, match="neurolect's own"):
        register_figure("map", names["draw_spread"])


def test_a_backend_gives_what_pytorch_gives(here: Path) -> None:
    names = done("backend")
    assert names["model"].way.backend == "one-thread"
    usual = load_model("model").activations(TEXTS)
    assert np.allclose(names["values"], usual, atol=1e-5)
    with pytest.raises(OptionError, match="neurolect's own"):
        register_backend("openvino", "mine")
