"""What setting neurons changes, as lines for the terminal."""

from typing import Any

import numpy as np
import pyarrow as pa

from neurolect.results import provenance

_SHOWN = 20
_NAMES = {"kl": "KL", "accuracy": "accuracy", "flipped": "flipped", "loss": "loss"}


def ablation_text(table: pa.Table, *, width: int = 100) -> str:
    """Lay a table of :func:`neurolect.interventions.ablate` out as lines that end in a newline."""
    facts, rows = provenance(table), table.to_pylist()
    details = facts.details
    measured = [row for row in rows if row["score"] is not None]
    to = {"mean": "their means over these texts", "zero": "0", "resample": "values at random tokens of these texts"}
    lines = [_title(details), f"Neurons are set to {to[facts.options['to']]}; changes in {details['unit']}.", ""]
    lines += _table(measured[:_SHOWN], details)
    if len(measured) > _SHOWN:
        lines.append(f"... and {len(measured) - _SHOWN:,} more: --out FILE.")
    lines += ["", *_summary(measured, rows, details)]
    lines += [each[:width] for each in details["notices"]]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _title(details: dict[str, Any]) -> str:
    n_texts, n_found = details["n_texts"], details["n_found"]
    of = f" of {n_found:,}" if n_found > n_texts else ""
    where = f"{n_texts:,}{of} texts"
    if details["outcome"] == "embedding":
        return f"The embedding of {where} (mean of the last hidden states)."
    if details["outcome"] == "class":
        loss = details["plain_loss"]
        return f"The class of {where}" + (f"; loss as it is: {loss:.3f}." if loss is not None else ".")
    per = f"{details['n_predicted']:,} tokens"
    return f"The {details['outcome']} of {where} ({per}); loss as it is: {details['plain_loss']:.3f}."


def _table(rows: list[dict[str, Any]], details: dict[str, Any]) -> list[str]:
    """Lay the rows out, with what they are compared with."""
    if not rows:
        return []
    others = [name for name in ("kl", "accuracy", "flipped") if rows[0].get(name) is not None]
    random = any(row.get("random") is not None for row in rows)
    heads = ["set", "change", "interval", *(_NAMES[name] for name in others), "estimate"]
    heads += ["random", "highest of"] if random else []
    cells = [heads]
    for row in rows:
        size = f" ({row['n_neurons']:,})" if row["n_neurons"] > 1 else ""
        interval = f"{_signed(row['low'])} .. {_signed(row['high'])}"
        line = [row["address"] + size, _signed(row["score"]), interval]
        line += [_signed(row[name]) if name == "accuracy" else _plain(row[name]) for name in others]
        line.append(_signed(row["estimate"]))
        if random:
            line += [_signed(row["random"]), f"{_signed(row['random_high'])} ({row['n_random']})"]
        cells.append(line)
    widths = [max(len(line[at]) for line in cells) for at in range(len(heads))]
    return [
        "  ".join(
            f"{cell:<{w}}" if at == 0 else f"{cell:>{w}}"
            for at, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in cells
    ]


def _summary(measured: list[dict[str, Any]], rows: list[dict[str, Any]], details: dict[str, Any]) -> list[str]:
    lines = []
    if "rank_correlation" in details:
        low, middle, high = np.quantile([abs(row["score"]) for row in measured], (0.5, 0.9, 1.0)).tolist()
        sizes = (
            f"Size of the change: median {_plain(low)}, 90th percentile {_plain(middle)}, highest {_plain(high)}."
        )
        lines += [f"Measured: {len(measured):,} of {len(rows):,} neurons. {sizes}"]
        if details["outcome"] != "embedding":
            sure = sum(row["low"] is not None and row["low"] > 0 for row in measured)
            less = sum(row["high"] is not None and row["high"] < 0 for row in measured)
            lines.append(f"Interval above 0: {sure:,}; below: {less:,} (by chance about 2.5 % each).")
        found = details["rank_correlation"]
        how = f"{found:.2f}" if found is not None else "not known"
        lines.append(f"Rank correlation of the estimate with the change, over neurons at random: {how}.")
    else:
        lines.append(
            "random: the median of random neurons (or groups as large) of the same layers, and the highest."
        )
    if details["n_left_out"]:
        lines.append(f"{details['n_left_out']:,} texts left out: nothing to predict in them.")
    return lines


def _signed(value: float | None) -> str:
    """Write a change with its sign."""
    return "-" if value is None else f"{value:+.2e}" if 0 < abs(value) < 0.0005 else f"{value:+.4f}"


def _plain(value: float | None) -> str:
    return "-" if value is None else f"{value:.2e}" if 0 < abs(value) < 0.0005 else f"{value:.4f}"
