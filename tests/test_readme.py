import contextlib
import importlib
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastnn

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULTS = ROOT / "bench" / "results"
SOURCES = [*(ROOT / "fastnn").rglob("*.py"), *(ROOT / "kernels").glob("*.py")]


@pytest.fixture(scope="module")
def report():
    return importlib.import_module("report")


@pytest.fixture(scope="module")
def report_training():
    return importlib.import_module("report_training")


@pytest.fixture(scope="module")
def training():
    return json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def results():
    return json.loads((RESULTS / "latest.json").read_text(encoding="utf-8"))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_tables_are_those_of_the_results(report, results):
    assert report.updated(README, results) == README


def test_a_changed_result_changes_the_tables(report, results):
    changed = json.loads(json.dumps(results))
    for entry in changed["benchmarks"]:
        entry["stats"]["median"] *= 2
    assert report.updated(README, changed) != README


def test_every_result_is_in_the_tables(report, results):
    tables = report.tables(results)
    for entry in results["benchmarks"]:
        assert entry["extra_info"]["operation"] in tables
        assert entry["extra_info"]["level"] == "start" or entry["extra_info"]["shape"] in tables


def test_the_tables_of_training_are_those_of_its_results(report_training, training):
    assert report_training.updated(README, training) == README
    for found in training["networks"].values():
        found["steps"]["engine"]["seconds"] *= 2
    assert report_training.updated(README, training) != README


def test_every_contestant_is_in_the_tables_of_training(report_training, training):
    tables = report_training.tables(training)
    for name, found in training["networks"].items():
        for contestant in found["steps"]:
            assert f"| {report_training.named(name)} | {contestant} |" in tables


def test_no_contestant_was_timed_whose_losses_differ(training):
    rtol = training["checked"]["rtol"]
    for found in training["networks"].values():
        for name in found["steps"]:
            np.testing.assert_allclose(
                found["losses"][name], found["losses"]["reference"], rtol=rtol
            )


def test_operations_that_numpy_does_faster_stand_out(report, results):
    rows = [row for kind in report.rows_of(results).values() for row in kind if row.ratio]
    lines = README.splitlines()
    for row in rows:
        [line] = [line for line in lines if line.startswith(f"| {row.operation} | {row.shape} |")]
        assert ("**" in line) == (row.ratio < 1)


def test_the_results_are_small_and_name_no_machine(results):
    assert (RESULTS / "latest.json").stat().st_size < 200_000
    assert "data" not in results["benchmarks"][0]["stats"]
    assert not {"node", "cpu_info", "release"} & results["machine_info"].keys()
    assert (RESULTS / "training.json").stat().st_size < 200_000


def test_numbers_have_three_figures(report):
    expected = {
        0.00123456: "0.00123",
        9.996: "10.0",
        12.34: "12.3",
        999.6: "1,000",
        123456: "123,000",
    }
    assert {value: report.figures(value) for value in expected} == expected


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)]*)\)", README))
def test_what_is_linked_is_there(path):
    assert (ROOT / path).is_file()


@pytest.mark.compiled
def test_the_example_prints_what_stands_below_it():
    example, _ = blocks("python")
    printed = README.partition(example)[2].split("```\n")[2]
    assert 10 <= len(example.splitlines()) <= 16
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(example, "README.md", "exec"), {})
    assert out.getvalue() == printed


@pytest.mark.compiled
def test_the_example_of_a_profile_finds_what_took_time():
    _, example = blocks("python")
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["p"].steps == 3
    assert names["slowest"].wall > 0


def test_the_two_commands_are_as_designed():
    commands = blocks("")
    make = "python3 -m venv .venv && .venv/bin/pip install -e "
    assert f"{make}'.[plot]' && .venv/bin/fastnn train\n" in commands
    assert f"{make}'.[plot,test]' && .venv/bin/python -m pytest\n" in commands


def test_the_variables_of_the_environment_are_those_that_the_code_reads():
    read = {
        name
        for path in SOURCES
        for name in re.findall(r"environ[^\n]*?\"(FASTNN_[A-Z_]+)\"", path.read_text())
    }
    assert len(read) >= 4
    assert set(re.findall(r"FASTNN_[A-Z_]+", README)) == read


def test_every_public_name_that_is_mentioned_exists():
    names = set(re.findall(r"`fastnn\.([a-z_]+)[`.(]", README)) - {"backend"}
    assert len(names) > 5
    for name in names:
        assert hasattr(fastnn, name)


def test_installation_is_from_the_checkout():
    for text in (README, *(path.read_text() for path in SOURCES)):
        assert not re.search(r"pip install (?!-e )", text)
    for command in re.findall(r"pip install .*", README):
        assert command.startswith("pip install -e '.[")


def update_with_the_state_of_another_network():
    adam = fastnn.Adam()
    for width in (50, 100):
        params = fastnn.TwoLayerNet(784, width, 10).params
        adam.update(params, params)


PROVOKED = {
    "float labels": lambda: fastnn.SoftmaxWithLoss().forward(np.ones((2, 10)), np.ones(2)),
    "a column": lambda: fastnn.SoftmaxWithLoss().forward(np.ones((2, 10)), np.ones((2, 1), int)),
    "state": update_with_the_state_of_another_network,
}


@pytest.mark.parametrize("name", PROVOKED)
def test_quoted_errors_are_those_that_are_raised(name):
    with pytest.raises((TypeError, ValueError)) as caught:
        PROVOKED[name]()
    assert f"`{caught.typename}: {caught.value}`" in README


@pytest.mark.parametrize(
    "message",
    [
        "getting the kernels ready: a while the first time, as they are compiled",
        "fastnn runs on one thread in this forked process; start it with 'spawn' to use more",
        "fastnn compiles its kernels anew in this process, since it cannot keep them: ",
        ": layers are used: ",
        "is an operation of the engine on rows, not on images",
        ": already running on this network",
        "engine: compiled, many steps to a call",
        "drawn digits take its place",
    ],
)
def test_quoted_messages_are_in_the_code(message):
    assert message in README
    assert any(message in path.read_text() for path in SOURCES)
