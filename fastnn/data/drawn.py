"""Draw a set of handwriting-like digits: 28 x 28 pixels, like MNIST in shape, not MNIST.

The same seed gives the same bytes on every machine. Uniform random numbers come from PCG64 in a
fixed order, floating point is used for +, -, * and / alone (each rounded as IEEE 754 says, in an
order written down here: no sum over an axis, no matrix product, no sine), and everything from the
pen's position on is integer arithmetic.
"""

import numpy as np

from .glyphs import GLYPHS

SEED = 1
COUNTS = 60_000, 10_000  # training and test images
SIDE = 28

# The folder in the cache is named by the version: raise it with every change to a pixel.
VERSION = 1
DIGESTS = (
    # SHA-256 of the four unzipped IDX files, in MNIST's order.
    "c5797658c890b8e88a8d46882c37e013fdee7f416445f10e187d3b5902945d5d",
    "4f4c11a08e2d6ceb8a041d2e12a1cf86bc4fcc3202d4a22cf259eb5d2d5b6972",
    "9006404dba456c2edff2be110c122f60e258e8888b9a12f2d0ddbdd2cdba73d4",
    "e111595d816cea3a5f361afb98a29c4590c0646690778de6c162ade4f5d8f97b",
)

# Samples of the pen's path in an image. The longest glyph is about 64 pixels long: dots one pixel
# apart under a pen of radius one and more leave no gap.
SAMPLES = 72
STEP = 16  # the pen's position is rounded to a sixteenth of a pixel
REACH = 181  # steps; what is further than 11 pixels away counts as that: 2 * 181**2 < 2**16
REPORT_EVERY = 20_000
BLOCK = 128  # images drawn at once: the canvas stays in the second-level cache

# Square root by table, in steps: squared distances are integers below 2**16.
ROOT = np.floor(np.sqrt(np.arange(1 << 16, dtype=np.float64)) + 0.5).astype(np.int16)

# Half-widths of the training set's distortions; the test set's are WIDER times as large.
WIDER = 1.1
JITTER = 6.0  # control points, in hundredths of the glyph's box
TURN = 0.125  # tangent of half the angle: 0.125 is 14 degrees
SHEAR = 0.3
BEND = 0.18  # quadratic warp of the box
SHIFT = 1.9  # pixels

HALF_WIDTH, HALF_HEIGHT = 9.5, 10.0  # of the glyph's box, in pixels
WIDTH_SPREAD, HEIGHT_SPREAD = 2.0, 1.8  # pixels

POINTS = max(sum(map(len, strokes)) for _, strokes in GLYPHS)
DRAWS = 2 * POINTS + 15  # random numbers for an image: glyph 2, points, bending 10, pen 3


def _paths():
    """Tabulate every glyph: digits (G,), control points, and the four weights of each sample.

    Returns
    -------
    digits : uint8 array of shape (G,)
    controls : float64 array of shape (G, POINTS, 2)
    which : intp array of shape (G, POINTS)
        Which random number moves a control point: the two halves of a corner move together.
    near : intp array of shape (G, SAMPLES, 4)
        The control points that a sample of the curve depends on.
    weights : float64 array of shape (G, SAMPLES, 4)
    """
    G = len(GLYPHS)
    controls = np.zeros((G, POINTS, 2))
    which = np.zeros((G, POINTS), np.intp)
    near = np.zeros((G, SAMPLES, 4), np.intp)
    weights = np.zeros((G, SAMPLES, 4))
    for g, (_, strokes) in enumerate(GLYPHS):
        first, spans, lengths = 0, [], []
        for stroke in strokes:
            for k, point in enumerate(stroke):
                i = first + k
                controls[g, i] = point
                which[g, i] = i - 1 if k and point == stroke[k - 1] else i
                if k:
                    before, after = max(i - 2, first), min(i + 1, first + len(stroke) - 1)
                    dx, dy = controls[g, i] - controls[g, i - 1]
                    spans.append((before, i - 1, i, after))
                    lengths.append(float(np.sqrt(dx * dx + dy * dy)))
            first += len(stroke)
        # Samples evenly spread over the length of the polygon, its very ends included.
        ends = [0.0]
        for length in lengths:
            ends.append(ends[-1] + length)
        for m in range(SAMPLES):
            at = ends[-1] * m / (SAMPLES - 1)
            s = max(j for j in range(len(spans)) if lengths[j] > 0 and (ends[j] <= at))
            u = (at - ends[s]) / lengths[s]
            near[g, m] = spans[s]
            weights[g, m] = (
                0.5 * u * (u * (2.0 - u) - 1.0),
                0.5 * (u * u * (3.0 * u - 5.0) + 2.0),
                0.5 * u * (u * (4.0 - 3.0 * u) + 1.0),
                0.5 * u * u * (u - 1.0),
            )
    return np.array([digit for digit, _ in GLYPHS], np.uint8), controls, which, near, weights


DIGITS, CONTROLS, WHICH, NEAR, WEIGHTS = _paths()
FIRST = np.searchsorted(DIGITS, np.arange(11))  # glyphs FIRST[d] to FIRST[d + 1] show digit d


def draw(count, split="train", seed=SEED, report=None):
    """Draw the first `count` images of a split.

    Parameters
    ----------
    count : int
    split : {"train", "test"}
        The test images are other ones, bent a little further than any training image.
    seed : int
    report : callable, optional
        Called with a line of text after every 20,000 images.

    Returns
    -------
    images : uint8 array of shape (count, 28, 28)
        0 is paper, 255 full ink.
    labels : uint8 array of shape (count,)
    """
    if split not in ("train", "test"):
        raise ValueError(f"draw: split must be 'train' or 'test', not {split!r}")
    test = split == "test"
    rng = np.random.Generator(np.random.PCG64([seed, int(test)]))
    images = np.empty((count, SIDE, SIDE), np.uint8)
    labels = np.empty(count, np.uint8)
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        r = rng.random((stop - start, DRAWS))
        glyph = _choose(r[:, 0], r[:, 1])
        labels[start:stop] = DIGITS[glyph]
        x, y = _pen(glyph, 2.0 * r[:, 2:] - 1.0, WIDER if test else 1.0)
        images[start:stop] = _ink(x, y, r[:, -3:])
        if report and stop // REPORT_EVERY > start // REPORT_EVERY:
            report(f"drew {stop // REPORT_EVERY * REPORT_EVERY:,} of {count:,} {split} images")
    return images, labels


def _choose(u, v):
    """Return the glyph for two random numbers: all digits, then all their glyphs, equally often."""
    digit = np.floor(10.0 * u).astype(np.intp)
    kinds = FIRST[digit + 1] - FIRST[digit]
    return FIRST[digit] + np.floor(kinds * v).astype(np.intp)


def _pen(glyph, r, wider):
    """Return where the pen goes: x and y in pixels, each of shape (n, SAMPLES).

    `r` holds numbers in [-1, 1): two for a control point, then ten that bend the whole glyph.
    """
    j = WHICH[glyph]  # (n, POINTS)
    at = CONTROLS[glyph]  # (n, POINTS, 2)
    px = (at[:, :, 0] + wider * JITTER * np.take_along_axis(r, j, 1)) / 50.0 - 1.0
    py = (at[:, :, 1] + wider * JITTER * np.take_along_axis(r, POINTS + j, 1)) / 50.0 - 1.0

    near, weight = NEAR[glyph], WEIGHTS[glyph]
    x, y = (
        sum(weight[:, :, k] * np.take_along_axis(p, near[:, :, k], 1) for k in range(4))
        for p in (px, py)
    )

    turn, shear, wide, high, right, down, bx, by, cx, cy = (
        wider * r[:, 2 * POINTS + k, None] for k in range(10)
    )
    x = x + BEND * (bx * y * y + cx * x * y)
    y = y + BEND * (by * x * x + cy * x * y)
    x = x - SHEAR * shear * y
    x = x * (HALF_WIDTH + WIDTH_SPREAD * wide)
    y = y * (HALF_HEIGHT + HEIGHT_SPREAD * high)
    tangent = TURN * turn
    cosine = (1.0 - tangent * tangent) / (1.0 + tangent * tangent)
    sine = 2.0 * tangent / (1.0 + tangent * tangent)
    return (
        14.0 + SHIFT * right + cosine * x - sine * y,
        14.0 + SHIFT * down + sine * x + cosine * y,
    )


def _ink(x, y, r):
    """Draw the pen's path: uint8 images of shape (n, 28, 28)."""
    n = len(x)
    # Images on the last axis: the loops below run along it.
    centres = (STEP * np.arange(SIDE, dtype=np.int16) + np.int16(STEP // 2))[:, None]
    canvas = np.full((SIDE, SIDE, n), 65535, np.uint16)
    square = np.empty_like(canvas)
    dx, dy = (
        np.abs(centres - np.floor(STEP * p.T + 0.5).astype(np.int16)[:, None]) for p in (x, y)
    )
    for d in (dx, dy):
        np.minimum(d, np.int16(REACH), out=d)
        np.multiply(d, d, out=d)
    dx, dy = dx.view(np.uint16), dy.view(np.uint16)  # (SAMPLES, 28, n)
    for m in range(SAMPLES):
        np.add(dy[m, :, None], dx[m, None], out=square)
        np.minimum(canvas, square, out=canvas)
    distance = ROOT[canvas]
    # A pen of radius 0.9 to 1.7 pixels whose edge is 1 to 1.6 pixels wide.
    radius, edge, ink = (
        np.floor(least + spread * r[:, k]).astype(np.int32)
        for k, (least, spread) in enumerate([(15.0, 13.0), (16.0, 10.0), (200.0, 56.0)])
    )
    grey = (radius + edge // 2 - distance) * ink // edge
    return np.clip(grey, 0, ink).astype(np.uint8).transpose(2, 0, 1)
