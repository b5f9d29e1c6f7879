"""The number of threads: how it is set, who is meant, and that results do not depend on it."""

import textwrap

import numba
import numpy as np
import pytest
import test_determinism
import test_jit
from engine_runs import arrays, by_engine, optimizer, task
from small_data import write_squares

import fastnn

AT_MOST = numba.config.NUMBA_NUM_THREADS
TOO_MANY = {"NUMBA_NUM_THREADS": "2", "FASTNN_NUM_THREADS": "3"}


def printed(code, **settings):
    """Return what `code` prints in a new process in which Numba starts two threads."""
    return test_jit.printed(code, **{"NUMBA_NUM_THREADS": "2", "FASTNN_NUM_THREADS": ""} | settings)


@pytest.fixture(autouse=True)
def as_before():
    """Leave the number of threads of this Python thread as it was."""
    before = numba.get_num_threads()
    yield
    numba.set_num_threads(before)


# --- Setting it -------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_what_is_set_is_what_is_returned(kind):
    for n in (1, AT_MOST):
        fastnn.set_num_threads(kind(n))
        assert fastnn.get_num_threads() == numba.get_num_threads() == n


@pytest.mark.parametrize(
    "n, error, message",
    [
        (0, ValueError, "must be >= 1, not 0"),
        (-3, ValueError, "must be >= 1, not -3"),
        (2.0, TypeError, r"must be an int, not 2\.0"),
        (True, TypeError, "must be an int, not True"),
        ("2", TypeError, "must be an int, not '2'"),
        (None, TypeError, "must be an int, not None"),
        (
            AT_MOST + 1,
            ValueError,
            rf"must be <= {AT_MOST}, the number of threads that Numba starts "
            rf"\(NUMBA_NUM_THREADS\), not {AT_MOST + 1}",
        ),
    ],
)
def test_bad_numbers_are_refused_and_change_nothing(n, error, message):
    before = fastnn.get_num_threads()
    with pytest.raises(error, match=rf"^set_num_threads: n {message}$"):
        fastnn.set_num_threads(n)
    assert fastnn.get_num_threads() == before


@pytest.mark.compiled
def test_it_is_that_of_the_calling_thread_alone():
    code = """
        import threading
        import fastnn

        def work():
            print(fastnn.get_num_threads())
            fastnn.set_num_threads(1)
            print(fastnn.get_num_threads())

        fastnn.set_num_threads(1)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        fastnn.set_num_threads(2)
        print(fastnn.get_num_threads())
    """
    assert printed(code) == ["2", "1", "2"]


@pytest.mark.parametrize("settings", [{"FASTNN_SERIAL": "1"}, {"NUMBA_DISABLE_JIT": "1"}])
def test_without_threads_it_is_one_and_none_are_started(settings):
    code = """
        import fastnn
        from numba.np.ufunc import parallel

        fastnn.set_num_threads(2)
        print(fastnn.get_num_threads(), parallel._is_initialized)
    """
    assert printed(code, **settings) == ["1 False"]


# --- FASTNN_NUM_THREADS -----------------------------------------------------------------------

# How many threads there are for Numba's own functions and for kernels, in each Python thread.
COUNTS = """
    import threading
    import numba, numpy as np, fastnn
    from fastnn.kernels import _jit

    def count():
        first = numba.get_num_threads()
        _jit._touch(np.zeros(2))
        print(first, numba.get_num_threads(), fastnn.get_num_threads())

    for work in (count, count):
        count()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
"""


@pytest.mark.compiled
@pytest.mark.parametrize("layer", test_jit.LAYERS)
@pytest.mark.parametrize("value", ["1", "2", ""])
def test_variable_holds_for_every_thread_that_enters_a_kernel(value, layer):
    code = textwrap.dedent(COUNTS)
    settings = TOO_MANY | {"FASTNN_NUM_THREADS": value}
    process = test_jit.printed_on(layer, code, **settings)
    assert process.stderr == ""
    n = value or "2"
    new, known = f"2 {n} {n}", f"{n} {n} {n}"
    assert process.stdout.splitlines() == [new, new, known, new]


@pytest.mark.compiled
def test_variable_is_no_bound():
    code = """
        import fastnn
        print(fastnn.get_num_threads())
        fastnn.set_num_threads(2)
        fastnn.Relu().forward(__import__("numpy").zeros((1000, 1000)))
        print(fastnn.get_num_threads())
    """
    assert printed(code, FASTNN_NUM_THREADS="1") == ["1", "2"]


@pytest.mark.compiled
def test_variable_does_not_raise_what_numba_was_told():
    code = """
        import numba, fastnn
        numba.set_num_threads(1)
        print(fastnn.get_num_threads())
    """
    assert printed(code, FASTNN_NUM_THREADS="2") == ["1"]


USES = [
    "fastnn.get_num_threads()",
    "fastnn.set_num_threads(1)",
    "fastnn.Sigmoid().forward(np.zeros((1000, 1000)))",
]


@pytest.mark.compiled
@pytest.mark.parametrize(
    "value, use",
    [
        *((value, USES[0]) for value in ("0", "3", "-1", "1.0", "many", " 1")),
        *(("0", u) for u in USES),
    ],
)
def test_bad_values_of_the_variable_are_refused_when_threads_are_wanted(value, use):
    code = f"import numpy as np, fastnn.layers\nprint('imported')\n{use}"
    process = test_jit.start(code, NUMBA_NUM_THREADS="2", FASTNN_NUM_THREADS=value)
    assert process.stdout == "imported\n"
    assert process.stderr.splitlines()[-1] == (
        "ValueError: FASTNN_NUM_THREADS must be an integer from 1 to 2, as many threads as Numba "
        f"starts (NUMBA_NUM_THREADS), not {value!r}"
    )


@pytest.mark.compiled
def test_train_says_what_is_wrong_with_the_variable_in_one_line(tmp_path):
    (tmp_path / "data").mkdir()
    folder = write_squares(tmp_path / "data", 20, 10)
    arguments = ["train", "--net", "mlp", "--data-dir", str(folder), "--out", str(tmp_path)]
    code = f"import sys; from fastnn.cli import main; sys.exit(main({arguments!r}))"
    process = test_jit.start(code, **TOO_MANY)
    assert process.returncode == 2
    assert process.stderr == (
        "fastnn train: FASTNN_NUM_THREADS must be an integer from 1 to 2, as many threads as "
        "Numba starts (NUMBA_NUM_THREADS), not '3'\n"
    )


# --- Results ----------------------------------------------------------------------------------


def trained(n):
    """Return all that training on `n` threads gives, through the engine and on layers."""
    fastnn.set_num_threads(n)
    np.random.seed(0)
    network = fastnn.SimpleConvNet((1, 14, 14), dtype=np.float32)
    run = task(network, (1, 14, 14), optimizer("Adam"), 60, (60, 60, 2), np.uint8)
    results = [*by_engine(run), *(array for _, array in arrays(run))]
    x, t = np.random.rand(60, 1, 14, 14).astype(np.float32), np.arange(60) % 10
    return [*results, *network.gradient(x, t).values()]


@pytest.mark.compiled
def test_results_do_not_depend_on_it():
    expected = trained(1)
    assert len(expected) > 10
    for n in range(2, AT_MOST + 1):
        for one, other in zip(trained(n), expected, strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.compiled
def test_results_do_not_depend_on_the_variable():
    words = [
        test_determinism.in_new_process(
            "test_engine_determinism", NUMBA_NUM_THREADS="4", FASTNN_NUM_THREADS=n
        )
        for n in ("1", "3")
    ]
    assert [number for _, number, *_ in words] == ["1", "3"]
    assert words[0][2:] == words[1][2:]
