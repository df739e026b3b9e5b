#!/usr/bin/env python3
"""The step that bench_dkm_step measures, written with PyTorch: objective and gradient of a batch of a
convolutional deep kernel machine of ResNet-20's shape, categorical likelihood. Optional: wants PyTorch.

    python3 tests/bench/dkm_step_pytorch.py [--scale 1] [--batch 256] [--edge 32] [--repeats 3] [--float32]
                                            [--threads 2]

One JSON line, with the rate of a matrix product of the same run.
"""

import argparse
import json
import math
import time

import torch
import torch.nn.functional as F

JITTER = 1e-4


def jittered(ii):
    return ii + torch.diag(ii.diagonal() * JITTER + JITTER)


def arccos(cross, left, right):
    norm = torch.sqrt(left * right)
    rho = (cross / norm).clamp(-1 + 1e-12, 1 - 1e-12)
    theta = torch.acos(rho)
    return (norm * torch.sin(theta) + (math.pi - theta) * cross) / math.pi


class Net(torch.nn.Module):
    """Kernels are (ii [P, P], ti [N, P, H, W], t [N, H, W])."""

    def __init__(self, scale, channels, real):
        super().__init__()
        self.real = real
        self.terms = []
        points = 16 * scale
        self.patches = self.parameter(torch.randn(points, channels, 3, 3))
        self.first = self.block(points, points)
        self.stages = []
        inputs = points
        for stage in range(3):
            points = 16 * scale << stage
            for chunk in range(3):
                stride = 2 if chunk == 0 else 1
                shortcut = None
                if chunk == 0:
                    shortcut = (self.weights(points, inputs, 1), *self.scales())
                self.stages.append((stride, self.block(points, inputs), self.block(points, points), shortcut))
                inputs = points
        self.last_scales = self.scales()
        self.mu = self.parameter(torch.zeros(points, 10))
        self.root = self.parameter(math.sqrt(points) * torch.eye(points))
        self.points = points

    def parameter(self, values):
        made = torch.nn.Parameter(values.to(self.real))
        self.register_parameter(f"p{len(list(self.parameters()))}", made)
        return made

    def weights(self, outputs, inputs, size):
        return self.parameter(torch.randn(outputs, inputs, size, size))

    def scales(self):
        return self.parameter(torch.zeros(())), self.parameter(torch.zeros(()))

    def block(self, points, inputs):
        w, b = self.parameter(torch.zeros(())), self.parameter(torch.tensor(math.log(0.1)))
        gram = self.parameter(math.sqrt(points) * torch.eye(points))
        return w, b, self.weights(points, inputs, 3), gram, *self.scales()

    def map(self, kernels, w, b):
        ii, ti, t = kernels
        ii = jittered(ii)
        d = ii.diagonal()
        off = arccos(ii - torch.diag(d), d[:, None], d[None, :])
        k_ii = off - torch.diag(off.diagonal()) + torch.diag(d)
        k_ti = arccos(ti, d[None, :, None, None], (t * (1 + JITTER) + JITTER)[:, None])
        w, b = torch.exp(w), torch.exp(b)
        return jittered(w * k_ii + b), w * k_ti + b, (w * t + b) * (1 + JITTER) + JITTER

    def conv(self, kernels, weights, stride):
        ii, ti, t = kernels
        size = weights.shape[-1]
        weights = weights / math.sqrt(weights.shape[1])
        m_ii = torch.einsum("oiyx,ij,pjyx->op", weights, ii, weights) / size**2
        m_ti = F.conv2d(ti, weights, stride=stride, padding=size // 2) / size**2
        m_t = F.avg_pool2d(t[:, None], size, stride, size // 2, count_include_pad=False)[:, 0]
        return m_ii, m_ti, m_t

    def gram(self, kernels, root):
        ii, ti, t = kernels
        points = ii.shape[0]
        g = root @ root.T / points
        lower = torch.linalg.cholesky(ii)
        shape = ti.shape
        flat = ti.transpose(0, 1).reshape(points, -1)
        f = torch.cholesky_solve(flat, lower)
        g_ti = g @ f
        g_t = t.reshape(-1) - (f * flat).sum(0) + (f * g_ti).sum(0)
        inside = torch.cholesky_solve(g, lower)
        log_ratio = 2 * torch.log(torch.linalg.cholesky(g).diagonal()).sum() - 2 * torch.log(lower.diagonal()).sum()
        self.terms.append(-0.01 / 2 * (inside.diagonal().sum() - log_ratio - points))
        return g, g_ti.reshape(points, shape[0], *shape[2:]).transpose(0, 1), g_t.reshape(t.shape)

    @staticmethod
    def norm(kernels, a, c):
        ii, ti, t = kernels
        i, n = torch.sqrt(ii.diagonal().mean()), torch.sqrt(t.mean())
        a, c = torch.exp(a) / i, torch.exp(c) / n
        return ii * a * a, ti * a * c, t * c * c

    def run_block(self, kernels, block, stride):
        w, b, weights, root, a, c = block
        return self.norm(self.gram(self.conv(self.map(kernels, w, b), weights, stride), root), a, c)

    def forward(self, images, labels):
        self.terms = []
        count = self.patches[0].numel()
        flat = self.patches.reshape(self.patches.shape[0], -1)
        mean = F.avg_pool2d((images**2).mean(1, keepdim=True), 3, 1, 1, count_include_pad=False)[:, 0]
        kernels = (flat @ flat.T / count, F.conv2d(images, self.patches, padding=1) / count, mean)
        kernels = self.run_block(kernels, self.first, 1)
        for stride, one, two, shortcut in self.stages:
            branch = self.run_block(self.run_block(kernels, one, stride), two, 1)
            if shortcut is not None:
                weights, a, c = shortcut
                kernels = self.norm(self.conv(kernels, weights, stride), a, c)
            kernels = tuple(0.5 * x + 0.5 * y for x, y in zip(branch, kernels))
        ii, ti, t = self.norm(self.pool(kernels), *self.last_scales)
        return self.head(ii, ti[:, :, 0, 0].T, t[:, 0, 0], labels)

    @staticmethod
    def pool(kernels):
        ii, ti, t = kernels
        lower = torch.linalg.cholesky(ii)
        mean = ti.mean((2, 3))
        places = t[0].numel()
        flat = ti.transpose(0, 1).reshape(ii.shape[0], -1)
        own = (torch.cholesky_solve(flat, lower) * flat).sum(0).reshape(t.shape)
        whole = (torch.cholesky_solve(mean.T, lower) * mean.T).sum(0)
        pooled = whole + (t - own).sum((1, 2)) / places**2
        return ii, mean[:, :, None, None], pooled[:, None, None]

    def head(self, ii, ti, t, labels):
        lower = torch.linalg.cholesky(ii)
        a = self.root @ self.root.T / self.points
        f = torch.cholesky_solve(ti, lower)
        mean = f.T @ self.mu
        variance = t - (f * ti).sum(0) + ((a @ f) * f).sum(0)
        draws = mean + torch.sqrt(variance)[:, None] * torch.randn(1000, *mean.shape, dtype=self.real)
        likelihood = torch.log_softmax(draws, -1)[:, torch.arange(len(labels)), labels].mean()
        inside = torch.cholesky_solve(a, lower)
        log_ratio = torch.logdet(a) - 2 * torch.log(lower.diagonal()).sum()
        term = -0.5 * (inside.diagonal().sum() - log_ratio - self.points)
        term = term - (self.mu * torch.cholesky_solve(self.mu, lower)).sum() / (2 * mean.shape[1])
        return likelihood + (sum(self.terms) + term) / 50000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--edge", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--float32", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    real = torch.float32 if options.float32 else torch.float64
    net = Net(options.scale, 3, real)
    images = torch.randn(options.batch, 3, options.edge, options.edge, dtype=real)
    labels = torch.arange(options.batch) % 10

    seconds = []
    for _ in range(options.repeats + 1):
        start = time.perf_counter()
        net.zero_grad()
        net(images, labels).backward()
        seconds.append(time.perf_counter() - start)
    square = torch.ones(2000, 2000, dtype=real)
    square @ square
    start = time.perf_counter()
    square @ square
    rate = 2 * 2000**3 / (time.perf_counter() - start)
    print(json.dumps({
        "bench": "dkm_step_pytorch", "torch": torch.__version__, "threads": options.threads, "scale": options.scale,
        "batch": options.batch, "precision": "float32" if options.float32 else "float64",
        "seconds": round(sorted(seconds[1:])[options.repeats // 2], 4), "gemm_gflop_a_second": round(rate / 1e9, 1),
    }))


if __name__ == "__main__":
    main()
