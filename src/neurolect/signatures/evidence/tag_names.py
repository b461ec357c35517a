"""What the Penn Treebank's tags mean, in a word or two."""

TAG_NAMES = {
    "``": "opening quote", "''": "closing quote", ",": "comma", ".": "sentence end", ":": "colon or dash",
    "-LRB-": "opening bracket", "-RRB-": "closing bracket", "HYPH": "hyphen", "$": "currency", "ADD": "address",
    "AFX": "affix", "NFP": "superfluous mark", "CC": "conjunction", "CD": "number", "DT": "determiner",
    "EX": "existential there", "FW": "foreign word", "IN": "preposition", "JJ": "adjective",
    "JJR": "comparative adjective", "JJS": "superlative adjective", "MD": "modal verb", "NN": "noun",
    "NNS": "plural noun", "NNP": "proper noun", "NNPS": "plural proper noun", "PDT": "predeterminer",
    "POS": "possessive ending", "PRP": "pronoun", "PRP$": "possessive pronoun", "RB": "adverb",
    "RBR": "comparative adverb", "RBS": "superlative adverb", "RP": "particle", "SYM": "symbol", "TO": "to",
    "UH": "interjection", "VB": "base-form verb", "VBD": "past-tense verb", "VBG": "-ing verb",
    "VBN": "past participle", "VBP": "present-tense verb", "VBZ": "third-person verb", "WDT": "wh-determiner",
    "WP": "wh-pronoun", "WP$": "possessive wh-pronoun", "WRB": "wh-adverb",
}  # fmt: skip
"""What cards call a word of a tag."""

TAGS_IN_NAMES = {
    "ADD": "web and e-mail addresses", "AFX": "affixes", "CC": "conjunctions", "CD": "numbers",
    "DT": "determiners", "EX": "existential 'there'", "FW": "foreign words", "HYPH": "hyphens",
    "IN": "prepositions", "JJ": "adjectives", "JJR": "comparatives", "JJS": "superlatives", "MD": "modal verbs",
    "NN": "singular nouns", "NNP": "proper names", "NNPS": "plural proper names", "NNS": "plural nouns",
    "PDT": "predeterminers", "POS": "possessives", "PRP": "personal pronouns", "PRP$": "possessive pronouns",
    "RB": "adverbs", "RBR": "comparative adverbs", "RBS": "superlative adverbs", "RP": "particles",
    "SYM": "symbols", "TO": "infinitive 'to'", "UH": "interjections", "VB": "base-form verbs",
    "VBD": "past-tense verbs", "VBG": "-ing verbs", "VBN": "past participles", "VBP": "present-tense verbs",
    "VBZ": "third-person verbs", "WDT": "wh-determiners", "WP": "wh-pronouns", "WP$": "possessive wh-pronouns",
    "WRB": "wh-adverbs",
}  # fmt: skip
"""What names call many words of a tag."""


def tag_name(tag: str) -> str:
    """Name a tag for people.

    Examples
    --------
    >>> tag_name("NNP"), tag_name("XX")
    ('proper noun (NNP)', 'XX')
    """
    return f"{TAG_NAMES[tag]} ({tag})" if tag in TAG_NAMES else tag
