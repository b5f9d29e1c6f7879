"""Checks on images and on the windows of convolution and pooling."""

from . import _check


def image(layer, name, value):
    """Return `value` as an array of shape (N, C, H, W); errors as in `array`.

    Raises
    ------
    ValueError
        If it does not have four axes.
    """
    value = _check.array(layer, name, value)
    if value.ndim != 4:
        raise ValueError(
            f"{layer}: {name} must be 4-D, of shape (N, C, H, W), not of shape {value.shape}"
        )
    return value


def count(layer, what, x_shape, height, width, stride, pad):
    """Return how many windows fit below and beside each other, and a stride that is no larger.

    A stride beyond the image means what a stride of the image's size means; kernels multiply it.

    Parameters
    ----------
    layer, what : str
        What an error names: the layer, and what its window is called.
    x_shape : tuple
        (N, C, H, W).
    height, width, stride, pad : int
        The window, the step between windows and the border, in pixels; already checked alone.

    Returns
    -------
    OH, OW, stride : int

    Raises
    ------
    ValueError
        If not one window fits.
    MemoryError
        If the image with its border could not be held.
    """
    N, C, H, W = x_shape
    H, W = H + 2 * int(pad), W + 2 * int(pad)
    if height > H or width > W:
        raise ValueError(
            f"{layer}: a {what} of {height}x{width} must not be larger than the padded input "
            f"of {H}x{W}"
        )
    if pad:
        _check.memory(layer, "the padded input", (max(N, 1), max(C, 1), H, W), 8)
    stride = min(int(stride), max(H, W))
    return (H - height) // stride + 1, (W - width) // stride + 1, stride


def pool(layer, pool_h, pool_w, stride, pad):
    """Return the settings of a pooling layer as Python ints.

    Raises
    ------
    TypeError
        If one is not an int.
    ValueError
        If one is too small, or the border so wide that a window may hold no pixel.
    """
    _check.integer(layer, "pool_h", pool_h, 1)
    _check.integer(layer, "pool_w", pool_w, 1)
    _check.integer(layer, "stride", stride, 1)
    _check.integer(layer, "pad", pad, 0)
    if pad >= min(pool_h, pool_w):
        raise ValueError(
            f"{layer}: pad must be smaller than the window of {pool_h}x{pool_w}, not {pad}"
        )
    return int(pool_h), int(pool_w), int(stride), int(pad)
