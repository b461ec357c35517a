"""How far the workers of a cluster are.

A module of its own that loads nothing: the process that keeps the tally needs neither PyTorch nor its memory.
"""


class Tally:
    """How far every shard is, and whether all are to stop."""

    def __init__(self) -> None:
        self._done: dict[int, int] = {}
        self._stop = False

    def report(self, number: int, n_sentences: int) -> bool:
        """Take in what a worker has read.

        ``n_sentences``: Sentences read in all; a worker that was lost and started again may have fewer than before.
        """
        self._done[number] = n_sentences
        return self._stop

    def n_done(self) -> int:
        """Give the sentences that all have read."""
        return sum(self._done.values())

    def stop(self) -> None:
        """Have every worker stop at its next report."""
        self._stop = True
