import importlib
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pytest

from neurolect.errors import MissingExtraError, OptionError, RunFolderError
from neurolect.folders.atomic import write_table
from neurolect.store import Run, read_manifest, write_manifest
from neurolect.views import card, plot
from neurolect.views.plots import FIGURES
from neurolect.views.plots.cluster_tables import draw_redundancy
from neurolect.views.plots.heat_maps import draw_heat_map
from neurolect.views.plots.neuron_maps import _clusters
from neurolect.views.plots.rank_figures import draw_curve, draw_diversity
from neurolect.views.plots.style import Drawn, as_svg, new_figure, styled
from tests.damaged import forget_sums
from tests.relations.related_run import write_described_run

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "map": [{}, {"by": "length"}, {"by": "cluster", "side": "bottom"}, {"by": "site", "layer": 2}],
    "ranks": [{}, {"by": "field=domain", "value": "recipe"}],
    "curve": [{"by": "field=domain", "side": "bottom"}],
    "heatmap": [{}, {"by": "std"}, {"by": "verb_count", "indices": (2, 5)}],
    "metadata": [{"neurons": ["hidden.1.0", "hidden.2.3"]}, {"neurons": ["hidden.1.1"], "by": "field=author"}],
    "same-index": [{}],
    "groups": [{}, {"layer": 1, "method": "tsne"}],
}


@pytest.mark.parametrize(
    ("figure", "options"), [(figure, each) for figure in FIGURES for each in OPTIONS.get(figure, [{}])]
)
def test_every_figure_is_drawn_as_svg_with_its_labels(
    related_run: Run, tmp_path: Path, figure: str, options: dict[str, Any]
) -> None:
    out = plot(related_run, figure, out=tmp_path / "figure.svg", **options)
    root = ElementTree.parse(out).getroot()
    texts = {"".join(each.itertext()).strip() for each in root.iter("{http://www.w3.org/2000/svg}text")}
    assert len(texts) >= 2
    first = out.read_bytes()
    assert plot(related_run, figure, out=out, **options).read_bytes() == first


@pytest.mark.parametrize(("ending", "start"), [("png", b"\x89PNG"), ("pdf", b"%PDF")])
def test_pictures_and_papers(related_run: Run, tmp_path: Path, ending: str, start: bytes) -> None:
    out = plot(related_run, "diversity", out=tmp_path / f"new folder/figure.{ending}")
    assert out.read_bytes().startswith(start)
    assert [each.name for each in out.parent.iterdir()] == [out.name]


def test_a_page_needs_no_other_file_and_says_what_each_point_is(related_run: Run, tmp_path: Path) -> None:
    page = plot(related_run, "map", out=tmp_path / "map.html").read_text(encoding="utf-8")
    fetched = re.findall(r"""(?:src|href)=["'](?!#|data:)([^"']+)""", page)
    assert not fetched
    titles = re.findall(r"<use [^>]*><title>(.*?)</title></use>", page)
    assert len(titles) == 16
    assert any(title.startswith("hidden.1.0: ") for title in titles)
    assert "16 neurons; each is where" in page
    groups = plot(related_run, "groups", out=tmp_path / "groups.html").read_text(encoding="utf-8")
    assert len(re.findall(r"<use [^>]*><title>hidden", groups)) == 15  # one does not vary


def test_names_of_corpus_text_are_escaped(related_run: Run, tmp_path: Path) -> None:
    page = plot(related_run, "map", out=tmp_path / "map.html", side="top").read_text(encoding="utf-8")
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("figure", "out", "options", "message"),
    [
        ("maps", "a.png", {}, r"no figure 'maps'(.|\n)*'map'"),
        ("map", "a.gif", {}, r"as 'a.gif'(.|\n)*\.html"),
        ("map", "a.png", {"layer": 9}, r"no layer 9(.|\n)*one of 1, 2"),
        ("diversity", "a.png", {"by": "length"}, "not measured by .length. vectors"),
        ("clusters", "a.png", {"by": "length"}, "takes no by; .length. was given"),
        ("map", "a.png", {"side": "left"}, "no side 'left'"),
        ("map", "a.png", {"method": "pca"}, "no method 'pca'"),
        ("ranks", "a.png", {"method": "tsne"}, "takes no method"),
        ("heatmap", "a.png", {"indices": (5, 8)}, r"indices 5 to 8(.|\n)*two of 0 to 7"),
        ("map", "a.png", {"indices": (1, 2)}, "takes no indices"),
        ("metadata", "a.png", {}, r"none was named(.|\n)*--neurons hidden\.6\.200"),
        ("metadata", "a.png", {"neurons": ["hidden.1.0"] * 11}, r"Bars of 11 neurons(.|\n)*at most 10"),
        ("metadata", "a.png", {"neurons": ["hidden.1.0"], "by": "field=genre"}, "no metadata field 'genre'"),
        ("heatmap", "a.png", {"site": "attn"}, r"no site 'attn'(.|\n)*one of hidden"),
        ("heatmap", "a.png", {"by": "field=genre"}, "no metadata field 'genre'"),
    ],
)
def test_what_cannot_be_drawn_is_reported_and_nothing_written(
    related_run: Run, tmp_path: Path, figure: str, out: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        plot(related_run, figure, out=tmp_path / out, **options)
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_not_related_says_how_to(tmp_path: Path) -> None:
    run = write_described_run(tmp_path / "run")
    with pytest.raises(RunFolderError, match="neurolect relate"):
        plot(run, "map", out=tmp_path / "a.png")
    assert plot(run, "ranks", out=tmp_path / "a.svg").is_file()


@pytest.mark.parametrize(
    ("stage", "entry", "message"),
    [
        ("describe", {"id": "later"}, "of an earlier state"),
        ("relate", {"status": "running"}, "not finished"),
    ],
)
def test_relations_that_are_not_those_of_the_run_are_not_drawn(
    related_run: Run, tmp_path: Path, stage: str, entry: dict[str, str], message: str
) -> None:
    forget_sums(Path(shutil.copytree(related_run.folder, tmp_path / "run")))
    manifest = read_manifest(tmp_path / "run")
    manifest["stages"][stage] |= entry
    write_manifest(tmp_path / "run", manifest)
    with pytest.raises(RunFolderError, match=message):
        plot(Run(tmp_path / "run"), "map", out=tmp_path / "a.png")
    shown = card(Run(tmp_path / "run").neuron("hidden.1.3"))
    assert shown["responds_like"] is None
    assert "neurolect relate" in shown["stale"][-1]


def test_without_matplotlib_the_line_that_installs_it_is_reported(
    related_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = importlib.import_module

    def missing(name: str, package: str | None = None) -> ModuleType:
        if name == "matplotlib":
            raise ModuleNotFoundError(name=name)
        return whole(name, package)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingExtraError, match=r"pip install .*\"matplotlib>="):
        plot(related_run, "ranks", out=tmp_path / "a.svg")


def test_the_map_that_was_not_made_is_reported(related_run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"top vectors by umap(.|\n)*relate\.maps=tsne,umap"):
        plot(related_run, "map", out=tmp_path / "a.png", method="umap")


def test_clusters_are_those_of_the_side_that_is_drawn(related_run: Run) -> None:
    members = related_run.table("relations/members").to_pylist()
    for side in ("top", "bottom"):
        kept = {
            row["neuron_id"]: str(row["cluster"] + 1) for row in members if (row["lists"], row["k"]) == (side, 2)
        }
        assert _clusters(related_run, side) == [kept.get(neuron, "None") for neuron in range(16)]


def test_moments_are_of_neurons_and_not_of_a_side(related_run: Run, tmp_path: Path) -> None:
    for figure in ("ranks", "curve", "heatmap", "same-index"):
        for by, named in (("std", False), ("length", True)):
            page = plot(related_run, figure, out=tmp_path / "a.html", by=by).read_text(encoding="utf-8")
            assert ("top lists" in page) == named


def test_thirds_are_of_layers_and_not_of_sites(related_run: Run, tmp_path: Path) -> None:
    forget_sums(Path(shutil.copytree(related_run.folder, tmp_path / "run")))
    table = related_run.table("neurons")
    sites = ["hidden"] * 4 + ["mlp"] * 4 + ["hidden"] * 4 + ["mlp"] * 4
    layers = pa.array([1] * 4 + [2] * 4 + [1] * 4 + [2] * 4, pa.int16())
    table = table.set_column(table.column_names.index("site"), "site", pa.array(sites))
    write_table(
        tmp_path / "run" / "neurons.parquet",
        table.set_column(table.column_names.index("layer"), table.schema.field("layer"), layers),
    )
    drawn = draw_curve(Run(tmp_path / "run"), by="std")
    stds = table.column("std").to_numpy()
    _, first, last = drawn.figure.axes[0].lines
    expected = sorted(stds[[0, 1, 2, 3, 8, 9, 10, 11]], reverse=True)
    assert np.asarray(first.get_ydata()).tolist() == expected
    assert len(np.asarray(last.get_ydata())) == 8


def test_of_several_sites_the_one_asked_for_is_drawn(related_run: Run, tmp_path: Path) -> None:
    forget_sums(Path(shutil.copytree(related_run.folder, tmp_path / "run")))
    manifest = read_manifest(tmp_path / "run")
    manifest["model"]["sites"] = [
        {"site": site, "layer": layer, "width": 4} for site in ("hidden", "mlp") for layer in (1, 2)
    ]
    write_manifest(tmp_path / "run", manifest)
    stds = related_run.table("neurons").column("std").to_numpy().reshape(4, 4)
    for site, rows in ((None, stds[:2]), ("mlp", stds[2:])):
        drawn = draw_heat_map(Run(tmp_path / "run"), by="std", site=site)
        assert np.asarray(drawn.figure.axes[0].images[0].get_array()).tolist() == rows.tolist()
        assert (site or "hidden") in drawn.caption


def test_dollar_signs_are_no_mathematics() -> None:
    with styled():
        figure, _ = new_figure(r"Share of price = $5_{ to $10")
        svg = as_svg(Drawn(figure, "", None))
    assert "$5_{ to $10" in svg


def test_neurons_without_a_place_are_not_drawn_and_none_at_all_reported(related_run: Run, tmp_path: Path) -> None:
    forget_sums(Path(shutil.copytree(related_run.folder, tmp_path / "run")))
    table = related_run.table("relations/maps")
    ids, place = table.column("neuron_id").to_numpy(), table.column_names.index("x")
    for n_without in (3, 16):
        x = np.where(ids < n_without, np.nan, table.column("x").to_numpy())
        gone = table.set_column(place, "x", pa.array(x, pa.float32(), from_pandas=True))
        write_table(tmp_path / "run" / "relations" / "maps.parquet", gone)
        if n_without < 16:
            page = plot(Run(tmp_path / "run"), "map", out=tmp_path / "a.html").read_text(encoding="utf-8")
            assert len(re.findall("<use [^>]*><title>", page)) == 16 - n_without
        else:
            with pytest.raises(RunFolderError, match="16 neurons: too few for a map"):
                plot(Run(tmp_path / "run"), "map", out=tmp_path / "a.html")


def test_sites_are_distinguished(related_run: Run, tmp_path: Path) -> None:
    forget_sums(Path(shutil.copytree(related_run.folder, tmp_path / "run")))
    for name, column in (("diversity", "site"), ("redundancy", "site")):
        table = related_run.table(f"relations/{name}")
        layers = table.column("layer").to_pylist()
        sites = pa.array([each and ("hidden" if each == 1 else "mlp") for each in layers], pa.string())
        there = table.set_column(table.column_names.index(column), column, sites)
        write_table(tmp_path / "run" / "relations" / f"{name}.parquet", there)
    run = Run(tmp_path / "run")
    legend = draw_diversity(run).figure.axes[0].get_legend()
    assert legend is not None
    assert [each.get_text() for each in legend.get_texts()] == ["hidden", "mlp"]
    assert draw_diversity(related_run).figure.axes[0].get_legend() is None
    one, several = (draw_redundancy(each).figure.axes[0].get_lines() for each in (related_run, run))
    assert len(several) == 2 * len(one)
    assert {np.size(each.get_xdata()) for each in several} == {1}


def test_a_map_by_layer_takes_no_value(related_run: Run, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="goes with pos, tag or field=NAME, not with 'layer'"):
        plot(related_run, "map", out=tmp_path / "map.png", value="3")
