from typing import Any

from neurolect.views.comparisons.text import comparison_text

EXAMPLE: dict[str, Any] = {
    "address": "hidden.2.7",
    "name": "recipes",
    "best_address": "hidden.3.1",
    "best_name": "cooking",
    "correlation": -0.71,
    "same_correlation": 0.91,
    "same_name": "long sentences",
    "r2": 0.5,
}
LAYER: dict[str, Any] = {
    "site": "hidden",
    "layer": 2,
    "n": 16,
    "kept": 0.5,
    "moved": 0.25,
    "vanished": 0.25,
    "appeared": None,
    "median_correlation": 0.618,
    "median_r2": None,
    "svcca": 0.9,
    "svcca_held_out": 0.77,
    "likest_layer": "hidden.3",
    "likest_svcca_held_out": 0.81,
    "mean_shared": 0.1234,
}
SUMMARY: dict[str, Any] = {
    "number_distances": None,
    "labels": ["a", "b"],
    "source": "the runs' stored samples",
    "n_sentences": 4000,
    "options": {"match": 0.5},
    "chance_shared": 0.02,
    "notices": ["List sizes differ."],
    "pairs": [
        {
            "run": "a",
            "other": "b",
            "n_neurons": [16, 16],
            "fates": {"kept": 8, "moved within the layer": 3, "vanished": 5, "appeared": 4},
            "same_index": {"n": 3, "shallower": 2},
            "mean_shared": 0.25,
            "same_name": 0.5,
            "layers": [LAYER],
            "examples": {
                "kept": [EXAMPLE],
                "moved to another layer": [EXAMPLE],
                "vanished": [EXAMPLE],
                "appeared": [],
            },
        }
    ],
    "rankings": [
        {"by": "pos", "label": "tags", "run": run, "site": "hidden", "layer": 2, "rank_median": 0.25, "mean": 1.234}
        for run in ("a", "b")
    ],
    "distances": [
        {
            "set": "unseen",
            "run": "a",
            "other": "b",
            "n_sentences": 31,
            "manhattan": 18.7,
            "euclidean": 4.0,
            "norm": 8.0,
        }
    ],
}


def test_everything_is_reported() -> None:
    text = comparison_text(SUMMARY)
    assert "Note: List sizes differ." in text
    assert "8 kept, 3 moved within the layer\n" in text
    assert "Of those moved to another layer 3 have the same index, 2 of them in a shallower layer\n" in text
    assert "5 (31%) vanished; 4 (25%) of b appeared" in text
    assert "share 25.0% of their sentences (chance: 2.0%)" in text
    assert "Of the kept neurons 50% have a list of the same name" in text
    row = next(line for line in text.splitlines() if line.startswith("  2  "))
    assert row.split() == ["2", "50%", "25%", "25%", "-", "0.62", "-", "0.77", "12.3%", "3", "(0.81)"]
    assert "hidden.2.7     r +0.91  recipes  (there: long sentences)" in text
    assert "hidden.2.7     -> hidden.3.1     r -0.71  recipes  (there: cooking)" in text
    assert "best r -0.71 (hidden.3.1)  recipes" in text
    assert "Ranked by pos, tags: median place of a layer's lists (0% first, 100% last), mean in brackets" in text
    assert text.count("25% (1.23)") == 2
    assert text.splitlines()[-1].split() == ["unseen", "31", "18.7", "4.00", "50%"]


def test_columns_are_under_their_titles() -> None:
    lines = comparison_text(SUMMARY).splitlines()
    at = next(number for number, line in enumerate(lines) if line.lstrip().startswith("layer "))
    assert len(lines[at]) == len(lines[at + 1])
