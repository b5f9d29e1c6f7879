"""Images to columns and back, and small helpers for data and curves, in plain NumPy.

The functions of K. Saito, Deep Learning from Scratch (2016), section 7.4, and of its scripts.
"""

import numpy as np


def smooth_curve(x):
    """Return `x` smoothed by a Kaiser window of 11 points (beta 2), for plotting losses.

    Parameters
    ----------
    x : sequence of L numbers
        Its ends are mirrored outwards by 10 points.

    Returns
    -------
    smooth : array of shape (L,)
        If L is less than 11, shorter than that or empty, as in the book.
    """
    extended = np.r_[x[10:0:-1], x, x[-1:-11:-1]]
    window = np.kaiser(11, 2)
    smooth = np.convolve(window / window.sum(), extended, mode="valid")
    return smooth[5 : len(smooth) - 5]


def shuffle_dataset(x, t):
    """Return copies of `x` and `t` with their first axes in one random order.

    One call of ``np.random.permutation``, of the global generator.
    """
    permutation = np.random.permutation(x.shape[0])
    return x[permutation], t[permutation]


def conv_output_size(input_size, filter_size, stride=1, pad=0):
    """Return ``(input_size + 2 * pad - filter_size) / stride + 1``: a float, not rounded."""
    return (input_size + 2 * pad - filter_size) / stride + 1


def _output_size(size, window, stride, pad):
    """Return how many windows fit along an axis of `size` pixels."""
    return (size + 2 * pad - window) // stride + 1


def im2col(input_data, filter_h, filter_w, stride=1, pad=0):
    """Copy every window of the images into a row.

    Row ``(n * OH + oh) * OW + ow`` and column ``(c * FH + fh) * FW + fw`` hold pixel
    ``[n, c, oh * stride + fh - pad, ow * stride + fw - pad]``, or 0 outside the image.

    Parameters
    ----------
    input_data : array of shape (N, C, H, W)
        Images.
    filter_h, filter_w : int
        Window height FH and width FW, in pixels.
    stride, pad : int
        Step between windows and width of the border of zeros, in pixels.

    Returns
    -------
    col : float64 array of shape (N*OH*OW, C*FH*FW)

    Raises
    ------
    ValueError
        If the window does not fit into the padded image.
    """
    N, C, H, W = input_data.shape
    OH = _output_size(H, filter_h, stride, pad)
    OW = _output_size(W, filter_w, stride, pad)
    if OH < 1 or OW < 1:
        raise ValueError(
            f"im2col: filter_h, filter_w must fit into {H} x {W} pixels padded by {pad}, "
            f"not {filter_h} x {filter_w}"
        )
    padded = np.pad(input_data, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.empty((N, C, filter_h, filter_w, OH, OW))
    for fh, fw in np.ndindex(filter_h, filter_w):
        rows = slice(fh, fh + stride * OH, stride)
        columns = slice(fw, fw + stride * OW, stride)
        col[:, :, fh, fw] = padded[:, :, rows, columns]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * OH * OW, C * filter_h * filter_w)


def col2im(col, input_shape, filter_h, filter_w, stride=1, pad=0):
    """Add every row of `col` to the window it came from: the transpose of `im2col`.

    Parameters
    ----------
    col : array of shape (N*OH*OW, C*FH*FW)
        Windows, in the order of `im2col`.
    input_shape : tuple
        (N, C, H, W).
    filter_h, filter_w, stride, pad : int
        As in `im2col`.

    Returns
    -------
    image : float64 array of shape (N, C, H, W)
        Sums; 0 in pixels that no window reaches. A view into a larger array.
    """
    N, C, H, W = input_shape
    OH = _output_size(H, filter_h, stride, pad)
    OW = _output_size(W, filter_w, stride, pad)
    col = col.reshape(N, OH, OW, C, filter_h, filter_w).transpose(0, 3, 4, 5, 1, 2)
    # The stride - 1 more rows and columns are not needed, but the book has them, and so its images
    # are rarely contiguous: the next layer must be ready for that.
    image = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1))
    for fh, fw in np.ndindex(filter_h, filter_w):
        rows = slice(fh, fh + stride * OH, stride)
        columns = slice(fw, fw + stride * OW, stride)
        image[:, :, rows, columns] += col[:, :, fh, fw]
    return image[:, :, pad : pad + H, pad : pad + W]
