"""The command ``fastnn inspect``: what it finds, what it says of it, and what it refuses."""

import re
import sys

import numba
import numpy as np
import pytest
import test_jit
from fastnn.kernels import _jit, activation, dropout, optimizer, pool, softmax, tile, training
from numba import prange, types
from test_cli import Terminal

from fastnn import cli
from fastnn.inspection import assembly, compilation, names, report, signatures, words

compiled = pytest.mark.compiled
ARRAY = types.Array(types.float32, 1, "C")
KNOWN = report.family() is not None
reads_assembly = pytest.mark.skipif(not KNOWN, reason="this processor's assembly is not read")


def inspect(capsys, *arguments):
    """Run the command in this process; return its sections, from names to lists of lines."""
    assert cli.main(["inspect", *arguments]) == 0
    out, errors = capsys.readouterr()
    assert errors == ""
    sections, name = {}, None
    for line in out.split("\n\n")[0].splitlines():
        name = line[:13].strip() or name
        sections.setdefault(name, []).append(line[13:].strip())
    return sections, out


def refused(capsys, *arguments):
    """Return what the command says when it refuses its arguments."""
    assert cli.main(["inspect", *arguments]) == 2
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    return errors.removeprefix("fastnn inspect: ").strip()


# --- What there is ----------------------------------------------------------------------------


@compiled
def test_all_are_listed_with_what_they_do(capsys):
    assert cli.main(["inspect"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {"activation", "conv", "tile", "step"} <= set(lines)
    (line,) = [line for line in lines if line.startswith("  sigmoid_forward ")]
    assert line.split(maxsplit=2)[1:] == ["kernel", activation.sigmoid_forward.__doc__.strip().
                                          partition("\n")[0]]  # fmt: skip
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert listed >= {"convolve", "multiply", "exp", "clear", "train_steps"}
    assert not any(name.endswith("_serial") for name in listed)
    assert all(len(line) <= 100 for line in lines)


@compiled
@pytest.mark.parametrize(
    "text, name, kind",
    [
        ("sigmoid_forward", "activation.sigmoid_forward", names.KERNEL),
        ("sigmoid_forward_serial", "activation.sigmoid_forward_serial", names.SERIAL),
        ("activation.sigmoid_forward", "activation.sigmoid_forward", names.KERNEL),
        ("fastnn.kernels.tile.multiply", "tile.multiply", names.SHARED),
        ("convolve", "conv.convolve", names.KERNEL),  # and not the step's function
        ("step_operations.convolve", "step_operations.convolve", names.SHARED),
        ("exp", "exponential.exp", names.HELPER),
    ],
)
def test_names(text, name, kind):
    function = names.find(text)
    assert (function.name, function.kind) == (name, kind)


@compiled
def test_forms_are_those_that_run():
    assert names.find("adam").dispatcher is optimizer.adam.parallel
    assert names.find("adam_serial").dispatcher is optimizer.adam.serial
    assert names.find("multiply").dispatcher is tile.multiply.dispatcher


@compiled
@pytest.mark.parametrize(
    "text, message",
    [
        ("sigmod_forward", "KERNEL must name a compiled function, not 'sigmod_forward'; did you "
                           "mean sigmoid_forward?"),
        ("tile.multiplied", "KERNEL must name a compiled function, not 'tile.multiplied'; did you "
                            "mean tile.multiply?"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_the_nearest_and_the_list(text, message, capsys):
    text = refused(capsys, text)
    assert text == f"{message} fastnn inspect lists all"


@compiled
def test_a_name_that_nothing_is_like(capsys):
    assert refused(capsys, "zzz") == (
        "KERNEL must name a compiled function, not 'zzz'; fastnn inspect lists all"
    )


@compiled
def test_a_name_of_two_functions_names_them(monkeypatch):
    known = names.functions()
    twin = known["tile.multiply"]._replace(name="other.multiply")
    monkeypatch.setattr(names, "functions", lambda: {**known, twin.name: twin})
    with pytest.raises(LookupError, match=r"'multiply': say tile.multiply or other.multiply$"):
        names.find("multiply")


# --- For which types --------------------------------------------------------------------------


@compiled
def test_layers_tell_the_types():
    found = signatures.of(names.find("max_pool_forward"), "float32")
    assert [(str(one[0].dtype), str(one[-1].dtype)) for one in found] == [
        ("float32", "uint8"), ("float32", "int32"), ("float64", "uint8"), ("float64", "int32"),
    ]  # fmt: skip
    for kernel in (activation.relu_backward, training.train_steps, softmax.softmax_forward):
        assert id(kernel) in signatures._noted()
    out = np.empty(3, np.float32)
    dropout.scale(np.ones(3, np.float32), 2.0, out, work=0)  # kernels run again
    assert (out == 2).all()


@compiled
def test_nothing_is_compiled_or_loaded_to_tell_them(tmp_path):
    code = """
        from fastnn.inspection import names, signatures
        print(len(signatures._noted()))
        print([name for name, one in names.functions().items() if one.dispatcher.signatures])
    """
    count, names_of_compiled = test_jit.printed(code, NUMBA_CACHE_DIR=str(tmp_path))
    assert int(count) > 40
    assert names_of_compiled == "[]"


@compiled
def test_callers_tell_the_types_of_the_rest():
    found = signatures.of(names.find("pool_rows"), "float64")  # and what others have compiled
    assert {str(one[0]) for one in found} == {"array(float64, 1d, C)"}
    assert "pool_rows" in str(names.called_by(names.find("max_pool_forward_serial")))
    assert pool.pool_rows.dispatcher is names.find("pool_rows").dispatcher


@pytest.mark.parametrize(
    "kinds, dtype",
    [
        ((ARRAY, types.float64), "float32"),
        ((types.Array(types.float64, 1, "C"), ARRAY), "float32"),
        ((types.Array(types.int64, 1, "C"), types.float64), "float64"),
        ((types.int64,), ""),
    ],
)
def test_dtype_of_a_signature(kinds, dtype):
    assert signatures.dtype_of(kinds) == dtype


@compiled
def test_signatures_are_chosen_by_dtype_and_by_number(capsys):
    for wanted in ("float64", "2"):
        sections, _ = inspect(capsys, "scale_serial", "--signature", wanted)
        first, *others = sections["signature"]
        assert first.startswith("2: x float64[:], factor float64, out float64[:]")
        assert others == ["also 1: x float32[:], out float32[:]"]
    assert inspect(capsys, "scale_serial")[0]["signature"][0].startswith("1: x float32[:]")


@compiled
@pytest.mark.parametrize("wanted", ["3", "0", "float16", ""])
def test_a_wrong_signature(wanted, capsys):
    assert refused(capsys, "scale", "--signature", wanted) == (
        "--signature must be float32, float64 or a number from 1 to 2 for dropout.scale, not "
        f"{wanted!r}"
    )


@compiled
def test_a_function_that_nothing_calls(capsys):
    assert refused(capsys, "_jit._touch").startswith("KERNEL must name a function that a layer or")


# --- What it says -----------------------------------------------------------------------------

SECTIONS = [
    "function", "hot loop", "spills", "other loops", "vectoriser", "parallel", "processor",
    "signature", "compiling", "cache",
]  # fmt: skip


@compiled
@reads_assembly
def test_a_vectorised_kernel(capsys):
    sections, _ = inspect(capsys, "relu_backward")
    assert [name for name in sections if name != "other loops"] == [
        name for name in SECTIONS if name != "other loops"
    ]
    assert sections["function"][0] == "activation.relu_backward: a kernel, in its parallel form"
    assert re.match(r"vectorised: \d+ float32 at a time|whole vectors", sections["hot loop"][0])
    assert re.match(
        r"(line \d+|a thread's part of the .*): vectorised, ", sections["vectoriser"][0]
    )
    assert re.fullmatch(r"the prange of line \d+ runs in parallel", sections["parallel"][0])
    assert re.match(r"took \d+\.\d\d s just now", sections["compiling"][0])


@compiled
@reads_assembly
def test_a_kernel_that_leaves_the_work_to_others(capsys):
    sections, _ = inspect(capsys, "max_pool_forward")
    assert sections["calls"] == ["pool.pool_rows: compiled apart, and to be inspected as well"]
    assert sections["hot loop"][0].startswith("of its own: it calls other functions")
    assert sections["spills"] == ["not told apart from the arguments of its calls"]


@compiled
@reads_assembly
def test_a_function_of_a_number_is_shown_in_a_loop(capsys):
    sections, _ = inspect(capsys, "exp")
    assert "here, of a loop over an array" in sections["function"][0]
    assert re.match(r"vectorised: \d+ float32 at a time", sections["hot loop"][0])
    assert sections["signature"][0] == "1: x float32"


@compiled
@reads_assembly
def test_assembly_of_the_hot_loop(capsys):
    sections, out = inspect(capsys, "scale_serial", "--asm")
    title, *lines = out.partition("\n\n")[2].splitlines()
    assert title == "The hot loop of dropout.scale_serial:"
    count = int(sections["hot loop"][1].split()[0])
    texts = [line for line in lines if line.startswith("    ") and "# dropout.py:" not in line]
    assert len(texts) == count
    assert any(line.strip().startswith("# dropout.py:") for line in lines)
    assert lines[0].endswith(":")


@compiled
def test_an_unknown_processor_is_said_to_be_one(monkeypatch, capsys):
    monkeypatch.setattr(report, "family", lambda: None)
    sections, out = inspect(capsys, "scale_serial", "--asm")
    assert re.match(
        "not read: assembly for .* is not known here; --asm prints", sections["hot loop"][0]
    )
    assert "dropout" in out.partition("\n\n")[2]


@compiled
def test_a_terminal_sees_what_is_being_compiled(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert cli.main(["inspect", "scale_serial"]) == 0
    assert "\rcompiling dropout.scale_serial" in sys.stdout.text


# --- Compiling anew ---------------------------------------------------------------------------


def anew(function, *kinds, **options):
    dispatcher = numba.njit(**options)(function)
    return compilation.compile_anew(dispatcher, kinds)


def add(x, out):
    for i in range(x.size):
        out[i] = x[i] + 1


@compiled
@reads_assembly
def test_lines_of_the_source_leave_the_code_as_it_is():
    plain = numba.njit(add)
    plain.compile((ARRAY, ARRAY))
    (text,) = plain.inspect_asm().values()
    found = [
        [
            [re.sub(r"\.L\w+", "label", line.text) for line in loop.lines]
            for loop in assembly.innermost_loops(listing, report.family())
        ]
        for listing in (text, anew(add, ARRAY, ARRAY).assembly)
    ]
    assert found[0] == found[1] != []


@compiled
def test_the_vectoriser_is_heard_and_then_silent(capfd):
    made = anew(add, ARRAY, ARRAY)
    (line,) = {line for file, line, text in made.remarks if text.startswith("vectorized loop")}
    assert line in (add.__code__.co_firstlineno + 1, add.__code__.co_firstlineno + 2)
    numba.njit(add).compile((ARRAY, ARRAY))
    assert capfd.readouterr() == ("", "")


@compiled
def test_a_loop_that_cannot_be_vectorised_says_why():
    def running(x, out):
        for i in range(1, x.size):
            out[i] = out[i - 1] * x[i]

    texts = [text for _, _, text in anew(running, ARRAY, ARRAY).remarks]
    assert not any(text.startswith("vectorized loop") for text in texts)
    assert any(text.startswith("loop not vectorized: ") for text in texts)


@compiled
def test_without_standard_error_the_vectoriser_is_not_heard(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert anew(add, ARRAY, ARRAY).remarks is None


@compiled
def test_what_others_write_to_standard_error_is_not_lost(capfd):
    import os

    with compilation._vectoriser_heard() as heard:
        os.write(2, b"a warning\nremark: a.py:3:1: loop not vectorized: why\nand more\n")
    assert heard == ["a.py:3:1: loop not vectorized: why\nand more\n"]
    assert capfd.readouterr().err == "a warning\n"
    assert compilation._remarks(heard) == [("a.py", 3, "loop not vectorized: why")]


@compiled
def test_a_parallel_loop_that_became_serial_is_told():
    def loops(x, out):
        for i in prange(x.size):
            if x[i] < 0:
                raise ValueError("negative")
            out[i] = x[i]
        for i in prange(x.size):
            out[i] += 1

    made = anew(loops, ARRAY, ARRAY, parallel=True)
    first = loops.__code__.co_firstlineno
    asked = compilation.prange_lines(loops)
    assert asked == [(first + 1, False), (first + 5, False)]
    said = words.parallel(asked, made.parallel_lines)
    assert said[0].startswith(f"THE PRANGE OF LINE {first + 1} IS SERIAL")
    assert said[1] == f"the prange of line {first + 5} runs in parallel"
    assert anew(add, ARRAY, ARRAY).parallel_lines is None


@compiled
def test_pranges_inside_of_others_are_known():
    def nested(x):
        for i in prange(x.size):
            for j in prange(3):
                x[i] += j

    first = nested.__code__.co_firstlineno
    assert compilation.prange_lines(nested) == [(first + 1, False), (first + 2, True)]


# --- The cache --------------------------------------------------------------------------------

CACHE = """
    import sys
    from pathlib import Path
    from fastnn import cli
    from fastnn.kernels import _jit, dropout
    {before}
    sys.exit(cli.main(["inspect", "scale_serial"]))
"""
USED = """
    import numpy as np
    dropout.scale(np.ones(3, np.{dtype}), 2.0, np.ones(3, np.{dtype}), work=0)
"""


def lines_about_the_cache(folder, dtype):
    """Use a kernel for a dtype; return what is said of the cache for float32."""
    code = CACHE.format(before=USED.format(dtype=dtype))
    lines = test_jit.printed(code, NUMBA_CACHE_DIR=str(folder))
    first = next(i for i, line in enumerate(lines) if line.startswith("cache "))
    return [line[13:] for line in lines[first:]]


@compiled
def test_files_of_the_cache(tmp_path):
    assert lines_about_the_cache(tmp_path, "float64") == [
        "not in it; fastnn warmup compiles and keeps what layers and training use"
    ]
    first, data, index = lines_about_the_cache(tmp_path, "float32")
    assert re.fullmatch(r"\d+ kB, loaded in \d\.\d{3} s with what it calls", first)
    _, newer = sorted(tmp_path.rglob("dropout.scale_serial*.nbc"))
    assert data == str(newer)
    assert index.removeprefix("index: ") == next(tmp_path.rglob("dropout.scale_serial*.nbi")).name


@compiled
def test_a_damaged_file_is_as_none(tmp_path):
    lines_about_the_cache(tmp_path, "float32")
    (index,) = tmp_path.rglob("dropout.scale_serial*.nbi")
    index.write_bytes(index.read_bytes()[:10])
    lines = test_jit.printed(CACHE.format(before=""), NUMBA_CACHE_DIR=str(tmp_path))
    assert any(line.startswith("cache        not in it") for line in lines)


@compiled
def test_no_folder(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    process = test_jit.start(CACHE.format(before=""), NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert process.returncode == 0
    assert "cache        none: there is no folder to keep compiled kernels in" in process.stdout


# --- What it refuses --------------------------------------------------------------------------


def test_without_the_compiler_there_is_nothing(capsys):
    process = test_jit.start(
        "import sys; from fastnn import cli; sys.exit(cli.main(['inspect', 'adam']))",
        NUMBA_DISABLE_JIT="1",
    )
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == (
        "fastnn inspect: there is nothing compiled, since NUMBA_DISABLE_JIT is set\n"
    )


@pytest.mark.parametrize(
    "arguments", [["--asm"], ["--signature", "float32"], ["adam", "--all"], ["adam", "sgd"]]
)
def test_wrong_arguments_end_in_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["inspect", *arguments])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@compiled
def test_ctrl_c_ends_it_in_silence(monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "of", interrupt)
    assert cli.main(["inspect", "adam"]) == 130
    assert capsys.readouterr().err == ""
    assert _jit.Kernel.__call__.__name__ == "__call__"
