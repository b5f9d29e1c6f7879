"""What the machine can do: the rates that those of kernels are held against."""

import pytest


@pytest.mark.parametrize("name", ["gemm", "copy"])
def bench_roof(race, roofs, name):
    function, unit, per_call = roofs[name]
    race(
        function(),
        operation={"gemm": "matrix product, NumPy", "copy": "copy, all threads"}[name],
        shape={"gemm": "2048 x 2048, float32", "copy": "128 MiB"}[name],
        level="machine",
        blas=name == "gemm",
        **{unit: per_call},
    )
