"""The kernels that measure what the machine can do: they do what they are timed for."""

import numpy as np
from fastnn.kernels import roofs
from fastnn.kernels.vectors import VECTOR_BYTES
from kernel_runs import run

from fastnn.profiling import roofs as measured


def test_multiply_adds_adds_products(rng, dtype):
    rows, terms, columns = 24, 7, 2 * VECTOR_BYTES // np.dtype(dtype).itemsize
    a, b = rng.random((2, rows, terms)), rng.random((2, terms, columns))
    a, b, c = a.astype(dtype), b.astype(dtype), np.ones((2, rows * columns), dtype)
    ticks = np.zeros(2, np.int64)
    base, off = np.arange(terms), np.arange(rows) * terms
    roofs.multiply_adds(a.reshape(2, -1), b.reshape(2, -1), base, off, 3, c, ticks)
    np.testing.assert_allclose(c.reshape(2, rows, columns), 1 + 3 * (a @ b), rtol=1e-5)
    assert (ticks > 0).all()


def test_triad_adds_a_multiple(rng, dtype):
    b, c = rng.random((2, 3, 100)).astype(dtype)
    (out,) = run(roofs.triad, (b, c, 0.5, 2), [((3, 100), dtype)])
    np.testing.assert_allclose(out, b + dtype(0.5) * c, rtol=1e-6)


def test_what_is_measured_is_measured(monkeypatch):
    monkeypatch.setattr(measured, "_ALL_TRIES", 0.002)
    monkeypatch.setattr(measured, "_REPEATS", 2)
    monkeypatch.setattr(measured, "_MOST_BYTES", 1 << 14)
    monkeypatch.setattr(measured, "GEMM_SIZE", 64)
    monkeypatch.setattr(measured, "PAUSE", 0)
    monkeypatch.setattr(measured, "cache_sizes", lambda: {2: 3000, 3: 9000})
    found = measured.measure("float32")
    assert [level.name for level in found.levels] == ["L2", "L3", "DRAM"]
    assert [level.holds for level in found.levels] == [3000, 9000, float("inf")]
    assert min(found.peak, found.gemm, *(level.rate for level in found.levels)) > 0
    assert found.dtype == "float32"


def test_sizes_of_caches_are_read(tmp_path, monkeypatch):
    folder = tmp_path / "sys/devices/system/cpu/cpu0/cache"
    for number, facts in enumerate(
        [
            ("1", "Data", "32K", "0-1"),
            ("1", "Instruction", "32K", "0-1"),
            ("2", "Unified", "1M", "0,4"),
            ("3", "Unified", "32M", "0-7"),
        ]
    ):
        index = folder / f"index{number}"
        index.mkdir(parents=True)
        for name, text in zip(("level", "type", "size", "shared_cpu_list"), facts, strict=True):
            (index / name).write_text(text + "\n")
    monkeypatch.setattr(measured._machine, "usable", lambda: 8)
    assert measured.cache_sizes(tmp_path) == {2: 1 << 19, 3: 4 << 20}
    monkeypatch.setattr(measured._machine, "usable", lambda: 1)
    assert measured.cache_sizes(tmp_path) == {2: 1 << 20, 3: 32 << 20}
    assert measured.cache_sizes(tmp_path / "nowhere") == {2: 1 << 19, 3: 1 << 23}
