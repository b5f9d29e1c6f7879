"""Reading assembly: instructions and loops of x86-64 and of 64-bit Arm, in handwritten listings."""

import pytest

from fastnn.inspection import assembly, words
from fastnn.inspection.instructions import (
    ARITHMETIC,
    CALL,
    CONVERSION,
    DIVISION,
    FMA,
    INTEGER,
    MOVE,
    OTHER,
    SELECTION,
    SHUFFLE,
    Traits,
    jump,
    traits,
)

F, D = "float32", "float64"
LOADS, STORES = {"loads": True}, {"stores": True}
SPILL, RELOAD = STORES | {"stack": True}, LOADS | {"stack": True}

X86 = [  # SSE, AVX2, AVX-512
    ("mulps %xmm1, %xmm0", Traits(ARITHMETIC, 128, F)),
    ("addsd (%rdi,%rax,8), %xmm0", Traits(ARITHMETIC, 0, D, **LOADS)),
    ("movups (%rsi), %xmm0", Traits(MOVE, 128, F, **LOADS)),
    ("movaps %xmm0, 32(%rsp)", Traits(MOVE, 128, F, **SPILL)),
    ("movss %xmm0, (%rdx)", Traits(MOVE, 0, F, **STORES)),
    ("pshufd $27, %xmm0, %xmm0", Traits(SHUFFLE, 128)),
    ("pmulld %xmm1, %xmm0", Traits(INTEGER, 128)),
    ("vfmadd231ps %ymm1, %ymm2, %ymm3", Traits(FMA, 256, F)),
    ("vfnmadd213sd (%rax), %xmm1, %xmm0", Traits(FMA, 0, D, **LOADS)),
    ("vfmaddsub132pd %ymm1, %ymm2, %ymm3", Traits(FMA, 256, D)),
    ("vaddss %xmm1, %xmm0, %xmm0", Traits(ARITHMETIC, 0, F)),
    ("vmaxps %ymm1, %ymm0, %ymm0", Traits(ARITHMETIC, 256, F)),
    ("vdivps %ymm1, %ymm0, %ymm0", Traits(DIVISION, 256, F)),
    ("vsqrtsd %xmm0, %xmm0, %xmm0", Traits(DIVISION, 0, D)),
    ("vcmpltps %ymm0, %ymm1, %ymm2", Traits(SELECTION, 256, F)),
    ("vblendvps %ymm2, %ymm1, %ymm0, %ymm0", Traits(SELECTION, 256, F)),
    ("vucomiss %xmm1, %xmm0", Traits(SELECTION, 0, F)),
    ("vpcmpeqd %ymm0, %ymm1, %ymm2", Traits(SELECTION, 256)),
    ("vpslld $23, %ymm5, %ymm7", Traits(INTEGER, 256)),
    ("vpaddd 64(%rsp), %ymm5, %ymm7", Traits(INTEGER, 256, **RELOAD)),
    ("vcvtps2pd %xmm0, %ymm0", Traits(CONVERSION, 256)),
    ("vcvtss2sd %xmm0, %xmm0, %xmm0", Traits(CONVERSION)),
    ("cvtsi2sd %rax, %xmm0", Traits(CONVERSION)),
    ("vpmovzxbd (%rdi), %ymm0", Traits(CONVERSION, 256, **LOADS)),
    ("vbroadcastss (%rdi), %ymm0", Traits(MOVE, 256, **LOADS)),
    ("vbroadcastss %xmm0, %ymm0", Traits(SHUFFLE, 256)),
    ("vextractf128 $1, %ymm0, %xmm1", Traits(SHUFFLE, 256)),
    ("vmovaps %ymm0, %ymm1", Traits(MOVE, 256, F)),
    ("vmovups %ymm0, -80(%rsp)", Traits(MOVE, 256, F, **SPILL)),
    ("vmovups 8(%rsp,%rax,4), %ymm0", Traits(MOVE, 256, F, **RELOAD)),
    ("vmovd %eax, %xmm0", Traits(MOVE)),
    ("vgatherdps %ymm2, (%rax,%ymm1,4), %ymm0", Traits(MOVE, 256, gathers=True, **LOADS)),
    ("vfmadd213pd (%rax){1to8}, %zmm1, %zmm2", Traits(FMA, 512, D, **LOADS)),
    ("vmovups (%rax), %zmm0 {%k1} {z}", Traits(MOVE, 512, F, **LOADS)),
    ("vmovups %zmm0, (%rax) {%k1}", Traits(MOVE, 512, F, **STORES)),
    ("vscatterdps %zmm1, (%rax,%zmm0,4) {%k1}", Traits(MOVE, 512, gathers=True, **STORES)),
    ("vpternlogd $255, %zmm0, %zmm0, %zmm0", Traits(SELECTION, 512)),
    ("vxorps %xmm0, %xmm0, %xmm0", Traits(MOVE, 128)),  # which is how 0 is written
    ("vpxor %ymm0, %ymm0, %ymm0", Traits(MOVE, 256)),
    ("vxorps %xmm0, %xmm1, %xmm0", Traits(SELECTION, 128, F)),
    ("kandw %k1, %k2, %k1", Traits(SELECTION)),
    ("movq %rax, 24(%rsp)", Traits(OTHER, **SPILL)),
    ("addq 24(%rsp), %rax", Traits(OTHER, **RELOAD)),
    ("incq 24(%rsp)", Traits(OTHER, **(SPILL | RELOAD))),
    ("addq $8, (%rdi)", Traits(OTHER, **LOADS, **STORES)),
    ("cmpq %rsi, 480(%rsp)", Traits(OTHER, **RELOAD)),
    ("leaq 16(%rsp), %rdi", Traits(OTHER)),
    ("prefetcht0 256(%rdi)", Traits(OTHER)),
    ("callq *%rax", Traits(CALL)),
    ("jne .LBB0_2", Traits(OTHER)),
]
ARM = [
    ("fmla v0.4s, v1.4s, v2.4s", Traits(FMA, 128, F)),
    ("fmla v0.2d, v1.2d, v2.d[0]", Traits(FMA, 128, D)),
    ("fmla.4s v0, v1, v2", Traits(FMA, 128, F)),  # as Apple writes it
    ("fmla v0.2s, v1.2s, v2.2s", Traits(FMA, 64, F)),
    ("fmadd s0, s1, s2, s3", Traits(FMA, 0, F)),
    ("fnmsub d0, d1, d2, d3", Traits(FMA, 0, D)),
    ("fmla z0.s, p0/m, z1.s, z2.s", Traits(FMA, 128, F)),
    ("fadd v0.4s, v0.4s, v1.4s", Traits(ARITHMETIC, 128, F)),
    ("fmaxnm d0, d0, d1", Traits(ARITHMETIC, 0, D)),
    ("fdiv v0.4s, v0.4s, v1.4s", Traits(DIVISION, 128, F)),
    ("fsqrt s0, s0", Traits(DIVISION, 0, F)),
    ("fcmgt v0.4s, v0.4s, v1.4s", Traits(SELECTION, 128, F)),
    ("bsl v0.16b, v1.16b, v2.16b", Traits(SELECTION, 128)),
    ("shl v0.4s, v0.4s, #23", Traits(INTEGER, 128)),
    ("scvtf v0.4s, v0.4s", Traits(CONVERSION, 128)),
    ("dup v0.4s, v1.s[0]", Traits(SHUFFLE, 128)),
    ("ldr q0, [x0, #16]", Traits(MOVE, 128, **LOADS)),
    ("ldp q0, q1, [sp, #32]", Traits(MOVE, 128, **RELOAD)),
    ("ld1r { v0.4s }, [x8]", Traits(MOVE, 128, **LOADS)),
    ("ldr s0, [x0], #4", Traits(MOVE, 0, F, **LOADS)),
    ("stur q0, [sp, #-16]", Traits(MOVE, 128, **SPILL)),
    ("str x8, [sp, #8]", Traits(OTHER, **SPILL)),
    ("add x8, x8, #16", Traits(OTHER)),
    ("and x8, x8, #7", Traits(OTHER)),
    ("bl memcpy", Traits(CALL)),
    ("blr x9", Traits(CALL)),
    ("b.ne .LBB0_2", Traits(OTHER)),
]


@pytest.mark.parametrize("text, expected", X86, ids=[text for text, _ in X86])
def test_instructions_of_x86(text, expected):
    assert traits(text, "x86") == expected


@pytest.mark.parametrize("text, expected", ARM, ids=[text for text, _ in ARM])
def test_instructions_of_arm(text, expected):
    found = traits(text, "arm")
    if expected.kind in (MOVE, SELECTION, SHUFFLE, CONVERSION, INTEGER):
        found = found._replace(element=expected.element)  # does not matter, and may show or not
    assert found == expected


@pytest.mark.parametrize(
    "processor, text, expected",
    [
        ("x86", "jne .LBB0_2", (".LBB0_2", True)),
        ("x86", "jmp .LBB0_2", (".LBB0_2", False)),
        ("x86", "retq", ("", False)),
        ("x86", "addq $8, %rax", None),
        ("arm", "b.ne .LBB0_2", (".LBB0_2", True)),
        ("arm", "cbnz x8, .LBB0_2", (".LBB0_2", True)),
        ("arm", "tbz w8, #3, LBB0_2", ("LBB0_2", True)),
        ("arm", "b .LBB0_2", (".LBB0_2", False)),
        ("arm", "ret", ("", False)),
        ("arm", "bl memcpy", None),
        ("arm", "bsl v0.16b, v1.16b, v2.16b", None),
    ],
)
def test_jumps(processor, text, expected):
    assert jump(text, processor) == expected


# --- Loops ------------------------------------------------------------------------------------

AVX2 = """
\t.file\t"<string>"
\t.globl\tscale_rows
scale_rows:
.Lfunc_begin0:
\t.file\t1 "/home/somebody" "rows.py"
\t.loc\t1 10 0
\ttestq\t%rdi, %rdi
\tjle\t.LBB0_6
.LBB0_2:                                # a row
\t.loc\t1 11 5
\txorl\t%eax, %eax
.LBB0_3:
\t.loc\t1 12 9
\tvmovups\t(%rsi,%rax,4), %ymm1         # comments are left out
\t.loc\t1 0 9
\tvfmadd213ps\t(%rdx,%rax,4), %ymm0, %ymm1
\tvmovups\t%ymm1, (%rdx,%rax,4)
\taddq\t$8, %rax
\tcmpq\t%rax, %rcx
\tjne\t.LBB0_3
\t.loc\t1 11 5
\tdecq\t%rdi
\tjne\t.LBB0_2
.LBB0_6:
\tvzeroupper
\tretq
.Lfunc_end0:
\t.globl\t_ZN7cpython10scale_rowsE
_ZN7cpython10scale_rowsE:
.LBB1_1:
\tcallq\t*%rax
\tjne\t.LBB1_1
\tretq
".const.text":
\t.asciz\t"a: b"
"""
# What is seldom done stands behind the return, and jumps back into the loop.
AVX512_OUT_OF_LINE = """
sums:
\txorl\t%eax, %eax
\tjmp\t.LBB0_2
.LBB0_1:
\tincq\t%rax
\tcmpq\t%rax, %rcx
\tje\t.LBB0_9
.LBB0_2:
\tvaddpd\t(%rsi,%rax,8), %zmm0, %zmm0
\ttestb\t$1, (%rdi,%rax)
\tje\t.LBB0_1
\tjmp\t.LBB0_5
.LBB0_9:
\tretq
.LBB0_5:
\tvmovups\t%zmm0, 64(%rsp)
\tjmp\t.LBB0_1
"""
SSE_SCALAR = """
dot:
.LBB0_1:
\tmovss\t(%rdi,%rax,4), %xmm1
\tmulss\t(%rsi,%rax,4), %xmm1
\taddss\t%xmm1, %xmm0
\tincq\t%rax
\tcmpq\t%rdx, %rax
\tjne\t.LBB0_1
\tretq
"""
NEON = """
axpy:                                   // @axpy
\tcbz\tx0, .LBB0_3
.LBB0_2:                                // =>This loop
\tldr\tq1, [x1], #16                    // moves on
\tldr\tq2, [x2]
\tfmla\tv2.4s, v1.4s, v0.s[0]
\tsubs\tx0, x0, #4
\tstr\tq2, [x2], #16
\tb.ne\t.LBB0_2
.LBB0_3:
\tret
"""
APPLE = """
_axpy:                                  ; @axpy
\tcbz\tx0, LBB0_3
LBB0_2:                                 ; =>This loop
\tldr\tq1, [x1], #16
\tldr\tq2, [x2]
\tfmla.4s\tv2, v1, v0[0]
\tsubs\tx0, x0, #4
\tstr\tq2, [x2], #16
\tb.ne\tLBB0_2
LBB0_3:
\tret
"""
TWO_WAYS_ROUND = """
one_loop:
.LBB0_1:
\tvaddss\t%xmm1, %xmm0, %xmm0
\ttestb\t$1, (%rdi)
\tje\t.LBB0_1
\tdecq\t%rdi
\tjne\t.LBB0_1
\tretq
"""


def only_loop(listing, processor="x86"):
    (loop,) = assembly.innermost_loops(listing, processor)
    return loop, loop.traits(processor)


def test_the_innermost_loop_and_its_lines():
    loop, found = only_loop(AVX2)
    assert loop.name == "scale_rows"
    assert [line.text for line in loop.lines][:2] == [
        "vmovups (%rsi,%rax,4), %ymm1",
        "vfmadd213ps (%rdx,%rax,4), %ymm0, %ymm1",
    ]
    assert {(line.file, line.source) for line in loop.lines} == {("rows.py", 12)}
    assert loop.labels == [(".LBB0_3", 6)]
    assert words.verdict(found) == "vectorised: 8 float32 at a time (256 bits)"
    assert words.mix(found) == (
        "6 instructions: 1 packed fused multiply-add (17%), 1 packed load, 1 packed store, "
        "3 address, counter and branch instructions; 1 of them takes an operand from memory"
    )
    assert words.spills(found) == "none"


def test_wrappers_and_data_are_left_out():
    assert [*assembly.functions(AVX2, "x86")] == ["scale_rows"]


def test_a_loop_may_have_parts_elsewhere():
    loop, found = only_loop(AVX512_OUT_OF_LINE)
    assert [label for label, _ in loop.labels if label] == [".LBB0_1", ".LBB0_2", ".LBB0_5"]
    assert words.verdict(found) == "vectorised: 8 float64 at a time (512 bits)"
    assert words.spills(found) == "1 instruction with numbers or vectors to or from the stack"
    assert "vmovups %zmm0, 64(%rsp)" in [line.text for line in loop.lines]
    assert "retq" not in [line.text for line in loop.lines]


def test_a_loop_of_single_numbers():
    _, found = only_loop(SSE_SCALAR)
    assert words.verdict(found) == "not vectorised: one float32 at a time"
    assert words.mix(found).startswith("6 instructions: 2 scalar other float operations, 1 scalar")


@pytest.mark.parametrize("listing", [NEON, APPLE], ids=["ELF", "Mach-O"])
def test_a_loop_of_arm(listing):
    loop, found = only_loop(listing, "arm")
    assert loop.name.strip("_") == "axpy"
    assert len(found) == 6
    assert words.verdict(found) == "vectorised: 4 float32 at a time (128 bits)"
    assert words.mix(found).startswith(
        "6 instructions: 1 packed fused multiply-add (17%), 2 packed loads, 1 packed store, 2 "
    )


def test_a_loop_with_two_ways_back_is_one():
    assert len(only_loop(TWO_WAYS_ROUND)[0].lines) == 5


def test_no_loop():
    assert assembly.innermost_loops("f:\n\taddq\t$1, %rax\n\tretq\n", "x86") == []
    assert assembly.innermost_loops("", "x86") == []


# --- Words ------------------------------------------------------------------------------------


def loop_of(*texts):
    return [traits(text, "x86") for text in texts]


FMA_256, SCALAR = "vfmadd231ps %ymm1, %ymm2, %ymm3", "vaddss %xmm1, %xmm0, %xmm0"


@pytest.mark.parametrize(
    "texts, expected",
    [
        (
            [FMA_256] * 2 + [SCALAR],
            "partly vectorised: 8 float32 at a time (256 bits), but 1 of 3 "
            "operations on one number",
        ),
        (["vmovups (%rax), %ymm0"], "whole vectors of 256 bits, with no arithmetic on floats"),
        (["vxorps %xmm0, %xmm0, %xmm0", "incq %rax"], "no vectors, and no arithmetic on floats"),
        (
            ["callq *%rax", "vmovups %xmm0, (%rax)"],
            "it calls other functions, and computes nothing with floats itself",
        ),
    ],
)
def test_verdicts(texts, expected):
    assert words.verdict(loop_of(*texts)) == expected


@pytest.mark.parametrize(
    "texts, expected",
    [
        ([FMA_256], "none"),
        (["addq 8(%rsp), %rax"], "none but of addresses or counters, in 1 instruction"),
        (
            ["vaddps 8(%rsp), %ymm0, %ymm0", "incq 8(%rsp)"],
            "1 instruction with numbers or vectors from the stack, 1 more with addresses or "
            "counters",
        ),
        (
            ["vmovups %ymm0, 8(%rsp)", "vaddps 8(%rsp), %ymm0, %ymm0"],
            "2 instructions with numbers or vectors to or from the stack",
        ),
        (["callq *%rax", "movq %rax, 8(%rsp)"], "not told apart from the arguments of its calls"),
    ],
)
def test_spills(texts, expected):
    assert words.spills(loop_of(*texts)) == expected


def test_the_loop_with_most_to_do_is_the_hot_one():
    vector, scalar = loop_of(FMA_256), loop_of(*[SCALAR] * 9)
    copy, count = loop_of(*["vmovups (%rax), %ymm0"] * 3), loop_of(*["incq %rax"] * 50)
    assert sorted([count, copy, scalar, vector], key=words.weight) == [count, copy, scalar, vector]


def test_remarks_are_told_once_for_each_line():
    done = "vectorized loop (vectorization width: 8, interleaved count: 4)"
    refused = "loop not vectorized: call instruction cannot be vectorized"
    unsafe = "loop not vectorized: unsafe dependent memory operations in loop. Use #pragma clang"
    again = (
        "loop not vectorized: vectorization and interleaving are explicitly disabled, or the loop "
        "has already been vectorized"
    )
    found = [
        (7, refused),
        (5, done),
        (5, again),
        (5, done),
        (7, refused),
        (7, unsafe),
        (9, refused),
    ]
    assert words.remarks([*found, (0, refused), (3, "loop not vectorized")], {9}) == [
        "a thread's part of the parallel loop: not vectorised: call instruction cannot be "
        "vectorized",
        "line 5: vectorised, 8 at a time, 4 vectors a turn",
        "line 7: not vectorised: call instruction cannot be vectorized, unsafe dependent memory "
        "operations in loop",
        "line 9: nothing to do, it is written in vectors",
    ]


def test_parallel_loops():
    assert words.parallel([(3, False), (4, True), (9, False)], [(3, True), (4, True)]) == [
        "the prange of line 3 runs in parallel",
        "the prange of line 4 is serial, being inside another",
        "THE PRANGE OF LINE 9 IS SERIAL: a raise, an assert, a break or a return in it makes it so",
    ]
    assert words.parallel([], [(5, False)]) == [
        "line 5 became a parallel loop that no prange asks for"
    ]
    assert words.parallel([], []) == ["there is no parallel loop"]
