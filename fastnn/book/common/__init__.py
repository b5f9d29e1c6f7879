"""The book's `common`, on compiled layers.

Each module has the names that a script gets from the book's by ``import *``, `np` among them.
"""
