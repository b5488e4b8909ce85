"""Log a training and a compression while they happen, straight into the database.

Epoch metrics usually die with the process that computed them. Here the training loop and the
compress() call of ``compress_digits.py`` are wrapped in runs: five lines of cetrack, no files.
Needs torch==2.13.0 and scikit-learn.
"""

from __future__ import annotations

import argparse
import warnings

import torch
from compress_digits import LEARNING_RATE, MODELS, compress, evaluate, measure, train_epoch

import cetrack

MODEL = "digits_mlp"


def main() -> None:
    """Train in fp32, quantise to INT8, and say where to look."""
    parser = argparse.ArgumentParser(description="Log a training and a compression to a database.")
    parser.add_argument("--db", help="database URL or path (default: that of the cetrack command)")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    warnings.filterwarnings("ignore", message=".*deprecated")
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)

    spec = MODELS[MODEL]
    data = {part: (x.reshape(-1, *spec.shape), y) for part, (x, y) in spec.load().items()}
    net = spec.build()
    about = {
        "model": MODEL,
        "library": "torch",
        "category": spec.category,
        "input_shape": spec.shape,
        "seed": args.seed,
        "db": args.db,
    }

    with cetrack.start_run(**about, precision="fp32", params={"lr": LEARNING_RATE}) as run:
        optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
        for epoch in range(1, args.epochs + 1):
            train_epoch(net, data["train"], optimizer)
            fit, val = evaluate(net, data["train"]), evaluate(net, data["val"])
            run.log({"train/loss": fit["loss"], "val/loss": val["loss"]}, step=epoch)
            run.log({"val/accuracy": val["accuracy"]}, step=epoch)

    baseline = measure(net, data["test"], repeat=200)
    with cetrack.start_run(**about, precision="int8", kind="compression") as compressed:
        report = compress(net, "ptq", MODEL, data, baseline, repeat=200)
        compressed.log_compression(
            baseline=report["baseline"],
            metrics=report["compressed"],
            method=report["method"],
            ratios=report["ratios"],
            calibration=report["calibration"],
        )

    print(f"training    cetrack show {run.uid[:10]}")
    print(f"compression cetrack show {compressed.uid[:10]}")


if __name__ == "__main__":
    main()
