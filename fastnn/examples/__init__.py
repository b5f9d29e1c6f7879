"""The book's experiments, to be run as ``python -m fastnn.examples.NAME``.

Each prints the figures that it reproduces beside the published ones, and draws its picture.
``python -m fastnn.examples`` lists them. After K. Saito, Deep Learning from Scratch (2016).
"""
