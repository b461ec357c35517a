"""Numbers of items by a dictionary of their names."""

from collections.abc import Iterable

__all__ = ["PlainItemNumbers"]


class PlainItemNumbers:
    """Numbers in the order of first appearance; none beyond ``most`` items."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.numbers: dict[str, int] = {}

    def number(self, names: Iterable[str]) -> list[int]:
        """Give each name's number; -1 for new ones once there are too many."""
        given = []
        for name in names:
            if name not in self.numbers and len(self.numbers) < self.most:
                self.numbers[name] = len(self.numbers)
            given.append(self.numbers.get(name, -1))
        return given
