"""What was found of a folder, for the terminal: what was checked, how much of it, and what was not."""

from neurolect.progress import counted
from neurolect.verification import Part, Verification
from neurolect.verification.outcome import GOOD, UNKNOWN

_SHOWN = 12
_NAMED = 4
_FILES = ("{} file", "{} files")
_ELSEWHERE = {
    "run folder": "its corpus and its model, which lie elsewhere (neurolect verify CORPUS)",
    "corpus folder": "the documents that it was made from",
    "comparison folder": "the runs that were compared (neurolect verify RUN)",
    "variant's folder": "the model that it was made from",
    "store of activations": "the model and the labelled data that it was made from",
    "probe's folder": "the store of activations that it was fitted to (neurolect verify ACTS)",
    "judge's folder": "the store of activations and the rankings (neurolect verify ACTS)",
    "protocol's folder": "the model and the labelled data that it was made from",
}


def verification_text(found: Verification) -> str:
    """Say what is damaged, then what was checked and what was not."""
    n_bad = len(found.damaged)
    verdict = (
        f"{counted(n_bad, '{} part is', '{} parts are')} damaged or missing" if n_bad else "nothing is damaged"
    )
    lines = [f"{found.kind[0].upper()}{found.kind[1:]} {found.folder}: {verdict}."]
    stages = [part for part in found.parts if part.name.startswith("stage ")]
    telling = [part for part in found.parts if part.note and part not in stages]
    names = max((len(part.name) for part in telling), default=0)
    lines += [f"  {part.name:<{names}}  {part.state}: {part.note}" for part in telling]
    lines += _checked(found)
    if stages:
        lines.append("Stages: " + "; ".join(f"{part.name[6:]} {_state(part)}" for part in stages) + ".")
    lines.append(_not_checked(found))
    hints = list(dict.fromkeys(part.hint for part in (*stages, *telling) if part.hint))
    lines += [f"Hint: {hint[0].upper()}{hint[1:]}" for hint in hints[:_SHOWN]]
    if len(hints) > _SHOWN:
        lines.append(f"({len(hints) - _SHOWN:,} more hints: --format json)")
    return "\n".join(lines)


def _checked(found: Verification) -> list[str]:
    """Say what was compared and what was only read."""
    good = [part for part in found.parts if part.state == GOOD]
    unknown = [part for part in found.parts if part.state == UNKNOWN]
    lines = ["Checked:"]
    if good:
        same = "every byte is as it was written, by the check sums that were kept then"
        lines.append(f"  {_files(good)}: {same}.")
    if unknown:
        why = "can be read through, but no check sum was kept that tells whether the content is still the same"
        lines.append(f"  {_files(unknown)}: {why} ({_listed([part.name for part in unknown])}).")
    if any(part.name == "references" for part in found.parts):
        lines.append("  References: every neuron, sentence and place that a table names is there.")
    elif found.kind == "run folder" and found.damaged:
        lines.append("  References between tables: not followed while something is damaged.")
    lines.append("  What the folder says of itself: each entry is of the right type.")
    return lines


def _not_checked(found: Verification) -> str:
    others = ""
    if found.others:
        others = f"; {counted(len(found.others), *_FILES)} that no numbers are read from ({_listed(found.others)})"
    return f"Not checked: {_ELSEWHERE[found.kind]}; whether the numbers were right when they were written{others}."


def _files(parts: list[Part]) -> str:
    n_bytes = sum(part.n_bytes for part in parts)
    size = f"{n_bytes / 1e6:,.1f} MB" if n_bytes >= 1e5 else f"{n_bytes:,} bytes"
    return f"{counted(len(parts), *_FILES)}, {size}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else "")


def _state(part: Part) -> str:
    return {"current": "is up to date", "a shard": "is a shard, to be merged"}.get(part.state, f"is {part.state}")


def verification_json(found: Verification) -> dict[str, object]:
    """Give what was found as JSON takes it."""
    parts = [part._asdict() for part in found.parts]
    counts = {"n_damaged": len(found.damaged), "n_unrecorded": len(found.unrecorded)}
    return {"folder": str(found.folder), "kind": found.kind, **counts, "parts": parts, "not_checked": found.others}
