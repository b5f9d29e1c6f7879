"""The optimizers, against the reference."""

import copy
import math

import numpy as np
import pytest
from layouts import channels_last, reversed_axes, strided, unaligned

import fastnn
from fastnn import optimizers, reference

SETTINGS = {
    "SGD": {"lr": 0.1},
    "Momentum": {"lr": 0.1, "momentum": 0.8},
    "Nesterov": {"lr": 0.1, "momentum": 0.8},
    "AdaGrad": {"lr": 0.5},
    "RMSprop": {"lr": 0.03, "decay_rate": 0.95},
    "Adam": {"lr": 0.03, "beta1": 0.8, "beta2": 0.99},
}
STATES = {
    "SGD": (),
    "Momentum": ("v",),
    "Nesterov": ("v",),
    "AdaGrad": ("h",),
    "RMSprop": ("h",),
    "Adam": ("m", "v"),
}
LAYOUTS = {
    "C": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "channels-last": channels_last,
    "strided": strided,
    "reversed": reversed_axes,
    "unaligned": unaligned,
}
by_name = pytest.mark.parametrize("name", SETTINGS)


def make(name, module=fastnn):
    return getattr(module, name)(**SETTINGS[name])


def assert_follows_reference(name, params, expected, gradients, steps=20):
    """Update `params` and a copy of them by the reference, and compare after each step."""
    optimizer, other = make(name), make(name, reference)
    for step in range(steps):
        grads = gradients(step)
        before = copy.deepcopy(grads)
        assert optimizer.update(params, grads) is None
        other.update(expected, grads)
        for key, value in params.items():
            tolerance = 50 * np.finfo(np.result_type(value)).eps  # 1e-14 in float64
            tolerance = {"rtol": tolerance, "atol": tolerance}
            np.testing.assert_allclose(value, expected[key], **tolerance)
            np.testing.assert_array_equal(grads[key], before[key])
            for state in STATES[name]:
                kept, right = getattr(optimizer, state)[key], getattr(other, state)[key]
                np.testing.assert_allclose(kept, right, **tolerance)
    return optimizer


@by_name
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_twenty_steps_follow_the_reference(name, backend, dtype, rng):
    params = {"W": rng.standard_normal((7, 5)).astype(dtype), "b": np.zeros(5, dtype)}
    arrays, expected = dict(params), copy.deepcopy(params)

    def gradients(_):
        return {key: rng.standard_normal(p.shape).astype(dtype) for key, p in params.items()}

    with fastnn.backend(backend):
        optimizer = assert_follows_reference(name, params, expected, gradients)
    for key, array in arrays.items():
        assert params[key] is array
        assert array.dtype == dtype
        for state in STATES[name]:
            kept = getattr(optimizer, state)[key]
            assert (kept.shape, kept.dtype) == (array.shape, dtype)


@by_name
@pytest.mark.parametrize("grad_layout", LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_parameters_in_any_layout_are_updated_in_place(name, layout, grad_layout, dtype, rng):
    start = rng.standard_normal((3, 2, 5, 4)).astype(dtype)
    params, expected = {"W": LAYOUTS[layout](start)}, {"W": start.copy()}
    array, strides = params["W"], params["W"].strides

    def gradients(_):
        return {"W": LAYOUTS[grad_layout](rng.standard_normal(start.shape).astype(dtype))}

    assert_follows_reference(name, params, expected, gradients, steps=3)
    assert params["W"] is array
    assert array.strides == strides


@by_name
@pytest.mark.parametrize(
    "kind", [float, np.float64, np.array, lambda value: np.float32(value)[...]], ids=str
)
def test_numbers_and_0d_arrays_are_parameters_too(name, kind, rng):
    params, expected = {"x": kind(-7.0), "y": kind(2.0)}, {"x": kind(-7.0), "y": kind(2.0)}
    before = dict(params)
    assert_follows_reference(
        name, params, expected, lambda _: {"x": params["x"] / 10.0, "y": 2.0 * params["y"]}
    )
    if isinstance(before["x"], np.ndarray):
        assert params["x"] is before["x"]
    assert type(params["x"]) is type(expected["x"])


@by_name
@pytest.mark.parametrize(
    "grad_dtype", [np.float16, np.float32, np.float64, np.longdouble, np.int8, bool, ">f4"]
)
def test_gradients_take_the_dtype_of_their_parameter_first(name, grad_dtype, dtype, rng):
    start, grad = rng.standard_normal(9).astype(dtype), rng.integers(0, 2, 9).astype(grad_dtype)
    params, expected = {"W": start.copy()}, {"W": start.copy()}
    make(name).update(params, {"W": grad})
    make(name).update(expected, {"W": grad.astype(dtype)})
    np.testing.assert_array_equal(params["W"], expected["W"])
    assert (params["W"] != start).any()
    assert grad.dtype == grad_dtype


@by_name
@pytest.mark.parametrize("kind", [np.float16, np.longdouble, ">f4", ">f8", np.matrix])
def test_other_arrays_are_updated_by_numpy(name, kind, rng):
    start = rng.standard_normal((3, 4))
    start = start.view(kind) if kind is np.matrix else start.astype(kind)
    params, expected = {"W": start.copy(), "b": np.zeros(2)}, {"W": start.copy(), "b": np.zeros(2)}
    array = params["W"]

    def gradients(_):
        return {"W": rng.standard_normal((3, 4)), "b": np.ones(2)}

    assert_follows_reference(name, params, expected, gradients, steps=3)
    assert params["W"] is array


@by_name
def test_empty_parameters_and_no_parameters_are_left_alone(name):
    optimizer, params = make(name), {"W": np.zeros((0, 3))}
    optimizer.update({}, {})
    optimizer.update(params, {"W": np.zeros((0, 3)), "unused": None})
    assert params["W"].shape == (0, 3)


# x**2 / 20 + y**2 from (-7, 2), 30 updates: recorded from the book's current official code.
END_POINTS = [
    ("SGD", 0.95, -0.3503929958, 0.0847823166),
    ("Momentum", 0.1, 0.8964138585, 0.0880856017),
    ("Nesterov", 0.1, 0.6896149017, -0.0006799058),
    ("AdaGrad", 1.5, -0.1201623223, 0.0),
    ("RMSprop", 0.3, -0.0000053513, 0.0),
    ("Adam", 0.3, 0.1360068524, 0.3182453755),
]


@pytest.mark.parametrize("name, lr, x, y", END_POINTS)
@pytest.mark.parametrize("kind", [float, np.array], ids=["numbers", "0-d-arrays"])
def test_thirty_updates_end_where_the_book_does(name, lr, x, y, kind):
    params, optimizer = {"x": kind(-7.0), "y": kind(2.0)}, getattr(fastnn, name)(lr=lr)
    for _ in range(30):
        optimizer.update(params, {"x": params["x"] / 10.0, "y": 2.0 * params["y"]})
    np.testing.assert_allclose([params["x"], params["y"]], [x, y], rtol=0, atol=6e-11)


# --- State ------------------------------------------------------------------------------------


@by_name
def test_settings_and_state_are_the_reference_s_before_the_first_update(name):
    assert vars(getattr(fastnn, name)()) == vars(getattr(reference, name)())


@pytest.mark.parametrize("name", [name for name in SETTINGS if STATES[name]])
def test_state_is_updated_in_place_and_may_be_replaced(name, rng):
    W, grads = rng.standard_normal(6), {"W": rng.standard_normal(6)}
    optimizer, params = make(name), {"W": W.copy()}
    optimizer.update(params, grads)
    kept = {state: getattr(optimizer, state)["W"] for state in STATES[name]}
    optimizer.update(params, grads)
    for state, array in kept.items():
        assert getattr(optimizer, state)["W"] is array

    other, again = make(name), {"W": W.copy()}
    other.update(again, grads)
    for state in STATES[name]:  # as a checkpoint may bring it: read-only, of another dtype
        restored = getattr(other, state)["W"].astype(np.longdouble)
        restored.flags.writeable = False
        setattr(other, state, {"W": restored})
    other.update(again, grads)
    np.testing.assert_array_equal(again["W"], params["W"])


@by_name
def test_a_run_may_change_the_backend_and_gain_a_parameter(name, rng):
    grads = {"x": 0.5, "W": rng.standard_normal(3)}
    one, other = make(name), make(name, reference)
    params = {"x": np.array(1.0), "W": np.ones(3)}
    expected = copy.deepcopy(params)
    for backend in ("compiled", "numpy", "compiled"):
        with fastnn.backend(backend):
            one.update(params, grads)
        other.update(expected, grads)
    for key in params:
        np.testing.assert_allclose(params[key], expected[key], rtol=1e-13)
    params["new"] = np.zeros(2)
    one.update(params, {**grads, "new": np.ones(2)})
    assert (params["new"] < 0).all()


@by_name
def test_a_gradient_may_share_memory_with_its_parameter(name, dtype):
    buffer = np.arange(1, 12).astype(dtype)
    start = buffer.copy()
    params, expected = {"W": buffer[1:]}, {"W": start[1:].copy()}
    make(name).update(params, {"W": buffer[:-1]})
    make(name).update(expected, {"W": start[:-1]})
    np.testing.assert_array_equal(params["W"], expected["W"])


# --- What is refused ----------------------------------------------------------------------------

READ_ONLY = np.ones(3)
READ_ONLY.flags.writeable = False
BAD_PAIRS = [  # what params["b"] and grads["b"] are
    (np.ones(3), np.ones((3, 1)), ValueError, r"grads\['b'\] must have .* \(3,\), not \(3, 1\)"),
    (np.ones(3), 1.0, ValueError, r"grads\['b'\] must have .* \(3,\), not \(\)"),
    (1.0, np.ones(3), ValueError, r"grads\['b'\] must have .* \(\), not \(3,\)"),
    (np.ones(3), None, TypeError, r"grads\['b'\] must hold numbers, not dtype object"),
    (np.ones(3), 1j * np.ones(3), TypeError, r"grads\['b'\] must fit into float64, not be comp.*"),
    (np.ones(3, int), np.ones(3), TypeError, r"params\['b'\] must be of a float dtype, not int64"),
    (None, 1.0, TypeError, r"params\['b'\] must be an array or a number, not NoneType"),
    ([1.0], [1.0], TypeError, r"params\['b'\] must be an array or a number, not list"),
    (READ_ONLY, np.ones(3), ValueError, r"params\['b'\] must be writable: .*"),
    (np.ma.ones(3), np.ones(3), TypeError, r"params\['b'\] must be a plain array, not a masked .*"),
    (np.ones(3), np.ma.ones(3), TypeError, r"grads\['b'\] must be a plain array, not a masked .*"),
]


@by_name
@pytest.mark.parametrize("p, g, error, message", BAD_PAIRS)
def test_a_bad_parameter_or_gradient_is_named_before_anything_changes(name, p, g, error, message):
    optimizer, W = make(name), np.ones(2)
    with pytest.raises(error, match=f"^{name}: {message}$"):
        optimizer.update({"W": W, "b": p}, {"W": np.ones(2), "b": g})
    np.testing.assert_array_equal(W, [1, 1])
    assert vars(optimizer) == vars(make(name))


@by_name
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_a_missing_gradient_is_named_before_anything_changes(name, backend):
    optimizer, W = make(name), np.ones(2)
    with fastnn.backend(backend), pytest.raises(KeyError, match=f"{name}: .* gradient for 'b'"):
        optimizer.update({"W": W, "b": np.ones(3)}, {"W": np.ones(2)})
    np.testing.assert_array_equal(W, [1, 1])
    assert vars(optimizer) == vars(make(name))


@pytest.mark.parametrize("name", [name for name in SETTINGS if STATES[name]])
def test_the_state_of_another_network_is_refused(name):
    optimizer = make(name)
    optimizer.update({"W": np.ones(2)}, {"W": np.ones(2)})
    W = np.ones(3)
    with pytest.raises(ValueError, match=rf"^{name}: params\['W'\] must have the shape \(2,\) of"):
        optimizer.update({"W": W}, {"W": np.ones(3)})
    np.testing.assert_array_equal(W, np.ones(3))


BAD_SETTINGS = [
    *(
        (name, "lr", value, error, message)
        for name in SETTINGS
        for value, error, message in (
            (math.nan, ValueError, "finite and >= 0, not nan"),
            (math.inf, ValueError, "finite and >= 0, not inf"),
            (-0.1, ValueError, "finite and >= 0, not -0.1"),
            ("0.1", TypeError, "a number, not str"),
            (None, TypeError, "a number, not NoneType"),
        )
    ),
    ("Momentum", "momentum", math.nan, ValueError, "finite, not nan"),
    ("Nesterov", "momentum", math.inf, ValueError, "finite, not inf"),
    ("RMSprop", "decay_rate", 1.1, ValueError, r"in \[0, 1\], not 1.1"),
    ("Adam", "beta1", 1, ValueError, r"in \[0, 1\), not 1"),
    ("Adam", "beta2", -0.1, ValueError, r"in \[0, 1\), not -0.1"),
]


@pytest.mark.parametrize("name, setting, value, error, message", BAD_SETTINGS)
def test_a_bad_setting_is_named_at_once_and_when_set_later(name, setting, value, error, message):
    with pytest.raises(error, match=f"^{name}: {setting} must be {message}$"):
        getattr(fastnn, name)(**{setting: value})
    optimizer, W = make(name), np.ones(2)
    setattr(optimizer, setting, value)
    with pytest.raises(error, match=f"^{name}: {setting} must be {message}$"):
        optimizer.update({"W": W}, {"W": np.ones(2)})
    np.testing.assert_array_equal(W, [1, 1])


@by_name
@pytest.mark.parametrize("lr", [0, np.float32(0), np.int64(0)])
def test_a_learning_rate_of_zero_changes_no_parameter(name, lr, rng):
    W = rng.standard_normal(5)
    before = W.copy()
    getattr(fastnn, name)(lr=lr).update({"W": W}, {"W": np.ones(5)})
    np.testing.assert_array_equal(W, before)


def test_np_comes_with_the_optimizers():
    names = {}
    exec("from fastnn.optimizers import *", names)  # as the book's scripts get their `np`
    assert set(SETTINGS) <= set(names)
    assert names["np"] is optimizers.np is np
