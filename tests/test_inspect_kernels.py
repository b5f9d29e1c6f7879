"""What the compiler makes of the kernels: registers and vectors that are filled, and no spills."""

import json
import platform
from functools import cache

import pytest
import test_jit

from fastnn.inspection import assembly, instructions, words

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.skipif(
        platform.machine() not in ("x86_64", "AMD64"), reason="compiles for x86-64 processors"
    ),
]

# Processors that code is compiled for, on any x86-64: none of it runs.
PROCESSORS = {
    "avx2": ("haswell", "+avx2,+fma", 256),
    "avx512": ("znver4", "+avx512f,+avx512vl,+avx512bw,+avx512dq,+avx2,+fma", 512),
}
WIDTHS = [
    pytest.param(name, dtype, marks=() if dtype == "float32" else pytest.mark.slow)
    for name in PROCESSORS
    for dtype in ("float32", "float64")
]
TILES = ("multiply", "multiply_numbered", "multiply_placed")
ELEMENTWISE = ("sigmoid_forward_serial",)

COMPILE = """
    import json
    from numba import types
    from fastnn.inspection import compilation, names
    from fastnn.kernels import tile

    numbers = types.Array(types.{dtype}, 1, "C")
    index, table = types.int64, types.Array(types.int64, 1, "C")
    product = (
        *(numbers, index, table, index, index, table, index, index),
        *(numbers, index, index, index, numbers, index, index, numbers, index, index),
    )
    found = {{}}
    for name in {tiles}:
        found[name] = compilation.compile_anew(names.find(name).dispatcher, product).assembly
    product = (
        *(numbers, index, types.Array(types.int32, 1, "C"), index, numbers, index, index, index),
        *(numbers, index, numbers, index),
    )
    sparse = names.find("multiply_nonzeros").dispatcher
    found["multiply_nonzeros"] = compilation.compile_anew(sparse, product).assembly
    for name in {elementwise}:
        form = names.find(name).dispatcher
        found[name] = compilation.compile_anew(form, (numbers, numbers)).assembly
    loop = compilation.in_a_loop(names.find("exp").dispatcher)
    found["exp"] = compilation.compile_anew(loop, (numbers, numbers)).assembly
    print(json.dumps([found, tile._NARROW_ROWS, tile._WIDE_ROWS]))
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Return a function that compiles for a processor and a dtype, once, in a new process."""

    @cache
    def compiled(processor, dtype):
        name, features, _ = PROCESSORS[processor]
        (line,) = test_jit.printed(
            COMPILE.format(dtype=dtype, tiles=TILES, elementwise=ELEMENTWISE),
            NUMBA_CPU_NAME=name,
            NUMBA_CPU_FEATURES=features,
            NUMBA_CACHE_DIR=str(tmp_path_factory.mktemp(processor)),
        )
        return json.loads(line)

    return compiled


def loops_of(listing):
    """Return the traits of each innermost loop, that with most to do first."""
    loops = [loop.traits("x86") for loop in assembly.innermost_loops(listing, "x86")]
    return sorted(loops, key=words.weight, reverse=True)


def multiply_adds(loop):
    return [trait for trait in loop if trait.kind == instructions.FMA]


@pytest.mark.parametrize("name", TILES)
@pytest.mark.parametrize("processor, dtype", WIDTHS)
def test_tiles_keep_their_sums_in_registers(name, processor, dtype, compiled):
    listings, (narrow, narrow_short), (wide, wide_short) = compiled(processor, dtype)
    sums = (
        {narrow, narrow_short, 2 * wide, 2 * wide_short} if name == "multiply" else {2 * wide_short}
    )
    keeps_sums_in_registers(listings[name], sums, PROCESSORS[processor][2], dtype)


@pytest.mark.parametrize("processor, dtype", WIDTHS)
def test_sparse_tiles_keep_their_sums_in_registers(processor, dtype, compiled):
    listing = compiled(processor, dtype)[0]["multiply_nonzeros"]
    keeps_sums_in_registers(listing, {7, 10, 13}, PROCESSORS[processor][2], dtype)


def keeps_sums_in_registers(listing, sums, bits, dtype):
    """Assert that the loops on whole vectors have so many sums, none of them on the stack."""
    full = [
        loop
        for loop in loops_of(listing)
        if multiply_adds(loop) and max(trait.bits for trait in loop) == bits
    ]
    assert {len(multiply_adds(loop)) for loop in full} == sums
    for loop in full:
        for trait in multiply_adds(loop):
            assert (trait.bits, trait.element) == (bits, dtype)
        on_stack = [trait for trait in loop if trait.stack]
        assert not any(trait.stores for trait in on_stack), "spilled"
        assert {trait.kind for trait in on_stack} <= {instructions.OTHER}, "sums in memory"
        moved = [t for t in loop if t.kind == instructions.MOVE and not t.loads and not t.stores]
        assert not moved, "sums are moved"


@pytest.mark.parametrize("name", [*ELEMENTWISE, "exp"])
@pytest.mark.parametrize("processor, dtype", WIDTHS)
def test_exponentials_are_vectorised(name, processor, dtype, compiled):
    hot = loops_of(compiled(processor, dtype)[0][name])[0]
    bits = PROCESSORS[processor][2]
    lanes = bits // (32 if dtype == "float32" else 64)
    assert words.verdict(hot) == f"vectorised: {lanes} {dtype} at a time ({bits} bits)"
    # A polynomial of degree 7, or of degree 13.
    assert len(multiply_adds(hot)) >= (7 if dtype == "float32" else 13)
    assert not any(trait.kind == instructions.CALL for trait in hot)
    assert not any(trait.stack and trait.stores for trait in hot), "spilled"
