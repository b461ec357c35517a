"""How many patterns are surely more frequent in a list than elsewhere: for the manifest, and in words."""

from neurolect.signatures.patterns import Patterns

__all__ = ["passed_text", "passing"]

KINDS = {
    "word": "Patterns of words",
    "lemma": "Patterns of lemmas",
    "tag": "Patterns of tags",
    "mixed": "Patterns of words and tags",
    "subtree": "Subtrees",
}


def passing(patterns: Patterns, *, rate: float) -> dict[str, int | float]:
    """Give the counts of tests.

    Parameters
    ----------
    patterns : Patterns
        Of one kind.
    rate : float
        The false-discovery rate.

    Returns
    -------
    dict
        ``n_reported``, ``n_tests`` (pairs of a list and a pattern that some list has), ``n_passed`` and
        ``false_discovery_rate``.
    """
    return {
        "n_reported": len(patterns.evidence.lists),
        "n_tests": patterns.n_tests,
        "n_passed": patterns.n_passed,
        "false_discovery_rate": rate,
    }


def passed_text(patterns: Patterns, *, rate: float) -> str:
    """Say how many patterns pass.

    Parameters
    ----------
    patterns : Patterns
        Of one kind.
    rate : float
        The false-discovery rate.

    Returns
    -------
    str
        One sentence.
    """
    n_reported = len(patterns.evidence.lists)
    n_sure = int((patterns.tests.q <= rate).sum())
    kind = KINDS[patterns.item]
    return (
        f"{kind}: {patterns.n_passed:,} of {patterns.n_tests:,} tests (each pattern in each list) pass at a "
        f"false-discovery rate of {rate:g}; {n_sure:,} of the {n_reported:,} that are reported do."
    )
