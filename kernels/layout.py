"""Images from planes, (N, C, H, W), to channels last, (N, H, W, C), and back."""

from numba import prange

from ._jit import kernel
from .vectors import transpose


# Threshold in elements: an estimate, not measured, of some us of work.
@kernel(serial_below=20_000)
def transpose_images(x, out):
    """Exchange the last two axes.

    Parameters
    ----------
    x : array of shape (N, R, C)
        For images to channels-last, R counts channels and C pixels; for the way back, R counts
        pixels and C channels.
    out : array of shape (N, C, R)
        Written.
    """
    N, R, C = x.shape
    x_flat = x.reshape(-1)
    out_flat = out.reshape(-1)
    for n in prange(N):  # an iteration writes its own image
        transpose(x_flat, n * R * C, R, C, C, out_flat, n * R * C, R)
