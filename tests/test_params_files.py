"""The networks' files: what is saved comes back, and what does not fit is refused."""

import io
import pickle
import zipfile

import numpy as np
import pytest
from small_networks import SMALL, make, training_loss

import fastnn


@pytest.mark.parametrize("file_name", ["params.npz", "params.pkl", "PARAMS.PICKLE", "params"])
@pytest.mark.parametrize("name", SMALL)
def test_saved_parameters_come_back_into_the_same_arrays(name, file_name, tmp_path):
    network, x, t = make(name, seed=1)
    training_loss(network, x, t)  # moves running statistics
    network.save_params(tmp_path / file_name)
    other, _, _ = make(name, seed=2)
    arrays = dict(other.params)
    other.load_params(tmp_path / file_name)
    for key, param in other.params.items():
        assert param is arrays[key]
        np.testing.assert_array_equal(param, network.params[key])
    np.testing.assert_array_equal(other.predict(x), network.predict(x))
    assert [path.name for path in tmp_path.iterdir()] == [file_name]


def test_default_file_is_the_books_params_pkl_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    network, _, _ = make("TwoLayerNet", seed=1)
    network.save_params()
    with open("params.pkl", "rb") as file:
        arrays = pickle.load(file)
    assert type(arrays) is dict and list(arrays) == ["W1", "b1", "W2", "b2"]
    for key, array in arrays.items():
        assert type(array) is np.ndarray
        np.testing.assert_array_equal(array, network.params[key], strict=True)
    other, _, _ = make("TwoLayerNet", seed=2)
    other.load_params()
    np.testing.assert_array_equal(other.params["W1"], network.params["W1"])


def test_npz_files_need_no_pickles(tmp_path):
    network, _, _ = make("TwoLayerNet")
    network.save_params(tmp_path / "params.npz")
    with np.load(tmp_path / "params.npz", allow_pickle=False) as file:
        assert sorted(file) == ["W1", "W2", "b1", "b2"]


def write(path, arrays, protocol=4):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(pickle.dumps(arrays, protocol))


@pytest.mark.parametrize("ending", ["npz", "pkl"])
def test_file_of_another_dtype_or_order_is_cast(ending, tmp_path):
    network, _, _ = make("TwoLayerNet")
    arrays = {k: np.asfortranarray(v.astype(">f4")) for k, v in network.params.items()}
    path = tmp_path / f"big-endian.{ending}"
    write(path, arrays)
    network.load_params(path)
    for key, param in network.params.items():
        assert param.dtype == np.float64
        np.testing.assert_array_equal(param, arrays[key])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_pickles_of_every_protocol_are_read(protocol, dtype, tmp_path):
    network, _, _ = make("SimpleConvNet")
    rng = np.random.default_rng(0)
    arrays = {k: rng.standard_normal(p.shape).astype(dtype) for k, p in network.params.items()}
    arrays["W1"] = np.asfortranarray(arrays["W1"])
    arrays["b1"][:] = 0  # bytes that protocol 0 writes as text of 6 characters
    arrays["W2"] = np.repeat(arrays["W2"], 2, axis=1)[:, ::2]
    arrays["b2"].flags.writeable = False
    path = tmp_path / "params.pkl"
    write(path, arrays, protocol)
    network.load_params(path)
    for key, param in network.params.items():
        np.testing.assert_array_equal(param, arrays[key])


def test_pickles_of_older_numpys_are_read(tmp_path):
    network, _, _ = make("TwoLayerNet")
    arrays = {key: param + 1 for key, param in network.params.items()}
    path = tmp_path / "params.pkl"
    for protocol in (2, 3):  # where the module's name has no length before it
        write(path, arrays, protocol)
        data = path.read_bytes()
        assert data.count(b"cnumpy._core.multiarray\n") == 1
        path.write_bytes(data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"))
        network.load_params(path)
        np.testing.assert_array_equal(network.params["W2"], arrays["W2"])
        network.params["W2"][...] = 0


@pytest.mark.parametrize("ending", ["npz", "pkl"])
def test_files_that_do_not_fit_are_refused_before_anything_changes(ending, tmp_path):
    network, _, _ = make("TwoLayerNet")
    before = {key: param.copy() for key, param in network.params.items()}
    good = {key: param + 1 for key, param in network.params.items()}
    path = tmp_path / f"bad.{ending}"
    kinds = {"npz": ["int64", "float16", "complex128", "object"], "pkl": ["i8", "f2", "c16", "O8"]}
    wrong_kind = {"npz": "b2 must be float32 or float64, not {}"}
    wrong_kind["pkl"] = "arrays must be float32 or float64, not '{}'"
    cases = [
        (good | {"b2": np.zeros(5)}, r"b2 must have shape \(4,\), not \(5,\)"),
        (good | {"b3": np.zeros(4)}, r"it must hold \['W1.*', .*\], not \[.*'b3.*'\]"),
        ({"W1": good["W1"]}, r"it must hold \['W1.*', .*\], not \['W1[^,]*'\]"),
        *(
            (good | {"b2": np.zeros(4, dtype)}, wrong_kind[ending].format(name))
            for dtype, name in zip([int, "f2", complex, object], kinds[ending], strict=True)
        ),
    ]
    if ending == "npz":
        cases += [(good | {"b2": np.zeros(10**4)}, "b2 claims to be 80128 bytes long")]
    else:
        message = r"it is longer than 20656 bytes, too long for \['W1', 'b1', 'W2', 'b2'\]"
        cases += [(good | {"b2": np.zeros(10**4)}, message)]
    for arrays, message in cases:
        write(path, arrays)
        with pytest.raises(fastnn.DataError, match=f"^{path}: {message}$"):
            network.load_params(path)
        for key, param in network.params.items():
            np.testing.assert_array_equal(param, before[key])


def test_lying_header_asks_for_no_memory(tmp_path):
    network, _, _ = make("TwoLayerNet")
    header = io.BytesIO()
    claim = {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)}
    np.lib.format.write_array_header_1_0(header, claim)
    path = tmp_path / "huge.npz"
    for name, member in (("W1", header.getvalue()), ("W1", header.getvalue()[:9]), ("W1", b"")):
        with zipfile.ZipFile(path, "w") as archive:
            for key, param in network.params.items():
                data = io.BytesIO()
                np.save(data, param)
                archive.writestr(f"{key}.npy", member if key == name else data.getvalue())
        with pytest.raises(fastnn.DataError, match=f"^{path}: "):
            network.load_params(path)


def test_what_is_no_npz_file_is_named(tmp_path):
    network, _, _ = make("TwoLayerNet")
    path = tmp_path / "params.npz"
    path.write_text("<html>404 Not Found</html>")
    with pytest.raises(fastnn.DataError, match=f"^{path}: File is not a zip file$"):
        network.load_params(path)
    with pytest.raises(FileNotFoundError):
        network.load_params(tmp_path / "missing.npz")


def test_damaged_files_are_refused_or_harmless(tmp_path):
    network, _, _ = make("TwoLayerNet")
    path = tmp_path / "params.npz"
    network.save_params(path)
    good, rng = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for case in range(300):
        damaged = bytearray(good)
        if case % 3 == 0:
            del damaged[rng.integers(len(good)) :]
        else:
            for place in rng.integers(len(good), size=1 + case % 4):
                damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        before = {key: param.copy() for key, param in network.params.items()}
        try:
            network.load_params(path)
        except fastnn.DataError:
            refused += 1
        # Checksums guard the numbers, so what is taken is what was saved.
        for key, param in network.params.items():
            np.testing.assert_array_equal(param, before[key])
    assert refused > 200


@pytest.mark.parametrize("file_name", ["params.npz", "params.pkl"])
def test_failed_save_leaves_the_old_file_alone(file_name, tmp_path):
    network, _, _ = make("TwoLayerNet", seed=1)
    network.save_params(tmp_path / file_name)
    before = (tmp_path / file_name).read_bytes()

    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise OSError("no space left")

    network.params["b2"] = Broken()
    with pytest.raises(OSError, match="no space left"):
        network.save_params(tmp_path / file_name)
    assert (tmp_path / file_name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [file_name]
