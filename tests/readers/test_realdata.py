"""Real result files of other tools: none makes ingest raise, none falls into the wrong reader.

They stay out of the project: REALDATA names their folder, else they lie beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cetrack.errors import ReadError
from cetrack.ingest import IngestOptions, SourceReport, ingest
from cetrack.readers.registry import choose
from cetrack.readers.source import Source

BESIDE = Path(__file__).parents[3] / "shared" / "realdata"
FOLDER = Path(os.environ.get("REALDATA", BESIDE))
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"no real files in {FOLDER}")
# folder of the collection → the readers that its files may belong to
OWN: dict[str, set[str]] = {
    "aim": {"aim"},
    "asv": {"asv"},
    "dvclive": {"dvclive"},
    "fp32_vs_int8": {"benchmark", "epochs", "olive", "qai_hub", "results", "timm"},
    "google_benchmark": {"google_benchmark"},
    "keras_yolo": {"epochs", "keras_cv", "timm", "ultralytics"},
    "lightning_csv": {"lightning"},
    "lm_eval": {"lighteval", "lm_eval"},
    "mlflow": {"mlflow"},
    "mlperf": {"mlperf", "mlperf_tiny"},
    "openvino": {"openvino"},
    "optimum_benchmark": {"optimum_benchmark"},
    "optuna": {"optuna"},
    "pyperf": {"pyperf"},
    "pytest_benchmark": {"pytest_benchmark"},
    "sacred": {"sacred"},
    "tfevents": {"tfevents"},
    "trainer_state": {"trainer_state"},
    "trtexec": {"trtexec"},
    "wandb": {"wandb"},
}


def files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*/**/*") if path.is_file())


def claimed(path: Path) -> str | None:
    """The reader of a file, None where nobody or several claim it."""
    try:
        return choose(Source(str(path), path=path))[0].name
    except ReadError:
        return None


def test_no_file_falls_into_the_wrong_reader() -> None:
    wrong = {
        path.relative_to(FOLDER): reader
        for path in files()
        if (reader := claimed(path)) is not None
        and reader not in OWN[path.relative_to(FOLDER).parts[0]]
    }
    assert wrong == {}


def test_no_file_makes_a_dry_run_raise() -> None:
    report = ingest(None, [str(path) for path in files()], IngestOptions(dry_run=True))

    assert all(item.problem for item in report.rejected)


# files with results that are refused, and what is said of each
REFUSED = {
    "fps_report.json": "numbers, but no precision",
    "qf8_seed42.json": "numbers, but no precision",
    "shufflenetv2_cifar10_baselines.json": "numbers, but no precision",
    "benchmark_results_20250711_135852.json": "numbers, but no precision",
    "power_report.json": "nothing was measured",
    "run_metadata.sqlite": "Aim",
    "history.json": "a shape that no reader knows",
}


def test_nearly_all_files_are_taken_and_the_rest_refused_for_a_reason() -> None:
    report = ingest(None, [str(path) for path in files()], IngestOptions(dry_run=True))

    refused = {Path(item.uri).name: item.problem or "" for item in report.rejected}
    assert refused.keys() == REFUSED.keys()
    assert all(reason in refused[name] for name, reason in REFUSED.items())
    assert len(refused) <= 0.05 * len(report.sources)
    found = ingest(None, [str(FOLDER)], IngestOptions(dry_run=True))
    with_runs = {item.uri for item in report.sources if item.planned}
    met = {str(Path(item.uri)) for item in found.sources if item.planned}
    # a folder of a build system is hidden
    assert {Path(uri).name for uri in with_runs - met} == {"best_metrics.json"}


def by_name(report: list[SourceReport], part: str) -> SourceReport:
    return next(item for item in report if part in item.uri)


def test_steps_of_real_logs() -> None:
    stated = IngestOptions(dry_run=True, settings={"model": "m", "precision": "fp32"})
    paths = [str(path) for path in files() if path.name.endswith(("metrics.csv", "_state.json"))]
    report = list(ingest(None, paths, stated).sources)

    neuron = by_name(report, "neuron_0").planned[0]["metrics"]
    assert (neuron["train/loss"]["points"], neuron["val/loss"]["points"]) == (54, 10)
    alpaca = by_name(report, "stanford_alpaca").planned[0]["metrics"]
    assert (alpaca["loss"]["points"], alpaca["train/loss"]["points"]) == (1218, 1)
