"""What every layer promises, whatever it computes."""

import copy
import importlib
import pickle
import pkgutil

import numba
import numpy as np
import pytest
from fastnn.kernels._jit import Kernel
from layer_cases import LAYERS, WITH_PARAMETERS, example, run
from layouts import LAYOUTS

import fastnn
from fastnn import kernels, layers

every_layer = pytest.mark.parametrize("name", LAYERS)


def assert_same_bits(some, others):
    for one, other in zip(some, others, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


@every_layer
@pytest.mark.parametrize("layout", [key for key in LAYOUTS if key != "C"])
def test_memory_layout_does_not_change_a_bit(name, layout, rng, dtype):
    if layout == "list" and dtype == np.float32:
        pytest.skip("a list holds Python floats")
    layer, x, dout = example(name, rng, dtype)
    expected = run(copy.deepcopy(layer), x, dout)
    other = LAYOUTS[layout]
    results = run(copy.deepcopy(layer), other(x), other(dout))
    assert_same_bits(results, expected)
    assert all(type(result) is np.ndarray for result in results)


def signatures():
    """Return the types of arguments for which any kernel is compiled by now."""
    found = set()
    for module in pkgutil.iter_modules(kernels.__path__):
        for value in vars(importlib.import_module(f"fastnn.kernels.{module.name}")).values():
            if isinstance(value, Kernel):
                found |= {(value.__name__, *types) for types in value.serial.signatures}
                found |= {(value.__name__, *types) for types in value.parallel.signatures}
    return found


@pytest.mark.compiled
@every_layer
def test_kernels_see_contiguous_writable_aligned_arrays_alone(name, rng, dtype):
    layer, x, dout = example(name, rng, dtype)
    run(copy.deepcopy(layer), x, dout)
    before = signatures()
    for layout, change in LAYOUTS.items():
        if layout != "list":
            run(copy.deepcopy(layer), change(x), change(dout))
    new = [kind for _, *kinds in signatures() - before for kind in kinds if hasattr(kind, "layout")]
    assert all(kind.layout == "C" and kind.mutable and kind.aligned for kind in new)


@every_layer
def test_broadcast_input_gives_what_its_copy_gives(name, rng):
    layer, x, dout = example(name, rng)
    x, dout = (np.broadcast_to(a[:1], a.shape) for a in (x, dout))
    expected = run(copy.deepcopy(layer), x.copy(), dout.copy())
    assert_same_bits(run(layer, x, dout), expected)


@every_layer
def test_parameters_in_other_layouts_give_the_same_bits(name, rng):
    layer, x, dout = example(name, rng)
    expected = run(copy.deepcopy(layer), x, dout)
    for layout, change in LAYOUTS.items():
        if layout == "list":
            continue
        other = copy.deepcopy(layer)
        for parameter in {"W", "b", "gamma", "beta"} & set(vars(layer)):
            value = getattr(layer, parameter)
            if layout == "channels-last" and value.ndim < 2:
                continue
            setattr(other, parameter, change(value))
        assert_same_bits(run(other, x, dout), expected)


@every_layer
def test_arguments_and_parameters_are_left_alone(name, rng):
    layer, x, dout = example(name, rng)
    arrays = [x, dout, *(getattr(layer, n) for n in ("W", "b", "gamma") if hasattr(layer, n))]
    before = [array.copy() for array in arrays]
    run(layer, x, dout)
    assert_same_bits(arrays, before)


@every_layer
def test_results_are_new_arrays_each_time(name, rng):
    layer, x, dout = example(name, rng)
    if isinstance(layer, fastnn.Flatten):
        pytest.skip("a view, as in NumPy")
    first = run(layer, x, dout)
    kept = [np.array(array) for array in first]
    second = run(layer, x + 1, dout + 1)
    assert_same_bits(first, kept)
    for one in first:
        assert not any(np.shares_memory(one, array) for array in (x, dout, *second))


@every_layer
def test_dout_may_be_the_input_or_the_output(name, rng):
    layer, x, _ = example(name, rng)
    np.random.seed(3)
    out = layer.forward(x)
    expected = copy.deepcopy(layer).backward(out.copy())
    np.testing.assert_array_equal(layer.backward(out), expected)
    if out.shape == x.shape:
        expected = copy.deepcopy(layer).backward(x.copy())
        np.testing.assert_array_equal(layer.backward(x), expected)


@every_layer
def test_deepcopy_and_pickle_keep_what_backward_needs(name, rng):
    layer, x, dout = example(name, rng)
    np.random.seed(3)
    layer.forward(x)
    copies = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
    expected = layer.backward(dout)
    for other in copies:
        np.testing.assert_array_equal(other.backward(dout), expected, strict=True)
        run(other, x, dout)


@every_layer
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_empty_batch_gives_empty_results_and_zero_gradients(name, backend, rng):
    layer, x, dout = example(name, rng)
    running = copy.deepcopy(getattr(layer, "running_mean", None))
    with fastnn.backend(backend):
        out = layer.forward(x[:0])
        assert out.shape == (0, *dout.shape[1:])
        dx = layer.backward(dout[:0])
    assert dx.shape == (0, *x.shape[1:])
    for gradient in ("dW", "db", "dgamma", "dbeta"):
        assert not np.any(getattr(layer, gradient, 0))
    if running is not None:
        np.testing.assert_array_equal(layer.running_mean, running)
    run(layer, x, dout)


@pytest.mark.parametrize("name", WITH_PARAMETERS)
@pytest.mark.parametrize(
    "kind, parameter, expected",
    [
        (np.float16, np.float16, np.float32),
        (np.float16, np.float32, np.float32),
        (np.float16, np.float64, np.float64),
        (np.float32, np.float32, np.float32),
        (np.float32, np.float64, np.float64),
        (np.float64, np.float32, np.float64),
        (np.longdouble, np.float32, np.float64),
        (np.uint8, np.float32, np.float32),
        (np.uint8, np.float64, np.float64),
        (np.int64, np.float32, np.float32),
        (np.bool_, np.float64, np.float64),
        (np.int64, np.int64, np.float64),
    ],
)
def test_dtype_is_numpys_promotion_within_float32_and_float64(name, kind, parameter, expected, rng):
    make, shape = LAYERS[name]
    layer = make(rng, parameter)
    out = layer.forward(rng.integers(0, 2, shape).astype(kind))
    dx = layer.backward(np.ones(out.shape))
    gradients = [getattr(layer, n) for n in ("dW", "db", "dgamma", "dbeta") if hasattr(layer, n)]
    assert {result.dtype for result in (out, dx, *gradients)} == {np.dtype(expected)}


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in WITH_PARAMETERS])
@pytest.mark.parametrize(
    "kind, expected",
    [
        (np.float16, np.float32),
        (np.float32, np.float32),
        (np.float64, np.float64),
        (np.longdouble, np.float64),
        (np.uint8, np.float64),
        (np.int64, np.float64),
        (np.bool_, np.float64),
    ],
)
def test_dtype_without_parameters_is_that_of_the_input(name, kind, expected, rng):
    layer, x, dout = example(name, rng)
    out, dx = run(layer, (x > 0).astype(kind), dout)
    if isinstance(layer, fastnn.Relu | fastnn.Flatten) and np.dtype(kind).kind != "f":
        assert out.dtype == kind
    else:
        assert out.dtype == expected
    assert dx.dtype == expected


@every_layer
def test_dout_of_another_dtype_takes_the_layers(name, rng):
    layer, x, dout = example(name, rng, np.float32)
    dout = np.round(dout * 4)
    expected = run(copy.deepcopy(layer), x, dout)
    for kind in (np.int64, np.float64, np.float16):
        assert_same_bits(run(copy.deepcopy(layer), x, dout.astype(kind)), expected)


@every_layer
def test_same_seed_gives_the_same_bits_on_one_thread_and_on_all(name, rng):
    make, shape = LAYERS[name]
    shape = (shape[0] * 40, *shape[1:])
    x, results = rng.standard_normal(shape).astype(np.float32), []
    layer = make(rng, np.float32)
    threads = numba.get_num_threads()
    try:
        for count in (1, threads):
            numba.set_num_threads(count)
            np.random.seed(3)
            out = copy.deepcopy(layer).forward(x)
            results.append(run(copy.deepcopy(layer), x, out))
    finally:
        numba.set_num_threads(threads)
    assert_same_bits(*results)


@every_layer
def test_nan_and_inf_appear_where_the_reference_has_them(name, rng):
    layer, x, dout = example(name, rng)
    flat = x.reshape(-1)
    flat[[0, 7, 11]] = np.nan, np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        out, dx, *_ = run(copy.deepcopy(layer), x, dout)
        with fastnn.backend("numpy"):
            expected, expected_dx, *_ = run(copy.deepcopy(layer), x, dout)
    for one, other in ((out, expected), (dx, expected_dx)):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_array_equal(one[np.isinf(other)], other[np.isinf(other)])


def test_a_layer_sees_what_is_written_into_its_input_before_backward(rng):
    for name in ("affine", "convolution"):
        layer, x, dout = example(name, rng)
        layer.forward(x)
        layer.backward(dout)
        before = layer.dW
        x *= 2
        layer.backward(dout)
        np.testing.assert_allclose(layer.dW, 2 * before, rtol=1e-14)


def test_a_layer_sees_what_an_optimizer_writes_into_its_parameters(rng):
    for name in ("affine", "convolution", "batch-norm"):
        layer, x, _ = example(name, rng)
        first = layer.forward(x)
        parameter = layer.gamma if name == "batch-norm" else layer.W
        parameter *= 0
        assert np.abs(layer.forward(x) - first).max() > 0
        assert np.ptp(layer.forward(x), axis=0).max() == 0


@pytest.mark.parametrize("name", ["affine", "convolution"])
def test_replaced_weights_are_used_and_checked(name, rng):
    layer, x, dout = example(name, rng)
    layer.W = np.asfortranarray(layer.W * 2).astype(np.float32)
    out = layer.forward(x)
    assert out.dtype == np.float64
    W = layer.W
    layer.W = W[:, :-1]
    with pytest.raises(ValueError, match=r"W must keep the shape \(.*\) it had in forward, not"):
        layer.backward(dout)
    layer.W = W
    layer.backward(dout)


def test_star_import_gives_the_names_of_the_books_module():
    names = {}
    exec("from fastnn.layers import *", names)
    book = """
        np identity_function step_function sigmoid sigmoid_grad relu relu_grad softmax
        sum_squared_error cross_entropy_error softmax_loss im2col col2im Relu Sigmoid Affine
        SoftmaxWithLoss Dropout BatchNormalization Convolution Pooling
    """
    assert set(book.split()) <= set(names)
    assert names["Relu"] is layers.Relu is fastnn.Relu
