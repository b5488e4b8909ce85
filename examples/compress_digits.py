"""Train three small classifiers, compress them, and write what was measured as JSON files.

Each model is trained in fp32, then compressed by two methods: ``ptq`` (post-training static
quantisation to INT8, calibrated on training samples) and ``magnitude_pruning`` (the smallest fp32
weights are set to zero, without fine-tuning). Needs torch==2.13.0 and scikit-learn.

Units: accuracy, F1, sensitivity and specificity are fractions (0 to 1), losses are mean
cross-entropy in nats, latencies are milliseconds for one sample, sizes are megabytes (1e6 bytes).
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import f1_score, recall_score
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.ao.quantization import QConfigMapping, get_default_qconfig
from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx
from torch.nn.utils import prune

EPOCHS, PATIENCE, TRAIN_BATCH, LEARNING_RATE = 25, 4, 32, 1e-3
SPLIT_SEED = 0  # the data split never changes, so runs with different seeds share one test set
KEPT_SAMPLES, SPACING_S, CALIBRATION_SAMPLES, PRUNED_FRACTION = 200, 0.025, 256, 0.7

Part = tuple[Tensor, Tensor]  # inputs and labels
Data = dict[str, Part]  # "train"; "val" for early stopping; "test" for the reported metrics


def cnn() -> nn.Module:
    """Build a fully convolutional classifier of [n, 1, 8, 8] images."""
    conv1 = (nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
    conv2 = (nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
    # FX has no INT8 nn.Flatten: it comes last, so that everything before it can stay INT8.
    head = (nn.Conv2d(32, 64, 4), nn.ReLU(), nn.Conv2d(64, 10, 1), nn.Flatten())
    return nn.Sequential(*conv1, *conv2, *head)


def mlp(*widths: int) -> nn.Module:
    """Build a ReLU perceptron with these layer widths, input first and classes last."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def split(x: Tensor, y: Tensor) -> Data:
    """Split 70 / 15 / 15 %, keeping the class proportions."""
    index = list(range(len(y)))
    train, rest = train_test_split(index, test_size=0.3, stratify=y, random_state=SPLIT_SEED)
    val, test = train_test_split(rest, test_size=0.5, stratify=y[rest], random_state=SPLIT_SEED)
    return {"train": (x[train], y[train]), "val": (x[val], y[val]), "test": (x[test], y[test])}


def digits() -> Data:
    """Load the 1797 images of 8x8 pixels, scaled to [0, 1]."""
    raw = load_digits()
    return split(torch.tensor(raw.images / 16.0, dtype=torch.float32), torch.tensor(raw.target))


def wdbc() -> Data:
    """Load the 569 breast-cancer rows of 30 features, standardised; label 1 is malignant."""
    raw = load_breast_cancer()
    # scikit-learn codes malignant as 0, but sensitivity is about finding the malignant cases.
    data = split(torch.tensor(raw.data, dtype=torch.float32), 1 - torch.tensor(raw.target))
    mean, std = data["train"][0].mean(0), data["train"][0].std(0)  # nothing learnt from val or test
    return {part: ((x - mean) / std, y) for part, (x, y) in data.items()}


class Spec(NamedTuple):
    """How to build one model and load its data; shape is that of one sample, without the batch."""

    build: Callable[[], nn.Module]
    load: Callable[[], Data]
    shape: tuple[int, ...]
    category: str
    description: str


MODELS = {
    "digits_cnn": Spec(cnn, digits, (1, 8, 8), "vision", "4 conv layers"),
    "digits_mlp": Spec(lambda: mlp(64, 256, 128, 10), digits, (64,), "vision", "3 linear layers"),
    "wdbc_mlp": Spec(lambda: mlp(30, 128, 64, 2), wdbc, (30,), "tabular", "3 linear layers"),
}


def significant(value: float, digits: int = 6) -> float:
    """Round to significant digits: more would be timer or summation noise."""
    return float(f"{value:.{digits}g}")


def evaluate(net: nn.Module, part: Part) -> dict[str, float]:
    """Return accuracy, macro F1 and loss; for two classes sensitivity and specificity as well."""
    x, y = part
    net.eval()
    with torch.inference_mode():
        scores = net(x)
    predicted = scores.argmax(1)
    metrics = {
        "accuracy": (predicted == y).double().mean().item(),
        "f1_score": f1_score(y, predicted, average="macro"),
        "loss": nn.functional.cross_entropy(scores, y).item(),
    }
    if scores.shape[1] == 2:
        metrics["sensitivity"] = recall_score(y, predicted, pos_label=1)
        metrics["specificity"] = recall_score(y, predicted, pos_label=0)
    return {key: significant(value) for key, value in metrics.items()}


def time_inference(net: nn.Module, inputs: Tensor, repeat: int) -> list[float]:
    """Return the milliseconds of each of `repeat` single-sample inferences on a warm model.

    Untimed inferences run for SPACING_S seconds before each timed one. They warm up, and spread
    the samples over seconds: a shared machine can run at half speed for a second at a time.
    """
    samples = []
    with torch.inference_mode():
        for i in range(repeat):
            x = inputs[i % len(inputs)].unsqueeze(0)
            warm = time.perf_counter() + SPACING_S
            while time.perf_counter() < warm:
                net(x)
            start = time.perf_counter_ns()
            net(x)
            samples.append((time.perf_counter_ns() - start) / 1e6)
    return samples


def measure(net: nn.Module, test: Part, repeat: int) -> dict[str, Any]:
    """Measure quality on the test set, batch-1 latency (ms), size (MB) and process memory (MB)."""
    # Timed first: INT8 convolutions run at half speed if the first batch they saw was larger.
    times = time_inference(net.eval(), test[0], repeat)
    metrics: dict[str, Any] = dict(evaluate(net, test))
    step = -(-len(times) // KEPT_SAMPLES)  # mean and std use all samples, the file keeps 100-200
    metrics["latency_mean_ms"] = significant(statistics.fmean(times))
    metrics["latency_std_ms"] = significant(statistics.stdev(times))
    metrics["latency_samples_ms"] = [significant(t, 5) for t in times[::step]]
    torch.save(net.state_dict(), buffer := BytesIO())
    metrics["model_size_mb"] = significant(buffer.tell() / 1e6)
    # Resident memory of the whole process, PyTorch included; left out where there is no /proc.
    if (statm := Path("/proc/self/statm")).exists():
        pages = int(statm.read_text().split()[1])
        metrics["memory_usage_mb"] = significant(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
    return metrics | {"evaluated_on": "cpu"}


def train_epoch(net: nn.Module, part: Part, optimizer: torch.optim.Optimizer) -> None:
    """Train on every sample once, in random order."""
    x, y = part
    net.train()
    for batch in torch.randperm(len(y)).split(TRAIN_BATCH):
        loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def train(net: nn.Module, data: Data) -> dict[str, Any]:
    """Train, stop early on val_loss, keep the best epoch's weights; return values per epoch."""
    columns = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_f1")
    log: dict[str, Any] = {column: [] for column in (*columns, "learning_rate")}
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    best_epoch, best_weights = 0, net.state_dict()
    for epoch in range(1, EPOCHS + 1):
        log["learning_rate"].append(significant(optimizer.param_groups[0]["lr"]))
        train_epoch(net, data["train"], optimizer)
        fit, val = evaluate(net, data["train"]), evaluate(net, data["val"])
        row = (epoch, fit["loss"], val["loss"], fit["accuracy"], val["accuracy"], val["f1_score"])
        for column, value in zip(columns, row, strict=True):
            log[column].append(value)
        if val["loss"] == min(log["val_loss"]):
            best_epoch, best_weights = epoch, copy.deepcopy(net.state_dict())
        elif epoch - best_epoch >= PATIENCE:
            break
        schedule.step()
    net.load_state_dict(best_weights)
    return log | {"best_epoch": best_epoch, "patience": PATIENCE, "stopped_early": epoch < EPOCHS}


def quantise(net: nn.Module, data: Data) -> tuple[nn.Module, dict[str, Any]]:
    """Return a copy that runs INT8 kernels, and how its value ranges were calibrated."""
    qconfig = get_default_qconfig(torch.backends.quantized.engine)
    samples = data["train"][0][:CALIBRATION_SAMPLES]  # a random choice: the split has shuffled
    mapping = QConfigMapping().set_global(qconfig)
    prepared = prepare_fx(copy.deepcopy(net).eval(), mapping, (samples[:1],))
    with torch.inference_mode():
        prepared(samples)  # the observers record the activation ranges
    quantised = convert_fx(prepared)
    if any(type(layer) in (nn.Linear, nn.Conv2d) for layer in quantised.modules()):
        raise RuntimeError("a layer stayed in fp32, so the model must not be reported as int8")
    observer = type(qconfig.activation()).__name__
    return quantised, {"calibration": {"samples": len(samples), "observer": observer}}


def prune_weights(net: nn.Module) -> tuple[nn.Module, dict[str, Any]]:
    """Return a copy with the smallest weights of the whole model at zero, and the sparsity."""
    pruned = copy.deepcopy(net)
    layers = [m for m in pruned.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    targets = [(layer, "weight") for layer in layers]
    prune.global_unstructured(targets, prune.L1Unstructured, amount=PRUNED_FRACTION)
    for layer in layers:
        prune.remove(layer, "weight")  # fold the mask into the weights
    # Zeros are stored and multiplied like any number: neither size nor latency should improve.
    zeros = sum(int((layer.weight == 0).sum()) for layer in layers)
    sparsity = significant(zeros / sum(layer.weight.numel() for layer in layers))
    return pruned, {"pruning": {"criterion": "global_l1_unstructured", "weight_sparsity": sparsity}}


def compress(
    model: nn.Module, method: str, name: str, data: Data, baseline: dict[str, Any], repeat: int
) -> dict[str, Any]:
    """Compress `model` and compare it with the `baseline` metrics (a ratio above 1 is a gain)."""
    precision = "int8" if method == "ptq" else "fp32"
    shrunk, details = quantise(model, data) if method == "ptq" else prune_weights(model)
    old, new = dict(baseline), measure(shrunk, data["test"], repeat)
    del old["latency_samples_ms"]  # the results file has them
    size_ratio = significant(old["model_size_mb"] / new["model_size_mb"])
    speedup = significant(old["latency_mean_ms"] / new["latency_mean_ms"])
    report = {"model": name, "library": "torch", "method": method, "precision": precision}
    return report | {
        "baseline": {"precision": "fp32"} | old,
        "compressed": {"precision": precision} | new,
        "ratios": {"size_ratio": size_ratio, "speedup": speedup},
        "accuracy_drop": significant(old["accuracy"] - new["accuracy"]),
        **details,
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write one JSON file, making its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run_model(name: str, seed: int, repeat: int, out: Path) -> dict[str, Any]:
    """Train, measure and compress one model; write and print all; return its results entry."""
    spec = MODELS[name]
    torch.manual_seed(seed)  # per model, so that --models does not change a model's numbers
    data = {part: (x.reshape(-1, *spec.shape), y) for part, (x, y) in spec.load().items()}
    net = spec.build()
    history = {"model": name, "precision": "fp32", "seed": seed} | train(net, data)
    write_json(out / f"training/{name}_fp32_history.json", history)
    variants = {"none": measure(net, data["test"], repeat)}
    for method in ("ptq", "magnitude_pruning"):
        report = compress(net, method, name, data, variants["none"], repeat)
        write_json(out / f"compression/{name}_{method}.json", report)
        variants[method] = {k: v for k, v in report["compressed"].items() if k != "precision"}
    for method, m in variants.items():
        row = [m[key] for key in ("accuracy", "f1_score", "latency_mean_ms", "model_size_mb")]
        print(f"{name:11}{method:18}" + "".join(f"{value:9.4f}" for value in row))
    description = f"{spec.description} on the {spec.load.__name__} data of scikit-learn"
    facts = {"category": spec.category, "description": description, "input_shape": spec.shape}
    results = {"fp32": variants["none"], "int8": variants["ptq"]}
    return results | {"model_info": {"library": "torch"} | facts}


def main() -> None:
    """Run the chosen models, write the results file and print a table."""
    parser = argparse.ArgumentParser(description="Train and compress small models; write JSON.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write, one per run")
    parser.add_argument("--seed", type=int, default=0, help="random seed (default 0)")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="default all")
    parser.add_argument("--repeat", type=int, default=200, help="timed inferences (>= 200)")
    args = parser.parse_args()
    if args.repeat < 200:
        parser.error("--repeat must be at least 200")
    # torch 2.13 still runs FX quantisation, but announces its removal: hence the exact version.
    warnings.filterwarnings("ignore", message=".*deprecated")
    torch.set_num_threads(1)  # for batch-1 inference of tiny models more threads only add jitter
    start = datetime.now(UTC)
    dataset = ", ".join(dict.fromkeys(MODELS[n].load.__name__ for n in args.models))
    config = {"seed": args.seed, "batch_size": 1, "dataset": f"sklearn {dataset}"}
    config |= {"torch_version": torch.__version__, "epochs": EPOCHS}
    results: dict[str, Any] = {"timestamp": start.isoformat(timespec="seconds"), "config": config}
    print("model      compression        accuracy       f1  mean_ms  size_mb")
    results |= {name: run_model(name, args.seed, args.repeat, args.out) for name in args.models}
    write_json(args.out / f"results/benchmark_{start:%Y%m%d_%H%M%S}.json", results)
    print(f"Files are in {args.out}")


if __name__ == "__main__":
    main()
