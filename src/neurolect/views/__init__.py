"""What people look at: cards, searches, the report. Reads run folders only, through :mod:`neurolect.store`."""

# Not lazy: a function and its file share a name, and importing the file first would leave the module in its place.
from neurolect.views.card import card
from neurolect.views.card_text import card_text
from neurolect.views.convergence_text import convergence
from neurolect.views.next_commands import next_commands
from neurolect.views.plots import plot
from neurolect.views.report import write_report

__all__ = ["card", "card_text", "convergence", "next_commands", "plot", "write_report"]
