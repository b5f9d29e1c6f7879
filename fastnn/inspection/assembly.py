"""Reading assembly: the functions of a listing, and the innermost loops of each."""

import re
from typing import NamedTuple

from . import instructions

_LABEL = re.compile(r'^("[^"]*"|[^\s:"]+):')
_LOCAL = re.compile(r"\.L|L[A-Za-z_]+\d")
_FILE = re.compile(r'\s+\.file\s+(\d+)\s.*"([^"]*)"')
_LOCATION = re.compile(r"\s+\.loc\s+(\d+)\s+(\d+)")
# What surrounds each compiled function: its callers from Python and from C, and bookkeeping.
_WRAPPERS = ("cfunc.", "_cfunc.", "NRT_", "_NRT_")


class Line(NamedTuple):
    """An instruction.

    Attributes
    ----------
    text : str
        Without its comment, blanks made single.
    file : str
        Name of the source file that it was compiled from, without its folder; "<string>" for what
        Numba made of a parallel loop.
    source : int
        Line in that file; 0 if that is not known.
    """

    text: str
    file: str
    source: int


class Loop(NamedTuple):
    """An innermost loop: its instructions in the order of the listing, of the function `name`."""

    name: str
    lines: list
    labels: list

    def traits(self, processor):
        """Return the `Traits` of each instruction."""
        return [instructions.traits(line.text, processor) for line in self.lines]


def functions(assembly, processor):
    """Split a listing.

    Parameters
    ----------
    assembly : str
        What LLVM prints, in AT&T syntax on x86-64.
    processor : str
        "x86" or "arm".

    Returns
    -------
    functions : dict
        From names to lists of basic blocks ``(label, lines)``. Numba's wrappers are left out.
    """
    found, blocks, files, where = {}, [], {}, ("", 0)
    for line in assembly.splitlines():
        label = _LABEL.match(line)
        file, location = _FILE.match(line), _LOCATION.match(line)
        if label:
            name = label.group(1)
            if not _LOCAL.match(name):
                blocks, where = found.setdefault(name.strip('"'), []), ("", 0)
            blocks.append((name, []))
        elif file:
            files[file.group(1)] = file.group(2)
        elif location and location.group(2) != "0":
            where = files.get(location.group(1), ""), int(location.group(2))
        elif blocks and re.match(r"\s+[a-z]", line):
            text = " ".join(instructions.COMMENT[processor].split(line)[0].split())
            blocks[-1][1].append(Line(text, *where))
            if instructions.jump(text, processor):
                blocks.append(("", []))
    return {
        name: blocks
        for name, blocks in found.items()
        if any(lines for _, lines in blocks) and not _is_wrapper(name)
    }


def _is_wrapper(name):
    return "_ZN7cpython" in name or name.startswith(_WRAPPERS)


def _successors(blocks, processor):
    """Return for each block the numbers of those that may come next."""
    number = {label: i for i, (label, _) in enumerate(blocks) if label}
    following = []
    for i, (_, lines) in enumerate(blocks):
        target, goes_on = None, True
        if lines:
            target, goes_on = instructions.jump(lines[-1].text, processor) or (None, True)
        after = [number[target]] if target in number else []
        if goes_on and i + 1 < len(blocks):
            after.append(i + 1)
        following.append(after)
    return following


def _backward_jumps(following):
    """Return the pairs (from, to) of blocks whose jump closes a loop."""
    state, closing, stack = {0: "open"}, [], [(0, iter(following[0]))]
    while stack:
        block, targets = stack[-1]
        target = next(targets, None)
        if target is None:
            state[block] = "done"
            stack.pop()
        elif target not in state:
            state[target] = "open"
            stack.append((target, iter(following[target])))
        elif state[target] == "open":
            closing.append((block, target))
    return closing


def innermost_loops(assembly, processor):
    """Return the innermost loops of all functions of a listing, as a list of `Loop`."""
    found = []
    for name, blocks in functions(assembly, processor).items():
        following = _successors(blocks, processor)
        before = [[] for _ in blocks]
        for i, targets in enumerate(following):
            for target in targets:
                before[target].append(i)
        bodies = {}
        for last, first in _backward_jumps(following):
            body, waiting = bodies.setdefault(first, {first}), [last]
            while waiting:
                block = waiting.pop()
                if block not in body:
                    body.add(block)
                    waiting += before[block]
        for first, body in bodies.items():
            if not body & (bodies.keys() - {first}):
                parts = [blocks[i] for i in sorted(body)]
                lines = [line for _, lines in parts for line in lines]
                found.append(Loop(name, lines, [(label, len(lines)) for label, lines in parts]))
    return found
