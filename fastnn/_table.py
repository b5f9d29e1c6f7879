"""Tables as text."""


def aligned(rows, words):
    """Return rows of cells as lines, their columns below each other.

    Parameters
    ----------
    rows : list of lists of str
        All of one length.
    words : int
        So many columns hold words, which begin below each other; the others' numbers end so.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < words else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
