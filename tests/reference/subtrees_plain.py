"""Plain twin of subtree mining: every induced subtree of every tree, grown node by node from its own definition."""

from collections import Counter
from collections.abc import Sequence

Tree = tuple[int, tuple["Tree", ...]]  # label and children
Shape = tuple[tuple[int, int], ...]  # depth and label in preorder


def nodes_of(tree: Tree) -> list[Tree]:
    """A tree's node and all below it."""
    return [tree, *(node for child in tree[1] for node in nodes_of(child))]


def rooted(tree: Tree, *, size: int) -> set[Tree]:
    """Induced subtrees with the root of a tree, of at most so many nodes."""
    if size < 1:
        return set()
    found: set[tuple[Tree, ...]] = {()}
    for child in tree[1]:
        below = rooted(child, size=size - 1)
        found |= {(*chosen, each) for chosen in found for each in below}
        found = {chosen for chosen in found if sum(len(nodes_of(each)) for each in chosen) < size}
    return {(tree[0], chosen) for chosen in found}


def written(tree: Tree, depth: int = 0) -> Shape:
    """A tree in preorder."""
    below = (pair for child in tree[1] for pair in written(child, depth + 1))
    return ((depth, tree[0]), *below)


def subtrees_of(trees: Sequence[Tree], *, size: int) -> set[Shape]:
    """All induced subtrees of the trees of one sentence."""
    return {written(each) for tree in trees for node in nodes_of(tree) for each in rooted(node, size=size)}


def tree_supports(sentences: Sequence[Sequence[Tree]], *, size: int) -> Counter[Shape]:
    """Sentences that hold each subtree."""
    counts: Counter[Shape] = Counter()
    for trees in sentences:
        counts.update(subtrees_of(trees, size=size))
    return counts
