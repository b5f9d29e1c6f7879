"""The book's `dataset`."""
