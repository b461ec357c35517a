"""What runs, neurons and comparisons look like in a notebook: asked of the views, which are above."""

from importlib import import_module


class Shown:
    """Has a picture of itself in notebooks.

    Only views know how anything looks, and what is below them imports none of them: as the package does with its
    public names, they are looked up by their name when a notebook asks.
    """

    def _repr_html_(self) -> str:
        """Give static HTML: offline, without scripts, whatever the texts hold."""
        made: str = import_module("neurolect.views.notebook").framed(self)
        return made
