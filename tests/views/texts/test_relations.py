from neurolect.results import rank
from neurolect.store import Run
from neurolect.views.texts.rankings import ranking_text
from neurolect.views.texts.relations import relations_facts, relations_text


def test_commands_for_maps_are_reported_only_where_there_are_maps(related_run: Run) -> None:
    facts = relations_facts(related_run)
    assert "embedding-atlas" in relations_text(facts)
    without = relations_text(facts | {"maps": []})
    assert "embedding-atlas" not in without
    assert "neurolect plot" not in without
    assert "neurolect rank" in without


def test_neighbouring_values_of_a_ranking_can_be_distinguished(related_run: Run) -> None:
    text = ranking_text(rank(related_run, by="length", side="top"))
    values = [line.split()[3] for line in text.splitlines()[3:19]]
    assert all(len(value.replace(".", "")) == 3 for value in values)
    assert text.splitlines()[0].endswith("16 lists.")
    assert ranking_text(rank(related_run, by="std")).splitlines()[0].endswith("16 neurons.")


def test_a_narrow_site_is_not_hidden_by_a_wide_one(related_run: Run) -> None:
    facts = relations_facts(related_run)
    row = {
        "number": "length",
        "side": "top",
        "neighbouring": 0.6,
        "chance_low": -0.1,
        "chance_high": 0.1,
        "p": 0.01,
    }
    same = [
        *(row | {"site": "hidden", "n_indices": 384, "correlation": 0.5} for _ in range(9)),
        row | {"site": "hidden", "n_indices": 3, "correlation": 0.9},
        row | {"site": "mlp", "n_indices": 1536, "correlation": 0.01},
    ]
    text = relations_text(facts | {"same_index": same})
    lines = [line.split() for line in text.splitlines() if line.endswith(("  hidden", "  mlp"))]
    assert [line[-1] for line in lines] == ["hidden"] * 4 + ["mlp"]
    assert all(line[2] != "0.90" for line in lines)
    assert "  hidden\n" not in relations_text(facts | {"same_index": same[:9]})
