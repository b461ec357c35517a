from neurolect.store import Run


def test_clusters_are_compared_with_layers_and_sides(related: Run) -> None:
    rows = {(row["lists"], row["grouping"]): row for row in related.table("relations/clusters").to_pylist()}
    assert set(rows) == {("top", "layer"), ("bottom", "layer"), ("both", "layer"), ("both", "side")}
    of_sides = rows["both", "side"]
    assert (of_sides["n_lists"], of_sides["k"], of_sides["n_groups"]) == (32, 2, 2)
    for row in rows.values():
        assert 0 < row["low"] <= row["accuracy"] <= row["high"] <= 1
        assert row["accuracy_least"] <= row["accuracy"] <= row["accuracy_greatest"]
        assert row["chance"] >= 0.5


def test_members_and_crossed_counts_agree(related: Run) -> None:
    members = [row for row in related.table("relations/members").to_pylist() if row["lists"] == "top"]
    layer_of = {row["neuron_id"]: str(row["layer"]) for row in related.neurons().to_pylist()}
    crossed = related.table("relations/crossed").to_pylist()
    for row in (each for each in crossed if (each["lists"], each["grouping"]) == ("top", "layer")):
        inside = [m for m in members if m["cluster"] == row["cluster"] and layer_of[m["neuron_id"]] == row["group"]]
        assert len(inside) == row["n_lists"]
