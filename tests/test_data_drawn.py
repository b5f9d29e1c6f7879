"""Drawn digits: the same everywhere, and as hard as they are meant to be."""

import hashlib

import numpy as np
import pytest

from fastnn.data import drawn, idx
from fastnn.data.glyphs import GLYPHS


@pytest.fixture(scope="module")
def train():
    return drawn.draw(6000)


@pytest.fixture(scope="module")
def test_split():
    return drawn.draw(10_000, "test")


PINNED = {
    "train": "2d1c03a5d6dbe2d9130a28d82d2d8c237e6ad9d29484b4ba8254f186965510dd",
    "test": "b14c0308b74634495dfdc509f48f5c7450d8b53436e7e98b0e30613a46d80c88",
}


@pytest.mark.parametrize("split", PINNED)
def test_the_first_images_are_these(split):
    images, labels = drawn.draw(200, split)
    assert hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest() == PINNED[split]


def test_the_test_set_is_the_one_whose_hash_is_kept(test_split):
    assert tuple(map(idx.idx_digest, test_split)) == drawn.DIGESTS[2:]


def test_fewer_images_are_the_first_of_more(train, monkeypatch):
    for count in (0, 1, 130):
        images, labels = drawn.draw(count)
        np.testing.assert_array_equal(images, train[0][:count], strict=True)
        np.testing.assert_array_equal(labels, train[1][:count], strict=True)
    monkeypatch.setattr(drawn, "BLOCK", 37)
    np.testing.assert_array_equal(drawn.draw(130)[0], train[0][:130])


def test_splits_and_seeds_differ(train, test_split):
    assert (train[0][:500] != test_split[0][:500]).any(axis=(1, 2)).all()
    assert (train[0][:500] != drawn.draw(500, seed=2)[0]).any(axis=(1, 2)).all()


def test_no_image_comes_twice(train, test_split):
    images = np.concatenate([train[0], test_split[0]])
    assert len({image.tobytes() for image in images}) == len(images)


def test_all_digits_come_equally_often(train, test_split):
    for _, labels in (train, test_split):
        share = np.bincount(labels, minlength=10) / len(labels)
        np.testing.assert_allclose(share, 0.1, atol=0.015)


def test_digits_are_drawn_in_ink_on_paper_inside_the_image(train):
    images, _ = train
    assert images.dtype == np.uint8
    assert 0.15 < (images > 0).mean() < 0.25  # MNIST: 0.19
    assert 25 < images.mean() < 38  # MNIST: 33
    assert images.max(axis=(1, 2)).min() >= 190
    border = np.concatenate([images[:, [0, -1]], images[:, :, [0, -1]].transpose(0, 2, 1)], axis=1)
    assert (border > 0).mean() < 0.01


def test_every_digit_has_its_shapes():
    assert [digit for digit, _ in GLYPHS] == sorted(3 * list(range(10)))


def test_a_bad_split_is_refused():
    with pytest.raises(ValueError, match=r"^draw: split must be 'train' or 'test', not 'dev'$"):
        drawn.draw(1, "dev")


def test_progress_is_reported(monkeypatch):
    monkeypatch.setattr(drawn, "REPORT_EVERY", 200)
    lines = []
    drawn.draw(500, report=lines.append)
    assert lines == ["drew 200 of 500 train images", "drew 400 of 500 train images"]


def test_a_linear_model_is_not_enough(train, test_split):
    # 6,000 images instead of 60,000; all of them give 89 % (and a small convolutional net 99 %).
    x, t = features(train[0]), train[1]
    W, rng = np.zeros((785, 10), np.float32), np.random.default_rng(0)
    for epoch in range(8):
        for batch in rng.permutation(len(t)).reshape(-1, 100):
            score = x[batch] @ W
            y = np.exp(score - score.max(axis=1, keepdims=True))
            y /= y.sum(axis=1, keepdims=True)
            y[np.arange(100), t[batch]] -= 1
            W -= 0.003 / (1 + epoch) * (x[batch].T @ y)
    accuracy = ((features(test_split[0]) @ W).argmax(axis=1) == test_split[1]).mean()
    assert 0.75 < accuracy < 0.92


def features(images):
    """Return pixels from 0 to 1 and a constant, as float32 of shape (N, 785)."""
    x = np.ones((len(images), 785), np.float32)
    x[:, :784] = images.reshape(-1, 784) / np.float32(255)
    return x
