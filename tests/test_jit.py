"""Which form of a kernel runs, on which threads, and where compiled kernels are kept."""

import importlib.util
import os
import shutil
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numba
import numpy as np
import pytest
from fastnn.kernels import _jit

# Settings of Numba and of fastnn that a test of the defaults must not inherit.
SETTINGS = (
    "NUMBA_THREADING_LAYER", "NUMBA_NUM_THREADS", "NUMBA_CACHE_DIR", "FASTNN_SERIAL",
    "FASTNN_NUM_THREADS",
)  # fmt: skip
LAYERS = ["tbb", "omp", "workqueue"]

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX permissions and processes")


def start(code, **settings):
    """Run `code` in a new process with these environment variables, and return it ended."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=inherited | settings,
        capture_output=True,
        text=True,
        timeout=300,
    )


def printed(code, **settings):
    """Return what `code` prints in a new process, line by line; it must end well and silently."""
    process = start(code, **settings)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return process.stdout.splitlines()


def printed_on(layer, code, **settings):
    """Return the same for a process on one threading layer, if the machine has it."""
    process = start(code, NUMBA_THREADING_LAYER=layer, **settings)
    if process.returncode and "No threading layer could be loaded" in process.stderr:
        pytest.skip(f"the threading layer {layer} is not installed")
    return process


# --- What becomes parallel --------------------------------------------------------------------


def _add_twice(x, out):
    total = x + x
    for i in numba.prange(x.size):
        out[i] = total[i] + x[i]


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::numba.NumbaPerformanceWarning")
def test_only_loops_over_prange_become_parallel(monkeypatch):
    monkeypatch.setattr(_jit, "_CACHE_FOLDER", None)  # what is loaded from it has no diagnostics
    kernel = _jit.Kernel(_add_twice, 0)
    for dtype in (np.float32, np.float64):  # Numba reads the options anew for each
        kernel.parallel(np.ones(3, dtype), np.ones(3, dtype))
    for signature in kernel.parallel.signatures:
        diagnostics = kernel.parallel.get_metadata(signature)["parfor_diagnostics"]
        assert diagnostics.count_parfors() == 1


# --- Which form runs --------------------------------------------------------------------------


class Recorder:
    """A form of a kernel that only remembers when it was called."""

    def __init__(self):
        self.calls = []

    def __call__(self, *args):
        self.calls.append(args)


@pytest.fixture
def recording():
    """A kernel whose forms only record their calls, parallel from 100 on."""

    def nothing(x):
        """Do nothing with `x`."""

    kernel = _jit.kernel(serial_below=100)(nothing)
    kernel.serial, kernel.parallel = Recorder(), Recorder()
    return kernel


@pytest.mark.parametrize(
    "work, parallel", [(0, False), (99, False), (99.9, False), (100, True), (10**30, True)]
)
def test_work_below_the_threshold_runs_serially(work, parallel, recording, monkeypatch):
    monkeypatch.setattr(_jit, "_entry", _jit._FREE)
    recording("argument", work=work)
    assert recording.parallel.calls == [("argument",)] * parallel
    assert recording.serial.calls == [("argument",)] * (not parallel)


def test_unknown_work_runs_in_parallel(recording, monkeypatch):
    monkeypatch.setattr(_jit, "_entry", _jit._FREE)
    recording("argument")
    assert recording.parallel.calls == [("argument",)]


def test_forked_and_serial_processes_never_run_in_parallel(recording, monkeypatch):
    monkeypatch.setattr(_jit, "_entry", _jit._NEVER)
    recording("argument", work=1000)
    assert recording.serial.calls == [("argument",)]
    assert _jit.threading_layer() == "serial"
    assert _jit.number_of_threads() == 1


def test_a_second_thread_runs_serially_while_one_is_inside(recording, monkeypatch):
    monkeypatch.setattr(_jit, "_entry", _jit._GUARDED)
    with _jit._inside:
        recording("argument", work=1000)
    assert recording.serial.calls == [("argument",)]
    assert recording.parallel.calls == []


@pytest.mark.compiled
@pytest.mark.parametrize("layer, entry", [("tbb", "_FREE"), ("workqueue", "_GUARDED")])
def test_only_workqueue_stays_guarded(layer, entry, recording, monkeypatch):
    monkeypatch.setattr(_jit, "_entry", _jit._GUARDED)
    monkeypatch.setattr(_jit.numba, "threading_layer", lambda: layer)
    for _ in range(2):
        recording("argument", work=1000)
    assert recording.parallel.calls == [("argument",)] * 2
    assert _jit._entry == getattr(_jit, entry)
    assert not _jit._inside.locked()


def test_an_error_of_a_kernel_leaves_the_way_in_open(recording, monkeypatch):
    def fail(*args):
        raise TypeError("no such form")

    monkeypatch.setattr(_jit, "_entry", _jit._GUARDED)
    recording.parallel = fail
    with pytest.raises(TypeError, match=r"^no such form$"):
        recording("argument", work=1000)
    assert not _jit._inside.locked()


def test_a_kernel_is_named_and_documented_as_its_function():
    def add_one(x):
        """Add one to `x`."""

    kernel = _jit.kernel(serial_below=5)(add_one)
    assert (kernel.__name__, kernel.__doc__) == ("add_one", "Add one to `x`.")
    assert kernel.py_func is add_one
    assert kernel.serial_below == 5


def test_constants_and_sums_keep_their_order():
    # `reassoc` would let a sum differ between the forms, `nnan` would drop NaN.
    assert _jit.FASTMATH == {"nsz", "contract"}


@pytest.mark.compiled
def test_fastnn_serial_starts_no_threads():
    code = """
        import numba
        import numpy as np
        from fastnn import _affine
        from fastnn.kernels import _jit

        print(_jit.threading_layer(), _jit.number_of_threads())
        x = np.ones((100, 100), np.float32)
        print(int(_affine.forward(x, x, x[0]).sum()))
        try:
            print(numba.threading_layer())
        except ValueError as error:
            print(error)
    """
    lines = printed(code, FASTNN_SERIAL="1")
    assert lines == ["serial 1", "1010000", "Threading layer is not initialized."]


@pytest.mark.compiled
@pytest.mark.parametrize("value", ["", "0"])
def test_fastnn_serial_may_be_off(value):
    code = "from fastnn.kernels import _jit; print(_jit.threading_layer() != 'serial')"
    assert printed(code, FASTNN_SERIAL=value) == ["True"]


# --- Threads and processes --------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.skipif(
    importlib.util.find_spec("tbb") is None and not Path(sys.prefix, "lib/libtbb.so.12").exists(),
    reason="tbb is not installed",
)
def test_an_installed_tbb_is_found():
    code = "from fastnn.kernels import _jit; print(_jit.threading_layer())"
    assert printed(code) == ["tbb"]


@pytest.mark.compiled
@pytest.mark.parametrize("layer", LAYERS)
def test_the_layer_that_numba_was_told_to_use_is_used(layer):
    code = "from fastnn.kernels import _jit; print(_jit.threading_layer())"
    process = printed_on(layer, code)
    assert process.stdout.splitlines() == [layer], process.stderr


AFFINE = """
import numpy as np
from fastnn import _affine
from fastnn.kernels import _jit

x = np.arange(10_000, dtype=np.float32).reshape(100, 100) % 7
bias = np.ones(100, np.float32)
expected = x @ x + 1


def right():
    return np.array_equal(_affine.forward(x, x, bias), expected)


"""


@posix
@pytest.mark.compiled
@pytest.mark.parametrize("layer", LAYERS)
def test_forked_children_run_serially_and_say_so_once(layer):
    code = """
import multiprocessing
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)  # of fork beside threads


def child(queue):
    queue.put((all(right() for _ in range(3)), _jit.threading_layer(), _jit.number_of_threads()))


assert right()
context = multiprocessing.get_context("fork")
queue = context.Queue()
children = [context.Process(target=child, args=(queue,)) for _ in range(2)]
for process in children:
    process.start()
print([queue.get(timeout=60) for _ in children])
for process in children:
    process.join()
print([process.exitcode for process in children])
print(right(), _jit.threading_layer())
"""
    process = printed_on(layer, AFFINE + code)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == [
        str([(True, "serial", 1)] * 2),
        "[0, 0]",
        f"True {layer}",
    ]
    message = "RuntimeWarning: fastnn runs on one thread in this forked process"
    assert process.stderr.count(message) == process.stderr.count("Warning") == 2


@posix
@pytest.mark.compiled
def test_children_of_a_process_that_started_no_threads_start_their_own():
    code = """
import multiprocessing

context = multiprocessing.get_context("fork")
queue = context.Queue()
child = context.Process(target=lambda: queue.put((right(), _jit.threading_layer())))
child.start()
print(*queue.get(timeout=60))
child.join()
print(child.exitcode)
"""
    process = printed_on("workqueue", AFFINE + code)
    assert process.stdout.splitlines() == ["True workqueue", "0"], process.stderr
    assert process.stderr == ""


@posix
@pytest.mark.compiled
def test_a_fork_while_another_thread_is_inside_leaves_no_lock_behind():
    code = """
import os
import warnings

warnings.simplefilter("ignore")
assert right()
with _jit._inside:
    pid = os.fork()
    if pid == 0:
        os._exit(0 if right() and not _jit._inside.locked() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""
    process = printed_on("workqueue", AFFINE + code)
    assert process.stdout.splitlines() == ["0"], process.stderr


@pytest.mark.compiled
@pytest.mark.parametrize("layer", LAYERS)
def test_threads_may_call_kernels_at_once(layer):
    # workqueue ends the process when two threads are inside of its loops.
    code = """
import threading

answers = []
together = threading.Barrier(8)


def work():
    together.wait()
    answers.extend([right() for _ in range(200)])


threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(answers), all(answers), _jit.threading_layer())
"""
    process = printed_on(layer, AFFINE + code)
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines() == [f"1600 True {layer}"]


# --- The cache --------------------------------------------------------------------------------

CACHE = """
from fastnn.kernels import _jit
print(_jit._CACHE_FOLDER)
print(_jit.threading_layer())
stats = _jit._touch.parallel.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def test_folder_is_named_by_the_sources_and_belongs_to_the_user_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "new" / "cache"))
    folder = Path(_jit._private_cache_folder())
    assert folder == tmp_path / "new" / "cache" / f"kernels-{_jit._fingerprint()}"
    assert folder.is_dir()
    if os.name == "posix":
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert Path(_jit._private_cache_folder()) == folder


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A copy of the kernels' sources, of which `_fingerprint` is to be taken."""
    folder = tmp_path / "kernels"
    shutil.copytree(
        Path(_jit.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__")
    )
    monkeypatch.setattr(_jit, "__file__", str(folder / "_jit.py"))
    return folder


def test_fingerprint_is_that_of_the_sources(sources, monkeypatch):
    copied = _jit._fingerprint()
    monkeypatch.undo()
    assert copied == _jit._fingerprint()


@pytest.mark.parametrize("name", ["conv.py", "tile.py", "_jit.py", "copying.py"])
def test_fingerprint_changes_with_any_source(name, sources):
    before = _jit._fingerprint()
    with open(sources / name, "a") as file:
        file.write("\n")
    assert _jit._fingerprint() != before


def test_fingerprint_changes_with_numba_and_with_options(sources, monkeypatch):
    seen = {_jit._fingerprint()}
    monkeypatch.setattr(numba, "__version__", "0.0.0")
    seen.add(_jit._fingerprint())
    monkeypatch.setattr(_jit.llvmlite, "__version__", "0.0.0")
    seen.add(_jit._fingerprint())
    for name in ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "BOUNDSCHECK"):
        monkeypatch.setattr(numba.config, name, "another value")
        seen.add(_jit._fingerprint())
    assert len(seen) == 7


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_to_is_refused(mode, tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    os.chmod(_jit._private_cache_folder(), mode)
    with pytest.warns(RuntimeWarning, match=r"^fastnn compiles .* written by, someone else$"):
        assert _jit._private_cache_folder() is None


@posix
def test_a_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    _jit._private_cache_folder()
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with pytest.warns(RuntimeWarning, match=r"^fastnn compiles .* belongs to, or can be written"):
        assert _jit._private_cache_folder() is None


def test_a_folder_that_is_read_only_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.warns(RuntimeWarning, match=r"^fastnn compiles .* is not writable$"):
        assert _jit._private_cache_folder() is None


def test_a_user_without_a_home_gets_no_folder(monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(_jit, "user_cache_folder", no_home)
    with pytest.warns(RuntimeWarning, match=r"^fastnn compiles .* determine home directory\.$"):
        assert _jit._private_cache_folder() is None


@pytest.mark.compiled
@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_without_a_folder_kernels_run_after_one_warning(variable, tmp_path):
    if variable == "XDG_CACHE_HOME" and os.name != "posix":
        pytest.skip("about POSIX systems")
    occupied = tmp_path / "file"
    occupied.write_text("not a folder")
    process = start(CACHE, **{variable: str(occupied)})
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[::2] == ["None", "0 1"]
    message = "fastnn compiles its kernels anew in this process, since it cannot keep them: "
    assert process.stderr.count(message) == process.stderr.count("Warning") == 1


@pytest.mark.compiled
def test_a_second_process_takes_kernels_from_the_cache(tmp_path):
    folder, _, first = printed(CACHE, XDG_CACHE_HOME=str(tmp_path), LOCALAPPDATA=str(tmp_path))
    if sys.platform != "darwin":
        assert tmp_path in Path(folder).parents
    assert first == "0 1"
    again, _, second = printed(CACHE, XDG_CACHE_HOME=str(tmp_path), LOCALAPPDATA=str(tmp_path))
    assert again == folder
    assert second == "1 0"


@pytest.mark.compiled
def test_the_two_forms_of_a_kernel_are_cached_apart(tmp_path):
    code = """
import numpy as np
from fastnn.kernels import _jit
for form in (_jit._touch.serial, _jit._touch.parallel):
    form(np.zeros(3))
    print(*[sum(count.values()) for count in (form.stats.cache_hits, form.stats.cache_misses)])
"""
    assert printed(code, NUMBA_CACHE_DIR=str(tmp_path)) == ["0 1", "0 1"]
    assert printed(code, NUMBA_CACHE_DIR=str(tmp_path)) == ["1 0", "1 0"]


@pytest.mark.compiled
def test_only_the_kernels_use_the_folder(tmp_path):
    before = numba.config.CACHE_DIR
    with _jit._numba_cache_in(str(tmp_path)):
        assert numba.config.CACHE_DIR == str(tmp_path)
    assert numba.config.CACHE_DIR == before
    with pytest.raises(KeyError), _jit._numba_cache_in(str(tmp_path)):
        raise KeyError
    assert numba.config.CACHE_DIR == before


@pytest.mark.compiled
def test_processes_may_fill_the_cache_at_once(tmp_path):
    folders = dict.fromkeys(("XDG_CACHE_HOME", "LOCALAPPDATA"), str(tmp_path))
    environment = {**os.environ, **folders, "NUMBA_CACHE_DIR": ""}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CACHE],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        out, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        assert errors == ""
        assert out.splitlines()[0].startswith(str(tmp_path))


@pytest.mark.compiled
def test_forms_of_a_kernel_give_the_same_result_and_touch_every_element():
    for form in (_jit._touch, _jit._touch.serial, _jit._touch.parallel):
        for size in (0, 1, 2, 1000):
            seen = np.zeros(size)
            form(seen)
            np.testing.assert_array_equal(seen, np.ones(size))


@pytest.mark.compiled
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
@pytest.mark.parametrize("left", [0, 1, 0.5])
def test_a_damaged_cache_file_is_compiled_anew_and_mended(ending, left, tmp_path):
    code = """
        import numpy as np
        from fastnn.kernels import dropout

        out = np.empty(3)
        dropout.scale(np.ones(3), 2.0, out, work=3)
        assert (out == 2).all()
        print(sum(dropout.scale.serial.stats.cache_hits.values()))
    """

    def cache_hits():
        (line,) = printed(code, NUMBA_CACHE_DIR=str(tmp_path))
        return int(line)

    assert cache_hits() == 0
    (file,) = tmp_path.glob(f"kernels-*/*/dropout.scale_serial*{ending}")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(left * len(whole)) if left < 1 else left])
    assert cache_hits() == 0
    assert cache_hits() == 1


@pytest.mark.compiled
@pytest.mark.parametrize("lost", [False, True], ids=["kept", "lost"])
def test_a_kernel_from_the_cache_finds_what_is_compiled_once(lost, tmp_path):
    code = """
        import numpy as np
        from fastnn.kernels import layout, vectors

        out = np.empty((1, 2, 3))
        layout.transpose_images(np.arange(6.0).reshape(1, 3, 2), out, work=0)
        assert out.tolist() == [[[0, 2, 4], [1, 3, 5]]]
        for function in (layout.transpose_images.serial, vectors.transpose.dispatcher):
            print(sum(function.stats.cache_hits.values()))
    """
    assert printed(code, NUMBA_CACHE_DIR=str(tmp_path)) == ["0", "0"]
    if lost:
        for file in tmp_path.glob("kernels-*/*/vectors._transpose*"):
            file.unlink()
    expected = ["1", "0" if lost else "1"]
    assert printed(code, NUMBA_CACHE_DIR=str(tmp_path)) == expected


@pytest.mark.compiled
def test_a_kernel_compiled_with_a_helper_from_the_cache_finds_what_that_one_calls(tmp_path):
    code = """
        import numpy as np
        from fastnn import _convolution

        x, W = np.ones((1, 1, 4, 4)), np.ones((1, 1, 3, 3))
        out = np.ones((1, 1, 4, 4))
        {call}
    """
    calls = [
        "_convolution.backward_weight(x, out, W.shape, 1, 1)",  # compiles the helper
        "print(_convolution.forward(x, W, np.zeros(1), 1, 1)[0, 0, 0, 0])",
    ]
    for call in (*calls, calls[-1]):
        lines = printed(code.format(call=call), NUMBA_CACHE_DIR=str(tmp_path), FASTNN_SERIAL="1")
    assert lines == ["4.0"]
