"""What was found out about a compiled function, in words."""

import re
from collections import Counter

from . import instructions as kinds

_NOUNS = {  # one, and more; in the order in which they are told
    kinds.FMA: ("fused multiply-add", "fused multiply-adds"),
    kinds.ARITHMETIC: ("other float operation", "other float operations"),
    kinds.DIVISION: ("division or square root", "divisions or square roots"),
    kinds.INTEGER: ("integer operation", "integer operations"),
    kinds.SELECTION: ("comparison, choice or bit operation",
                      "comparisons, choices and bit operations"),
    kinds.SHUFFLE: ("shuffle", "shuffles"),
    kinds.CONVERSION: ("conversion", "conversions"),
    "gather": ("gather or scatter", "gathers and scatters"),
    "load": ("load", "loads"),
    "store": ("store", "stores"),
    kinds.MOVE: ("register move", "register moves"),
    kinds.CALL: ("call", "calls"),
    kinds.OTHER: ("address, counter or branch instruction",
                  "address, counter and branch instructions"),
}  # fmt: skip
_WITHOUT_FORM = (kinds.CALL, kinds.OTHER, kinds.SHUFFLE, kinds.SELECTION, "gather")
_FLOATS = (kinds.FMA, kinds.ARITHMETIC, kinds.DIVISION)

_REFUSED = "loop not vectorized: "
# Said again of each loop that is vectorised, or that was looked at before.
_SAYS_NOTHING = (
    "loop not vectorized",
    "the cost-model indicates that interleaving is not beneficial",
    "loop not vectorized: vectorization and interleaving are explicitly disabled, or the loop has "
    "already been vectorized",
    "loop not vectorized: instruction cannot be vectorized",
)


def weight(traits):
    """Return by what the hot loop is chosen.

    First the operations of a turn; of equals, the one with wider vectors, or that moves more.
    """
    work = sum(
        trait.lanes * (2 if trait.kind == kinds.FMA else 1)
        for trait in traits
        if trait.kind in (*_FLOATS, kinds.INTEGER) or (trait.kind == kinds.SELECTION and trait.bits)
    )
    moved = sum(trait.lanes for trait in traits if trait.kind == kinds.MOVE)
    return work, _width(traits), moved, len(traits)


def verdict(traits):
    """Say whether instructions are vectorised, and how wide."""
    floats = [trait for trait in traits if trait.kind in _FLOATS]
    packed = [trait for trait in floats if trait.bits]
    if packed:
        ((bits, element),) = _most_common((trait.bits, trait.element) for trait in packed)
        width = f"{bits // {'float32': 32, 'float64': 64}.get(element, 32)} {element} at a time"
        width = f"{width} ({bits} bits)"
        scalar = len(floats) - len(packed)
        if scalar:
            rest = f"{scalar} of {len(floats)} operations on one number"
            return f"partly vectorised: {width}, but {rest}"
        return f"vectorised: {width}"
    if floats:
        return f"not vectorised: one {_most_common(trait.element for trait in floats)[0]} at a time"
    if any(trait.kind == kinds.CALL for trait in traits):
        return "it calls other functions, and computes nothing with floats itself"
    width = _width(traits)
    if width:
        return f"whole vectors of {width} bits, with no arithmetic on floats"
    return "no vectors, and no arithmetic on floats"


def _width(traits):
    """Return the bits of the widest vector that is more than moved between registers, or 0."""
    at_work = (t for t in traits if t.kind != kinds.MOVE or t.loads or t.stores)
    return max((trait.bits for trait in at_work), default=0)


def is_packed(traits):
    """Tell whether a loop works on vectors alone."""
    return verdict(traits).startswith(("vectorised", "whole vectors"))


def _most_common(values):
    return [Counter(values).most_common(1)[0][0]]


def mix(traits):
    """Say how many instructions there are of each kind."""
    counts = Counter(map(_category, traits))
    order = list(_NOUNS)
    parts = []
    for (form, kind), count in sorted(
        counts.items(), key=lambda item: (order.index(item[0][1]), item[0][0])
    ):
        noun = _NOUNS[kind][count != 1]
        share = f" ({count / len(traits):.0%})" if kind == kinds.FMA else ""
        parts.append(" ".join(filter(None, (str(count), form, noun))) + share)
    text = f"{_count(len(traits), 'instruction')}: {', '.join(parts)}"
    folded = sum(trait.loads and trait.kind not in (kinds.MOVE, kinds.OTHER) for trait in traits)
    if not folded:
        return text
    return f"{text}; {folded} of them take{'s' * (folded == 1)} an operand from memory"


def _category(trait):
    kind = trait.kind
    if kind == kinds.MOVE:
        kind = (
            "gather"
            if trait.gathers
            else "store"
            if trait.stores
            else "load"
            if trait.loads
            else kind
        )
    return "" if kind in _WITHOUT_FORM else "packed" if trait.bits else "scalar", kind


def _count(number, noun):
    return f"{number} {noun}{'s' * (number != 1)}"


def spills(traits):
    """Say how many instructions of a loop keep what they need on the stack."""
    on_stack = [trait for trait in traits if trait.stack]
    numbers = [trait for trait in on_stack if trait.kind != kinds.OTHER]
    addresses = len(on_stack) - len(numbers)
    if any(trait.kind == kinds.CALL for trait in traits):
        return "not told apart from the arguments of its calls"
    if numbers:
        how = "to or from" if any(trait.stores for trait in numbers) else "from"
        more = f", {addresses} more with addresses or counters" if addresses else ""
        return (
            f"{_count(len(numbers), 'instruction')} with numbers or vectors {how} the stack{more}"
        )
    if addresses:
        return f"none but of addresses or counters, in {_count(addresses, 'instruction')}"
    return "none"


def loop(traits):
    """Say the most important of that in one line."""
    multiply_adds = sum(trait.kind == kinds.FMA for trait in traits)
    floats = [trait for trait in traits if trait.kind in _FLOATS]
    bits = _width(floats or traits)
    calls = any(trait.kind == kinds.CALL for trait in traits)
    numbers = sum(trait.stack and trait.kind != kinds.OTHER for trait in traits)
    parts = [
        _count(multiply_adds, "fused multiply-add") if multiply_adds else "",
        f"vectors of {bits} bits" if bits else "one number at a time" if floats else "no vectors",
        "with calls" if calls else f"{_count(numbers, 'spill')}" if numbers else "no spills",
    ]
    return f"{_count(len(traits), 'instruction')}: {', '.join(filter(None, parts))}"


def remarks(found, lines_of_vectors):
    """Say what the loop vectoriser remarked.

    Parameters
    ----------
    found : list of (int, str)
        Lines of the function's source, as from `names.place`, and remarks.
    lines_of_vectors : set of int
        Those of loops that are vectors, whoever made them.

    Returns
    -------
    texts : list of str
        One for each line of the source.
    """
    by_line = {}
    for line, text in found:
        if text not in _SAYS_NOTHING:
            by_line.setdefault(line, {})[text] = None
    texts = []
    for line, said in sorted(by_line.items()):
        where = f"line {line}" if line else "a thread's part of the parallel loop"
        done = dict.fromkeys(filter(None, map(_vectorised, said)))
        reasons = [
            text.removeprefix(_REFUSED).partition(". Use #pragma")[0]
            for text in said
            if text.startswith(_REFUSED)
        ]
        if reasons and not done and line in lines_of_vectors:
            texts.append(f"{where}: nothing to do, it is written in vectors")
        else:
            parts = [*done, *([f"not vectorised: {', '.join(reasons)}"] if reasons else [])]
            texts.append(f"{where}: {'; '.join(parts)}")
    return texts


def _vectorised(text):
    found = re.match(
        r"vectorized loop \(vectorization width: (.*), interleaved count: (\d+)\)", text
    )
    if found is None:
        return None
    vectors = f", {found[2]} vectors a turn" if found[2] != "1" else ""
    return f"vectorised, {found[1]} at a time{vectors}"


def parallel(asked, made):
    """Say which loops run in parallel.

    Parameters
    ----------
    asked : list of (int, bool)
        Line of each `prange` in the source, and whether it is inside another.
    made : list of (int, bool)
        Line of each parallel loop that Numba made, and whether a `prange` asked for it.
    """
    lines = [line for line, wanted in made if wanted]
    texts = []
    for line, inside in asked:
        if inside:
            texts.append(f"the prange of line {line} is serial, being inside another")
        elif line in lines:
            texts.append(f"the prange of line {line} runs in parallel")
        else:
            texts.append(
                f"THE PRANGE OF LINE {line} IS SERIAL: a raise, an assert, a break or a return "
                "in it makes it so"
            )
    texts += [
        f"line {line} became a parallel loop that no prange asks for"
        for line, wanted in made
        if not wanted
    ]
    return texts or ["there is no parallel loop"]
