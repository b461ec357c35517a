"""Finding neurons by what their lists hold, and the sentences that the lists of a run need most."""

# Not lazy: the function and its file share a name; importing the file first would leave the module in its place.
from neurolect.finding.find import find
from neurolect.finding.labelled import export
from neurolect.finding.striking import striking
from neurolect.finding.subset import subset

__all__ = ["export", "find", "striking", "subset"]
