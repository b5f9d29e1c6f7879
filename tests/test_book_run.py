"""``fastnn run``: a script runs as in plain Python, and never waits for a window."""

import os
import re
import signal
import subprocess
import sys

import pytest
from book_scripts import fastnn_run, python, repository

from fastnn import cli


@pytest.fixture
def script(tmp_path):
    return tmp_path / "folder" / "script.py"


def write(script, text):
    script.parent.mkdir(exist_ok=True)
    script.write_text(text)
    return script


# --- As in plain Python -----------------------------------------------------------------------


def test_script_is_main_in_its_own_folder_and_gets_what_follows_it(script, tmp_path):
    write(script, "import sys, os, beside\n"
          "print(__name__, __file__, os.getcwd(), sys.argv, sys.path[0], beside.answer)\n"
          "import __main__\nprint(__main__.sys is sys)\n")  # fmt: skip
    (script.parent / "beside.py").write_text("answer = 42\n")
    folder = script.parent
    argv = [str(script), "--time", "-x", "1"]
    expected = f"__main__ {script} {folder} {argv} {folder} 42\nTrue\n"
    done = fastnn_run("folder/script.py", "--time", "-x", "1", cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == (expected, "", 0)


ENDS = {
    "error": ("def f():\n    return 1 / 0\n\n\nprint('so far')\nf()\n", 1),
    "syntax": ("print('so far')\ndef f(:\n", 1),
    "exit": ("import sys\nprint('so far')\nsys.exit(7)\n", 7),
    "exit with a text": ("import sys\nsys.exit('the end')\n", 1),
    "exit without a code": ("import sys\nsys.exit()\n", 0),
}


@pytest.mark.parametrize("text, code", ENDS.values(), ids=list(ENDS))
def test_output_errors_and_exit_codes_are_those_of_python(text, code, script):
    write(script, text)
    expected, done = python(script), fastnn_run(script)
    assert done.returncode == expected.returncode == code
    assert (done.stdout, done.stderr) == (expected.stdout, expected.stderr)


def test_hook_for_errors_is_the_script_s(script):
    write(script, "import sys\nsys.excepthook = lambda *error: print(error[0].__name__)\n1 / 0\n")
    done = fastnn_run(script)
    assert (done.stdout, done.stderr, done.returncode) == ("ZeroDivisionError\n", "", 1)


def test_numpy_has_the_name_that_it_had_when_the_book_was_written(script):
    write(script, "import numpy as np\nprint(np.array(np.arange(-1, 2) > 0, dtype=np.int))\n")
    done = fastnn_run(script)
    assert (done.stdout, done.stderr, done.returncode) == ("[0 0 1]\n", "", 0)


def test_script_without_arrays_waits_for_no_compiler(script):
    write(script, "import sys\nprint({'numba', 'matplotlib'} & set(sys.modules))\n")
    assert fastnn_run(script).stdout == "set()\n"


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_it_with_130(script):
    write(script, "import time\nprint('ready', flush=True)\ntime.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "fastnn", "run", str(script)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    lines = err.splitlines()
    assert lines[1].startswith(f'  File "{script}", line ') and lines[-1] == "KeyboardInterrupt"


# --- What it refuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("missing.py", "fastnn run: missing.py: there is no such file"),
        ("folder", "fastnn run: folder is a folder, not a script"),
        ("notes.txt", "fastnn run: notes.txt is neither a Python script nor a notebook, which end "
         "in .py and .ipynb"),
        ("--figures notes.txt ok.py",
         "fastnn run: argument --figures: cannot make .*notes.txt: .*"),
        ("", "fastnn: a script is missing: try fastnn run path/to/script.py"),
        ("--fast ok.py", "fastnn: unrecognized arguments: --fast"),
    ],
)  # fmt: skip
def test_bad_arguments_end_in_one_sentence(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("notes.txt", "ok.py"):
        (tmp_path / name).write_text("print('ran')\n")
    try:
        code = cli.main(["run", *arguments.split()])
    except SystemExit as error:
        code = error.code
    output = capsys.readouterr()
    assert (code, output.out) == (2, "")
    assert re.fullmatch(f"{message}\n", output.err)


# --- Figures ----------------------------------------------------------------------------------

PLOTS = """
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.pause(0.01)
plt.show()
plt.figure()
plt.figure()
plt.show()
print(plt.get_fignums())
plt.plot([2, 1])
"""


@pytest.mark.parametrize("end", ["", "import sys\nsys.exit(3)\n", "1 / 0\n"])
def test_figures_are_saved_when_shown_and_at_the_end(end, script, tmp_path):
    pytest.importorskip("matplotlib")
    write(script, PLOTS + end)
    done = fastnn_run("--figures", "made/figures", script, cwd=tmp_path, DISPLAY=":99")
    assert done.stdout == "[]\n", done.stderr
    pictures = sorted((tmp_path / "made" / "figures").iterdir())
    assert [path.name for path in pictures] == [f"script-{n}.png" for n in (1, 2, 3, 4)]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    assert list(script.parent.iterdir()) == [script]


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="has a display always")
def test_without_a_display_nothing_waits_and_nothing_is_saved(script, tmp_path):
    pytest.importorskip("matplotlib")
    write(script, PLOTS)
    done = fastnn_run(script, cwd=tmp_path, MPLBACKEND="TkAgg")
    assert (done.stdout, done.stderr, done.returncode) == ("[]\n", "", 0)
    assert list(tmp_path.rglob("*.png")) == []


# --- Times ------------------------------------------------------------------------------------


def test_time_compares_with_the_package_beside(tmp_path):
    chapter = repository(tmp_path)
    script = write(chapter / "script.py", "import sys\nsys.path.append('..')\n"
                   "from common.functions import sigmoid\n"
                   "print(sigmoid.__module__, sys.argv[1:])\nsys.exit(0)\n")  # fmt: skip
    done = fastnn_run("--time", script, "a", "b")
    assert (done.stdout, done.returncode) == ("fastnn.functions ['a', 'b']\n", 0)
    ours, original = done.stderr.splitlines()
    assert re.fullmatch(
        r"fastnn run: \d+\.\d\d s on fastnn"
        r"(, and \d+\.\d s of compiling that the next run spares)?",
        ours,
    )
    seconds, times = re.fullmatch(
        rf"fastnn run: (\d+\.\d\d) s on {tmp_path / 'common'}, (\d+\.\d\d) times as long", original
    ).groups()
    assert float(seconds) > 0 and float(times) > 0


@pytest.mark.compiled
def test_time_of_compiling_is_told_apart(script, tmp_path):
    write(script, "import numpy as np\nfrom common.functions import sigmoid\n"
          "print(sigmoid(np.ones(5)))\n")  # fmt: skip
    said = [
        fastnn_run("--time", script, NUMBA_CACHE_DIR=str(tmp_path)).stderr.splitlines()
        for _ in range(2)
    ]
    assert "of compiling that the next run spares" in said[0][0]
    assert "compiling" not in said[1][0]
    assert said[0][1] == (
        "fastnn run: there is no package `common` beside the script to compare with"
    )


def test_time_is_not_compared_with_what_fails(tmp_path):
    script = write(repository(tmp_path) / "script.py",
                   "from common.functions import sigmoid\nprint('on fastnn')\n")  # fmt: skip
    done = fastnn_run("--time", script)  # plain Python finds no common beside it
    assert (done.stdout, done.returncode) == ("on fastnn\n", 0)
    assert done.stderr.splitlines()[-1] == (
        f"fastnn run: on {tmp_path / 'common'} the script failed, with exit code 1"
    )
    write(script, "raise SystemExit(5)\n")
    done = fastnn_run("--time", script)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 5)
