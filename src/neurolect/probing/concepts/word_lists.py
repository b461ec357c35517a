"""The word lists of the ready sets: closed classes that neurons were reported for."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ARTICLES = _words("a an the")
MONTHS = _words("""
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec jan. feb. mar. apr. jun. jul. aug. sep. sept. oct. nov. dec.
""")
NEGATION = _words("""
    not n't never no none nobody nothing nowhere neither nor cannot without hardly scarcely barely
""")
INTENSIFIERS = _words("""
    very really so too quite rather extremely highly absolutely completely totally utterly deeply incredibly
    exceedingly entirely fully terribly awfully remarkably particularly especially
""")
CONJUNCTIONS = _words("""
    and or but nor yet so because although though while whereas if unless until since when whenever where wherever
    after before that whether as than lest once
""")
FEMININE = _words("""
    she her hers herself woman women girl girls mother mothers daughter daughters sister sisters wife wives aunt
    aunts niece nieces queen queens princess princesses lady ladies actress actresses waitress grandmother
    mom mum mrs mrs. miss ms ms. madam female females bride heroine goddess
""")
MASCULINE = _words("""
    he him his himself man men boy boys father fathers son sons brother brothers husband husbands uncle uncles
    nephew nephews king kings prince princes gentleman gentlemen actor actors waiter grandfather dad mr mr. sir
    male males groom hero heroes god
""")
NUMBER_WORDS = _words("""
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion dozen
    first second third fourth fifth sixth seventh eighth ninth tenth hundredth thousandth millionth
""")
SUFFIXES = (*("ly", "ing", "ed", "er", "est", "s", "tion", "ness", "ment", "able", "ous", "ive", "al"),)
"""Of the suffix task."""
