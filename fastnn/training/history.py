"""What training reports and records."""

from dataclasses import dataclass, field


@dataclass
class History:
    """What a training run recorded.

    Attributes
    ----------
    batch_losses : list of float
        Loss of each batch, before the step on it.
    losses : list of float
        Mean loss over the images of each whole epoch.
    train_accuracies : list of float
        For each whole epoch, the share of its images that were answered right when their batch
        came, with dropout acting; empty unless the network ends in `SoftmaxWithLoss`.
    test_accuracies : list of float
        Share of all test images answered right after each whole epoch; empty without test data.
    seconds_per_epoch : list of float
        Wall time of each whole epoch's training, without its evaluation.
    images : int
        Images trained on, those of an unfinished epoch included.
    seconds : float
        Wall time of training on them.
    interrupted : bool
        Whether Ctrl-C ended training before its last epoch did.
    """

    batch_losses: list = field(default_factory=list)
    losses: list = field(default_factory=list)
    train_accuracies: list = field(default_factory=list)
    test_accuracies: list = field(default_factory=list)
    seconds_per_epoch: list = field(default_factory=list)
    images: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def images_per_second(self):
        """Images trained on per second of training; 0 before there are any."""
        return self.images / self.seconds if self.seconds else 0.0


@dataclass
class BatchReport:
    """Where training stands after a batch.

    Attributes
    ----------
    epoch, epochs : int
        Which epoch, from 1, of how many.
    batch, batches : int
        Which batch of this epoch, from 1, of how many.
    loss : float
        Loss of this batch, before the step on it.
    images : int
        Images trained on in this epoch so far.
    seconds : float
        Wall time of this epoch so far.
    """

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    images: int
    seconds: float


class NonFiniteLossError(ArithmeticError):
    """Training met a loss that is NaN or infinite. The step on that batch was not taken.

    Attributes
    ----------
    history : History
        What was recorded up to there.
    """

    def __init__(self, message, history):
        super().__init__(message)
        self.history = history
