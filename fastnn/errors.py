"""Errors of fastnn's own: only those that a caller may want to catch by name."""


class DataError(ValueError):
    """A data file is missing, damaged or not what it should be; the message names the file."""


class UnsafeFileError(DataError):
    """A file holds more than data: to read it otherwise might run code that is in it."""
