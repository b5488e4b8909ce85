"""lighteval: looks like lm-evaluation-harness, and states everything elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import (
    Identity,
    Kind,
    ModelHint,
    Notice,
    ParamValue,
    RunRecord,
    Series,
)
from cetrack.errors import MalformedSourceError
from cetrack.readers.base import Match, Objection, Reader, has_keys, lacking, matched
from cetrack.readers.entries import pointer
from cetrack.readers.evaluations import (
    Scores,
    has_scores,
    listed,
    mapping,
    per_task,
    screening,
    settings_of,
)
from cetrack.readers.numbers import is_number, number_in_text, param_of, shortened, whole_number
from cetrack.readers.quantization import model_and_format, stated_quantization
from cetrack.readers.source import Source

FORMAT = "lighteval"
_KEYS = ("config_general", "results")
_OWN = frozenset({"lighteval_sha", "max_samples", "model_config", "model_name", "model_sha"})
_AGGREGATE = "all"
_NO_SETTINGS = frozenset(
    {"end_time", "max_samples", "model_config", "model_dtype", "model_name", "model_size",
     "start_time", "total_evaluation_time_secondes", "total_evaluation_time_seconds"}
)  # fmt: skip


class LightevalReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "results of lighteval"
    recognises = "a JSON object with `config_general` and `results` (suite|task|shots → metric)"
    maps_to = (
        "one benchmark run; metrics `<task>.<metric>` and `<task>.<metric>_stderr`, `all.<metric>` "
        "over all tasks; the number of shots is a parameter; a limit of samples as in lm_eval"
    )
    example = """\
{"config_general": {"model_name": "org/tiny-llm", "model_dtype": "torch.float16",
                    "model_size": "1.2 GB", "max_samples": null},
 "results": {"leaderboard|gsm8k|5": {"qem": 0.31, "qem_stderr": 0.012}, "all": {"qem": 0.31}},
 "versions": {"leaderboard|gsm8k|5": 0}}
"""

    def sniff(self, source: Source) -> Match:
        """YES for results beside a ``config_general``."""
        return matched(_is_results, source)

    def objection(self, source: Source) -> Objection | None:
        """The keys that are missing."""
        have = source.json_keys
        return lacking(_KEYS, have, "key") if "config_general" in have else None

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        document = source.json.value
        if not isinstance(document, Mapping) or not isinstance(document.get("results"), Mapping):
            raise MalformedSourceError(source.uri, "/results", "no object of tasks")
        yield from source.json.notices
        names = _task_names(document["results"])
        scores = _scores(document, names)
        if not scores.series:
            yield from scores.notices
            yield Notice("/results", "no score of any task: no run made")
            return
        yield _record(document, names, scores)


def _is_results(source: Source) -> bool:
    if not has_keys(source, _KEYS) or source.first_object is not None:
        return False
    document = source.json.value
    return bool(_OWN & set(mapping(document, "config_general"))) and has_scores(document["results"])


def _task_names(results: Mapping[str, Any]) -> dict[str, str]:
    """``suite|task|shots`` → ``task``, or the whole of it where several tasks have one name."""
    bare = {key: _bare(key) for key in results}
    often = Counter(bare.values())
    return {key: name if often[name] == 1 else key for key, name in bare.items()}


def _bare(key: str) -> str:
    parts = key.split("|")
    return parts[1] if len(parts) > 2 and parts[1] else parts[0] or key


def _shots(key: str) -> int | None:
    parts = key.split("|")
    return whole_number(parts[2] if len(parts) > 2 else parts[1]) if len(parts) > 1 else None


def _scores(document: Mapping[str, Any], names: Mapping[str, str]) -> Scores:
    scores = Scores()
    for key, values in document["results"].items():
        place = pointer("/results", key)
        if isinstance(values, Mapping):
            better = _better(mapping(document, "config_tasks"), key)
            scores.add_task(names[key], values, place, better=better)
        else:
            scores.notices.append(Notice(place, f"{shortened(values)} is no task: left out"))
    return scores


def _better(tasks: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Which metrics of a task are better when higher; it is listed there without its shots."""
    config = mapping(tasks, key) or mapping(tasks, key.rpartition("|")[0])
    stated = config.get("metric", config.get("metrics"))
    metrics = [item for item in stated if isinstance(item, Mapping)] if _is_list(stated) else []
    found: dict[str, Any] = {}
    for item in metrics:
        name, higher = item.get("metric_name"), item.get("higher_is_better")
        if isinstance(name, str):
            found[name] = higher
        elif isinstance(name, list) and isinstance(higher, Mapping):  # several of one function
            found.update(higher)
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _record(document: Mapping[str, Any], names: Mapping[str, str], scores: Scores) -> RunRecord:
    general = mapping(document, "config_general")
    # newer versions state the model's settings in an object of their own
    settings = {**general, **mapping(general, "model_config")}
    identifier = settings.get("model_name") or settings.get("pretrained")
    model, named = model_and_format(identifier if isinstance(identifier, str) else "")
    quantization = stated_quantization(settings, named)
    size = whole_number(settings.get("batch_size") or general.get("override_batch_size"))
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"results": document["results"], "config_general": dict(general)},
        model=ModelHint(name=model),
        precision=quantization.precision,
        method=quantization.method,
        dataset=listed([names[key] for key in document["results"] if key != _AGGREGATE]),
        batch_size=size if size and size > 0 else None,
        series=(*scores.series.values(), *_measured(general)),
        params=_params(document, general, names),
        metric_defs=scores.definitions,
        notices=tuple(scores.notices),
        **screening(general.get("max_samples")),
    )


def _measured(general: Mapping[str, Any]) -> Iterator[Series]:
    """The size of the model and how long it took, both written as text, one key misspelt."""
    size = number_in_text(str(general.get("model_size")))
    if size is not None and size[1]:
        place = "/config_general/model_size"
        yield Series.scalar("model_size", size[0], unit=size[1], place=place)
    for key in ("total_evaluation_time_secondes", "total_evaluation_time_seconds"):
        seconds = number_in_text(str(general.get(key)))
        if seconds is not None:
            name = "total_evaluation_time_seconds"
            yield Series.scalar(name, seconds[0], place=f"/config_general/{key}")
            return


def _params(
    document: Mapping[str, Any], general: Mapping[str, Any], names: Mapping[str, str]
) -> dict[str, ParamValue]:
    params = settings_of(general, without=_NO_SETTINGS)
    inner = mapping(general, "model_config")
    params.update(settings_of({"model_config": inner}, without=frozenset()))
    shots = {names[key]: _shots(key) for key in document["results"] if key != _AGGREGATE}
    params.update(per_task("num_fewshot", shots))
    params.update(per_task("task_version", mapping(document, "versions")))
    identifier = general.get("model_name")
    if isinstance(identifier, str):
        params["model_name"] = identifier
    limit = general.get("max_samples")
    if limit is not None:
        params["max_samples"] = param_of(limit) if is_number(limit) else str(limit)
    return params
