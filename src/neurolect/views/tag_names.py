"""What the Penn Treebank's tags mean, in a word or two."""

__all__ = ["TAG_NAMES", "tag_name"]

TAG_NAMES = {
    "``": "opening quote",
    "''": "closing quote",
    ",": "comma",
    ".": "sentence end",
    ":": "colon or dash",
    "-LRB-": "opening bracket",
    "-RRB-": "closing bracket",
    "HYPH": "hyphen",
    "$": "currency",
    "ADD": "address",
    "AFX": "affix",
    "NFP": "superfluous mark",
    "CC": "conjunction",
    "CD": "number",
    "DT": "determiner",
    "EX": "existential there",
    "FW": "foreign word",
    "IN": "preposition",
    "JJ": "adjective",
    "JJR": "comparative adjective",
    "JJS": "superlative adjective",
    "MD": "modal verb",
    "NN": "noun",
    "NNS": "plural noun",
    "NNP": "proper noun",
    "NNPS": "plural proper noun",
    "PDT": "predeterminer",
    "POS": "possessive ending",
    "PRP": "pronoun",
    "PRP$": "possessive pronoun",
    "RB": "adverb",
    "RBR": "comparative adverb",
    "RBS": "superlative adverb",
    "RP": "particle",
    "SYM": "symbol",
    "TO": "to",
    "UH": "interjection",
    "VB": "base-form verb",
    "VBD": "past-tense verb",
    "VBG": "-ing verb",
    "VBN": "past participle",
    "VBP": "present-tense verb",
    "VBZ": "third-person verb",
    "WDT": "wh-determiner",
    "WP": "wh-pronoun",
    "WP$": "possessive wh-pronoun",
    "WRB": "wh-adverb",
}


def tag_name(tag: str) -> str:
    """Name a tag for people.

    Parameters
    ----------
    tag : str
        A Penn tag.

    Returns
    -------
    str
        Its name with the tag behind it; the tag alone where it has no name.

    Examples
    --------
    >>> tag_name("NNP"), tag_name("XX")
    ('proper noun (NNP)', 'XX')
    """
    return f"{TAG_NAMES[tag]} ({tag})" if tag in TAG_NAMES else tag
