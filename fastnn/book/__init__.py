"""The book's scripts on fastnn: their packages `common` and `dataset`, and what runs them.

K. Saito, Deep Learning from Scratch (2016). Installing fastnn makes no `common` and no `dataset`
importable: only ``fastnn run`` gives these packages to the script that it runs.
"""
