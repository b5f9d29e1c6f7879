"""``fastnn run`` of a notebook: its cells run one after the other, as in Jupyter."""

import json

import pytest
from book_scripts import fastnn_run, repository


@pytest.fixture
def notebook(tmp_path):
    """Return a function that writes cells of code into a notebook, and gives its path."""

    def write(*cells, name="experiment"):
        path = tmp_path / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        kinds = [("markdown", "# A title")] + [("code", text) for text in cells]
        content = {
            "cells": [{"cell_type": kind, "source": source} for kind, source in kinds],
            "nbformat": 4,
        }
        path.write_text(json.dumps(content))
        return path

    return write


def test_cells_run_in_order_in_one_main_module(notebook):
    done = fastnn_run(notebook("x = 1\n", "x += 1", "print(x, __name__)\nimport __main__"))
    assert (done.stdout, done.stderr, done.returncode) == ("2 __main__\n", "", 0)


def test_lines_of_a_cell_may_come_one_by_one(notebook):
    done = fastnn_run(notebook(["for i in range(2):\n", "    print(i)\n"]))
    assert done.stdout == "0\n1\n"


def test_the_value_of_a_last_expression_is_shown(notebook):
    done = fastnn_run(notebook("1 + 1", "'shown'\n", "None", "3;", "4\nx = 5", ""))
    assert done.stdout == "2\n'shown'\n"


def test_it_is_said_in_which_cell_and_line_an_error_is(notebook):
    path = notebook("print('so far')", "def f():\n    return 1 / 0\n", "f()", "print('not this')")
    done = fastnn_run(path)
    assert (done.stdout, done.returncode) == ("so far\n", 1)
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{path}, cell 3", line 1, in <module>'
    assert f'  File "{path}, cell 2", line 2, in f' in lines
    assert "    return 1 / 0" in lines
    assert lines[-1] == "ZeroDivisionError: division by zero"


def test_of_what_is_no_python_only_the_look_of_figures_is_passed_over(notebook):
    done = fastnn_run(notebook("%matplotlib inline\nprint(1)", "print(2)\n%time f()"))
    assert (done.stdout, done.returncode) == ("1\n", 1)
    assert 'cell 2", line 2' in done.stderr
    assert "SyntaxError: invalid syntax" in done.stderr


def test_figures_are_saved(notebook, tmp_path):
    path = notebook("%matplotlib inline\nfrom matplotlib import pyplot as plt",
                    "plt.plot([1, 2])\nplt.show()")  # fmt: skip
    done = fastnn_run("--figures", tmp_path / "figures", path)
    assert done.returncode == 0
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["experiment-1.png"]


def test_a_notebook_of_a_chapter_runs_beside_the_chapter_s_scripts(notebook, tmp_path):
    repository(tmp_path)
    (tmp_path / "ch05").mkdir(exist_ok=True)
    (tmp_path / "ch05" / "beside.py").write_text("answer = 42\n")
    text = "import sys, os\nsys.path.append(os.pardir)\nimport beside, common.layers\n"
    show = "print(beside.answer, common.layers.Affine.__module__, os.path.basename(os.getcwd()))"
    done = fastnn_run(notebook(text, show, name="ch05"))
    assert (done.stdout, done.stderr) == ("42 fastnn.layers.affine ch05\n", "")


def test_the_engine_trains_a_network_of_a_notebook(notebook, tmp_path):
    repository(tmp_path)
    network = """
        from collections import OrderedDict
        import numpy as np
        from common.layers import *
        from common.trainer import Trainer

        class Net:
            def __init__(self):
                self.params = {"W1": np.random.randn(4, 3), "b1": np.zeros(3)}
                self.layers = OrderedDict(A=Affine(self.params["W1"], self.params["b1"]))
                self.last_layer = SoftmaxWithLoss()

            def predict(self, x):
                for layer in self.layers.values():
                    x = layer.forward(x)
                return x

            def loss(self, x, t):
                return self.last_layer.forward(self.predict(x), t)

            def accuracy(self, x, t):
                return np.mean(self.predict(x).argmax(axis=1) == t)

            def gradient(self, x, t):
                self.loss(x, t)
                dout = self.last_layer.backward(1)
                for layer in reversed(list(self.layers.values())):
                    dout = layer.backward(dout)
                return {"W1": self.layers["A"].dW, "b1": self.layers["A"].db}
    """
    train = """
        x, t = np.random.randn(20, 4), np.arange(20) % 3
        trainer = Trainer(Net(), x, t, x, t, epochs=2, mini_batch_size=10, verbose=False,
                          engine="compiled")
        trainer.train()
        len(trainer.train_loss_list)
    """
    done = fastnn_run(notebook(*map(dedented, (network, train))))
    assert (done.stdout, done.stderr) == ("4\n", "")


def dedented(text):
    return "\n".join(line[8:] for line in text.splitlines())


# --- Bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"cells": [{}]}', '{"worksheets": []}', "\ufeff{}"]
)
def test_a_file_that_is_no_notebook(content, tmp_path):
    path = tmp_path / "some.ipynb"
    path.write_text(content, encoding="utf-8")
    done = fastnn_run(path)
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == f"fastnn run: {path} is not a notebook of Jupyter, format 4\n"


def test_only_scripts_are_timed(notebook):
    done = fastnn_run("--time", notebook("1"))
    assert (done.stdout, done.returncode) == ("", 2)
    assert done.stderr == "fastnn run: argument --time: it needs a script, not a notebook\n"
