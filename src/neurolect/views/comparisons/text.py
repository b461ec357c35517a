"""A comparison of models as text for the terminal."""

from typing import Any

_TITLES = ("layer", "kept", "moved", "vanished", "appeared", "best |r|", "R2", "SVCCA", "lists", "most similar")
_WIDTHS = (8, *[10] * 8, 16)


def comparison_text(summary: dict[str, Any]) -> str:
    """Lay it out."""
    lines = [f"{summary['n_sentences']:,} sentences ({summary['source']}); runs: {', '.join(summary['labels'])}."]
    lines += [f"Note: {notice}" for notice in summary["notices"]]
    for pair in summary["pairs"]:
        lines += ["", *_pair(pair, summary)]
    if summary["rankings"]:
        lines += _rankings(summary["rankings"], summary["labels"])
    if summary["number_distances"]:
        lines += _number_distances(summary["number_distances"])
    if summary["distances"] is not None:
        lines += ["", *_distances(summary["distances"])]
    return "\n".join(lines) + "\n"


def _pair(pair: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    n, n_other = pair["n_neurons"]
    fates, match = pair["fates"], summary["options"]["match"]
    lines = [
        f"{pair['run']} -> {pair['other']}",
        f"  Of {n:,} neurons, with a partner of |r| >= {match}: "
        + ", ".join(f"{fates[name]:,} {name}" for name in fates if name not in ("vanished", "appeared")),
        f"  without one: {fates['vanished']:,} ({fates['vanished'] / n:.0%}) vanished; "
        f"{fates['appeared']:,} ({fates['appeared'] / n_other:.0%}) of {pair['other']} appeared",
    ]
    same = pair["same_index"]
    if same["n"]:
        where = f"{same['n']:,} have the same index, {same['shallower']:,} of them in a shallower layer"
        lines.append(f"  Of those moved to another layer {where}")
    if pair["mean_shared"] is not None:
        shared = f"{pair['mean_shared']:.1%} of their sentences (chance: {summary['chance_shared']:.1%})"
        lines.append(f"  Top lists at the same address share {shared}")
    if pair["same_name"] is not None:
        lines.append(f"  Of the kept neurons {pair['same_name']:.0%} have a list of the same name")
    heads = zip(_TITLES, _WIDTHS, strict=True)
    lines += [
        "",
        "  " + "".join(f"{title:<{width}}" if width == 8 else f"{title:>{width}}" for title, width in heads),
    ]
    several = len({each["site"] for each in pair["layers"]}) > 1
    lines += [_layer(each, with_site=several) for each in pair["layers"]]
    for fate, rows in pair["examples"].items():
        if rows:
            lines += ["", f"  {fate.capitalize()}, the clearest:"]
            lines += [_example(fate, row) for row in rows]
    return lines


def _layer(row: dict[str, Any], *, with_site: bool) -> str:
    place = f"{row['site']}.{row['layer']}" if with_site else str(row["layer"])
    shares = "".join(f"{_percent(row[name]):>10}" for name in ("kept", "moved", "vanished", "appeared"))
    numbers = "".join(f"{_number(row[name]):>10}" for name in ("median_correlation", "median_r2", "svcca_held_out"))
    closest = "-"
    if row["likest_layer"] is not None:
        name = row["likest_layer"] if with_site else row["likest_layer"].rpartition(".")[2]
        closest = f"{name} ({row['likest_svcca_held_out']:.2f})"
    return f"  {place:<8}{shares}{numbers}{_percent(row['mean_shared'], digits=1):>10}{closest:>16}"


def _percent(value: float | None, *, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _example(fate: str, row: dict[str, Any]) -> str:
    name = f"  {row['name']}" if row["name"] else ""
    if fate == "kept":
        other = f"  (there: {row['same_name']})" if row["same_name"] and row["same_name"] != row["name"] else ""
        return f"    {row['address']:<14} r {row['same_correlation']:+.2f}{name}{other}"
    if fate.startswith("moved"):
        other = f"  (there: {row['best_name']})" if row["best_name"] and row["best_name"] != row["name"] else ""
        return f"    {row['address']:<14} -> {row['best_address']:<14} r {row['correlation']:+.2f}{name}{other}"
    return f"    {row['address']:<14} best r {row['correlation']:+.2f} ({row['best_address']}){name}"


def _rankings(rows: list[dict[str, Any]], labels: list[str]) -> list[str]:
    """Put the runs' layers next to each other, one block a number."""
    lines = []
    width = max(16, *(len(label) + 2 for label in labels))
    several = len({row["site"] for row in rows}) > 1
    for by in dict.fromkeys(row["by"] for row in rows):
        own = [row for row in rows if row["by"] == by]
        what = "median place of a layer's lists (0% first, 100% last), mean in brackets"
        lines += ["", f"Ranked by {by}, {own[0]['label']}: {what}"]
        lines.append("  layer   " + "".join(f"{label:>{width}}" for label in labels))
        cells = {
            (row["site"], row["layer"], row["run"]): f"{row['rank_median']:.0%} ({row['mean']:#.3g})" for row in own
        }
        for site, layer in dict.fromkeys((row["site"], row["layer"]) for row in own):
            place = f"{site}.{layer}" if several else str(layer)
            values = "".join(f"{cells.get((site, layer, label), '-'):>{width}}" for label in labels)
            lines.append(f"  {place:<8}{values}")
    return lines


def _number_distances(rows: list[dict[str, Any]]) -> list[str]:
    """Say how far apart every two runs are in the numbers that they are ranked by."""
    lines = ["", "Distance between runs by these numbers: between curves (equal ranks), between the same neurons"]
    for row in rows:
        what = f"{row['by']}, {row['side']} lists" if row["side"] else row["by"]
        if not row["n"]:
            lines.append(f"  {row['run']} - {row['other']}, {what}: no neuron has it in both")
            continue
        means = f"mean {row['mean']:#.3g} and {row['other_mean']:#.3g}"
        apart = f"curves {row['curves']:#.3g}, neurons {row['neurons']:#.3g}, rank correlation"
        lines.append(
            f"  {row['run']} - {row['other']}, {what}: {apart} {_number(row['correlation'])} "
            f"({means}; {row['n']:,} neurons)"
        )
    return lines


def _distances(rows: list[dict[str, Any]]) -> list[str]:
    """Compare sentence sets as table 3 of the Japanese paper does."""
    width = max(len(row["set"]) for row in rows) + 2
    head = f"  {'sentences':<{width}}{'n':>8}{'Manhattan':>12}{'Euclidean':>12}{'of length':>12}"
    lines = []
    for pair in dict.fromkeys((row["run"], row["other"]) for row in rows):
        lines += [f"{pair[0]} - {pair[1]}: mean distance between their activations of a sentence", head]
        for row in rows:
            if (row["run"], row["other"]) == pair and row["manhattan"] is not None:
                share = row["euclidean"] / row["norm"] if row["norm"] else 0.0
                figures = f"{row['manhattan']:>12,.1f}{row['euclidean']:>12,.2f}{share:>12.0%}"
                lines.append(f"  {row['set']:<{width}}{row['n_sentences']:>8,}{figures}")
    return lines
