"""The reference's optimizers, against scalar steps and recorded end points."""

import naive
import numpy as np
import pytest

from fastnn import reference

SETTINGS = {
    "SGD": {"lr": 0.95},
    "Momentum": {"lr": 0.1, "momentum": 0.8},
    "Nesterov": {"lr": 0.1, "momentum": 0.8},
    "AdaGrad": {"lr": 1.5},
    "RMSprop": {"lr": 0.3, "decay_rate": 0.95},
    "Adam": {"lr": 0.3, "beta1": 0.8, "beta2": 0.99},
}
DEFAULTS = {
    "SGD": {"lr": 0.01},
    "Momentum": {"lr": 0.01, "momentum": 0.9, "v": None},
    "Nesterov": {"lr": 0.01, "momentum": 0.9, "v": None},
    "AdaGrad": {"lr": 0.01, "h": None},
    "RMSprop": {"lr": 0.01, "decay_rate": 0.99, "h": None},
    "Adam": {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "iter": 0, "m": None, "v": None},
}
# x**2 / 20 + y**2 from (-7, 2), 30 updates: recorded from the book's current official code.
END_POINTS = [
    ("SGD", 0.95, -0.3503929958, 0.0847823166),
    ("Momentum", 0.1, 0.8964138585, 0.0880856017),
    ("Nesterov", 0.1, 0.6896149017, -0.0006799058),
    ("AdaGrad", 1.5, -0.1201623223, 0.0),
    ("RMSprop", 0.3, -0.0000053513, 0.0),
    ("Adam", 0.3, 0.1360068524, 0.3182453755),
]


@pytest.mark.parametrize("name", SETTINGS)
def test_steps_are_the_scalar_formula(name, dtype, rng):
    grads = rng.standard_normal((6, 2, 3)).astype(dtype)
    start = rng.standard_normal((2, 3)).astype(dtype)
    params, optimizer = {"W": start.copy()}, getattr(reference, name)(**SETTINGS[name])
    path = []
    for grad in grads:
        assert optimizer.update(params, {"W": grad}) is None
        path.append(params["W"].copy())
    assert path[0].dtype == dtype
    for index in np.ndindex(start.shape):
        expected = naive.optimizer_steps(
            name, float(start[index]), grads[(..., *index)].tolist(), **SETTINGS[name]
        )
        steps = [step[index] for step in path]
        np.testing.assert_allclose(
            steps, expected, rtol=100 * np.finfo(dtype).eps, atol=20 * np.finfo(dtype).eps
        )


@pytest.mark.parametrize("name, lr, x, y", END_POINTS)
@pytest.mark.parametrize("kind", [float, np.array], ids=["numbers", "0-d-arrays"])
def test_thirty_updates_end_where_the_book_does(name, lr, x, y, kind):
    params = {"x": kind(-7.0), "y": kind(2.0)}
    optimizer = getattr(reference, name)(lr=lr)
    for _ in range(30):
        optimizer.update(params, {"x": params["x"] / 10.0, "y": 2.0 * params["y"]})
    np.testing.assert_allclose([params["x"], params["y"]], [x, y], rtol=0, atol=6e-11)


@pytest.mark.parametrize("name", SETTINGS)
def test_parameters_are_changed_in_place_and_gradients_left_alone(name, dtype, rng):
    W, b = rng.standard_normal((2, 3)).astype(dtype), np.zeros(3, dtype)
    params, optimizer = {"W": W, "b": b}, getattr(reference, name)()
    grads = {"W": np.ones_like(W), "b": np.ones_like(b), "unused": None}
    before = W.copy()
    for _ in range(2):
        optimizer.update(params, grads)
    assert params["W"] is W
    assert params["b"] is b
    assert (W < before).all()
    assert (b < 0).all()
    np.testing.assert_array_equal(grads["W"], np.ones_like(W))


@pytest.mark.parametrize("name", SETTINGS)
def test_parameter_without_a_gradient_is_an_error(name):
    with pytest.raises(KeyError):
        getattr(reference, name)().update({"W": np.ones(2)}, {})


@pytest.mark.parametrize("name", DEFAULTS)
def test_settings_and_state_before_the_first_update(name):
    assert vars(getattr(reference, name)()) == DEFAULTS[name]
