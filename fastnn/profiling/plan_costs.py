"""What the operations of a plan are called, what they work on, and what they cost in a step."""

from fastnn.kernels import step, step_updates

from . import costs

NAMES = {
    step.GATHER: "gather images",
    step.AFFINE: "affine",
    step.CONVOLVE: "convolve",
    step.ACTIVATE: "activate",
    step.POOL: "pool",
    step.DROP: "drop",
    step.SOFTMAX_CROSS_ENTROPY: "softmax, loss",
    step.HALF_SQUARED_ERROR: "squares, loss",
    step.SIGMOID_CROSS_ENTROPY: "sigmoid, loss",
    step.ACTIVATE_BACKWARD: "activate",
    step.POOL_BACKWARD: "pool",
    step.CONVOLVE_WEIGHT: "convolve, by W",
    step.CONVOLVE_WEIGHT_POOLED: "convolve, by W, at maxima",
    step.PUBLISH: "share gradients",
    step.SHARE: "share rows",
    step.FETCH: "fetch rows",
    step.BATCH_NORM: "batch norm",
    step.BATCH_NORM_BACKWARD: "batch norm",
    step.BATCH_NORM_INFERENCE: "batch norm",
    step.FIND_ACTIVE: "find pixels not 0",
    step.AFFINE_WEIGHT: "affine, by W",
}
BY_INPUT = {step.AFFINE: "affine, by x", step.CONVOLVE: "convolve, by x"}  # going back
RULES = {
    step_updates.SGD: "sgd",
    step_updates.MOMENTUM: "momentum",
    step_updates.NESTEROV: "nesterov",
    step_updates.ADA_GRAD: "ada_grad",
    step_updates.RMS_PROP: "rms_prop",
    step_updates.ADAM: "adam",
    step_updates.RMS_PROP_EPS_INSIDE: "rms_prop_eps_inside",
    step_updates.ADAM_EPS_INSIDE: "adam_eps_inside",
}
# In the order in which a step does them to a block.
BLOCK_KINDS = "gradient of W", "update", "transpose W"


def operation_name(op, work):
    """Return what an operation is called, which a layer does in its pass `work`."""
    names = NAMES | BY_INPUT if work == "backward" else NAMES
    return names[op["code"]]


class PlanCosts:
    """The costs of a plan's operations and blocks.

    Parameters
    ----------
    plan : fastnn.engine.plan.Plan
    image_size : int
        Bytes of a number in the images.

    Attributes
    ----------
    seen : (float, float)
        Share of the pixels that are not skipped: not 0 in all images of a chunk, and of a
        mini-batch.
    """

    def __init__(self, plan, image_size):
        self._plan, self._image_size, self.seen = plan, image_size, (1.0, 1.0)
        self._tables, self._size = plan.tables(), plan.dtype.itemsize

    def operation(self, number, N):
        """Return the cost of an operation on N samples, and what shapes it takes and makes."""
        op, (layer, work) = self._plan.operations[number], self._plan.origins[number]
        op = dict.fromkeys(step.FIELDS, 0) | {"active": -1} | op
        code, size, elements = op["code"], self._size, op["elements"]
        if code in (step.AFFINE, step.AFFINE_WEIGHT):
            D, M = layer.W.shape
            shape = f"{D} -> {M}"
            if code == step.AFFINE_WEIGHT:
                return costs.affine_backward_weight(N, D, M, size), shape
            if work == "backward":
                return costs.affine_backward_x(N, D, M, size), f"{M} -> {D}"
            rows = D * self.seen[0] if op["active"] >= 0 else D
            return costs.affine_forward(N, rows, M, size), shape
        if code in (step.CONVOLVE, step.CONVOLVE_WEIGHT, step.CONVOLVE_WEIGHT_POOLED):
            return self._convolution(op, layer, work, N)
        if code in (step.POOL, step.POOL_BACKWARD):
            return self._pool(op, N)
        functions = list(costs.FUNCTIONS)
        cost = {
            step.GATHER: lambda: costs.elementwise(N * elements, 0, self._image_size + size),
            step.FIND_ACTIVE: lambda: costs.elementwise(N * elements, 0, self._image_size),
            step.ACTIVATE: lambda: costs.activation_forward(
                functions[op["function"]], N * elements, size
            ),
            step.ACTIVATE_BACKWARD: lambda: costs.activation_backward(
                functions[op["function"]], N * elements, size
            ),
            step.DROP: lambda: costs.elementwise(N * elements, 1, 2 * size + 1),
            step.SOFTMAX_CROSS_ENTROPY: lambda: self._softmax(N, elements),
            step.HALF_SQUARED_ERROR: lambda: costs.half_squared_error(N, elements, size),
            step.SIGMOID_CROSS_ENTROPY: lambda: costs.sigmoid_cross_entropy(N, elements, size),
            step.PUBLISH: lambda: costs.elementwise(N * op["outputs"], 1, 2 * size),
            step.SHARE: lambda: costs.elementwise(N * elements, 0, 2 * size),
            step.FETCH: lambda: costs.elementwise(N * elements, 0, 2 * size),
            step.BATCH_NORM: lambda: costs.batch_norm_forward(N, elements, size),
            step.BATCH_NORM_BACKWARD: lambda: costs.batch_norm_backward(N, elements, size),
            step.BATCH_NORM_INFERENCE: lambda: costs.batch_norm_inference(N, elements, size),
        }[code]()
        return cost, f"{elements or op['outputs']}"

    def _softmax(self, N, K):
        """Return the cost of losses and their gradient, without the probabilities in between."""
        forward = costs.softmax_cross_entropy_forward(N, K, self._size)
        backward = costs.softmax_cross_entropy_backward(N, K, self._size)
        return costs.Cost(forward.flops + backward.flops, forward.bytes)

    def _convolution(self, op, layer, work, N):
        FN, C, FH, FW = layer.W.shape
        taps, inside = C * FH * FW, op["height"] * op["width"] * op["channels"]
        image = f"{op['channels']}x{op['height']}x{op['width']}"
        if op["code"] != step.CONVOLVE:  # in the maxima alone, where there are pools
            pixels = op["pixel_count"]
            cost = costs.convolution_backward_weight(
                N, pixels, taps, FN, inside, pixels * FN, self._size
            )
            return cost, f"{image}, {FN}x{pixels} -> {FN}x{C}x{FH}x{FW}"
        made = self._pixels(op)
        if work == "backward":
            pixels = op["height"] * op["width"]
            cost = costs.convolution_backward_x(N, pixels, taps, FN, made * C, inside, self._size)
            return cost, f"{image} -> {C}x{made}"
        cost = costs.convolution_forward(N, made, taps, FN, inside, made * FN, self._size)
        return cost, f"{image} -> {FN}x{made}"

    def _pixels(self, op):
        """Return how many pixels a convolution makes of an image."""
        first = op["parts"]
        return int(self._tables[first + 1 : first + 7 * op["part_count"] : 7].sum())

    def _pool(self, op, N):
        cost = costs.pool_forward if op["code"] == step.POOL else costs.pool_backward
        inside = op["height"] * op["width"] * op["channels"]
        position = 1 if op["positions"] >= 0 else 0
        window = op["pool_h"] * op["pool_w"]
        ends = [f"{op['channels']}x{op[h]}x{op[w]}" for h, w in (_IMAGE, _POOLED)]
        shape = " -> ".join(ends if op["code"] == step.POOL else ends[::-1])
        return cost(N, inside, op["out_size"], window, self._size, position), shape

    def block(self, number, kind, N, rule):
        """Return the cost of what is done to a block of weights in a step on N samples.

        Parameters
        ----------
        kind : int
            Of `BLOCK_KINDS`.
        rule : int
            Of the optimizer.
        """
        block, size = self._plan.blocks[number], self._size
        rows, inputs, M = block["last_row"] - block["first_row"], block["inputs"], block["outputs"]
        elements = (rows + (block["last_row"] == inputs)) * M
        if kind == 1:
            return costs.update(RULES[rule], elements, size)
        if kind == 2:
            return costs.elementwise(rows * M, 0, 2 * size)
        if block["code"] == step.AFFINE:
            share = rows / inputs  # of what the layer's blocks read together
            seen = self.seen[1] if block.get("active", -1) >= 0 else 1
            return costs.affine_backward_weight(N, inputs * seen, M, size).times(share)
        chunks = self._plan.chunks
        return costs.elementwise(elements, chunks - 1, (chunks + 1) * size)


_IMAGE, _POOLED = ("height", "width"), ("out_height", "out_width")
