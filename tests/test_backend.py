"""The switch between kernels and NumPy."""

import contextvars
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from layer_cases import LAYERS, example, run

import fastnn
from fastnn import _backend, functions, reference


def test_compiled_is_the_default():
    assert _backend.active() == "compiled"


def test_backend_holds_inside_the_with_and_ends_with_it():
    with fastnn.backend("numpy"):
        assert _backend.active() == "numpy"
        with fastnn.backend("compiled"):
            assert _backend.active() == "compiled"
        assert _backend.active() == "numpy"
    assert _backend.active() == "compiled"
    with pytest.raises(KeyError), fastnn.backend("numpy"):
        raise KeyError
    assert _backend.active() == "compiled"


def test_another_thread_keeps_its_own():
    seen = []
    with fastnn.backend("numpy"):
        context = contextvars.Context()  # as a new thread has it
        thread = threading.Thread(
            target=context.run, args=(lambda: seen.append(_backend.active()),)
        )
        thread.start()
        thread.join()
    assert seen == ["compiled"]


@pytest.mark.parametrize("name", ["cuda", "", None, "NumPy"])
def test_other_names_raise(name):
    message = f"^backend: name must be 'compiled' or 'numpy', not {name!r}$"
    with pytest.raises(ValueError, match=message), fastnn.backend(name):
        pass


@pytest.mark.parametrize(
    "value, answer",
    [
        ("numpy", "numpy"),
        ("compiled", "compiled"),
        ("", "compiled"),
        ("gpu", "ValueError: FASTNN_BACKEND must be 'compiled' or 'numpy', not 'gpu'"),
    ],
)
def test_environment_chooses(value, answer):
    done = subprocess.run(
        [sys.executable, "-c", "from fastnn import _backend; print(_backend.active())"],
        env=os.environ | {"FASTNN_BACKEND": value},
        capture_output=True,
        text=True,
    )
    assert (done.stdout or done.stderr).strip().splitlines()[-1] == answer


@pytest.mark.parametrize("name", LAYERS)
def test_both_backends_agree(name, rng, dtype):
    layer, x, dout = example(name, rng, dtype)
    compiled = run(layer, x, dout)
    layer, x, dout = example(name, np.random.default_rng(0), dtype)
    with fastnn.backend("numpy"):
        plain = run(layer, x, dout)
    tolerance = 200 * np.finfo(dtype).eps
    for one, other in zip(compiled, plain, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ["Convolution", "Affine", "Pooling", "Relu", "BatchNormalization"])
def test_numpy_runs_the_references_methods_on_the_layer(name, rng, monkeypatch):
    called = []
    whole = getattr(reference, name)
    for method, original in (("forward", whole.forward), ("backward", whole.backward)):

        def spy(self, *args, method=method, original=original):
            called.append((method, type(self)))
            return original(self, *args)

        monkeypatch.setattr(whole, method, spy)
    key = {"BatchNormalization": "batch-norm"}.get(name, name.lower())
    layer, x, dout = example(key, rng)
    assert called == []
    with fastnn.backend("numpy"):
        run(layer, x, dout)
    assert called == [("forward", type(layer)), ("backward", type(layer))]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("first, then", [("numpy", "compiled"), ("compiled", "numpy")])
def test_backward_follows_the_backend_of_forward(name, first, then, rng):
    layer, x, dout = example(name, rng)
    np.random.seed(3)
    with fastnn.backend(first):
        layer.forward(x)
        expected = layer.backward(dout)
    with fastnn.backend(then):
        np.testing.assert_array_equal(layer.backward(dout), expected)
        layer.forward(x)
        assert layer.backward(dout).shape == expected.shape


def test_functions_follow_it(rng):
    x = rng.standard_normal((3, 4))
    with fastnn.backend("numpy"):
        for name in ("sigmoid", "softmax", "sigmoid_grad"):
            expected = getattr(reference, name)(x)
            np.testing.assert_array_equal(getattr(functions, name)(x), expected)


def test_arg_max_assigned_under_numpy_is_checked_too(rng):
    layer = fastnn.Pooling(2, 2)
    with fastnn.backend("numpy"):
        layer.forward(rng.standard_normal((1, 1, 4, 4)))
        with pytest.raises(ValueError, match=r"^Pooling: arg_max must point into the image"):
            layer.arg_max = np.full(4, 77)
