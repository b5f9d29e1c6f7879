"""The command ``fastnn info``: true where it can tell, unknown where not, and never an error."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
import test_jit
from small_data import write_squares

import fastnn
from fastnn import _info, _machine, cli

SECTIONS = [
    "versions", "system", "processor", "cores", "threads", "threading_layer", "blas", "cache",
    "data", "environment", "warnings",
]  # fmt: skip


def info(*arguments, **settings):
    """Run the command in a new process; it must end well and say nothing on the side."""
    code = "import sys; from fastnn.cli import main; sys.exit(main(['info', *sys.argv[1:]]))"
    names = (*test_jit.SETTINGS, "FASTNN_DATA", "NUMBA_DISABLE_JIT")
    inherited = {name: value for name, value in os.environ.items() if name not in names}
    process = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={"FASTNN_OFFLINE": "1"} | inherited | settings,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (process.returncode, process.stderr) == (0, "")
    return process.stdout


def facts(**settings):
    return json.loads(info("--json", **settings))


# --- What it tells ----------------------------------------------------------------------------


def test_it_tells_what_is_so(tmp_path):
    found = facts(NUMBA_CACHE_DIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path))
    assert list(found) == SECTIONS
    versions = found["versions"]
    assert versions["fastnn"] == fastnn.__version__
    assert versions["python"].startswith(platform.python_version())
    assert (versions["numpy"], versions["numba"]) == (np.__version__, numba.__version__)
    from fastnn.kernels.vectors import VECTOR_BYTES

    assert found["processor"]["vector_bytes"] == VECTOR_BYTES
    assert found["cores"]["usable"] == _machine.usable() <= found["cores"]["logical"]
    assert found["threads"]["number"] == _machine.usable()
    source = found["threads"]["from"].split(";")[0]
    assert source == "as many processors as this process may use"
    assert found["threading_layer"]["name"] in test_jit.LAYERS
    assert found["threading_layer"]["why"] == "the first of tbb, omp, workqueue that can be loaded"
    assert found["cache"] == {
        "folder": _info.anonymous(str(next(tmp_path.glob("kernels-*")))),
        "writable": True, "files": 0, "bytes": 0, "other_folders": 0,
    }  # fmt: skip
    assert found["data"].endswith("drawn digits take its place")
    assert found["environment"]["NUMBA_CACHE_DIR"] == _info.anonymous(str(tmp_path))
    assert found["warnings"] == []
    assert "unknown" not in json.dumps({**found, "cores": None})


def test_nothing_is_compiled_downloaded_or_drawn(tmp_path):
    text = info(NUMBA_CACHE_DIR=str(tmp_path), XDG_CACHE_HOME=str(tmp_path), FASTNN_OFFLINE="")
    assert "no MNIST in" in text
    assert "fastnn train would download it" in text
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_text_is_aligned_and_says_the_same(capsys):
    assert cli.main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    names = [line.split(" ")[0] for line in lines]
    assert names[:6] == ["fastnn", "python", "numpy", "numba", "llvmlite", "tbb"]
    assert names[6:15] == [
        "system", "processor", "vectors", "cores", "threads", "layer", "blas", "cache", "data"
    ]  # fmt: skip
    (column,) = {
        len(line) - len(line[len(name) :].lstrip()) for line, name in zip(lines, names, strict=True)
    }
    assert lines[0][column:] == fastnn.__version__
    assert all(line == line.rstrip() for line in lines)


def test_files_in_the_cache_are_counted(tmp_path):
    assert facts(NUMBA_CACHE_DIR=str(tmp_path))["cache"]["files"] == 0
    (folder,) = tmp_path.iterdir()
    (folder / "deep").mkdir()
    (folder / "deep" / "kernel.nbc").write_bytes(bytes(1000))
    (folder / "kernel.nbi").write_bytes(bytes(24))
    (tmp_path / "kernels-0123").mkdir()
    cache = facts(NUMBA_CACHE_DIR=str(tmp_path))["cache"]
    assert (cache["files"], cache["bytes"], cache["other_folders"]) == (2, 1024, 1)


# --- Threads ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, number, source",
    [
        ({"NUMBA_NUM_THREADS": "3"}, 3, "NUMBA_NUM_THREADS"),
        ({"NUMBA_NUM_THREADS": "3", "FASTNN_NUM_THREADS": "2"}, 2, "FASTNN_NUM_THREADS"),
        ({"FASTNN_SERIAL": "1"}, 1, "FASTNN_SERIAL is set"),
        ({"NUMBA_DISABLE_JIT": "1"}, 1, "NUMBA_DISABLE_JIT is set"),
    ],
)
def test_number_of_threads_and_where_it_comes_from(settings, number, source):
    found = facts(**settings)
    assert found["threads"]["number"] == number
    assert found["threads"]["from"].split(";")[0] == source
    assert settings.items() <= found["environment"].items()
    if number == 1:
        assert found["threading_layer"] == {"name": "serial", "why": source}


def test_layer_that_was_asked_for():
    found = facts(NUMBA_THREADING_LAYER="workqueue")
    layer = {"name": "workqueue", "why": "NUMBA_THREADING_LAYER is workqueue"}
    assert found["threading_layer"] == layer


def test_more_threads_than_the_quota_are_pointed_out(monkeypatch):
    monkeypatch.setattr(_machine, "quota", lambda: 0.5)
    assert _info.collect()["threads"]["from"].endswith(
        "; more than the quota, which slows them down"
    )
    monkeypatch.setattr(_machine, "quota", lambda: None)
    assert "quota" not in _info.collect()["threads"]["from"]


# --- The quota of a container -----------------------------------------------------------------


def system(root, groups, **files):
    """Write files of a system, those of its control groups by name; return its root."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


V1 = "3:cpuset:/\n2:cpu,cpuacct:/docker/abc\n1:name=systemd:/\n"
PERIOD, QUOTA = "cpu.cfs_period_us", "cpu.cfs_quota_us"


@pytest.mark.parametrize(
    "groups, files, expected",
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/\n", {}, None),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}, 2.0),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "300000 100000"}, 0.5),
        ("0::/outside/of/here\n", {"cpu.max": "100000 100000"}, 1.0),
        (
            V1,
            {
                f"cpu,cpuacct/docker/abc/{QUOTA}": "50000",
                f"cpu,cpuacct/docker/abc/{PERIOD}": "100000",
            },
            0.5,
        ),
        (V1, {f"cpu,cpuacct/{QUOTA}": "400000\n", f"cpu,cpuacct/{PERIOD}": "100000\n"}, 4.0),
        (V1, {f"cpu/{QUOTA}": "-1\n", f"cpu/{PERIOD}": "100000\n"}, None),
        (V1 + "0::/\n", {f"cpu/{QUOTA}": "70000", f"cpu/{PERIOD}": "100000", "unified/x": ""}, 0.7),
        ("5:cpuset:/\n", {f"cpu/{QUOTA}": "70000", f"cpu/{PERIOD}": "100000"}, None),
    ],
)
def test_quota_is_the_least_of_the_groups(groups, files, expected, tmp_path):
    assert _machine.quota(system(tmp_path, groups, **files)) == expected


@pytest.mark.parametrize(
    "groups, files",
    [
        ("0::/\n", {"cpu.max": "plenty"}),
        ("0::/\n", {"cpu.max": ""}),
        ("0::/\n", {"cpu.max": "many 100000"}),
        ("0::/\n", {"cpu.max": "100000 0"}),
        ("0::/\n", {"cpu.max": "-5 100000"}),
        ("nonsense\n", {}),
        ("0::relative\n", {}),
        ("1:cpu:/\n", {f"cpu/{QUOTA}": "x", f"cpu/{PERIOD}": "100000"}),
    ],
)
def test_wrong_files_are_unknown_and_no_error(groups, files, tmp_path, monkeypatch, capsys):
    root, quota = system(tmp_path, groups, **files), _machine.quota
    with pytest.raises(ValueError):
        quota(root)
    monkeypatch.setattr(_machine, "quota", lambda: quota(root))
    assert cli.main(["info"]) == 0
    assert "quota of its container: unknown (ValueError: " in capsys.readouterr().out


def test_without_proc_and_sys_all_else_is_told(tmp_path, monkeypatch, capsys):
    quota, physical = _machine.quota, _machine.physical
    monkeypatch.setattr(_machine, "Path", lambda *parts: Path(tmp_path, *parts[1:]))
    monkeypatch.setattr(_machine, "quota", lambda: quota(tmp_path))
    monkeypatch.setattr(_machine, "physical", lambda: physical(tmp_path))
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert cli.main(["info"]) == 0
    (cores,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("cores")]
    assert cores.split(maxsplit=1)[1].startswith("unknown (FileNotFoundError: ")
    assert f"{os.cpu_count()} for this process; quota of its container: unknown (" in cores


def test_cores_share_their_siblings(tmp_path):
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        folder = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(siblings)
    assert _machine.physical(tmp_path) == 2


# --- What is wrong ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings, name, message",
    [
        ({"FASTNN_NUM_THREADS": "many"}, "threads", "ValueError: FASTNN_NUM_THREADS must be an"),
        ({"NUMBA_THREADING_LAYER": "none"}, "layer", "ValueError: The threading layer requested"),
        ({"NUMBA_NUM_THREADS": "0"}, "threads", "ValueError: Number of threads specified"),
    ],
)
def test_bad_settings_are_told_with_the_rest(settings, name, message):
    lines = info(**settings).splitlines()
    (line,) = [line for line in lines if line.startswith(name)]
    assert line.split(maxsplit=1)[1].startswith(f"unknown ({message}")
    assert any(line.startswith("blas") and "unknown" not in line for line in lines)
    ((variable, value),) = settings.items()
    assert any(line.endswith(f" {variable}={value}") for line in lines)


def test_a_bad_backend_is_no_hindrance():
    assert "FASTNN_BACKEND=fast" in info(FASTNN_BACKEND="fast")


def test_without_a_cache_the_reason_is_told(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    found = facts(NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert found["cache"] == {"folder": None, "why": "see warning"}
    (warning,) = found["warnings"]
    assert warning.startswith("fastnn compiles its kernels anew in this process, since it cannot")
    assert "\nwarning " in info(NUMBA_CACHE_DIR=str(tmp_path / "file"))
    assert facts(NUMBA_DISABLE_JIT="1")["cache"]["why"] == "NUMBA_DISABLE_JIT is set"


@pytest.mark.compiled
def test_a_cache_that_cannot_be_written_any_more_is_told(monkeypatch):
    def refuse(**options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(_info.tempfile, "TemporaryFile", refuse)  # root may write anywhere
    assert _info.collect()["cache"]["writable"] is False
    assert any("NOT writable" in line for line in _info.lines(_info.collect()))


def test_whatever_fails_is_unknown(monkeypatch, capsys):
    def fail(*args, **options):
        raise RuntimeError("no\nanswer")

    for name in ("_version", "_llvm", "_vector_bytes", "_threads", "_layer", "_blas", "_cache"):
        monkeypatch.setattr(_info, name, fail)
    for name in ("_data", "_environment", "_features"):
        monkeypatch.setattr(_info, name, fail)
    for name in ("processor", "usable", "physical", "quota"):
        monkeypatch.setattr(_machine, name, fail)
    monkeypatch.setattr(_info.platform, "platform", fail)
    monkeypatch.setattr(_info.getpass, "getuser", fail)
    assert cli.main(["info"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 16
    assert all("unknown (RuntimeError: no answer)" in line for line in lines)
    assert cli.main(["info", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == SECTIONS


# --- Data -------------------------------------------------------------------------------------


def test_data_are_those_that_training_would_take(tmp_path):
    write_squares(tmp_path, 20, 10)
    name = "unknown IDX data, not MNIST: 20 training and 10 test images from"
    assert facts(FASTNN_DATA=str(tmp_path))["data"].startswith(name)
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"<html>")
    assert facts(FASTNN_DATA=str(tmp_path))["data"].startswith("unusable: ")
    missing = facts(FASTNN_DATA=str(tmp_path / "nowhere"))["data"]
    assert missing.startswith("unusable: ")
    assert missing.endswith("there is no such folder (named by FASTNN_DATA)")


def test_damaged_files_in_the_cache_are_told(tmp_path):
    (tmp_path / "fastnn" / "mnist").mkdir(parents=True)
    write_squares(tmp_path / "fastnn" / "mnist", 20, 10)
    if sys.platform in ("win32", "darwin"):
        pytest.skip("its cache is elsewhere")
    told = facts(XDG_CACHE_HOME=str(tmp_path))["data"]
    assert told.startswith("unusable: ")
    assert "not the file of MNIST" in told
    assert told.endswith("FASTNN_OFFLINE is set, so nothing is downloaded")


# --- What nobody needs to know ----------------------------------------------------------------


def test_home_and_user_are_left_out(tmp_path):
    home = tmp_path / "alice.smith"
    home.mkdir()
    names = {"HOME": str(home), "LOGNAME": "alice", "USERPROFILE": str(home)}
    text = info(**names, FASTNN_DATA=f"{home}/data", NUMBA_CACHE_DIR=f"{tmp_path}/alice/x")
    text += info("--json", **names, NUMBA_CPU_NAME="", XDG_CACHE_HOME=f"{tmp_path}/of-alice")
    assert "alice" not in text
    assert "FASTNN_DATA=~/data" in text
    assert "/of-USER" in text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("/home/bob", "~"),
        ("/home/bob/x and '/home/bob'", "~/x and '~'"),
        ("/home/bobby/x", "/home/bobby/x"),
        ("/mnt/home/bob/x", "/mnt/home/USER/x"),
        ("/data/bob-mnist/bob", "/data/USER-mnist/USER"),
        (["bob", {"k": "bobsled"}, 3, None], ["USER", {"k": "bobsled"}, 3, None]),
    ],
)
def test_names_are_replaced_whole(text, expected, monkeypatch):
    monkeypatch.setattr(_info.getpass, "getuser", lambda: "bob")
    monkeypatch.setattr(_info.Path, "home", lambda: Path("/home/bob"))
    assert _info.anonymous(text) == expected


def test_a_root_for_home_and_no_name_change_nothing(monkeypatch):
    def no_name():
        raise KeyError("uid not found")  # of a user that has no entry

    monkeypatch.setattr(_info.Path, "home", lambda: Path("/"))
    monkeypatch.setattr(_info.getpass, "getuser", no_name)
    assert _info.anonymous("/data/mnist") == "/data/mnist"


def test_secrets_are_not_shown():
    found = facts(FASTNN_API_TOKEN="abc123", NUMBA_X_KEY="abc123", OTHER="abc123")
    assert "abc123" not in json.dumps(found)
    assert found["environment"]["FASTNN_API_TOKEN"] == "(not shown)"


def test_bad_arguments_end_in_one_sentence(capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(["info", "--yaml"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
