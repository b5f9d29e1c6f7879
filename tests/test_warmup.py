"""The command ``fastnn warmup``: what it compiles, what it says, and that nothing is left to do."""

import re
import sys

import numba
import pytest
import test_jit
from test_cli import Terminal

from fastnn import _backend, _warmup, cli

DONE = r"(\d+) compiled, (\d+) loaded from the cache, \d+\.\d s"


@pytest.fixture
def few_parts(monkeypatch):
    """Leave two short parts."""
    parts = {name: _warmup.PARTS[name] for name in ("losses", "optimizers")}
    monkeypatch.setattr(_warmup, "PARTS", parts)


def numbers(line):
    """Return what a line says was compiled and loaded."""
    return [int(number) for number in re.search(DONE, line).groups()]


def warm_up(folder, *arguments, only="optimizers", **settings):
    """Run a part of the command in a new process, on a cache of its own; return it ended."""
    code = f"""
        import sys
        from fastnn import _warmup, cli
        _warmup.PARTS = {{{only!r}: _warmup.PARTS[{only!r}]}}
        sys.exit(cli.main(["warmup", *{arguments!r}]))
    """
    return test_jit.start(code, NUMBA_CACHE_DIR=str(folder), **settings)


@pytest.mark.compiled
def test_the_second_run_finds_all_in_the_cache(tmp_path):
    first, second = (warm_up(tmp_path, "--dtype", "float32") for _ in range(2))
    for process in (first, second):
        assert (process.returncode, process.stderr) == (0, "")
    (folder,) = tmp_path.iterdir()
    for process, compiled in ((first, True), (second, False)):
        title, part, last = process.stdout.splitlines()
        assert re.fullmatch(r"kernels for float32; threads: \d+ \(\w+\)", title)
        assert re.fullmatch(f"1/1 optimizers, float32: {DONE}", part)
        assert re.fullmatch(rf"all: {DONE}; \d+ MB in {re.escape(str(folder))}", last)
        # Six kernels in two forms, and the serial form of the one that starts the threads.
        assert numbers(part) == ([13, 0] if compiled else [0, 13])
    assert len([*folder.rglob("*.nbc")]) >= 12


@pytest.mark.compiled
def test_serial_processes_get_serial_kernels_and_start_no_threads(tmp_path):
    process = warm_up(tmp_path, "--dtype", "float64", FASTNN_SERIAL="1")
    title, part, _ = process.stdout.splitlines()
    assert title == "kernels for float64; threads: 1 (serial)"
    assert numbers(part) == [6, 0]
    names = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")}
    assert "optimizer.adam_serial" in names
    assert "optimizer.adam" not in names


@pytest.mark.compiled
def test_both_dtypes_and_both_forms_are_compiled(few_parts, capsys):
    assert cli.main(["warmup"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("kernels for float32 and float64; threads: ")
    assert [line.split(":")[0] for line in lines[1:-1]] == [
        "1/4 losses, float32",
        "2/4 optimizers, float32",
        "3/4 losses, float64",
        "4/4 optimizers, float64",
    ]
    from fastnn.kernels import optimizer, softmax

    for kernel in (optimizer.adam, optimizer.sgd, softmax.softmax_cross_entropy_backward_one_hot):
        for form in (kernel.serial, kernel.parallel):
            dtypes = {str(signature[0].dtype) for signature in form.signatures}
            assert dtypes >= {"float32", "float64"}, kernel.__name__


@pytest.mark.compiled
def test_the_numpy_backend_is_no_hindrance(monkeypatch):
    seen = []
    parts = {"one": lambda dtype: seen.append(_backend.active())}
    monkeypatch.setattr(_warmup, "PARTS", parts)
    with _backend.backend("numpy"):
        assert cli.main(["warmup", "--dtype", "float64"]) == 0
    assert seen == ["compiled"]


@pytest.mark.compiled
@pytest.mark.slow
def test_no_kernel_is_left_out_and_training_finds_all(tmp_path):
    code = """
        from numba.core import event
        import numpy as np, sys
        import fastnn
        from fastnn import _warmup, cli

        assert cli.main(["warmup"]) == 0
        for kernel in _warmup._in_kernels(_warmup._jit.Kernel):
            for form in (kernel.serial, kernel.parallel):
                text = [str(signature) for signature in form.signatures]
                for dtype in ("float32", "float64"):
                    if not any(dtype in signature for signature in text):
                        print("lacks", kernel.__name__, dtype)
        compiled = []
        listener = _warmup._CompilationListener(compiled.append)
        rng = np.random.default_rng(0)
        with event.install_listener("numba:compile", listener):
            for dtype in (np.float32, np.float64):
                for N in (2, 300):
                    x, t = rng.random((N, 1, 28, 28)).astype(dtype), rng.integers(0, 10, N)
                    for kind in (fastnn.SimpleConvNet, fastnn.DeepConvNet, fastnn.LeNet5):
                        net = kind(dtype=dtype)
                        fastnn.Adam().update(net.params, net.gradient(x, t))
                        fastnn.evaluate(net, x, t)
                        for pixels in (x, (x * 255).astype(np.uint8)):
                            fastnn.fit(
                                net, pixels, t, pixels, t, epochs=1, batch_size=100,
                                optimizer=fastnn.Adam(), seed=0,
                            )
        print("compiled", compiled)
    """
    for dtype in ("float32", "float64"):  # minutes each
        line = f"from fastnn import cli; cli.main(['warmup', '--dtype', '{dtype}'])"
        test_jit.printed(line, NUMBA_CACHE_DIR=str(tmp_path))
    lines = test_jit.printed(code, NUMBA_CACHE_DIR=str(tmp_path))
    lacking = [line for line in lines if line.startswith("lacks")]
    # These take no floats, belong to the compiled step, which was loaded with them inside, or
    # measure the machine for a profile.
    others = {"_touch", "draw_mask", "rms_prop_eps_inside", "adam_eps_inside"}
    others |= {"multiply_adds", "triad"}
    assert {line.split()[1] for line in lacking} <= others
    assert lines[-1] == "compiled []"


# --- What it says -----------------------------------------------------------------------------


@pytest.mark.compiled
def test_a_terminal_sees_what_is_being_compiled(monkeypatch):
    def part(dtype):
        numba.njit(lambda x: x + 1)(dtype.type(1))

    monkeypatch.setattr(_warmup, "PARTS", {"one": part})
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert cli.main(["warmup", "--dtype", "float32"]) == 0
    assert "\r1/1 one, float32: compiling <lambda>" in sys.stdout.text
    shown = [line.split("\r")[-1] for line in sys.stdout.text.split("\n")]
    assert re.fullmatch(f"1/1 one, float32: {DONE}", shown[1])


@pytest.mark.compiled
def test_ctrl_c_ends_it_in_silence(monkeypatch, capsys):
    def interrupt(dtype):
        raise KeyboardInterrupt

    monkeypatch.setattr(_warmup, "PARTS", {"one": interrupt})
    assert cli.main(["warmup"]) == 130
    assert capsys.readouterr().err == ""


# --- What it refuses --------------------------------------------------------------------------


def test_without_the_compiler_there_is_nothing_to_do(tmp_path):
    process = warm_up(tmp_path, NUMBA_DISABLE_JIT="1")
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == (
        "fastnn warmup: there is nothing to compile, since NUMBA_DISABLE_JIT is set\n"
    )


def test_without_a_folder_it_does_not_begin(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    process = warm_up(occupied, NUMBA_DISABLE_JIT="0")
    assert (process.returncode, process.stdout) == (1, "")
    lines = process.stderr.splitlines()
    assert "fastnn compiles its kernels anew in this process, since it cannot keep" in lines[0]
    assert lines[-1] == "fastnn warmup: there is no folder to keep compiled kernels in"


def test_bad_settings_of_threads_end_it(tmp_path):
    process = warm_up(tmp_path, NUMBA_DISABLE_JIT="0", FASTNN_NUM_THREADS="many")
    assert process.returncode == 1
    assert re.fullmatch(
        "fastnn warmup: FASTNN_NUM_THREADS must be an integer .*, not 'many'\n", process.stderr
    )


def test_bad_arguments_end_in_one_sentence(capsys):
    for arguments in (["--dtype", "float16"], ["--all"]):
        with pytest.raises(SystemExit) as caught:
            cli.main(["warmup", *arguments])
        assert caught.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
