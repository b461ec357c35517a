"""Interventions: neurons of the running model are set, and what that changes is measured."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neurolect.interventions.ablation import ablate
    from neurolect.interventions.aligning.options import AlignOptions
    from neurolect.interventions.aligning.stage import align
    from neurolect.interventions.causal_check import cause
    from neurolect.interventions.changes import first_of_ranking
    from neurolect.interventions.class_shifts import translation
    from neurolect.interventions.dreaming import Dreams, dream
    from neurolect.interventions.editing import EditReport, edit
    from neurolect.interventions.options import CauseOptions, DreamOptions, EditOptions
    from neurolect.interventions.outcomes import next_scores, text_losses
    from neurolect.interventions.pruning import Pruned, prune
    from neurolect.interventions.steering.compare_steering import Steering, steer
    from neurolect.interventions.steering.options import SteerOptions, SwitchOptions
    from neurolect.interventions.steering.switches import Switches, find_switches
    from neurolect.interventions.writing import writes

__all__ = [
    "AlignOptions",
    "CauseOptions",
    "DreamOptions",
    "Dreams",
    "EditOptions",
    "EditReport",
    "Pruned",
    "SteerOptions",
    "Steering",
    "SwitchOptions",
    "Switches",
    "ablate",
    "align",
    "cause",
    "dream",
    "edit",
    "find_switches",
    "first_of_ranking",
    "next_scores",
    "prune",
    "steer",
    "text_losses",
    "translation",
    "writes",
]

_HOMES = {
    "AlignOptions": "aligning.options",
    "CauseOptions": "options",
    "DreamOptions": "options",
    "Dreams": "dreaming",
    "EditOptions": "options",
    "EditReport": "editing",
    "Pruned": "pruning",
    "SteerOptions": "steering.options",
    "Steering": "steering.compare_steering",
    "SwitchOptions": "steering.options",
    "Switches": "steering.switches",
    "ablate": "ablation",
    "align": "aligning.stage",
    "cause": "causal_check",
    "dream": "dreaming",
    "edit": "editing",
    "find_switches": "steering.switches",
    "prune": "pruning",
    "steer": "steering.compare_steering",
    "translation": "class_shifts",
    "writes": "writing",
    "first_of_ranking": "changes",
    "next_scores": "outcomes",
    "text_losses": "outcomes",
}


def __getattr__(name: str) -> object:
    """Load what is asked for: torch takes seconds to import."""
    if name in _HOMES:
        return getattr(import_module(f"neurolect.interventions.{_HOMES[name]}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
