"""The cases of ``fastnn bench``: names, work, and that all contestants compute the same."""

import math
import subprocess
import sys

import numpy as np
import pytest

from fastnn.benchmark import cases, check, inputs, libraries
from fastnn.benchmark.cases import Case

SMALL = cases.chosen([], ["small"], "float32")
each_small = pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)


# --- Names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given, names",
    [
        (["relu"], ["relu-forward", "relu-backward"]),
        (["relu_forward"], ["relu-forward"]),
        (["CONV"], ["convolution-forward", "convolution-backward"]),
        (["relu-b", "sgd"], ["relu-backward", "sgd-update"]),
        (["im2col"], ["im2col"]),
        ([], list(cases.NAMES)),
    ],
)
def test_beginnings_of_names_choose(given, names):
    assert [case.name for case in cases.chosen(given, ["small"], "float32")] == names


def test_sizes_and_dtype_are_as_chosen():
    found = cases.chosen(["tanh-f"], ["large", "small"], "float64")
    assert found == [Case("tanh", "forward", size, "float64") for size in ("small", "large")]


@pytest.mark.parametrize("given, nearest", [("rellu", "relu"), ("convolve", "convolution")])
def test_an_unknown_name_gets_the_nearest_and_all(given, nearest):
    with pytest.raises(ValueError) as caught:
        cases.chosen(["relu", given], ["small"], "float32")
    text = str(caught.value)
    assert text.startswith(f"must begin the name of an operation, perhaps {nearest}, not '{given}'")
    assert all(name in text for name in cases.SHAPES)


def test_no_numpy_is_needed_to_know_the_choices():
    code = "import sys, fastnn.benchmark.cases; assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- Work -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, size, unit, amount",
    [
        ("relu-forward", "large", "bytes", 9 * 2**23),
        ("tanh-forward", "large", "bytes", 8 * 2**23),
        ("tanh-backward", "large", "bytes", 12 * 2**23),
        ("adam-update", "small", "bytes", 4 * 7 * 5000),
        ("affine-forward", "medium", "flops", 2 * 100 * 784 * 50),
        ("affine-backward", "medium", "flops", 4 * 100 * 784 * 50),
        ("convolution-forward", "medium", "flops", 2 * 100 * 24 * 24 * 30 * 25),
        ("convolution-backward", "large", "flops", 4 * 100 * 28 * 28 * 16 * 16 * 9),
        ("im2col", "medium", "bytes", 4 * (100 * 784 + 100 * 576 * 25)),
        ("max-pool-forward", "small", "bytes", 4 * (17_280 + 4_320) + 4_320),
        ("softmax-loss-backward", "small", "bytes", 2 * 4 * 1000),
    ],
)
def test_work_is_that_counted_by_hand(name, size, unit, amount):
    (case,) = cases.chosen([name], [size], "float32")
    assert cases.work(case) == (unit, amount)
    if unit == "bytes" and "relu" not in name and "max-pool" not in name:
        assert cases.work(case._replace(dtype="float64")) == (unit, 2 * amount)


@each_small
def test_arrays_have_their_shapes_and_differ(case):
    arrays = inputs.make(case)
    assert arrays["x"].shape == case.shape
    floats = [array for array in arrays.values() if array.dtype.kind == "f"]
    assert {str(array.dtype) for array in floats} == {"float32"}
    heads = [tuple(array.ravel()[:3]) for array in floats]
    assert len(set(heads)) == len(heads)
    if len(case.shape) == 4:
        assert arrays["x"].transpose(0, 2, 3, 1).flags.c_contiguous
    again = inputs.make(case)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, again[name])
        assert not np.shares_memory(array, again[name])


# --- Results ----------------------------------------------------------------------------------


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", cases.DTYPES)
@each_small
def test_layers_and_reference_agree(case, dtype):
    check.ours(case._replace(dtype=dtype))


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["relu-forward", "affine-backward", "sgd-update", "im2col"])
@pytest.mark.parametrize("which", [0, -1])
def test_a_wrong_result_is_found(name, which, monkeypatch):
    (case,) = cases.chosen([name], ["small"], "float32")
    right = libraries.ours

    def wrong(case):
        call = right(case)

        def changed():
            results = [np.array(result) for result in call()]
            # In an update so little is much.
            results[which].flat[0] += 1e-3
            return results

        return changed

    monkeypatch.setattr(libraries, "ours", wrong)
    with pytest.raises(check.DisagreementError, match=f"{case.title} of .*: fastnn's result is"):
        check.ours(case)


@pytest.mark.compiled
def test_a_nan_is_found(monkeypatch):
    case = SMALL[0]
    monkeypatch.setattr(libraries, "ours", lambda case: lambda: [np.full(case.shape, math.nan)])
    with pytest.raises(check.DisagreementError):
        check.ours(case)


@pytest.mark.compiled
@pytest.mark.parametrize("name", ["tanh-forward", "max-pool-forward", "affine-forward", "softplus"])
def test_kernels_alone_write_what_the_layer_returns(name):
    for case in cases.chosen([name], ["small"], "float32"):
        call, outs = libraries.ours(case), []
        repeat = libraries.kernels(lambda call=call, outs=outs: outs.extend(call()))
        (out,) = outs
        expected = out.copy()
        out[...] = math.nan
        repeat()
        np.testing.assert_array_equal(out, expected)


def test_what_calls_no_kernel_has_none_to_repeat():
    assert libraries.kernels(lambda: None) is None


@pytest.mark.compiled
def test_recording_ends_with_an_error_too():
    from fastnn.kernels._jit import Kernel

    before = Kernel.__call__
    with pytest.raises(ZeroDivisionError):
        libraries.kernels(lambda: 1 / 0)
    assert Kernel.__call__ is before
