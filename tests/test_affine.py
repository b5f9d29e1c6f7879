"""The matrix products that the affine layer calls: against loops and NumPy."""

import layouts
import naive
import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels import gemm, sparse
from fastnn.kernels.vectors import VECTOR_BYTES
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


@pytest.fixture(autouse=True)
def guarded_sparse(monkeypatch):
    """Do the same for those that skip zeros."""
    kernels = {
        "sparse_matrix_product": GuardedKernel(sparse.sparse_matrix_product, ("places",), ("out",)),
        "sparse_backward_weight": GuardedKernel(
            sparse.sparse_backward_weight, ("places", "sums"), ("dweight", "dbias")
        ),
    }
    for name, kernel in kernels.items():
        monkeypatch.setattr(sparse, name, kernel)
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


# --- Zeros that are skipped -----------------------------------------------------------------------

# The last ones need several panels, parts of the weights and groups of rows.
SPARSE = [
    (100, 784, 50), (3, 784, 80), (1, 2500, 81), (40, 70, 100), (7, 2000, 40), (2200, 20, 44),
    (64, 65, 105), (5, 700, 230), (33, 63, 53),
]  # fmt: skip


def with_zeros(rng, sizes, kinds, share=0.2):
    """Return x, W, b and dout; a share of `x` differs from 0."""
    N, D, M = sizes
    x = rng.standard_normal((N, D)) * (rng.random((N, D)) < share)
    others = (rng.standard_normal(shape).astype(kinds[1]) for shape in ((D, M), (M,), (N, M)))
    return x.astype(kinds[0]), *others


def times_called(kernels):
    return [kernel.calls for kernel in kernels.values()]


KINDS = [(np.float32, np.float32), (np.float32, np.float64), (np.float64, np.float64)]


@pytest.mark.compiled
@pytest.mark.parametrize("sizes", SPARSE, ids=str)
@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_skipping_zeros_changes_no_bit(sizes, kinds, rng, guarded_sparse, monkeypatch):
    arrays = with_zeros(rng, sizes, kinds)
    monkeypatch.setattr(_affine, "_LEAST_WORK", 0)
    if 5 * VECTOR_BYTES > sizes[2] * arrays[1].itemsize:
        pytest.skip("few vectors in a row")
    results = compute(*arrays)
    assert times_called(guarded_sparse) == [1, 1]
    monkeypatch.setattr(_affine, "_LEAST_WORK", np.inf)
    for result, expected in zip(results, compute(*arrays), strict=True):
        np.testing.assert_array_equal(result, expected, strict=True)
    assert times_called(guarded_sparse) == [1, 1]


@pytest.mark.parametrize("kinds", KINDS, ids=str)
def test_skipping_zeros_matches_loops(kinds, rng, guarded_sparse, monkeypatch):
    monkeypatch.setattr(_affine, "_LEAST_WORK", 0)
    x, W, b, dout = with_zeros(rng, (6, 11, 83), kinds)
    results = compute(x, W, b, dout)
    assert times_called(guarded_sparse) == [1, 1]
    as_sums = x.astype(kinds[1]), W, b, dout
    magnitudes = by_loops(*(np.abs(a) for a in as_sums))
    for result, right, size in zip(results, by_loops(*as_sums), magnitudes, strict=True):
        assert result.dtype == kinds[1]
        assert_within_rounding(result, right, size, 20)


def test_zeros_are_skipped_only_where_it_pays(rng, guarded_sparse):
    kinds, sizes = (np.float32, np.float32), (20, 200, 100)
    for share, calls in ((0.6, 0), (0.2, 1)):
        compute(*with_zeros(rng, sizes, kinds, share))
        assert times_called(guarded_sparse) == [calls, calls]
    compute(*with_zeros(rng, (2, 200, 100), kinds, 0.2))  # too little work
    compute(*(np.asfortranarray(a) for a in with_zeros(rng, sizes, kinds, 0.2)))
    assert times_called(guarded_sparse) == [1, 1]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_zeros_times_what_is_not_finite_are_nan(bad, dtype, rng, monkeypatch):
    monkeypatch.undo()  # the guards are for finite numbers
    x, W, b, dout = with_zeros(rng, (20, 200, 100), (dtype, dtype))
    x[:, 77] = 0
    W[77, 3] = dout[5, 9] = bad
    with np.errstate(invalid="ignore"):
        out, (dW, _) = _affine.forward(x, W, b), _affine.backward_weight(x, dout)
    assert np.isnan(out[:, 3]).all()
    assert np.isfinite(np.delete(out, 3, axis=1)).all()
    assert np.isnan(dW[x[5] == 0, 9]).all()
    assert np.isfinite(np.delete(dW, 9, axis=1)).all()


@pytest.mark.compiled
def test_what_pays_is_what_the_specification_says(dtype, rng):
    factor = rng.standard_normal((30, 40)).astype(dtype)
    broken = factor.copy()
    broken[29, 39] = np.inf
    for N in (1, 15, 16, 17, 100):
        x = with_zeros(rng, (N, 50, 1), (dtype, dtype), 0.5)[0]
        for most in (0.1, 0.45, 0.5, 0.55, 1):
            for other in (factor, broken):
                expected = sparse._skipping_pays_python(x, other, most)
                assert sparse.skipping_pays(x, other, most) == expected
