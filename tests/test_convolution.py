"""The convolution that layers call: against loops, the reference and its own adjoint."""

import layouts
import naive
import numpy as np
import pytest
from bounds import with_checks
from fastnn.kernels import conv
from guarded_calls import GuardedKernel
from rounding import assert_within_rounding

from fastnn import _convolution, reference

TINY = [  # N, C, H, W, FN, FH, FW, stride, pad
    pytest.param((1, 1, 1, 1, 1, 1, 1, 1, 0), id="one-pixel"),
    pytest.param((2, 2, 4, 5, 3, 2, 3, 1, 0), id="plain"),
    pytest.param((2, 2, 4, 4, 2, 3, 3, 1, 1), id="same-size"),
    pytest.param((1, 2, 5, 6, 2, 3, 2, 2, 1), id="stride-and-pad"),
    pytest.param((1, 1, 6, 5, 2, 3, 3, 2, 0), id="pixels-left-over"),
    pytest.param((1, 2, 7, 6, 2, 2, 1, 3, 0), id="gaps"),
    pytest.param((1, 2, 7, 5, 2, 2, 2, 4, 2), id="gaps-and-pad"),
    pytest.param((1, 1, 2, 3, 2, 2, 2, 1, 4), id="pad-wider-than-filter"),
    pytest.param((1, 1, 2, 2, 1, 1, 2, 3, 5), id="windows-without-a-pixel"),
    pytest.param((2, 2, 1, 7, 2, 1, 3, 2, 0), id="one-row"),
    pytest.param((2, 2, 7, 1, 2, 3, 1, 1, 0), id="one-column"),
    pytest.param((2, 3, 3, 2, 4, 1, 1, 1, 0), id="1x1"),
    pytest.param((2, 3, 4, 4, 2, 1, 1, 2, 0), id="1x1-with-stride"),
    pytest.param((2, 2, 3, 4, 2, 3, 4, 1, 0), id="one-window"),
    pytest.param((1, 1, 3, 3, 2, 2, 2, 7, 1), id="stride-beyond-the-image"),
    pytest.param((1, 9, 4, 3, 2, 2, 2, 1, 1), id="channels-fill-a-vector"),
    pytest.param((1, 9, 5, 4, 1, 3, 2, 2, 1), id="many-channels-and-stride"),
    pytest.param((1, 8, 4, 3, 2, 1, 1, 2, 3), id="many-channels-1x1-pad"),
    pytest.param((1, 8, 3, 3, 2, 2, 2, 2, 0), id="many-channels-row-left-over"),
    pytest.param((0, 2, 4, 4, 3, 2, 2, 1, 1), id="empty-batch"),
]
NETWORKS = [  # as TINY: the convolutions of the book's networks
    pytest.param((17, 1, 28, 28, 30, 5, 5, 1, 0), id="simple"),
    pytest.param((5, 1, 28, 28, 16, 3, 3, 1, 1), id="deep-1"),
    pytest.param((5, 16, 28, 28, 16, 3, 3, 1, 1), id="deep-2"),
    pytest.param((5, 32, 14, 14, 32, 3, 3, 1, 2), id="deep-4"),
    pytest.param((100, 64, 8, 8, 64, 3, 3, 1, 1), id="deep-6"),
]
FILTERS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 24, 25, 30, 33, 48, 64]
CHANNELS = [1, 2, 3, 4, 7, 8, 9, 16]


@pytest.fixture(autouse=True)
def guarded(monkeypatch):
    """Run every kernel in all its forms, between canaries."""
    kernels = {
        "convolve": GuardedKernel(conv.convolve, ("windows",), ("out",)),
        "convolve_weight": GuardedKernel(conv.convolve_weight, ("windows", "sums"), ("dweight",)),
        "convolve_transposed": GuardedKernel(
            conv.convolve_transposed, ("turned", "products", "planes"), ("dx",)
        ),
    }
    for name, kernel in kernels.items():
        monkeypatch.setattr(conv, name, kernel)
    return kernels


def output_shape(sizes):
    N, _, H, W, FN, FH, FW, stride, pad = sizes
    return N, FN, (H + 2 * pad - FH) // stride + 1, (W + 2 * pad - FW) // stride + 1


def draw(sizes, draws, dtype):
    """Return x, W, b and dout."""
    N, C, H, W, FN, FH, FW, _, _ = sizes
    shapes = (N, C, H, W), (FN, C, FH, FW), (FN,), output_shape(sizes)
    return [draws(shape).astype(dtype) for shape in shapes]


def integers(rng):
    """Return a source of integers so small that every sum of their products is exact."""
    return lambda shape: rng.integers(-5, 6, shape)


def compute(sizes, x, W, b, dout):
    """Return out, dx, dW and db."""
    before = [a.copy() for a in (x, W, b, dout)]
    stride, pad = sizes[-2:]
    out = _convolution.forward(x, W, b, stride, pad)
    dx = _convolution.backward_x(dout, W, x.shape, stride, pad)
    results = out, dx, *_convolution.backward_weight(x, dout, W.shape, stride, pad)
    for argument, copy in zip((x, W, b, dout), before, strict=True):
        np.testing.assert_array_equal(argument, copy)
    return results


def by_loops(sizes, x, W, b, dout):
    stride, pad = sizes[-2:]
    return (
        naive.convolution_forward(x, W, b, stride, pad),
        naive.convolution_backward_x(dout, W, x.shape, stride, pad),
        naive.convolution_backward_weight(dout, x, W.shape, stride, pad),
        naive.convolution_backward_bias(dout),
    )


def by_reference(sizes, x, W, b, dout):
    layer = reference.Convolution(*(a.astype(np.float64) for a in (W, b)), *sizes[-2:])
    return layer.forward(x.astype(np.float64)), layer.backward(dout), layer.dW, layer.db


def agree(oracle, sizes, arrays, dtype):
    """Compare with an oracle in float64, allowing for rounding."""
    _, C, _, _, FN, FH, FW, _, _ = sizes
    pixels = arrays[-1].size // FN
    terms = C * FH * FW + 1, FN * FH * FW, pixels, pixels
    expected = oracle(sizes, *arrays)
    magnitudes = oracle(sizes, *(np.abs(a) for a in arrays))
    for result, right, size, count in zip(
        compute(sizes, *arrays), expected, magnitudes, terms, strict=True
    ):
        assert result.dtype == dtype
        assert_within_rounding(result, right, size, count)


def equal(sizes, arrays):
    """Compare with the reference where nothing is rounded."""
    for result, right in zip(compute(sizes, *arrays), by_reference(sizes, *arrays), strict=True):
        if not np.array_equal(result, right):
            np.testing.assert_array_equal(result, right, err_msg=f"N, C, H, W, ... = {sizes}")


@pytest.mark.parametrize("sizes", TINY)
def test_matches_loops_on_tiny_shapes(sizes, dtype, rng):
    agree(by_loops, sizes, draw(sizes, rng.standard_normal, dtype), dtype)


@pytest.mark.compiled
@pytest.mark.parametrize("sizes", NETWORKS)
def test_matches_reference_at_the_sizes_of_networks(sizes, dtype, rng):
    agree(by_reference, sizes, draw(sizes, rng.standard_normal, dtype), dtype)


@pytest.mark.compiled
@pytest.mark.parametrize("C", CHANNELS)
def test_any_number_of_filters_gives_the_exact_result_on_integers(C, dtype, rng):
    for FN in FILTERS:
        for N, stride, pad in ((2, 1, 1), (3, 2, 0)):
            sizes = (N, C, 6, 7, FN, 3, 2, stride, pad)
            equal(sizes, draw(sizes, integers(rng), dtype))


@pytest.mark.compiled
@pytest.mark.parametrize("N", [0, 1, 2, 15, 16, 17, 31, 32, 33, 64, 65, 100])
def test_any_number_of_samples_gives_the_exact_result_on_integers(N, dtype, rng):
    for C, FN, pad in ((1, 5, 0), (9, 17, 1)):
        sizes = (N, C, 5, 4, FN, 3, 3, 1, pad)
        equal(sizes, draw(sizes, integers(rng), dtype))


def random_sizes(rng):
    """Draw N, C, ... of a convolution, small ones more often."""

    def size(below):
        return 1 + int(rng.integers(below) * rng.random())

    FH, FW, stride, pad = size(7), size(7), size(7), size(9) - 1
    H = max(1, FH - 2 * pad) + size(14) - 1
    W = max(1, FW - 2 * pad) + size(14) - 1
    return size(5), int(rng.choice(CHANNELS)), H, W, size(34), FH, FW, stride, pad


@pytest.mark.compiled
def test_random_geometries_give_the_exact_result_on_integers(dtype, rng):
    for _ in range(300):
        sizes = random_sizes(rng)
        equal(sizes, draw(sizes, integers(rng), dtype))


def test_gradients_are_the_adjoints_of_the_forward_pass(rng):
    # The output is linear in x and in W, so that one random direction tells: exactly so in
    # integers.
    for sizes in [random_sizes(rng) for _ in range(20)]:
        x, W, b, dout = draw(sizes, integers(rng), np.float64)
        out, dx, dW, db = compute(sizes, x, W, 0 * b, dout)
        assert np.vdot(dout, out) == np.vdot(dx, x) == np.vdot(dW, W), sizes
        with_bias = _convolution.forward(x, W, b, *sizes[-2:])
        assert np.vdot(dout, with_bias) == np.vdot(dx, x) + np.vdot(db, b), sizes


@pytest.mark.parametrize("C", [2, 9])
@pytest.mark.parametrize("name", ["C", "channels-last", "fortran", "strided", "reversed"])
def test_every_layout_gives_the_same_bits(name, C, dtype, rng):
    sizes = (2, C, 5, 4, 3, 2, 3, 1, 1)
    arrays = draw(sizes, rng.standard_normal, dtype)
    lay_out = layouts.LAYOUTS[name]
    x, W, b, dout = arrays
    b = layouts.strided(b) if name == "strided" else b
    results = compute(sizes, lay_out(x), lay_out(W), b, lay_out(dout))
    for result, expected in zip(results, compute(sizes, *arrays), strict=True):
        np.testing.assert_array_equal(result, expected, strict=True)


@pytest.mark.parametrize("N", [0, 2])
@pytest.mark.parametrize("C", [2, 9])
def test_results_lie_in_memory_as_layers_expect_them(N, C, dtype, rng):
    sizes = (N, C, 5, 4, 3, 2, 3, 1, 1)
    out, dx, dW, db = compute(sizes, *draw(sizes, rng.standard_normal, dtype))
    assert out.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dx.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dW.flags.c_contiguous
    assert db.flags.owndata
    assert {a.dtype for a in (out, dx, dW, db)} == {np.dtype(dtype)}


def test_an_empty_batch_gives_empty_outputs_and_zero_gradients(dtype, rng, guarded):
    sizes = (0, 3, 5, 4, 7, 2, 3, 1, 1)
    out, dx, dW, db = compute(sizes, *draw(sizes, rng.standard_normal, dtype))
    assert out.shape == (0, 7, 6, 4)
    assert dx.shape == (0, 3, 5, 4)
    np.testing.assert_array_equal(dW, np.zeros((7, 3, 2, 3), dtype), strict=True)
    np.testing.assert_array_equal(db, np.zeros(7, dtype), strict=True)
    assert not any(kernel.calls for kernel in guarded.values())


def test_work_is_the_number_of_multiply_adds(guarded, rng):
    sizes = (2, 9, 5, 4, 3, 2, 3, 1, 0)
    compute(sizes, *draw(sizes, rng.standard_normal, np.float32))
    pixels = 2 * 4 * 2
    assert guarded["convolve_weight"].work == pixels * 3 * (9 * 2 * 3 + 1)
    _convolution.forward(*draw(sizes, rng.standard_normal, np.float32)[:3], 1, 0)
    assert guarded["convolve"].work == pixels * 3 * 9 * 2 * 3
    sizes = (2, 1, 5, 4, 3, 2, 3, 1, 0)
    compute(sizes, *draw(sizes, rng.standard_normal, np.float32))
    assert guarded["convolve_transposed"].work == pixels * 3 * 2 * 3


# --- Offset tables ----------------------------------------------------------------------------


def addresses(tables):
    """Return, for each part, the offsets that its pixels and its terms lead to."""
    return [
        tables.off[first : first + pixels, None] + tables.base[term : term + terms]
        for first, pixels, _, _, term, terms, _ in tables.parts
    ]


def stored(tables, channels):
    """Return the offsets of all outputs that the parts write, in the order of writing."""
    return np.concatenate(
        [
            (at + np.arange(pixels)[:, None] * step + np.arange(channels)).ravel()
            for _, pixels, at, step, _, _, _ in tables.parts
        ]
    )


def test_tables_lead_to_pixels_of_the_window_and_write_each_output_once(rng):
    for _ in range(300):
        sizes = random_sizes(rng)
        _, C, H, W, FN, FH, FW, stride, pad = sizes
        _, _, OH, OW = output_shape(sizes)
        geometry = (C, H, W, FN, FH, FW, stride, pad)
        backward, taps = _convolution.backward_tables(*geometry)
        for tables, x_shape, channels, pixels in (
            (_convolution.forward_tables(*geometry), (H, W, C), FN, OH * OW),
            (backward, (OH, OW, FN), C, H * W),
        ):
            _, _, height, width, copied = tables.frame
            size = height * width * x_shape[2] if copied else np.prod(x_shape)
            for offsets in addresses(tables):
                if offsets.size:
                    assert 0 <= offsets.min(), sizes
                    assert offsets.max() < size, sizes
            written = stored(tables, channels)
            np.testing.assert_array_equal(np.sort(written), np.arange(pixels * channels))
        assert sorted(taps) == sorted(set(taps)), sizes
        assert all(0 <= tap < FH * FW for tap in taps), sizes
        for _, _, _, _, _, terms, row in backward.parts:
            assert 0 <= row <= row + terms <= len(taps) * FN, sizes
        frame, base, off, block, samples = _convolution._weight_tables(*geometry, 4)
        assert block > 0
        size = samples * frame[2] * frame[3] * C
        assert 0 <= base.min() <= base.max() < size
        assert 0 <= off.min()
        assert base.max() + off[:-1].max() < size <= off[-1]


def test_tables_that_lead_out_of_the_window_are_refused():
    parts = [(0, 2, 0, 1, 0, 1, 0)]
    with pytest.raises(AssertionError, match="offsets outside of the window"):
        _convolution._tables(2, 2, 1, 0, 0, 2, 2, np.array([0]), np.array([0, 4]), parts)
    with pytest.raises(AssertionError, match="offsets outside of the window"):
        _convolution._tables(2, 2, 1, 0, 0, 2, 2, np.array([0]), np.array([-1, 1]), parts)


def test_each_product_is_added_to_the_pixel_that_its_tap_saw(rng):
    for _ in range(100):
        _, C, H, W, _, FH, FW, stride, pad = sizes = random_sizes(rng)
        _, _, OH, OW = output_shape(sizes)
        rows = 1 + int(rng.integers(OH))
        adds, off = _convolution._add_table(C, H, W, FH, FW, stride, pad, rows)
        np.testing.assert_array_equal(np.sort(off), np.arange(C * FH * FW))
        assert len(adds) == -(-OH // rows)
        found = []  # (tap, output pixel, input pixel)
        for block, taps in enumerate(adds):
            count = min(rows, OH - block * rows)
            for tap, (source, height, width, target) in enumerate(taps):
                pixel = block * rows * OW + source - tap * count * OW
                for i, j in np.ndindex(height, width):
                    found.append((off[tap], pixel + i * OW + j, target + (i * W + j) * stride))
        expected = []
        for tap, (c, fh, fw) in enumerate(np.ndindex(C, FH, FW)):
            for oh, ow in np.ndindex(OH, OW):
                h, w = oh * stride - pad + fh, ow * stride - pad + fw
                if 0 <= h < H and 0 <= w < W:
                    expected.append((tap, oh * OW + ow, (c * H + h) * W + w))
        assert sorted(found) == expected, sizes


@pytest.mark.compiled
def test_kernels_stay_in_bounds(guarded, rng):
    for kernel in guarded.values():
        kernel.checked = with_checks(kernel.kernel.py_func)
    for param in TINY:
        (sizes,) = param.values
        equal(sizes, draw(sizes, integers(rng), np.float32))


# --- Windows ----------------------------------------------------------------------------------


def test_a_window_is_the_image_with_a_border_left_as_it_is(rng):
    # Windows beside, over and beyond each edge of the image.
    H, W, C = 3, 4, 2
    image = rng.integers(1, 9, (H, W, C)).astype(np.float32)
    x = np.concatenate([np.full(5, np.nan, np.float32), image.ravel(), np.full(5, np.nan)])
    x = x.astype(np.float32)
    far = 9
    padded = np.full((H + 2 * far, W + 2 * far, C), np.nan, np.float32)
    padded[far : far + H, far : far + W] = image
    for top in range(-6, 6):
        for left in range(-7, 7):
            for WH, WW in ((1, 1), (2, 3), (5, 6)):
                window = np.full(WH * WW * C, np.nan, np.float32)
                conv.copy_window(x, 5, H, W, C, top, left, WH, WW, window)
                expected = padded[far + top :, far + left :][:WH, :WW]
                np.testing.assert_array_equal(window.reshape(expected.shape), expected)
