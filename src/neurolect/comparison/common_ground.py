"""What several runs have in common, and so what can be compared: sentences, lists, neurons."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neurolect.errors import OptionError, RunFolderError
from neurolect.store import SIDES, Run

MIN_SENTENCES = 50
"""Fewer are not informative: chance alone correlates some pair among thousands by 0.5 and more."""


class CommonGround(NamedTuple):
    """What can be compared."""

    labels: tuple[str, ...]
    """Short names of the runs, all different."""

    sides: tuple[str, ...]
    """Sides of which all runs have lists over the same sentences; none where lists cannot be compared."""

    list_size: int
    """Entries of every list that are compared: the leading ones, as many as all have."""

    notices: tuple[str, ...]
    """In what the runs differ, for people."""


def common_ground(runs: Sequence[Run], *, streamed: bool) -> CommonGround:
    """Say what can be compared of runs; of those over different corpora only what is ``streamed``."""
    if len(runs) < 2 or len({each.folder.resolve() for each in runs}) < len(runs):
        what = f"Compare was given {', '.join(str(each.folder) for each in runs)}."
        raise OptionError(what, expected="two or more different run folders")
    labels = _labels(runs)
    corpora = [each.manifest["corpus"]["fingerprint"] for each in runs]
    if len(set(corpora)) > 1 and not streamed:
        raise _different_corpora(runs, labels)
    notices = [
        f"{key} differs: {_by_run(labels, values)}."
        for key in ("pooling", "special_tokens", "max_tokens")
        if len(set(values := [each.manifest["options"]["model"].get(key) for each in runs])) > 1
    ]
    notices += _different_shapes(runs, labels)
    notices += _different_autoencoders(runs)
    sides, size = _lists(runs, labels, corpora, notices)
    return CommonGround(labels, sides, size, tuple(notices))


def _labels(runs: Sequence[Run]) -> tuple[str, ...]:
    names = [each.folder.resolve().name for each in runs]
    return tuple(name if names.count(name) == 1 else str(run.folder) for name, run in zip(names, runs, strict=True))


def _by_run(labels: Sequence[str], values: Sequence[object]) -> str:
    return ", ".join(f"{value} in {label}" for label, value in zip(labels, values, strict=True))


def _different_shapes(runs: Sequence[Run], labels: Sequence[str]) -> list[str]:
    """Say where an address does not name the same neuron: in models of other depth or width."""
    shapes = []
    for run in runs:
        widths = {each["site"]: each["width"] for each in run.manifest["model"]["sites"]}
        shapes.append((run.manifest["model"]["n_layers"], widths))
    shared = set.intersection(*(set(widths) for _, widths in shapes))
    if len({depth for depth, _ in shapes}) == 1 and all(
        len({widths[site] for _, widths in shapes}) == 1 for site in shared
    ):
        return []
    sizes = [
        f"{depth} layers of " + ", ".join(f"{width:,} ({site})" for site, width in widths.items())
        for depth, widths in shapes
    ]
    return [
        f"The models differ in shape: {_by_run(labels, sizes)}. The same address is not the same neuron there: "
        "read partners, R2 and the most similar layer, not what was kept at its place."
    ]


def _different_autoencoders(runs: Sequence[Run]) -> list[str]:
    """Say what an address means where runs are of latents of several autoencoders, or of latents and neurons."""
    found = [
        {(each["name"], each.get("fingerprint")) for each in run.manifest["model"].get("autoencoders", ())}
        for run in runs
    ]
    if all(each == found[0] for each in found):
        return []
    return [
        "The runs read latents of different autoencoders, or latents and neurons. The same address is not the same "
        "latent there, and one that moved was found again under another number or site, not at another place: read "
        "partners and R2, not what was kept, lists at the same address or differences between the same neurons."
    ]


def _different_corpora(runs: Sequence[Run], labels: Sequence[str]) -> RunFolderError:
    of = [f"{each.manifest['corpus']['path']} ({each.manifest['corpus']['fingerprint'][:8]})" for each in runs]
    what = f"The runs read different corpora: {_by_run(labels, of)}. Their sentences are not the same."
    hint = "collect both models on one corpus; or name one with --stream, and both models read it now"
    return RunFolderError(what, expected="runs over one corpus", hint=hint)


def _lists(
    runs: Sequence[Run], labels: Sequence[str], corpora: Sequence[str], notices: list[str]
) -> tuple[tuple[str, ...], int]:
    """Say which lists can be compared, and how much of them."""
    read = [_what_was_read(each) for each in runs]
    if len(set(corpora)) > 1 or len({str(each) for each in read}) > 1:
        why = "other corpora" if len(set(corpora)) > 1 else "other sentences of the corpus"
        counts = _by_run(labels, [f"{each['n_sentences']:,}" for each in read])
        notices.append(f"Lists are not compared: the runs read {why} ({counts}).")
        return (), 0
    options: list[dict[str, Any]] = [each.manifest["options"]["collect"] for each in runs]
    sides = tuple(side for side in SIDES if all(side in each["sides"] for each in options))
    sizes = [int(each["list_size"]) for each in options]
    if len(set(sizes)) > 1:
        notices.append(
            f"List sizes differ: {_by_run(labels, sizes)}; the first {min(sizes):,} entries are compared."
        )
    if len({tuple(each["sides"]) for each in options}) > 1:
        notices.append(f"Only the sides all runs have are compared: {', '.join(sides) or 'none'}.")
    return sides, min(sizes)


def _what_was_read(run: Run) -> dict[str, Any]:
    """Name the sentences of a corpus that a run read."""
    options, n = run.manifest["options"]["collect"], run.manifest["stages"]["collect"]["n_sentences"]
    part = n < run.manifest["corpus"]["n_mining"]
    shuffled = bool(part and options.get("shuffle"))
    read = {"n_sentences": n, "shuffled": shuffled, "limit_by": None, "limit_field": None, "seed": None}
    if part and (options.get("limit_by") or "first") != "first":
        read |= {name: options[name] for name in ("limit", "limit_by", "limit_field", "seed")}
    if shuffled:
        read["seed"] = options["seed"]
    return read


def common_sample(runs: Sequence[Run], *, labels: Sequence[str]) -> list[NDArray[np.int64]]:
    """Find the sentences whose activations all runs stored: columns of each, in the first run's order."""
    ids = []
    for run in runs:
        n = run.array("sample/activations").shape[1]
        ids.append(run.table("sample/sentences").column("sentence_id").to_numpy()[:n])
    common = ids[0][np.logical_and.reduce([np.isin(ids[0], each) for each in ids])]
    if len(common) < MIN_SENTENCES:
        counts = _by_run(labels, [f"{len(each):,}" for each in ids])
        seeds = _by_run(labels, [each.manifest["options"]["collect"]["seed"] for each in runs])
        what = (
            f"The runs stored the activations of {len(common)} common sentences ({counts}; collect.seed: {seeds})."
        )
        hint = "--stream CORPUS reads sentences again; or collect with one seed and collect.activation_sample_size"
        raise RunFolderError(what, expected=f"{MIN_SENTENCES} or more", hint=hint)
    columns = []
    for each in ids:
        order = np.argsort(each, kind="stable")
        columns.append(order[np.searchsorted(each[order], common)])
    return columns


def same_addresses(first: Run, second: Run) -> NDArray[np.int64]:
    """Give for each neuron of ``first`` that of ``second`` with the same address; -1: none."""
    numbers = {address: number for number, address in enumerate(second.index.addresses())}
    return np.array([numbers.get(address, -1) for address in first.index.addresses()], dtype=np.int64)
