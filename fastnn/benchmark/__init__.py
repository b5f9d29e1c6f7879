"""The command ``fastnn bench``: kernels against NumPy, PyTorch, and earlier kernels."""
