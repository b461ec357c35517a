"""What people look at: cards, searches, figures. Reads run folders only, through :mod:`neurolect.store`."""

# Not lazy: a function and its file share a name, and importing the file first would leave the module in its place.
from neurolect.views.cards.contents import card
from neurolect.views.cards.text import card_text
from neurolect.views.plots import plot
from neurolect.views.texts.convergence import convergence
from neurolect.views.texts.next_commands import next_commands

__all__ = ["card", "card_text", "convergence", "next_commands", "plot"]
