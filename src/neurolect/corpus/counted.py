"""Say a number of things in a sentence for people."""


def counted(n: int, one: str, many: str) -> str:
    """Choose the form that fits a number and write the number into it.

    Examples
    --------
    >>> counted(1, "{} sentence was cut.", "{} sentences were cut.")
    '1 sentence was cut.'
    >>> counted(2300, "{} sentence was cut.", "{} sentences were cut.")
    '2,300 sentences were cut.'
    """
    return (one if n == 1 else many).format(f"{n:,}")
