"""What an instruction does, by its mnemonic and its operands: x86-64 and 64-bit Arm."""

import re
from typing import NamedTuple

COMMENT = {"x86": re.compile("#"), "arm": re.compile(r"//|;")}

# --- Kinds ------------------------------------------------------------------------------------

FMA = "fused multiply-add"
ARITHMETIC = "other arithmetic"
DIVISION = "division or square root"
INTEGER = "integer arithmetic"  # in vectors
SELECTION = "comparison, selection or bit operation"  # in vectors
SHUFFLE = "shuffle"
CONVERSION = "conversion"
MOVE = "move"
CALL = "call"
OTHER = "address, counter or branch"


class Traits(NamedTuple):
    """What is known about an instruction.

    Attributes
    ----------
    kind : str
        One of the kinds above.
    bits : int
        Width of its vectors; 0 if it works on one number. Those of SVE count as 128 bits, the
        least that they have.
    element : str
        "float32", "float64", or "" where that does not show.
    loads, stores : bool
        Whether it reads, and writes, memory.
    stack : bool
        Whether that memory is the stack.
    gathers : bool
        Whether each lane has an address of its own.
    """

    kind: str
    bits: int = 0
    element: str = ""
    loads: bool = False
    stores: bool = False
    stack: bool = False
    gathers: bool = False

    @property
    def lanes(self):
        """How many numbers it works on."""
        return self.bits // {"float32": 32, "float64": 64}.get(self.element, 32) or 1


def traits(text, processor):
    """Return the `Traits` of an instruction for a processor, "x86" or "arm"."""
    return {"x86": _x86, "arm": _arm}[processor](text)


def jump(text, processor):
    """Return where an instruction jumps, and whether it may go on; None if it is no jump."""
    mnemonic, _, operands = text.partition(" ")
    target = operands.rpartition(",")[2].strip()
    if processor == "x86":
        if mnemonic.startswith("j"):
            return target, not mnemonic.startswith("jmp")
        return ("", False) if mnemonic.startswith(("ret", "ud2")) else None
    if mnemonic.startswith(("b.", "cb", "tb")):
        return target, True
    return (target, False) if mnemonic in ("b", "br", "ret", "brk") else None


# --- x86-64 -----------------------------------------------------------------------------------

_FORM = "(?P<form>[ps])(?P<size>[sd])"  # packed or scalar, single or double
_X86_FLOAT = [
    (re.compile(pattern + _FORM), kind)
    for pattern, kind in (
        ("fn?m(?:add|sub|addsub|subadd)(?:132|213|231)?", FMA),
        ("(?:div|r?sqrt(?:14|28)?|rcp(?:14|28)?)", DIVISION),
        (
            "(?:add|sub|mul|min|max|addsub|hadd|hsub|round|rndscale|reduce|range|scalef|getexp"
            "|getmant|fixupimm|dp)",
            ARITHMETIC,
        ),
        ("(?:cmp[a-z_]*|and|andn|or|xor|blendv?|blendm|u?comi)", SELECTION),
        ("mov(?:a|u|nt|l|h)?", MOVE),
    )
]
_X86_VECTOR = [
    (re.compile(pattern), kind)
    for pattern, kind in (
        ("cvt|pmov[sz]x|pmovu?s?(?:wb|db|dw|qb|qw|qd)", CONVERSION),
        (
            "shuf|perm|p?unpck|p?broadcast|p?insert|p?extract|palign|align|pshuf|p?expand"
            "|p?compress|pack|movddup|movs[hl]dup|mov(?:hl|lh)ps",
            SHUFFLE,
        ),
        ("pcmp|pblend|p?test|p?and|p?or|p?xor|pternlog|p?movmsk|pmov[bwdq]2m|pmovm2", SELECTION),
        (
            "p(?:add|sub|mul|madd|max|min|abs|sll|srl|sra|sad|avg|sign|rol|ror|hadd|hsub|hmin"
            "|opcnt|lzcnt|conflict|dp)",
            INTEGER,
        ),
        ("mov|lddqu|p?maskmov|p?gather|p?scatter", MOVE),
    )
]
_X86_SCALAR_CONVERSION = re.compile("cvtt?(?:ss|sd|u?si)2")
_X86_REGISTER = re.compile(r"%([xyz])mm\d+")
_X86_DESTINATION = re.compile(r"\([^()]*\)(?:\s*\{[^{}]*\})*$")  # the last operand, with its masks
_X86_ZERO = re.compile(r"v?p?xor\w* (%\wmm\d+)(?:, \1)+")
_X86_BITS = {"x": 128, "y": 256, "z": 512}
_SIZES = {"s": "float32", "d": "float64"}


def _x86(text):
    mnemonic, _, rest = text.partition(" ")
    if mnemonic.startswith("call"):
        return Traits(CALL)
    loads, stores = _x86_memory(mnemonic, rest)
    memory = {"loads": loads, "stores": stores, "stack": (loads or stores) and "(%rsp" in rest}
    vectors = _X86_REGISTER.findall(rest)
    if not vectors:
        masks = mnemonic.startswith("k") and "%k" in rest  # of AVX-512
        return Traits(SELECTION if masks else OTHER, **memory)
    bits, name = max(_X86_BITS[size] for size in vectors), mnemonic.removeprefix("v")
    if _X86_ZERO.fullmatch(text):
        return Traits(MOVE, bits)
    for pattern, kind in _X86_FLOAT:
        match = pattern.fullmatch(name)
        if match:
            bits = bits if match["form"] == "p" else 0
            return Traits(kind, bits, _SIZES[match["size"]], **memory)
    if name in ("movd", "movq"):
        return Traits(MOVE, **memory)
    if _X86_SCALAR_CONVERSION.match(name):
        return Traits(CONVERSION, **memory)
    kind = next((kind for pattern, kind in _X86_VECTOR if pattern.match(name)), OTHER)
    if "broadcast" in name and loads:
        kind = MOVE
    return Traits(kind, bits, gathers="gather" in name or "scatter" in name, **memory)


def _x86_memory(mnemonic, operands):
    """Return whether an instruction reads and whether it writes memory."""
    if "(" not in operands or mnemonic.startswith(("lea", "nop", "prefetch")):
        return False, False
    if not _X86_DESTINATION.search(operands):
        return True, False
    if mnemonic.startswith(("cmp", "test", "bt", "push", "mul", "imul", "div", "idiv")):
        return True, False
    return not mnemonic.startswith(("v", "mov", "set", "p", "extr")), True


# --- 64-bit Arm -------------------------------------------------------------------------------

_ARM = [
    (re.compile(pattern), kind)
    for pattern, kind in (
        ("blr?$", CALL),
        ("ld|st|f?mov|mvn", MOVE),
        ("fn?m(?:la|ls|add|sub|ad|sb)$", FMA),
        ("fdiv|f?r?sqrt|frecp|frsqrt", DIVISION),
        ("f(?:add|sub|n?mul|max|min|abs|abd|neg|rint)", ARITHMETIC),
        ("f(?:cm|ccmp|csel|ac)", SELECTION),
        ("fcvt|[su]cvtf|[su]?q?xtu?n|[su]shll|[su]xtl", CONVERSION),
        ("dup|ins$|zip|uzp|trn|ext$|tb[lx]|rev", SHUFFLE),
        ("and|bic|orr|orn|eor|bsl|bi[tf]$|cm|sel", SELECTION),
        (
            "[su]?q?r?(?:add|sub|mul|mla|mls|max|min|abs|abd|neg|shl|shr|sra|hadd|hsub|dot)",
            INTEGER,
        ),
    )
]
_ARM_ARRANGEMENT = re.compile(r"\.(\d+)([bhsd])\b")  # as in v0.4s; Apple writes fmla.4s
_ARM_ELEMENTS = {"b": 8, "h": 16, "s": 32, "d": 64}


def _arm(text):
    mnemonic, _, rest = text.partition(" ")
    name = mnemonic.partition(".")[0]
    kind = next((kind for pattern, kind in _ARM if pattern.match(name)), OTHER)
    if kind == CALL:
        return Traits(CALL)
    loads, stores = name.startswith("ld"), name.startswith("st")
    memory = {"loads": loads, "stores": stores, "stack": (loads or stores) and "[sp" in rest}
    arrangement = _ARM_ARRANGEMENT.search(text)
    scalable = re.search(r"\bz\d+(?:\.([bhsd]))?\b", rest)
    number = re.match(r"([sd])\d+\b", rest)
    floats = name.startswith("f")
    if arrangement:
        count, size = arrangement.groups()
        return Traits(
            kind, int(count) * _ARM_ELEMENTS[size], _SIZES.get(size, "") * floats, **memory
        )
    if scalable:
        return Traits(kind, 128, _SIZES.get(scalable[1], "") * floats, **memory)
    if re.match(r"\{?\s*[qv]\d", rest):
        return Traits(kind, 128, **memory)
    if number:
        return Traits(kind, 0, _SIZES[number[1]], **memory)
    return Traits(kind if floats else OTHER, **memory)
