"""Which Penn tags a class of another set of tags stands for: universal ones, and the frequent ones of Brown."""

UNIVERSAL = {
    "NOUN": ("NN", "NNS"),
    "PROPN": ("NNP", "NNPS"),
    "VERB": ("VB", "VBD", "VBG", "VBN", "VBP", "VBZ"),
    "AUX": ("MD",),
    "ADJ": ("JJ", "JJR", "JJS"),
    "ADV": ("RB", "RBR", "RBS", "WRB"),
    "ADP": ("IN", "RP"),
    "SCONJ": ("IN",),
    "DET": ("DT", "PDT", "WDT"),
    "PRON": ("PRP", "PRP$", "WP", "WP$", "EX"),
    "NUM": ("CD",),
    "CCONJ": ("CC",),
    "CONJ": ("CC",),
    "PART": ("TO", "POS"),
    "INTJ": ("UH",),
    "PUNCT": (".", ",", ":", "''", "``", "-LRB-", "-RRB-", "HYPH"),
    "SYM": ("$", "SYM"),
    "X": ("FW", "LS"),
}
"""Words that a set divides otherwise (auxiliaries, subordinating conjunctions) go by their most frequent tag."""
BROWN = {
    **{each: "DT" for each in ("at", "dt", "dti", "dts", "dtx")},
    **{each: "PRP" for each in ("ppss", "pps", "ppo", "ppl", "ppls", "pn")},
    **{each: "VBD" for each in ("bed", "bedz", "hvd", "dod")},
    **{each: "VBZ" for each in ("bez", "hvz", "doz")},
    **{each: "VBP" for each in ("ber", "bem")},
    **{each: "PDT" for each in ("abn", "abx")},
    **{each: "JJ" for each in ("jjt", "ap", "od")},
    **{each: "WP" for each in ("wps", "wpo")},
    **{"pp$": "PRP$", "np": "NNP", "nps": "NNPS", "cs": "IN", "ql": "RB", "be": "VB", "ben": "VBN", "beg": "VBG"},
}


def penn_tags(name: str) -> set[str]:
    """Give the Penn tags of a class; the name itself, in capitals, among them.

    >>> sorted(penn_tags("NOUN")), sorted(penn_tags("bedz"))
    (['NN', 'NNS', 'NOUN'], ['BEDZ', 'VBD'])
    """
    own = UNIVERSAL.get(name.upper(), ())
    brown = BROWN.get(name.lower())
    return {name.upper(), *own, *([brown] if brown else ())}
