"""The arguments of each command of ``fastnn``, known without importing NumPy."""

import argparse
import math

from .cli import integer

# What there is to choose from; a test compares it with the classes behind it.
NETS = ("mlp", "simple", "deep", "lenet")
OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam")
ENGINES = ("auto", "compiled", "layers")


def _learning_rate(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a finite number of at least 0, not {text!r}")
    return value


def _net(text):
    if text not in NETS:
        from difflib import get_close_matches

        nearest = "".join(f"; {name} is nearest" for name in get_close_matches(text, NETS, 1))
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(NETS)}, not {text!r}{nearest}")
    return text


def add_commands(commands):
    """Add the parsers of all commands, in the order of ``fastnn --help``."""
    _add_train(commands)
    _add_run(commands)
    _add_profile(commands)
    _add_bench(commands)
    _add_inspect(commands)
    _add_info(commands)
    _add_warmup(commands)


def _add_step(command):
    """Add what a training step depends on besides the network."""
    command.add_argument(
        "--batch-size",
        type=integer(1),
        default=100,
        metavar="N",
        help="images to a step (default: %(default)s)",
    )
    command.add_argument(
        "--optimizer",
        type=str.lower,
        choices=OPTIMIZERS,
        default="adam",
        help="default: %(default)s",
    )
    command.add_argument(
        "--dtype", choices=("float32", "float64"), default="float32", help="default: %(default)s"
    )


def _add_train(commands):
    train = commands.add_parser(
        "train",
        allow_abbrev=False,
        help="train a network on MNIST and test it",
        description="Train a network on MNIST, test it after each epoch, and keep its weights, "
        "its results and a picture of its learning curve.",
        epilog="Exit codes: 0 done, 1 training failed, 2 bad arguments, 3 no data, "
        "130 interrupted (what there was is kept).",
    )
    train.add_argument(
        "--net",
        choices=NETS,
        default="simple",
        help="mlp: 784-50-10; simple and deep: the book's SimpleConvNet and DeepConvNet; "
        "lenet: LeNet-5 (default: %(default)s)",
    )
    train.add_argument(
        "--epochs", type=integer(0), default=3, metavar="N", help="default: %(default)s"
    )
    _add_step(train)
    train.add_argument(
        "--lr",
        type=_learning_rate,
        metavar="X",
        help="learning rate (default: the optimizer's own)",
    )
    train.add_argument(
        "--engine",
        choices=ENGINES,
        default="auto",
        help="compiled: many steps in one compiled call; layers: layer by layer; auto: compiled "
        "unless the backend is numpy or the JIT is off (default: %(default)s)",
    )
    train.add_argument(
        "--seed",
        type=integer(0, 2**32 - 1),
        default=0,
        metavar="N",
        help="decides initial weights, order of images and dropout (default: %(default)s)",
    )
    train.add_argument(
        "--data",
        choices=("auto", "mnist", "drawn"),
        default="auto",
        help="mnist: MNIST or nothing; drawn: digits drawn by this program; auto: MNIST if it "
        "can be had, else drawn digits (default: %(default)s)",
    )
    train.add_argument(
        "--data-dir",
        metavar="DIR",
        help="folder of MNIST's four IDX files (default: $FASTNN_DATA, the cache, a download)",
    )
    train.add_argument(
        "--out",
        metavar="DIR",
        help="folder for the results, which replace those of an earlier run in it "
        "(default: runs/NET-DATE-TIME)",
    )


def _add_run(commands):
    run = commands.add_parser(
        "run",
        allow_abbrev=False,
        usage="fastnn run [-h] [--time] [--figures DIR] SCRIPT [ARGUMENT ...]",
        help="run a script or a notebook of the book on fastnn",
        description="Run a script or a notebook of the book Deep Learning from Scratch, in its "
        "folder, on fastnn instead of the packages common and dataset beside it.",
        epilog="Exit codes: the script's; 2 if there is none to run, 130 interrupted.",
    )
    run.add_argument(
        "--time",
        action="store_true",
        help="tell how long it took, and how long it takes on the common beside it",
    )
    run.add_argument(
        "--figures",
        metavar="DIR",
        help="save figures there as SCRIPT-1.png, SCRIPT-2.png, ... instead of showing them",
    )
    run.add_argument("script", nargs="?", metavar="SCRIPT", help="a Python file or a notebook")
    run.add_argument(
        "arguments",
        nargs=argparse.REMAINDER,
        metavar="ARGUMENT",
        help="all that follows is the script's",
    )


def _add_warmup(commands):
    warmup = commands.add_parser(
        "warmup",
        allow_abbrev=False,
        help="compile the kernels, so that nothing waits for them later",
        description="Compile the kernels of layers, training and scoring, and keep them in the "
        "cache. It takes minutes the first time and seconds after that.",
        epilog="Exit codes: 0 done, 1 there is nothing to compile or no place to keep it, "
        "2 bad arguments, 130 interrupted (what was compiled is kept).",
    )
    warmup.add_argument(
        "--dtype", choices=("float32", "float64"), help="for this one only (default: for both)"
    )


def _add_info(commands):
    info = commands.add_parser(
        "info",
        allow_abbrev=False,
        help="tell of versions, processor, threads, cache and data, for a bug report",
        description="Tell what decides how fast kernels are. Nothing is compiled or downloaded; "
        "the user's name and home folder are left out.",
    )
    info.add_argument("--json", action="store_true", help="as JSON")


def _add_bench(commands):
    from .benchmark.cases import DTYPES, SHAPES, SIZES  # which needs no NumPy

    bench = commands.add_parser(
        "bench",
        allow_abbrev=False,
        help="time kernels against NumPy, PyTorch and an earlier run",
        description="Time layers, and their kernels alone, against the same in plain NumPy and, "
        "where it is installed, in PyTorch, after comparing what they compute.",
        epilog="Operations: " + ", ".join(sorted(SHAPES)) + ". Exit codes: 0 done, whatever is "
        "slower; 1 nothing to time, or different results, 2 bad arguments, 130 interrupted.",
    )
    bench.add_argument(
        "--kernels",
        nargs="+",
        metavar="NAME",
        help="operations whose names begin so, as conv or relu-backward (default: all)",
    )
    bench.add_argument(
        "--sizes",
        nargs="+",
        choices=SIZES,
        metavar="SIZE",
        help="; ".join(f"{name}: {what}" for name, what in SIZES.items()) + " (default: medium)",
    )
    bench.add_argument("--dtype", choices=DTYPES, help="default: float32")
    bench.add_argument(
        "--passes",
        type=integer(7),
        default=8,
        metavar="N",
        help="how often all is measured: the more, the narrower are the intervals "
        "(default: %(default)s)",
    )
    bench.add_argument(
        "--compare",
        metavar="FILE",
        help="tell what changed since the run that wrote this JSON, on the cases that it holds "
        "unless others are named",
    )
    bench.add_argument("--json", metavar="FILE", help="write the results, to be compared with")
    bench.add_argument("--plot", metavar="FILE", help="draw the speed-ups into a PNG file")


def _add_inspect(commands):
    inspect = commands.add_parser(
        "inspect",
        allow_abbrev=False,
        help="tell whether the compiler did with a kernel what was hoped",
        description="Compile a kernel anew, and tell what its hot loop is made of: vectors, fused "
        "multiply-adds, what is spilled to the stack; what LLVM's loop vectoriser remarked, which "
        "loops run in parallel, how long compiling took, and where the result is kept.",
        epilog="Exit codes: 0 done, 1 there is nothing compiled, 2 bad arguments, 130 interrupted.",
    )
    inspect.add_argument(
        "kernel",
        nargs="?",
        metavar="KERNEL",
        help="a compiled function, such as convolve, convolve_serial or tile.multiply "
        "(default: list them all)",
    )
    inspect.add_argument(
        "--signature",
        metavar="SIGNATURE",
        help="float32, float64, or a number of those that the report lists (default: float32)",
    )
    inspect.add_argument("--asm", action="store_true", help="print the hot loop's assembly as well")


def _add_profile(commands):
    profile = commands.add_parser(
        "profile",
        allow_abbrev=False,
        help="tell where the time of training goes, and what the machine could do",
        description="Train a network for some steps, and tell of each kernel or operation how "
        "long it took and how far that is from what the machine could do.",
        epilog="Exit codes: 0 done, 1 there is nothing to profile or a file cannot be written, "
        "2 bad arguments, 3 no data, 130 interrupted.",
    )
    profile.add_argument(
        "--net",
        type=_net,
        default="simple",
        metavar="{" + ",".join(NETS) + "}",
        help="as for fastnn train (default: %(default)s)",
    )
    path = profile.add_mutually_exclusive_group()
    path.add_argument(
        "--engine", action="store_true", help="many steps in one compiled call (the default)"
    )
    path.add_argument("--layers", action="store_true", help="layer by layer")
    profile.add_argument(
        "--steps", type=integer(1), default=100, metavar="N", help="default: %(default)s"
    )
    _add_step(profile)
    profile.add_argument("--json", metavar="FILE", help="write all numbers there")
    profile.add_argument(
        "--trace", metavar="FILE", help="write when everything ran, for ui.perfetto.dev"
    )
    profile.add_argument("--plot", metavar="FILE", help="draw the roofs and the step, as a PNG")
