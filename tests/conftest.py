"""Fixtures that every test may use."""

import os
from pathlib import Path

import numpy as np
import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--fuzz", type=int, default=2_000, metavar="N", help="compare N random cases (2000)"
    )


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=[np.float32, np.float64], ids=["f32", "f64"])
def dtype(request):
    return request.param


@pytest.fixture(scope="session")
def mnist_folder():
    """The folder that holds MNIST's four IDX files, from the environment."""
    name = os.environ.get("FASTNN_DATA", "")
    if not name:
        pytest.skip("FASTNN_DATA is not set: it names the folder of MNIST's IDX files")
    folder = Path(name).resolve()
    if not folder.is_dir():
        pytest.skip(f"FASTNN_DATA names {folder}, which is not a folder")
    return folder
