"""The network of chapter 6 with batch normalisation and dropout."""

import numpy as np

from fastnn import _check
from fastnn.layers import BatchNormalization, Dropout

from .multi_layer_net import MultiLayerNet


class MultiLayerNetExtend(MultiLayerNet):
    """`MultiLayerNet` with batch normalisation and dropout where wanted (the book, chapter 6).

    A hidden layer is affine - batch normalisation - activation - dropout.

    Parameters
    ----------
    input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda
        As for `MultiLayerNet`.
    use_dropout : bool
        Whether dropout follows each activation.
    dropout_ration : float
        Probability that dropout drops an element, in [0, 1]. Spelt as in the book.
    use_batchnorm : bool
        Whether batch normalisation comes before each activation.
    dtype : dtype
        float64, as in the book, or float32.

    Attributes
    ----------
    params : dict
        ``W1``, ``b1``, ``W2``, ``b2``, ..., then ``gamma1``, ``beta1``, ... with batch
        normalisation: the very arrays that the layers hold.
    layers : OrderedDict
        ``Affine1``, ``BatchNorm1``, ``Activation_function1``, ``Dropout1``, ``Affine2``, ...
        and an affine layer at the end.
    use_dropout, use_batchnorm
        As given.
    last_layer, input_size, output_size, hidden_size_list, hidden_layer_num, weight_decay_lambda
        As in `MultiLayerNet`.

    Notes
    -----
    A file of `save_params` holds the running statistics of batch normalisation as well, as in
    `Sequential`.
    """

    def __init__(
        self,
        input_size,
        hidden_size_list,
        output_size,
        activation="relu",
        weight_init_std="relu",
        weight_decay_lambda=0,
        use_dropout=False,
        dropout_ration=0.5,
        use_batchnorm=False,
        dtype=np.float64,
    ):
        _check.share("MultiLayerNetExtend", "dropout_ration", dropout_ration)
        self.use_dropout = use_dropout
        self.use_batchnorm = use_batchnorm
        self._dropout_ration = dropout_ration
        super().__init__(
            input_size, hidden_size_list, output_size, activation, weight_init_std,
            weight_decay_lambda, dtype,
        )  # fmt: skip

    def _add_hidden(self, number, activation):
        if self.use_batchnorm:
            bias = self.params[f"b{number}"]
            gamma, beta = np.ones_like(bias), np.zeros_like(bias)
            self.params[f"gamma{number}"], self.params[f"beta{number}"] = gamma, beta
            self.layers[f"BatchNorm{number}"] = BatchNormalization(gamma, beta)
        super()._add_hidden(number, activation)
        if self.use_dropout:
            self.layers[f"Dropout{number}"] = Dropout(self._dropout_ration)

    def predict(self, x, train_flg=False):
        """Return the scores, of shape (N, K), for `x`.

        If `train_flg`, dropout drops, and batch normalisation takes the statistics of `x`.
        """
        return self._forward(x, train_flg)

    def loss(self, x, t, train_flg=False):
        """Return the mean loss of the scores for `x` against `t`, and weight decay.

        Out of training unless told otherwise; `gradient` and `numerical_gradient` are those of
        the loss in training, so with dropout no two calls give the same.
        """
        return self.last_layer.forward(self.predict(x, train_flg), t) + self._weight_decay()

    def _loss_in_training(self, x, t):
        return self.loss(x, t, train_flg=True)
