"""PyTorch: eager, with channels-last images, or compiled; with its fused optimizers."""

import math

import torch
from torch import nn
from torch.nn import functional

EPS, BETA1, BETA2 = 1e-7, 0.9, 0.999


class Network(nn.Module):
    """The layers of a task, with dropout as in the book: masks from outside, and no scaling."""

    def __init__(self, task):
        super().__init__()
        self._row, self.weighted = [], nn.ModuleList()
        for layer, before, shape, _ in task.walk():
            module = _module(layer, shape)
            if layer["kind"] == "affine" and len(before) == 3:
                self._row.append(nn.Flatten())
            if shape is not None:
                self.weighted.append(module)
            self._row.append(module)

    def forward(self, x, masks):
        used = 0
        for module in self._row:
            if module is None:
                x = x * masks[used]
                used += 1
            else:
                x = module(x)
        return x


def _module(layer, shape):
    """Return what does the work of a layer; None stands for dropout."""
    match layer["kind"]:
        case "convolution":
            FN, C, *size = shape
            return nn.Conv2d(C, FN, size, stride=layer["stride"], padding=layer["pad"])
        case "affine":
            return nn.Linear(*shape)
        case "relu":
            return nn.ReLU(inplace=True)
        case "pool":
            return nn.MaxPool2d(layer["size"], layer["stride"])


class Training:
    def __init__(self, task, threads, channels_last=False, compiled=False):
        torch.set_num_threads(threads)
        self.task = task
        self._network = Network(task)
        self._format = torch.channels_last if channels_last else torch.contiguous_format
        if channels_last:
            self._network.to(memory_format=torch.channels_last)
        params = self._network.parameters()
        if task.optimizer == "Adam":
            self._optimizer = torch.optim.Adam(
                params, lr=task.lr, betas=(BETA1, BETA2), eps=EPS, fused=True
            )
        else:
            self._optimizer = torch.optim.SGD(params, lr=task.lr, fused=True)
        self._loss = torch.compile(self._loss_of, dynamic=False) if compiled else self._loss_of
        self._masks = [torch.from_numpy(mask).float() for mask in task.masks]
        self._order = torch.from_numpy(task.order)
        self._labels = torch.from_numpy(task.labels)
        self._batches, self._x = [], None
        self._done = 0

    def _loss_of(self, x, t, masks):
        return functional.cross_entropy(self._network(x, masks), t)

    def reset(self):
        self._done = 0
        with torch.no_grad():
            for number, module in enumerate(self._network.weighted, start=1):
                weight = torch.from_numpy(self.task.params[f"W{number}"])
                module.weight.copy_(weight.T if weight.ndim == 2 else weight)
                module.bias.copy_(torch.from_numpy(self.task.params[f"b{number}"]))
            for state in self._optimizer.state.values():
                for tensor in state.values():
                    if tensor is not None:
                        tensor.zero_()

    def steps(self, count):
        for step in range(len(self._batches), count):
            some = self.task.samples(step)
            x = torch.from_numpy(self.task.inputs(self.task.order[some], "float32"))
            if x.ndim == 4:
                x = x.contiguous(memory_format=self._format)
            masks = [mask[some] for mask in self._masks]
            self._batches.append((x, self._labels[self._order[some]], masks))
        return torch.stack([self._step(*batch) for batch in self._batches[:count]]).tolist()

    def epoch(self):
        if self._x is None:
            self._x = torch.from_numpy(self.task.inputs(slice(None), "float32"))
        losses = []
        for step in range(self.task.steps):
            some = self.task.samples(step)
            chosen = self._order[some]
            x = self._x.index_select(0, chosen)
            if x.ndim == 4:
                x = x.contiguous(memory_format=self._format)
            t = self._labels.index_select(0, chosen)
            losses.append(self._step(x, t, [mask[some] for mask in self._masks]))
        return float(torch.stack(losses).mean())

    def _step(self, x, t, masks):
        self._optimizer.zero_grad(set_to_none=True)
        loss = self._loss(x, t, masks)
        loss.backward()
        self._done += 1
        if self.task.optimizer == "Adam":
            # PyTorch divides by sqrt(v / (1 - beta2**n)) + eps, the book by sqrt(v) + eps before
            # the correction.
            eps = EPS / math.sqrt(1 - BETA2**self._done)
            self._optimizer.param_groups[0]["eps"] = eps
        self._optimizer.step()
        return loss.detach()


def make(task, **settings):
    return Training(task, **settings)
