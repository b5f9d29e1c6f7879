"""The experiments of the book and of other sources, as ``python -m fastnn.examples.NAME``.

Each prints the figures that it reproduces beside the published ones, and draws its picture.
``python -m fastnn.examples`` lists them. Those of sections and chapters are after K. Saito, Deep
Learning from Scratch (2016); the others name their author.
"""
