"""What tests/tools/export_torch.py made torch_mlp.hlo.txt.gz from."""

import torch

def make(device):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 16)).to(device)
    momentum = [torch.zeros_like(p) for p in model.parameters()]
    x = torch.randn(16, 32, device=device)
    y = torch.randint(0, 16, (16,), device=device)
    parameters = list(model.parameters())

    def step():
        loss = torch.nn.functional.cross_entropy(model(x), y)
        gradients = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, m, g in zip(parameters, momentum, gradients):
                m.mul_(0.9).add_(g)
                p.sub_(0.1 * m)
        return loss

    return step, [*parameters, *momentum]
