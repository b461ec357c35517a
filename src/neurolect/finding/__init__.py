"""Finding neurons: what was asked for to sentences, sentences to the lists that hold them."""

# Not lazy: the function and its file share a name; importing the file first would leave the module in its place.
from neurolect.finding.find import find
from neurolect.finding.striking import striking

__all__ = ["find", "striking"]
