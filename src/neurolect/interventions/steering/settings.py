"""What is compared: every method, number of neurons and strength, as changes for an edit."""

from collections.abc import Iterator
from typing import NamedTuple

from neurolect.errors import OptionError
from neurolect.interventions.changes import Change
from neurolect.interventions.steering.experts import Experts, To
from neurolect.interventions.steering.mean_direction import Direction
from neurolect.interventions.steering.options import SteerOptions

PLAIN, EXPERTS, RANDOM, DIRECTION, PROMPT = "plain", "experts", "random", "direction", "prompt"
METHODS = (PLAIN, PROMPT, DIRECTION, EXPERTS, RANDOM)
"""Nothing; a plain prompt; the mean-difference direction; the first neurons; as many random ones."""


class Setting(NamedTuple):
    """One way to steer."""

    method: str
    n_neurons: int
    """0 where none is set by itself."""
    strength: float | None
    """None where there is none."""
    draw: int
    """Of random neurons; else 0."""
    changes: dict[str, Change]
    prefix: str = ""

    @property
    def name(self) -> str:
        """Name it as a file."""
        strength = "" if self.strength is None else f"-{self.strength:g}"
        return f"{self.method}-{self.n_neurons}{strength}-{self.draw}"


def settings_of(
    experts: Experts, direction: Direction, to: To, *, prefix: str, options: SteerOptions
) -> list[Setting]:
    """List all settings, the plain one first."""
    found = [Setting(PLAIN, 0, None, 0, {}), Setting(PROMPT, 0, None, 0, {}, prefix)]
    found += [Setting(DIRECTION, 0, each, 0, direction.changes(each)) for each in options.strengths]
    return [*found, *_of_neurons(experts, to, options)]


def _of_neurons(experts: Experts, to: To, options: SteerOptions) -> Iterator[Setting]:
    strengths = options.strengths if to.has_strength else (None,)
    for n in options.top:
        first = experts.order[:n]
        for strength in strengths:
            given = 1.0 if strength is None else strength
            yield Setting(EXPERTS, n, strength, 0, experts.changes(first, to, strength=given))
            for draw in range(options.draws):
                others = experts.random(first, seed=[options.seed, 21, draw, n])
                yield Setting(RANDOM, n, strength, draw, experts.changes(others, to, strength=given))


def check_sizes(options: SteerOptions, *, n_neurons: int) -> None:
    """Refuse numbers given twice, and more neurons than there are."""
    for name, given in (("top", options.top), ("strengths", options.strengths)):
        if not given or len(set(given)) < len(given):
            what = f"steer.{name} is {', '.join(f'{each:g}' for each in given) or 'empty'}."
            raise OptionError(what, expected="at least one number, each once")
    if max(options.top) > n_neurons:
        what = f"The first {max(options.top):,} of {n_neurons:,} neurons were asked for."
        raise OptionError(what, expected=f"at most {n_neurons:,}", hint="--top 10")
