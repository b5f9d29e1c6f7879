"""The optimizers' kernels in all their forms; their formulas are tested through the optimizers."""

import numba
import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels import optimizer as kernels

KERNELS = [  # name, arrays of state, settings
    ("sgd", 0, (0.1,)),
    ("momentum", 1, (0.1, 0.9)),
    ("nesterov", 1, (0.1, 0.9)),
    ("ada_grad", 1, (0.1,)),
    ("rms_prop", 1, (0.1, 0.99)),
    ("adam", 2, (0.1, 0.9, 0.999)),
    ("rms_prop_eps_inside", 1, (0.1, 0.99, 1e-8)),
    ("adam_eps_inside", 2, (0.1, 0.9, 0.999, 1e-8)),
]
MARGIN = 67


def updated(form, arrays, settings):
    """Return what `form` makes of `p` and the states among copies of `arrays`: p, g, states."""
    buffers = [np.pad(array, MARGIN, constant_values=7) for array in arrays]
    form(*(buffer[MARGIN : MARGIN + arrays[0].size] for buffer in buffers), *settings)
    for buffer in buffers:
        assert (buffer[:MARGIN] == 7).all()
        assert (buffer[buffer.size - MARGIN :] == 7).all()
    np.testing.assert_array_equal(buffers[1][MARGIN:-MARGIN], arrays[1])
    return np.array([*buffers[:1], *buffers[2:]])


@pytest.mark.parametrize("size", [0, 1, 7, 33, pytest.param(100_003, marks=pytest.mark.compiled)])
@pytest.mark.parametrize("name, states, settings", KERNELS)
def test_all_forms_of_a_kernel_give_the_same_bits(name, states, settings, size, dtype, rng):
    kernel = getattr(kernels, name)
    arrays = [abs(rng.standard_normal(size)).astype(dtype) for _ in range(2 + states)]
    expected = updated(kernel.serial, arrays, settings)
    np.testing.assert_array_equal(updated(kernel.parallel, arrays, settings), expected)
    if not numba.config.DISABLE_JIT:
        threads = numba.get_num_threads()
        numba.set_num_threads(1)
        try:
            one = updated(kernel.parallel, arrays, settings)
        finally:
            numba.set_num_threads(threads)
        np.testing.assert_array_equal(one, expected)


def test_shares_are_rounded_to_the_dtype_once(dtype):
    # In float32, 1 - 0.999 is off by 1.3e-5.
    p, g, m, v = (np.full(1, value, dtype) for value in (1, 1, 0, 0))
    kernels.adam(p, g, m, v, 0.1, 0.99, 0.999, work=1)
    assert m[0] == dtype(1 - 0.99)
    assert v[0] == dtype(1 - 0.999)
    h = np.zeros(1, dtype)
    kernels.rms_prop(p, g, h, 0.1, 0.999, work=1)
    assert h[0] == dtype(1 - 0.999)


@pytest.mark.parametrize("name, states, settings", KERNELS)
def test_infinities_and_nan_stay_visible(name, states, settings, dtype):
    g = np.array([np.nan, np.inf, 1.0], dtype)
    arrays = [np.ones(3, dtype), g, *(np.ones(3, dtype) for _ in range(states))]
    with np.errstate(invalid="ignore"):
        getattr(kernels, name).serial(*arrays, *settings)
    assert not np.isfinite(arrays[0][:2]).any()
    assert np.isfinite(arrays[0][2])


@pytest.mark.compiled
@pytest.mark.parametrize("name, states, settings", KERNELS)
def test_kernels_stay_in_bounds(name, states, settings, dtype):
    checked = with_checks(getattr(kernels, name).py_func)
    for size in (0, 1, 9):
        checked(*(np.ones(size, dtype) for _ in range(2 + states)), *settings)
