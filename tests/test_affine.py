"""The matrix products that the affine layer calls: against loops and NumPy."""

import layouts
import naive
import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels import gemm
from guarded_calls import GuardedKernel
from rounding import assert_within_rounding

from fastnn import _affine

TINY = [(1, 1, 1), (2, 3, 4), (5, 2, 1), (1, 9, 17), (4, 1, 8), (3, 7, 2), (0, 3, 5)]  # N, D, M
NETWORKS = [(100, 784, 50), (100, 4320, 100), (100, 100, 10), (17, 1024, 50), (300, 784, 10)]
# Around what is packed at a time: rows, samples, terms, features, columns of a tile.
ROWS = [1, 2, 17, 49, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 513]
FEATURES = [1, 2, 7, 16, 47, 48, 49, 96, 97, 255, 256, 257, 513, 1537]
COLUMNS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 23, 24, 25, 30, 33, 41, 48, 64, 257, 530]


@pytest.fixture(autouse=True)
def guarded(monkeypatch):
    """Run every kernel in all its forms, between canaries."""
    kernels = {
        "matrix_product": GuardedKernel(gemm.matrix_product, ("packed",), ("out",)),
        "affine_backward_weight": GuardedKernel(
            gemm.affine_backward_weight, ("slabs", "packed"), ("dweight", "dbias")
        ),
    }
    for name, kernel in kernels.items():
        monkeypatch.setattr(gemm, name, kernel)
    return kernels


def draw(sizes, draws, dtype):
    """Return x, W, b and dout."""
    N, D, M = sizes
    return [draws(shape).astype(dtype) for shape in ((N, D), (D, M), (M,), (N, M))]


def integers(rng):
    """Return a source of integers so small that every sum of their products is exact."""
    return lambda shape: rng.integers(-5, 6, shape)


def compute(x, W, b, dout):
    """Return out, dx, dW and db."""
    before = [a.copy() for a in (x, W, b, dout)]
    out, dx = _affine.forward(x, W, b), _affine.backward_x(dout, W)
    results = out, dx, *_affine.backward_weight(x, dout)
    for argument, copy in zip((x, W, b, dout), before, strict=True):
        np.testing.assert_array_equal(argument, copy)
    return results


def by_loops(x, W, b, dout):
    return naive.affine_forward(x, W, b), *naive.affine_backward(dout, x, W)


def by_numpy(x, W, b, dout):
    x, W, b, dout = (a.astype(np.float64) for a in (x, W, b, dout))
    return x @ W + b, dout @ W.T, x.T @ dout, dout.sum(0)


def agree(oracle, sizes, dtype, rng):
    arrays = draw(sizes, rng.standard_normal, dtype)
    N, D, M = sizes
    expected, magnitudes = oracle(*arrays), oracle(*(np.abs(a) for a in arrays))
    for result, right, size, terms in zip(
        compute(*arrays), expected, magnitudes, (D + 1, M, N, N), strict=True
    ):
        assert result.dtype == dtype
        assert_within_rounding(result, right, size, terms)


def equal(sizes, dtype, rng):
    """Compare with NumPy where nothing is rounded."""
    arrays = draw(sizes, integers(rng), dtype)
    for result, right in zip(compute(*arrays), by_numpy(*arrays), strict=True):
        if not np.array_equal(result, right):
            np.testing.assert_array_equal(result, right, err_msg=f"N, D, M = {sizes}")


@pytest.mark.parametrize("sizes", TINY, ids=str)
def test_matches_loops_on_tiny_shapes(sizes, dtype, rng):
    agree(by_loops, sizes, dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("sizes", NETWORKS, ids=str)
def test_matches_numpy_at_the_sizes_of_networks(sizes, dtype, rng):
    agree(by_numpy, sizes, dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("N", ROWS)
def test_any_number_of_rows_gives_the_exact_result_on_integers(N, dtype, rng):
    for D, M in ((3, 5), (60, 33), (5, 100)):
        equal((N, D, M), dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("D", FEATURES)
def test_any_number_of_features_gives_the_exact_result_on_integers(D, dtype, rng):
    for N, M in ((2, 3), (27, 19)):
        equal((N, D, M), dtype, rng)


@pytest.mark.compiled
@pytest.mark.parametrize("M", COLUMNS)
def test_any_number_of_columns_gives_the_exact_result_on_integers(M, dtype, rng):
    for N, D in ((2, 3), (53, 50)):
        equal((N, D, M), dtype, rng)


@pytest.mark.compiled
def test_random_sizes_give_the_exact_result_on_integers(dtype, rng):
    for _ in range(200):
        sizes = [1 + int(300 * rng.random() ** 2) for _ in range(3)]
        equal(tuple(sizes), dtype, rng)


@pytest.mark.parametrize("name", ["C", "fortran", "strided", "reversed"])
def test_every_layout_gives_the_same_bits(name, dtype, rng):
    arrays = draw((6, 5, 9), rng.standard_normal, dtype)
    results = compute(*map(layouts.LAYOUTS[name], arrays))
    for result, expected in zip(results, compute(*arrays), strict=True):
        np.testing.assert_array_equal(result, expected, strict=True)
        assert result.flags.c_contiguous


def test_an_empty_batch_gives_empty_outputs_and_zero_gradients(dtype, rng, guarded):
    out, dx, dW, db = compute(*draw((0, 3, 5), rng.standard_normal, dtype))
    for result, shape in ((out, (0, 5)), (dx, (0, 3)), (dW, (3, 5)), (db, (5,))):
        np.testing.assert_array_equal(result, np.zeros(shape, dtype), strict=True)
    assert not any(kernel.calls for kernel in guarded.values())


def test_work_is_the_number_of_multiply_adds(guarded, rng):
    compute(*draw((2, 3, 5), rng.standard_normal, np.float32))
    assert [kernel.work for kernel in guarded.values()] == [30, 30]


@pytest.mark.compiled
def test_kernels_stay_in_bounds(guarded, rng):
    for kernel in guarded.values():
        kernel.checked = with_checks(kernel.kernel.py_func)
    for sizes in (*TINY, (27, 49, 17), (257, 50, 33), (26, 257, 40)):
        equal(sizes, np.float32, rng)
