"""The picture of fidelity is well-formed and holds a box for every layer and model."""

from typing import Any
from xml.etree import ElementTree

import pytest

from neurolect.views.plots.fidelity import fidelity_figure

BOX = [0.6, 0.7, 0.8, 0.85, 0.9]


@pytest.mark.parametrize("random", [False, True])
def test_each_layer_has_its_boxes(*, random: bool) -> None:
    layer: dict[str, Any] = {"site": "hidden", "auroc": BOX, "spearman": [0.1, 0.2, 0.3, 0.4, 0.5]}
    if random:
        layer |= {"random_auroc": BOX, "random_spearman": BOX}
    made = {"layers": [{**layer, "layer": number} for number in (1, 2, 3)]}
    root = ElementTree.fromstring(fidelity_figure(made))
    boxes = [each for each in root.iter("{http://www.w3.org/2000/svg}rect") if each.get("fill-opacity")]
    assert len(boxes) == 3 * 2 * (1 + random)
    assert all(float(each.get("height", "-1")) > 0 for each in boxes)
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "hidden 3" in texts
    assert ("random weights, same neurons" in texts) == random
