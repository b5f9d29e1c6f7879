"""The points on which Skalski's notebook trains, and what its network gives on them."""

import numpy as np

from fastnn.data.toy import make_moons, train_test_split

# Cost before the step of each of these epochs, learning rate 0.01.
COSTS = {
    0: 0.6936484872,
    1: 0.6936453796,
    10: 0.6936171443,
    100: 0.6933371272,
    199: 0.6930695766,
    4999: 0.2382469306,
    9999: 0.0742931490,
}


def points():
    """Return X and Y for training, (2, 900) and (1, 900), and for testing, (2, 100), (1, 100)."""
    X, y = make_moons(1000, noise=0.2, random_state=100)
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.1, random_state=42)
    return X_train.T, y_train[np.newaxis], X_test.T, y_test[np.newaxis]
