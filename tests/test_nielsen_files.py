"""Files of Nielsen's second network: what is saved comes back, and what does not fit is refused."""

import json

import numpy as np
import pytest
from nielsen_runs import parameters

from fastnn.errors import DataError
from fastnn.networks.nielsen import network2
from fastnn.networks.nielsen.network2 import Network, QuadraticCost, load


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.json"


@pytest.fixture
def content():
    return {
        "sizes": [2, 1],
        "weights": [[[0.5, -1]]],
        "biases": [[[0.25]]],
        "cost": "CrossEntropyCost",
    }


@pytest.mark.parametrize("cost", [network2.CrossEntropyCost, QuadraticCost])
def test_saved_network_comes_back(cost, path):
    net = Network([5, np.int64(4), 3], cost)
    net.save(path)
    other = load(str(path))
    assert (type(other), other.cost, other.sizes, other.num_layers) == (Network, cost, [5, 4, 3], 3)
    for array, right in zip(parameters(other), parameters(net), strict=True):
        np.testing.assert_array_equal(array, right, strict=True)
    assert [file.name for file in path.parent.iterdir()] == ["net.json"]


def test_file_has_the_originals_form(path):
    np.random.seed(0)
    Network([2, 1]).save(path)
    content = json.loads(path.read_text())
    np.random.seed(0)
    bias, weight = np.random.randn(1, 1), np.random.randn(1, 2) / np.sqrt(2)
    assert content == {
        "sizes": [2, 1],
        "weights": [weight.tolist()],
        "biases": [bias.tolist()],
        "cost": "CrossEntropyCost",
    }


def test_originals_file_is_read(path, content):
    path.write_text(json.dumps(content))
    net = load(path)
    np.testing.assert_array_equal(net.weights[0], [[0.5, -1.0]])
    assert net.feedforward(np.array([[1.0], [0.5]])) == pytest.approx(1 / (1 + np.exp(-0.25)))


def test_numbers_that_are_not_finite_are_not_saved(path):
    net = Network([2, 1])
    net.save(path)
    before = path.read_bytes()
    net.biases[0][...] = np.inf
    with pytest.raises(ValueError, match=r"^Network.save: biases must be finite to be read again$"):
        net.save(path)
    assert path.read_bytes() == before


def test_missing_file(path):
    with pytest.raises(FileNotFoundError):
        load(path)


DAMAGES = {
    "sizes": [
        ([2], "sizes must be a list of at least 2 integers"),
        (None, "sizes must be a list of at least 2 integers"),
        ([2, 0], "sizes must be integers of at least 1"),
        ([2, True], "sizes must be integers of at least 1"),
        ([2.0, 1], "sizes must be integers of at least 1"),
        ([10**12, 10**12], r"weights\[0\] must have 10{12} rows of 10{12} numbers"),
        ([2, 1, 1], "weights must be a list of 2 matrices"),
        ([3, 1], r"weights\[0\] must have 1 rows of 3 numbers"),
    ],
    "weights": [
        ([], "weights must be a list of 1 matrices"),
        ({"0": 1}, "weights must be a list of 1 matrices"),
        ([[0.5, 1]], r"weights\[0\] must have 1 rows of 2 numbers"),
        ([[[0.5, 1], [1]]], r"weights\[0\] must have 1 rows of 2 numbers"),
        ([[[0.5, "1"]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, True]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, None]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, [1]]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, float("nan")]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, float("-inf")]]], r"weights\[0\] must hold finite numbers"),
        ([[[0.5, 10**400]]], r"weights\[0\] must hold finite numbers"),
    ],
    "biases": [
        ([[0.25]], r"biases\[0\] must have 1 rows of 1 numbers"),
        ([[[0.25, 1]]], r"biases\[0\] must have 1 rows of 1 numbers"),
    ],
    "cost": [
        ("load", "cost must be QuadraticCost or CrossEntropyCost, not 'load'"),
        ("__class__", "cost must be QuadraticCost or CrossEntropyCost, not '__class__'"),
        (["QuadraticCost"], "cost must be QuadraticCost or CrossEntropyCost, not .*"),
        (None, "cost must be QuadraticCost or CrossEntropyCost, not 'None'"),
    ],
}


@pytest.mark.parametrize(
    "name, value, message",
    [(name, value, message) for name, cases in DAMAGES.items() for value, message in cases],
)
def test_damaged_values_are_refused(name, value, message, path, content):
    path.write_text(json.dumps(content | {name: value}))
    with pytest.raises(DataError, match=rf"^{path}: {message}$"):
        load(path)


@pytest.mark.parametrize("name", DAMAGES)
def test_missing_and_additional_names_are_refused(name, path, content):
    message = f"^{path}: it must hold sizes, weights, biases, cost, and nothing else$"
    for damaged in ({k: v for k, v in content.items() if k != name}, content | {f"{name}2": 1}, []):
        path.write_text(json.dumps(damaged))
        with pytest.raises(DataError, match=message):
            load(path)


def test_every_truncation_is_refused(path, content):
    data = json.dumps(content).encode()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=f"^{path}: "):
            load(path)


@pytest.mark.parametrize(
    "data", [b"\xff\xfe{}", b"[" * 100_000, b'{"sizes": ' + b"9" * 5000 + b"}", b"\0" * 9, b"1e999"]
)
def test_other_files_are_refused(data, path):
    path.write_bytes(data)
    with pytest.raises(DataError, match=f"^{path}: "):
        load(path)


def test_long_files_are_refused(path, monkeypatch, content):
    path.write_text(json.dumps(content))
    monkeypatch.setattr(network2._json_file, "_MAX_BYTES", 20)
    with pytest.raises(DataError, match=f"^{path}: it is longer than 20 bytes$"):
        load(path)
