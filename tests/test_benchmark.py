"""The command ``fastnn bench``: what it says, writes and refuses, and PyTorch's process."""

import json
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from test_cli import Terminal

import fastnn
from fastnn import cli
from fastnn.benchmark import cases, check, libraries, measure, peer, results, table, timing

compiled = pytest.mark.compiled
TITLE = r"(\d+) cases in 7 passes; threads: \d+ \(\w+\); NumPy \S+, Numba \S+"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Take few rounds, without PyTorch."""
    monkeypatch.setattr(measure, "_SECONDS", 0)
    monkeypatch.setattr(measure, "_TURN", 1e-6)
    monkeypatch.setattr(measure, "PAUSE", 0)
    monkeypatch.setattr(peer, "is_installed", lambda: False)


def bench(*arguments):
    return cli.main(["bench", "--passes", "7", *map(str, arguments)])


SOME = ("--kernels", "relu", "sgd", "im2col", "--sizes", "small")
NAMES = ["im2col", "relu forward", "relu backward", "sgd update"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A file that the command wrote, about three operations."""
    path = tmp_path_factory.mktemp("bench") / "old.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "_SECONDS", 0)
        patch.setattr(peer, "is_installed", lambda: False)
        assert bench(*SOME, "--json", path) == 0
    return path


@pytest.fixture
def changed(written, tmp_path):
    """Return a function that writes the file anew, changed by a function, and returns its path."""

    def change(function):
        whole = json.loads(written.read_text())
        function(whole)
        path = tmp_path / "changed.json"
        path.write_text(json.dumps(whole))
        return path

    return change


# --- What it says -----------------------------------------------------------------------------


@compiled
def test_table_has_a_row_for_each_case(capsys):
    assert bench(*SOME) == 0
    first, title, head, *rows, legend = capsys.readouterr().out.splitlines()
    assert first == "PyTorch is not installed: it takes no part"
    assert re.fullmatch(TITLE, title)
    columns = ["operation", "on", "layer", "kernels", "NumPy", "NumPy / layer", "rate"]
    assert re.split(r"  +", head) == columns
    assert [re.split(r"  +", row)[0] for row in rows] == NAMES
    number = r"[\d,]+(\.\d+)?"
    for row in rows:
        cells = re.split(r"  +", row)
        assert re.fullmatch(rf"{number}x \({number} .. {number}\)", cells[5])
        assert re.fullmatch(rf"{number} GB/s", cells[6])
    assert legend.startswith("in ms: ")
    assert len({len(row) for row in [head, *rows]}) == 1


@compiled
def test_a_terminal_sees_what_is_measured(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert bench("--kernels", "relu-f", "--sizes", "small") == 0
    assert "\rpass 3/7, case 1/1: relu forward, small" in sys.stdout.text
    shown = [line.split("\r")[-1] for line in sys.stdout.text.split("\n")]
    assert shown[3].startswith("relu forward  100 x 50 ")


@compiled
def test_number_of_threads_is_that_of_the_kernels(capsys):
    before = fastnn.get_num_threads()
    try:
        fastnn.set_num_threads(1)
        assert bench("--kernels", "relu-f", "--sizes", "small") == 0
    finally:
        fastnn.set_num_threads(before)
    assert "; threads: 1 (" in capsys.readouterr().out


def test_figures_are_three_without_an_exponent():
    numbers = (1234.5, 123.45, 9.996, 0.0012345)
    assert [table.figures(number) for number in numbers] == ["1,230", "123", "10.0", "0.00123"]


def test_what_has_no_kernels_gets_a_dash_and_the_layers_rate():
    own, rivals = ({name: [[2e-3]] * 7 for name in ("layer", x)} for x in ("yardstick", "numpy"))
    case = cases.Case("relu", "forward", "small", "float32")
    row = results.Measured(case, "copy", {}, own, rivals)
    _, line, _ = table.lines([row])
    assert re.split(r"  +", line)[3] == "-"
    assert line.endswith("  1.00x (1.00 .. 1.00)  0.0225 GB/s")  # 45,000 bytes in 2 ms


# --- What it writes ---------------------------------------------------------------------------


@compiled
def test_json_holds_the_times_of_each_round_and_the_machine(written):
    whole = json.loads(written.read_text())
    assert whole["format"] == results.FORMAT
    assert whole["torch"] is None
    assert set(whole["facts"]) >= {"versions", "processor", "cores", "threads", "threading_layer"}
    assert [row["operation"] for row in whole["cases"]] == ["im2col", "relu", "relu", "sgd"]
    for row in whole["cases"]:
        assert row["bytes"] > 0
        assert row["yardstick"] == "copy"
        assert set(row["own"]) == {"layer", "kernels", "yardstick"}
        assert set(row["rivals"]) == {"layer", "numpy"}
        assert set(row["calls"]) == {"layer", "kernels", "yardstick", "numpy"}
        samples = [*row["own"].values(), *row["rivals"].values()]
        assert {tuple(map(len, passes)) for passes in samples} == {(1,) * 7}
        assert all(some[0] > 0 for passes in samples for some in passes)
    read = results.read(written)
    assert [row.case.title for row in read.measured] == NAMES


@compiled
def test_plot_is_a_picture(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "bars.png"
    assert bench(*SOME, "--plot", path) == 0
    assert path.read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.endswith(f"wrote {path}\n")


@compiled
def test_without_matplotlib_all_else_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "bars.png"
    assert bench(*SOME, "--plot", path, "--json", tmp_path / "a.json") == 0
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    out = capsys.readouterr().out
    assert f"no {path}: matplotlib is not installed (the extra 'plot')" in out
    assert "\nsgd update " in out


# --- Compared with an earlier run -------------------------------------------------------------


@compiled
def test_comparison_measures_what_the_file_holds(written, capsys):
    assert bench("--compare", written) == 0
    table_of_times, _, comparison = capsys.readouterr().out.partition("\n\n")
    assert "warning" not in table_of_times
    since, head, *rows, total, legend = comparison.splitlines()
    assert re.fullmatch(r"since \d{4}-\d\d-\d\d \d\d:\d\d:", since)
    assert re.split(r"  +", head) == ["operation", "on", "layer", "kernels alone"]
    assert [re.split(r"  +", row)[0] for row in rows] == NAMES
    for row in rows:
        for cell in re.split(r"  +", row)[2:]:
            assert re.fullmatch(
                r"(no change|(SLOWER|FASTER) by [+-]\d+%) \([+-]\d+% \.\. [+-]\d+%\)", cell
            )
    assert re.match(r"of 8 times \d rose and \d fell, \d show no change beyond noise; ", total)
    assert "99.8% interval" in legend


@compiled
def test_what_was_twice_as_fast_is_slower_now(changed, capsys):
    def halve_relu(whole):
        row = whole["cases"][1]
        row["own"]["layer"] = [[1e-6 * s for s in some] for some in row["own"]["layer"]]

    assert bench("--compare", changed(halve_relu)) == 0
    out = capsys.readouterr().out.partition("\n\n")[2]
    (relu,) = [line for line in out.splitlines() if line.startswith("relu forward")]
    assert "SLOWER by +" in relu.partition("100 x 50")[2]


@compiled
def test_turns_are_as_long_as_they_were(changed, tmp_path):
    def shorten(whole):
        for row in whole["cases"]:
            row["calls"] |= {"layer": 3, "yardstick": 5}

    path = tmp_path / "new.json"
    assert bench("--compare", changed(shorten), "--json", path) == 0
    for row in results.read(path).measured:
        assert (row.calls["layer"], row.calls["yardstick"]) == (3, 5)


@compiled
def test_named_cases_are_compared_where_the_file_holds_them(written, capsys):
    assert bench("--compare", written, "--kernels", "relu", "tanh-f", "--sizes", "small") == 0
    times, _, comparison = capsys.readouterr().out.partition("\n\n")
    assert "tanh forward" in times
    assert "tanh forward" not in comparison
    assert "relu backward" in comparison


@compiled
def test_another_machine_is_warned_of(changed, capsys):
    def move(whole):
        whole["facts"]["processor"]["name"] = "Another 9000"
        whole["facts"]["versions"]["numba"] = "0.1"

    assert bench("--compare", changed(move)) == 0
    machine, versions = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")
    ]
    assert "another machine (Another 9000, " in machine
    assert versions == "warning: the earlier run had numba 0.1: changes may be theirs"


def without(key):
    return lambda whole: whole.pop(key)


def first_row(**values):
    return lambda whole: whole["cases"][0].update(values)


WHOLE = "must be whole: what fastnn bench wrote there was changed"


@compiled
@pytest.mark.parametrize(
    "change, message",
    [
        (lambda whole: whole.update(format=99), "must be of format 1, .*, not 99"),
        (without("format"), "must be a file that fastnn bench --json wrote"),
        (without("facts"), WHOLE),
        (first_row(size="huge"), WHOLE),
        (first_row(operation=["relu"]), WHOLE),
        (first_row(own={}), WHOLE),
        (first_row(rivals={}), WHOLE),
        (first_row(calls={"layer": 0}), WHOLE),
        (first_row(calls={"layer": "1"}), WHOLE),
        (first_row(own={"layer": [[1.0]] * 7, "yardstick": [[0.0]] * 7}), WHOLE),
        (first_row(own={"layer": [[1.0]] * 7, "yardstick": [[1.0]] * 6}), WHOLE),
        (first_row(own={"layer": [[]] * 7, "yardstick": [[]] * 7}), WHOLE),
        (first_row(own={"layer": [[1.0]] * 6, "yardstick": [[1.0]] * 6}), WHOLE),
        (first_row(own={"layer": [[1.0]] * 7, "yardstick": [["1"]] * 7}), WHOLE),
        (lambda whole: whole.update(cases=[]), WHOLE),
        (
            lambda whole: whole["facts"]["threads"].update(number=64),
            r"must have been measured on \d+ threads?, as now, not on 64; .*",
        ),
    ],
)
def test_a_file_that_cannot_be_compared_is_refused(change, message, changed, capsys):
    path = changed(change)
    assert bench("--compare", path) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(
        f"fastnn bench: argument --compare: {re.escape(str(path))} {message}\n", captured.err
    )


@compiled
@pytest.mark.parametrize("text", ["", "[]", "12", '{"a": 1', "\x00\xff"])
def test_what_is_no_file_of_ours_is_refused(text, tmp_path, capsys):
    path = tmp_path / "other"
    path.write_text(text, encoding="latin-1")
    assert bench("--compare", path) == 2
    assert capsys.readouterr().err.endswith("must be a file that fastnn bench --json wrote\n")


# --- What it refuses --------------------------------------------------------------------------


@compiled
@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--kernels", "rellu"],
            "argument --kernels: must begin .*, perhaps relu, not 'rellu': .*",
        ),
        (["--compare", "missing"], "argument --compare: missing cannot be read: No such file .*"),
        (["--compare", "."], "argument --compare: . cannot be read: Is a directory"),
        (["--json", "no/a.json"], "argument --json: no/a.json must be in a folder that is there"),
        (["--plot", "no/a.png"], "argument --plot: no/a.png must be in a folder that is there"),
    ],
)
def test_bad_arguments_end_in_one_sentence(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert bench(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(f"fastnn bench: {message}\n", captured.err)


@pytest.mark.parametrize(
    "arguments", [["--passes", "6"], ["--sizes", "huge"], ["--dtype", "float16"], ["--all"]]
)
def test_the_parser_refuses(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        bench(*arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@compiled
def test_cases_of_which_the_file_holds_none_are_refused(written, capsys):
    assert bench("--compare", written, "--dtype", "float64", "--sizes", "small") == 2
    assert capsys.readouterr().err == (
        f"fastnn bench: argument --compare: {written} must hold one of the cases chosen\n"
    )


@compiled
def test_on_the_numpy_backend_there_is_nothing_to_time(capsys):
    with fastnn.backend("numpy"):
        assert bench() == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == ("fastnn bench: there is nothing to time, since the backend is numpy\n")


def test_without_the_compiler_there_is_nothing_to_time():
    done = subprocess.run(
        [sys.executable, "-c", "from fastnn import cli; exit(cli.main(['bench']))"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fastnn bench: there is nothing to time, since the JIT is off\n"


@compiled
def test_a_wrong_result_ends_it(monkeypatch, capsys):
    monkeypatch.setattr(libraries, "ours", lambda case: lambda: [np.ones(case.shape)])
    assert bench("--kernels", "relu-f", "--sizes", "small") == 1
    assert re.fullmatch(
        r"fastnn bench: relu forward of 100 x 50: fastnn's result is off by .*\n",
        capsys.readouterr().err,
    )


@compiled
def test_ctrl_c_ends_it_in_silence(monkeypatch, capsys):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(timing, "seconds", interrupt)
    assert bench("--kernels", "relu") == 130
    assert capsys.readouterr().err == ""


@compiled
def test_a_file_that_cannot_be_written_is_told_after_the_table(tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    assert bench(*SOME, "--json", tmp_path / "folder") == 1
    captured = capsys.readouterr()
    assert "sgd update" in captured.out
    assert captured.err.startswith("fastnn bench: cannot write ")


# --- PyTorch ----------------------------------------------------------------------------------


@pytest.fixture
def pretend(tmp_path, monkeypatch):
    """Return a function that puts a module called torch, of some code, in PyTorch's place."""

    def make(code):
        (tmp_path / "torch.py").write_text(textwrap.dedent(code))
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setattr(peer, "is_installed", lambda: True)

    return make


@compiled
def test_a_pytorch_that_cannot_be_imported_takes_no_part(pretend, capsys):
    pretend("raise OSError('libtorch.so:\\n no such file')")
    assert bench("--kernels", "relu-f", "--sizes", "small") == 0
    out = capsys.readouterr().out
    assert out.startswith("PyTorch takes no part: OSError: libtorch.so: no such file\n")
    assert "relu forward" in out


@compiled
def test_a_pytorch_that_ends_its_process_takes_no_part(pretend, capsys):
    pretend("import os; print('noise'); os._exit(3)")
    assert bench("--kernels", "relu-f", "--sizes", "small") == 0
    assert capsys.readouterr().out.startswith("PyTorch takes no part: its process ended\n")


@compiled
def test_what_pytorch_cannot_do_it_is_left_out_of(pretend, capsys):
    pretend("__version__ = '0'\ndef from_numpy(x):\n    raise TypeError('no')")
    assert bench("--kernels", "relu-f", "--sizes", "small") == 0
    out = capsys.readouterr().out
    assert ", PyTorch 0\n" in out
    assert "PyTorch is left out of relu forward, small: TypeError: no\n" in out
    assert "PyTorch / layer" not in out


def test_a_process_that_was_ended_is_told_of(pretend):
    pretend("__version__ = '0'")
    with peer.Peer(1) as torch:
        assert torch.version == "0"
        torch._process.kill()
        torch._process.wait()
        with pytest.raises(peer.PeerError, match="its process ended"):
            torch.seconds(1)


@compiled
def test_pytorch_agrees_and_takes_turns(monkeypatch, tmp_path, capsys):
    pytest.importorskip("torch")
    monkeypatch.setattr(peer, "is_installed", lambda: True)
    path = tmp_path / "all.json"
    assert bench("--sizes", "small", "--json", path) == 0
    out = capsys.readouterr().out
    assert "PyTorch is left out" not in out
    rows = results.read(path).measured
    assert [row.case.name for row in rows] == list(cases.NAMES)
    for row in rows:
        assert [len(some) for some in row.rivals["torch"]] == [1] * 7


@compiled
@pytest.mark.parametrize("name", ["relu-forward", "dropout-forward", "im2col", "sgd-update"])
def test_another_result_of_pytorch_is_found(name):
    (case,) = cases.chosen([name], ["small"], "float32")

    class Wrong:
        def results(self):
            (right,) = libraries.ours(case)()
            if name == "im2col":
                right = right.reshape(1, -1, 25).transpose(0, 2, 1)
            if name == "dropout-forward":
                right = right / cases.DROPPED
            right = right.copy()
            right.flat[np.flatnonzero(right)[0]] += self.error
            return [right]

    wrong = Wrong()
    wrong.error = 0
    check.pytorch(case, wrong)
    wrong.error = 0.01
    with pytest.raises(check.DisagreementError, match="PyTorch's result is off by"):
        check.pytorch(case, wrong)
