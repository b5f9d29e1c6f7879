"""Dropout with a seed: its masks, its counter, and what it leaves alone."""

import copy
import pickle

import numpy as np
import pytest
from layouts import LAYOUTS, channels_last
from rounding import check_gradient

import fastnn
from fastnn import reference
from fastnn.layers.dropout import kernel_settings
from fastnn.reference.philox import dropout_mask

SHAPES = [(7,), (0, 3), (3, 0), (3, 5), (2, 3, 4), (2, 3, 4, 5), (100, 50), (8, 3, 15, 16)]

GOLDEN_OF_SEED_1 = [
    [1, 1, 1, 1, 1, 1, 0, 1, 0],
    [1, 0, 0, 0, 1, 1, 0, 0, 1],
    [1, 0, 0, 0, 1, 0, 0, 1, 1],
]


def signed(shape, dtype, rng):
    """Return numbers none of which is 0."""
    return (rng.choice([-1, 1], shape) * rng.uniform(1, 2, shape)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("layout", [np.copy, channels_last])
def test_forward_and_backward_are_the_references(shape, ratio, layout, dtype, rng):
    x, dout = layout(signed(shape, dtype, rng)), layout(signed(shape, dtype, rng))
    fast, ref = fastnn.Dropout(ratio, seed=11), reference.Dropout(ratio, seed=11)
    for draws in range(3):
        np.testing.assert_array_equal(fast.forward(x), ref.forward(x), strict=True)
        mask = dropout_mask(11, draws, ratio, shape)
        np.testing.assert_array_equal(fast.mask, mask, strict=True)
        np.testing.assert_array_equal(ref.mask, mask, strict=True)
        np.testing.assert_array_equal(fast.backward(dout), ref.backward(dout), strict=True)
        np.testing.assert_array_equal(fast.forward(x, False), ref.forward(x, False), strict=True)
        assert fast.draws == ref.draws == draws + 1


def test_golden_masks():
    layer = fastnn.Dropout(seed=1)
    np.testing.assert_array_equal(layer.forward(np.ones((3, 9))), GOLDEN_OF_SEED_1)
    layer = fastnn.Dropout()
    np.random.seed(0)  # whose first numbers are 0.549, 0.715, 0.603, 0.545, 0.424 and 0.646
    np.testing.assert_array_equal(layer.forward(np.ones((2, 3))), [[1, 1, 1], [1, 0, 1]])
    assert layer.draws == 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_mask_does_not_depend_on_the_layout(layout, rng):
    x = signed((2, 3, 4, 5), np.float64, rng)
    layer = fastnn.Dropout(0.4, seed=2**64 - 1)
    out = layer.forward(LAYOUTS[layout](x))
    np.testing.assert_array_equal(out, x * dropout_mask(2**64 - 1, 0, 0.4, x.shape))


def test_draws_is_the_number_of_the_next_mask():
    x, layer = np.ones((9, 40)), fastnn.Dropout(0.5, seed=4)
    outs = [layer.forward(x) for _ in range(4)]
    assert layer.draws == 4
    assert all((outs[i] != outs[j]).any() for i in range(4) for j in range(i))
    for draws in (2, 0, 3, 1):
        layer.draws = draws
        np.testing.assert_array_equal(layer.forward(x), outs[draws])
        assert layer.draws == draws + 1


def test_seed_and_ratio_may_be_replaced():
    x, layer = np.ones((9, 40)), fastnn.Dropout(0.5, seed=4)
    layer.forward(x)
    layer.seed, layer.dropout_ratio = 5, 0.1
    np.testing.assert_array_equal(layer.forward(x), dropout_mask(5, 1, 0.1, x.shape))
    layer.seed = None
    layer.forward(x)
    assert layer.draws == 2


def test_out_of_training_no_mask_is_drawn():
    x, layer = np.ones((9, 40)), fastnn.Dropout(0.25, seed=4)
    layer.forward(x)
    mask = layer.mask
    np.testing.assert_array_equal(layer.forward(x, train_flg=False), 0.75 * x)
    assert layer.draws == 1
    assert layer.mask is mask


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_the_global_generator_is_neither_used_nor_moved(backend):
    layer = fastnn.Dropout(0.5, seed=4)
    before = np.random.get_state()
    with fastnn.backend(backend):
        layer.forward(np.ones((9, 40)))
    for one, other in zip(np.random.get_state(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_backends_draw_the_same_masks_in_turn():
    x, layer = np.ones((30, 200)), fastnn.Dropout(0.3, seed=4)
    for draws, backend in enumerate(["numpy", "compiled", "numpy", "compiled"]):
        with fastnn.backend(backend):
            out = layer.forward(x)
        np.testing.assert_array_equal(out, dropout_mask(4, draws, 0.3, x.shape))
        np.testing.assert_array_equal(layer.backward(x), out)


def test_a_row_does_not_depend_on_the_batch():
    x = np.ones((60, 3, 7, 7))
    out = fastnn.Dropout(0.5, seed=6).forward(x)
    for N in (1, 13, 59):
        np.testing.assert_array_equal(fastnn.Dropout(0.5, seed=6).forward(x[:N]), out[:N])


def test_copies_go_on_with_the_same_masks():
    x, layer = np.ones((9, 40)), fastnn.Dropout(0.5, seed=2**63)
    layer.forward(x)
    copies = [copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    expected = [layer.forward(x) for _ in range(2)]
    for other in copies:
        assert (other.seed, other.draws) == (2**63, 1)
        np.testing.assert_array_equal([other.forward(x) for _ in range(2)], expected)


@pytest.mark.parametrize("seed", [np.uint8(200), np.int64(200), np.uint64(200)])
@pytest.mark.parametrize("backend", ["compiled", "numpy"])
def test_numpys_integers_and_floats_are_numbers_too(seed, backend):
    layer = fastnn.Dropout(np.float16(0.3), seed)
    layer.draws = np.uint8(255)
    ratio = float(np.float16(0.3))
    with fastnn.backend(backend):
        for draws in (255, 256):
            out = layer.forward(np.ones((9, 40)))
            np.testing.assert_array_equal(out, dropout_mask(200, draws, ratio, (9, 40)))
    assert layer.draws == 257


def test_kernels_are_given_the_bits_of_the_seed_as_int64():
    for seed, bits in ((0, 0), (2**63 - 1, 2**63 - 1), (2**63, -(2**63)), (2**64 - 1, -1)):
        assert kernel_settings(fastnn.Dropout(0.25, seed)) == (bits, 0, 2**30)


def test_backward_is_the_gradient_of_forward(rng):
    layer = fastnn.Dropout(0.3, seed=5)

    def forward(x):
        layer.draws = 0
        return layer.forward(x)

    check_gradient(forward, layer.backward, rng.standard_normal((6, 7)), rng)


# --- Bad settings -----------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["compiled", "numpy"])
@pytest.mark.parametrize(
    "name, value, error, words",
    [
        ("seed", True, TypeError, "an int, not True"),
        ("seed", np.True_, TypeError, r"an int, not .*True.*"),
        ("seed", 1.0, TypeError, "an int, not 1.0"),
        ("seed", "1", TypeError, "an int, not '1'"),
        ("seed", -1, ValueError, ">= 0, not -1"),
        ("seed", 2**64, ValueError, r"< 2\*\*64, not 18446744073709551616"),
        ("draws", False, TypeError, "an int, not False"),
        ("draws", None, TypeError, "an int, not None"),
        ("draws", -1, ValueError, ">= 0, not -1"),
        ("draws", 2**48, ValueError, r"< 2\*\*48, not 281474976710656"),
    ],
)
def test_a_bad_seed_or_count_is_refused_before_anything_changes(name, value, error, words, backend):
    message = f"^Dropout: {name} must be {words}$"
    if name == "seed":
        with pytest.raises(error, match=message):
            fastnn.Dropout(0.5, value)
    x, layer = np.ones((3, 4)), fastnn.Dropout(0.5, seed=1)
    out = layer.forward(x)
    setattr(layer, name, value)
    before = copy.copy(vars(layer))
    with fastnn.backend(backend), pytest.raises(error, match=message):
        layer.forward(x)
    assert all(vars(layer)[key] is kept for key, kept in before.items())
    np.testing.assert_array_equal(layer.backward(x), out)


def test_the_last_mask_can_be_drawn_and_no_further_one():
    x, layer = np.ones((3, 4)), fastnn.Dropout(0.5, seed=1)
    layer.draws = 2**48 - 1
    np.testing.assert_array_equal(layer.forward(x), dropout_mask(1, 2**48 - 1, 0.5, x.shape))
    with pytest.raises(ValueError, match=r"^Dropout: draws must be < 2\*\*48, not"):
        layer.forward(x)
