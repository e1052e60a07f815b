"""Draw by a plan in a plain PyTorch loop: four lines instead of shuffle=True."""

import torch
from torch.utils.data import DataLoader, TensorDataset

from equipoise import Census, Plan, PlanSampler, StratumIndex, rates, weights


def main() -> list[float]:
    """Train a linear model on two imbalanced tasks; return the share of each stratum in the draws."""
    tasks = ["large"] * 1000 + ["small"] * 24
    labels = ["no"] * 950 + ["yes"] * 50 + ["no"] * 18 + ["yes"] * 6
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(len(tasks), 8, generator=generator)
    targets = torch.tensor([float(label == "yes") for label in labels])
    rows = torch.arange(len(tasks))

    census = Census.from_labels(tasks, labels)
    plan = Plan.build(census, rates=rates.Equal(), weights=weights.Power(0.5))
    index = StratumIndex.from_labels(plan, tasks, labels)
    sampler = PlanSampler(plan, index, seed=0, draws_per_epoch=2048)

    model = torch.nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    drawn = torch.zeros(len(tasks))
    for epoch in range(2):
        sampler.set_epoch(epoch)
        for batch, truth, row in DataLoader(TensorDataset(inputs, targets, rows), batch_size=32, sampler=sampler):
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch).squeeze(1), truth)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            drawn += torch.bincount(row, minlength=len(tasks))
    return [
        float(drawn[index.order[start : start + size]].sum() / drawn.sum())
        for start, size in zip(index.starts, index.sizes, strict=True)
    ]


if __name__ == "__main__":
    print(main())
