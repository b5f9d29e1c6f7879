"""The report of ``fastnn inspect`` on one function, and the list of what there is."""

import linecache
import shutil
import textwrap
from pathlib import Path

import llvmlite.binding as llvm
from numba import config, types

from fastnn.kernels.vectors import VECTOR_BYTES

from . import assembly, compilation, names, signatures, words

_COLUMN = 13  # where the text begins, beside the names of the sections
_MOST = 6  # remarks, or other loops, that are told
_KINDS = {
    names.KERNEL: "a kernel, in its parallel form",
    names.SERIAL: "a kernel, in its serial form",
    names.SHARED: "compiled once, and called by its address",
    names.HELPER: "part of each function that calls it; this is how it is on its own",
}


def overview():
    """Return the lines of the list of all functions."""
    lines = [
        "What can be inspected, by modules. The serial form of a kernel is NAME_serial; shared",
        "functions are called by their address, helpers become part of what calls them.",
    ]
    module = None
    for function in names.functions().values():
        if function.kind == names.SERIAL:
            continue
        if module != function.name.partition(".")[0]:
            module = function.name.partition(".")[0]
            lines += ["", module]
        line = f"  {function.short_name:30} {function.kind:6}  {function.doc}".rstrip()
        lines.append(line if len(line) <= _width() else line[: _width() - 3] + "...")
    return lines


def of(function, wanted, with_assembly, tell):
    """Return the lines of a report.

    Parameters
    ----------
    function : `names.Function`
    wanted : str or None
        Which signature: a dtype, or a number; None for the first in float32.
    with_assembly : bool
        Whether the hot loop's assembly follows.
    tell : function
        Is told in words what is being done.

    Raises
    ------
    LookupError
        If there is no such signature.
    """
    known = signatures.of(function, wanted if wanted in signatures.DTYPES else "float32", tell)
    arguments = signatures.chosen(function, known, wanted)
    tell(f"compiling {function.name}")
    kept = compilation.kept(function.dispatcher, arguments)
    compiled = shown = compilation.compile_anew(function.dispatcher, arguments)
    kind = _KINDS[function.kind]
    if function.kind == names.HELPER and (compiled.returns,) == arguments:
        kind = "part of each function that calls it; here, of a loop over an array"
        shown = _in_a_loop(function, arguments)
    processor = family()
    loops = assembly.innermost_loops(shown.assembly, processor) if processor else []
    loops.sort(key=lambda loop: words.weight(loop.traits(processor)), reverse=True)
    sections = [
        ("function", [f"{function.name}: {kind}", function.doc]),
        *_loop_sections(function, loops, processor, shown.shared),
        *(_compiler_sections(function, shown, loops, processor) if shown is compiled else []),
        ("processor", [_processor_text()]),
        ("signature", signatures.texts(function, known, arguments)),
        ("compiling", [_compiling_text(compiled)]),
        ("cache", _cache_texts(function, kept)),
    ]
    lines = [line for name, texts in sections for line in _section(name, texts)]
    if with_assembly:
        lines += ["", *_assembly_lines(function, loops, processor, shown.assembly)]
    return lines


def _in_a_loop(function, arguments):
    """Compile a loop over an array: a function of a number alone has nothing to vectorise."""
    array = types.Array(arguments[0], 1, "C")
    return compilation.compile_anew(compilation.in_a_loop(function.dispatcher), (array, array))


def _section(name, texts):
    for text in filter(None, texts):
        wrapped = textwrap.wrap(
            text,
            _width() - _COLUMN,
            subsequent_indent="  ",
            break_on_hyphens=False,
            break_long_words=False,
        )
        for line in wrapped:
            yield name.ljust(_COLUMN) + line.replace(signatures.NO_BREAK, " ")
            name = ""


def _width():
    return min(max(shutil.get_terminal_size((100, 24)).columns, 60), 100)


# --- The processor ----------------------------------------------------------------------------


def family():
    """Return "x86", "arm", or None for one whose assembly is not known here."""
    architecture = llvm.get_process_triple().partition("-")[0]
    return {"x86_64": "x86", "aarch64": "arm", "arm64": "arm"}.get(architecture)


def _processor_text():
    name = config.CPU_NAME or llvm.get_host_cpu_name()
    return f"{name}; the tile's vectors have {8 * VECTOR_BYTES} bits"


# --- Loops ------------------------------------------------------------------------------------


def _loop_sections(function, loops, processor, shared):
    if processor is None:
        text = (
            f"not read: assembly for {llvm.get_process_triple()} is not known here; --asm prints it"
        )
        return [("hot loop", [text])]
    calls = _calls_section(shared)
    own = "of its own: " if calls else ""
    if not loops:
        return [*calls, ("hot loop", [f"{own}none, there is no loop in it"])]
    hot, *others = loops
    traits = hot.traits(processor)
    told = [words.loop(loop.traits(processor)) for loop in others[:_MOST]]
    if len(others) > _MOST:
        told.append(f"and {len(others) - _MOST} with less work")
    verdict = own + words.verdict(traits) + _lines_text(_source_lines(function, hot))
    return [
        *calls,
        ("hot loop", [verdict, words.mix(traits)]),
        ("spills", [words.spills(traits)]),
        ("other loops", list(dict.fromkeys(told))),
    ]


def _source_lines(function, loop):
    places = {names.place(function, line.file, line.source) for line in loop.lines}
    return sorted(filter(None, places))


def _lines_text(lines):
    if not lines:
        return ""
    return f", on line {lines[0]}" if len(lines) == 1 else f", on lines {lines[0]} to {lines[-1]}"


def _calls_section(shared):
    called = [one for one in names.functions().values() if one.dispatcher in shared]
    if not called:
        return []
    below = {name for one in called for name in signatures.reach(one.name)}
    direct = [one.name for one in called]
    further = [
        name
        for name, one in names.functions().items()
        if name in below and one.kind == names.SHARED and name not in direct
    ]
    if len(further) > _MOST:
        further[_MOST:] = [f"{len(further) - _MOST} more"]
    texts = [f"{', '.join(direct)}: compiled apart, and to be inspected as well"]
    if further:
        texts.append(f"through {'these' if direct[1:] else 'that'}: {', '.join(further)}")
    return [("calls", texts)]


# --- The compiler -----------------------------------------------------------------------------


def _compiler_sections(function, compiled, loops, processor):
    lines_of_vectors, lines_of_numbers = set(), set()
    for loop in loops:
        packed = words.is_packed(loop.traits(processor))
        (lines_of_vectors if packed else lines_of_numbers).update(_source_lines(function, loop))
    if compiled.remarks is None:
        texts = ["not heard, since standard error is closed"]
    else:
        places = [
            (names.place(function, file, line), text) for file, line, text in compiled.remarks
        ]
        own = [(line, text) for line, text in places if line is not None]
        texts = words.remarks(own, lines_of_vectors - lines_of_numbers)
        if len(texts) > _MOST:
            texts[_MOST:] = [f"and {len(texts) - _MOST} more"]
        texts = texts or ["it had nothing to say: no loop that it could have vectorised"]
    sections = [("vectoriser", texts)]
    if compiled.parallel_lines is not None:
        asked = compilation.prange_lines(function.dispatcher.py_func)
        sections.append(("parallel", words.parallel(asked, compiled.parallel_lines)))
    return sections


def _compiling_text(compiled):
    text = f"took {compiled.seconds:.2f} s just now"
    if compiled.others:
        more = "s that it calls" if compiled.others > 1 else " that it calls"
        return f"{text}, with {compiled.others} function{more}"
    return f"{text}; what it calls was compiled before"


def _cache_texts(function, kept):
    if kept is None:
        if compilation.cache_is_off(function.dispatcher):
            return ["none: there is no folder to keep compiled kernels in"]
        return ["not in it; fastnn warmup compiles and keeps what layers and training use"]
    return [
        f"{kept.size / 1000:.0f} kB, loaded in {kept.seconds:.3f} s with what it calls",
        str(kept.data),
        f"index: {kept.index.name}",
    ]


# --- Assembly ---------------------------------------------------------------------------------


def _assembly_lines(function, loops, processor, text):
    if processor is None:
        return text.splitlines()
    if not loops:
        return [f"There is no loop in {function.name}."]
    path = function.dispatcher.py_func.__code__.co_filename
    lines, shown, hot = [f"The hot loop of {function.name}:"], 0, loops[0]
    starts, position = {}, 0
    for label, count in hot.labels:
        starts.setdefault(position, []).append(label)
        position += count
    for number, (line, trait) in enumerate(zip(hot.lines, hot.traits(processor), strict=True)):
        lines += [f"{label}:" for label in starts.get(number, []) if "LBB" in label]
        place = names.place(function, line.file, line.source)
        if place not in (None, 0, shown):
            shown = place
            source = linecache.getline(path, shown).strip()
            lines.append(f"    # {Path(path).name}:{shown}  {source}")
        mark = "    # on the stack" if trait.stack else ""
        lines.append(f"    {line.text}{mark}")
    return lines
