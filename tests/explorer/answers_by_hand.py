"""Answers of models and of other folders, by hand in the shape of docs/explorer.md, for the pages of them."""

import re
from typing import Any

SIZES = [1, 10, 100, 1000]
CURVES = [
    {"label": label, "x": SIZES, "y": [high * place / 4 for place in (1, 2, 3, 4)], "low": None, "high": None}
    | {"is_control": label == "random"}
    for label, high in (("lca", 0.9), ("probeless", 0.8), ("random", 0.5))
]
TABLE = {
    "kind": "table",
    "title": "Neurons",
    "note": "All of them.",
    "columns": [
        {"name": "rank", "label": "rank", "type": "number"},
        {"name": "address", "label": "neuron", "type": "address"},
        {"name": "class", "label": "class", "type": "text"},
    ],
    "rows": [[rank, f"hidden.{1 + rank % 2}.{rank % 8}", "NN" if rank % 3 else "VBD"] for rank in range(1, 101)],
    "run": 0,
}
BLOCKS: list[dict[str, Any]] = [
    {"kind": "text", "title": "In short", "lines": ["Accuracy of all neurons 0.91, most frequent class 0.31."]},
    {"kind": "curves", "title": "Accuracy", "note": None, "x_label": "neurons", "y_label": "accuracy"}
    | {"log_x": True, "curves": CURVES, "lines": [{"label": "most frequent class", "y": 0.31}]},
    {"kind": "bars", "title": "Classes", "note": None, "x_label": "accuracy"}
    | {
        "rows": [
            {"label": "NN", "value": 0.9, "low": 0.8, "high": 1.0, "compare": {"label": "control", "value": 0.5}}
        ]
    },
    {"kind": "stack", "title": "Fates", "note": None, "categories": ["kept", "moved", "vanished"]}
    | {"rows": [{"label": "layer 1", "n": 8, "shares": [0.5, 0.25, 0.25]}]},
    TABLE
    | {"title": "A few", "rows": [[2, "hidden.1.1", "b"], [1, "hidden.1.2", "a"], [None, "hidden.1.3", None]]},
    TABLE,
]
FOLDER = {"name": "judge", "title": "Rankings for tags", "facts": [["concept", "tags"]], "notices": ["A notice."]}
DOCUMENT = FOLDER | {"blocks": BLOCKS, "run": 0}
TOKENS = ["The", " cat", " sat", " down"]


def neuron(layer: int, index: int, z: float) -> dict[str, Any]:
    of = {"address": f"hidden.{layer}.{index}", "value": z / 2, "z": z, "percentile": 99.0}
    return of | {"token": index % 4, "name": "cats", "side": "top" if z > 0 else "bottom"}


def sentence(text: str) -> dict[str, Any]:
    """Answer a sentence; another one for dogs."""
    more = 1 if "dog" in text else 0
    layers = [
        {
            "site": "hidden",
            "layer": layer,
            "neurons": [neuron(layer, index + more, 5.0 - 3 * index) for index in range(4)],
        }
        for layer in (1, 2)
    ]
    return {"tokens": TOKENS, "layers": layers}


VALUES = {"tokens": TOKENS, "values": [0.1, 0.9, 0.2, None], "low": -1.0, "high": 1.0}
EDIT = {
    "what": "The next token, with and without the change.",
    "rows": [{"label": " down", "before": 0.5, "after": 0.1}, {"label": " up", "before": 0.1, "after": 0.3}],
    "texts": {"before": "The cat sat down.", "after": "The cat sat up."},
    "change": 0.25,
    "change_label": "divergence",
}


def answer(route: Any) -> None:
    """Answer what a server with a model and other folders would; the rest is left to the server."""
    address = route.request.url
    sent: Any = route.request.post_data_json if route.request.method == "POST" else None
    if address.endswith("/data/start"):
        found = route.fetch().json()
        about = {"n": 0, "name": "folder", "title": "Rankings for tags", "note": "Made by hand."}
        more = {"judges": [about], "protocols": [about | {"title": "Protocol"}], "comparisons": [about]}
        route.fulfill(json=found | more | {"model": True})
    elif re.search("/data/(judge|protocol|comparison)/", address):
        route.fulfill(json=DOCUMENT)
    elif sent is not None and "refuse" in sent["text"]:
        error = {"message": "Too many sentences at once.", "expected": None, "hint": "Wait a second."}
        route.fulfill(json={"error": error}, status=422)
    elif address.endswith("/model/sentence"):
        route.fulfill(json=sentence(sent["text"]))
    elif address.endswith("/model/neuron"):
        route.fulfill(json=VALUES)
    elif address.endswith("/model/edit"):
        route.fulfill(json=EDIT)
    else:
        route.continue_()
