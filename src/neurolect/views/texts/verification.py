"""What was found of a folder, as a table for the terminal."""

from neurolect.verification import Verification

_SHOWN = 12


def verification_text(found: Verification) -> str:
    """Lay out the parts with something to say, a line each, and count the others."""
    telling = [part for part in found.parts if part.note or part.hint or part.name.startswith("stage ")]
    names = max((len(part.name) for part in telling), default=0)
    lines = [f"{found.kind} {found.folder}"]
    for part in telling:
        line = f"  {part.name:<{names}}  {part.state}" + (f": {part.note}" if part.note else "")
        lines.append(line)
    counts: dict[str, int] = {}
    for part in found.parts:
        if part not in telling:
            counts[part.state] = counts.get(part.state, 0) + 1
    lines += [f"  {n:,} other {'part' if n == 1 else 'parts'}: {state}" for state, n in counts.items()]
    if found.unrecorded:
        lines.append("Not recorded: readable, but an earlier version wrote no check sums; nothing vouches for it.")
    hints = list(dict.fromkeys(part.hint for part in telling if part.hint))
    lines += [f"Hint: {hint[0].upper()}{hint[1:]}" for hint in hints[:_SHOWN]]
    n_bad = len(found.damaged)
    lines.append(f"{n_bad:,} damaged or missing." if n_bad else "Nothing is damaged.")
    return "\n".join(lines)


def verification_json(found: Verification) -> dict[str, object]:
    """Give what was found as JSON takes it."""
    parts = [part._asdict() for part in found.parts]
    return {"folder": str(found.folder), "kind": found.kind, "n_damaged": len(found.damaged), "parts": parts}
