"""lm-evaluation-harness: the results of one model on some tasks, of all versions from 0.3 on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from cetrack.domain import (
    Environment,
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
from cetrack.readers.numbers import float_of, is_number, number_in_text, shortened, whole_number
from cetrack.readers.quantization import model_and_format, stated_quantization
from cetrack.readers.source import Source
from cetrack.readers.times import parse_time

FORMAT = "lm_eval"
_KEYS = ("results", "versions", "config")
_NEWER = frozenset({"n-shot", "higher_is_better", "group_subtasks"})
_OWN_SETTINGS = frozenset({"model_args", "bootstrap_iters"})
_MODEL_ARGS = ("pretrained", "model", "path", "engine", "gguf_file")
_NO_SETTINGS = frozenset(
    {"batch_size", "device", "model_args", "model_num_parameters", "random_seed"}
)
_FACTS = ("lm_eval_version", "transformers_version", "git_hash", "max_length", "duration")
_COMMIT = re.compile(r"(?:^|-g)([0-9a-f]{7,40})$")
# lines of pretty_env_info
_OS = re.compile(r"^OS: (.+)$", re.MULTILINE)
_TORCH = re.compile(r"^PyTorch version: (\S+)$", re.MULTILINE)
_GPU = re.compile(r"^GPU 0: (.+)$", re.MULTILINE)
_NEXT_ARGUMENT = re.compile(r",(?=\s*[A-Za-z_][\w.]*=)")


class LmEvalReader(Reader):
    """See :class:`cetrack.readers.base.Reader`."""

    name = FORMAT
    version = 1
    suffixes = (".json",)
    description = "results of lm-evaluation-harness"
    recognises = (
        "a JSON object with `results` (task → metric → number) and `versions`, `n-shot` or a "
        "`config` with `model_args`"
    )
    maps_to = (
        "one benchmark run; metrics `<task>.<metric>`, or `<task>.<metric>.<filter>`, and "
        "`<task>.<metric>_stderr`; a group is stored once; model and precision from `model_args`; "
        "dataset: the tasks that are in no group; with a limit of samples the split, a tag and the "
        "status reason say so"
    )
    example = """\
{"results": {"arc_easy": {"alias": "arc_easy", "acc,none": 0.71, "acc_stderr,none": 0.009}},
 "versions": {"arc_easy": 1.0}, "n-shot": {"arc_easy": 0},
 "config": {"model": "hf", "model_args": "pretrained=org/tiny-llm,dtype=bfloat16",
            "batch_size": 8, "device": "cuda:0", "limit": null},
 "date": 1768575918.5}
"""

    def sniff(self, source: Source) -> Match:
        """YES for the results of a harness."""
        return matched(_is_results, source)

    def objection(self, source: Source) -> Objection | None:
        """The keys that are missing."""
        have = source.json_keys
        return lacking(_KEYS, have, "key") if "results" in have else None

    def read(self, source: Source) -> Iterator[RunRecord | Notice]:
        """One run."""
        document = source.json.value
        if not isinstance(document, Mapping) or not isinstance(document.get("results"), Mapping):
            raise MalformedSourceError(source.uri, "/results", "no object of tasks")
        yield from source.json.notices
        scores = _scores(document)
        if not scores.series:
            yield from scores.notices
            yield Notice("/results", "no score of any task: no run made")
            return
        yield _record(document, scores)


def _is_results(source: Source) -> bool:
    keys = source.json_keys
    if not has_keys(source, ("results",)) or "config_general" in keys:
        return False
    document = source.json.value if source.first_object is None else {}
    own = _NEWER & keys or ("versions" in keys and ("configs" in keys or "config" in keys))
    stated = _OWN_SETTINGS & set(mapping(document, "config"))
    return bool(own or stated) and has_scores(document.get("results"))


def _scores(document: Mapping[str, Any]) -> Scores:
    """The scores of all tasks; groups stand among the results once more."""
    scores = Scores()
    results = mapping(document, "results")
    groups = {
        name: values for name, values in mapping(document, "groups").items() if name not in results
    }
    for block, tasks in (("/results", results), ("/groups", groups)):
        for task, values in tasks.items():
            place = pointer(block, task)
            if not isinstance(values, Mapping):
                scores.notices.append(Notice(place, f"{shortened(values)} is no task: left out"))
                continue
            counts = mapping(mapping(document, "n-samples"), task)
            count = whole_number(counts.get("effective", values.get("sample_len")))
            better = mapping(mapping(document, "higher_is_better"), task)
            scores.add_task(task, values, place, count=count, better=better)
    return scores


def _record(document: Mapping[str, Any], scores: Scores) -> RunRecord:
    config = mapping(document, "config")
    arguments = _arguments(config.get("model_args"))
    identifier = _identifier(document, arguments)
    model, named = model_and_format(identifier)
    quantization = stated_quantization({**config, **arguments}, named)
    commit = _COMMIT.search(str(document.get("git_hash") or ""))
    return RunRecord(
        format=FORMAT,
        place="",
        kind=Kind.BENCHMARK,
        identity=Identity.SNAPSHOT,
        raw={"results": document["results"], "config": dict(config)},
        model=ModelHint(name=model),
        precision=quantization.precision,
        method=quantization.method,
        environment=_environment(document, config),
        dataset=listed(_evaluated(document)),
        seed=whole_number(config.get("random_seed")),
        batch_size=_batch_size(config),
        started_at=parse_time(document.get("date")),
        git_commit=commit[1] if commit else "",
        series=(*scores.series.values(), *_measured(document, config)),
        params=_params(document, config, arguments),
        metric_defs=scores.definitions,
        notices=tuple(scores.notices),
        **screening(config.get("limit")),
    )


def _arguments(stated: Any) -> dict[str, Any]:
    """``model_args``: an object, or text such as ``pretrained=org/name,dtype=float16``."""
    if isinstance(stated, Mapping):
        return dict(stated)
    if not isinstance(stated, str):
        return {}
    pairs = (part.partition("=") for part in _NEXT_ARGUMENT.split(stated) if "=" in part)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _identifier(document: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    stated = [*(arguments.get(key) for key in _MODEL_ARGS), document.get("model_name")]
    return next((name for name in stated if isinstance(name, str) and name.strip()), "")


def _evaluated(document: Mapping[str, Any]) -> list[str]:
    """The tasks and groups that are in no other group."""
    lists = [item for item in mapping(document, "group_subtasks").values() if type(item) is list]
    members = {str(name) for names in lists for name in names}
    return [task for task in document["results"] if task not in members]


def _batch_size(config: Mapping[str, Any]) -> int | None:
    size = whole_number(config.get("batch_size"))
    return size if size and size > 0 else None


def _measured(document: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[Series]:
    """Numbers that are of no task."""
    size: Any = config.get("model_num_parameters")
    if is_number(size) and size > 0:
        yield Series.scalar("num_parameters", float_of(size), place="/config/model_num_parameters")
    key = "total_evaluation_time_seconds"
    seconds = number_in_text(str(document.get(key)))
    if seconds is not None:
        yield Series.scalar(key, seconds[0], place=f"/{key}")


def _environment(document: Mapping[str, Any], config: Mapping[str, Any]) -> Environment:
    about = document.get("pretty_env_info")
    about = about if isinstance(about, str) else ""
    runtime = document.get("model_source") or config.get("model")
    runtime = runtime if isinstance(runtime, str) else ""
    version = ""
    if runtime == "hf" or runtime.startswith(("hf-", "huggingface")):
        runtime, version = "transformers", str(document.get("transformers_version") or "")
    device = config.get("device")
    torch = _found(_TORCH, about)
    return Environment(
        device=device if isinstance(device, str) else "",
        accelerator=_found(_GPU, about).partition(" (UUID")[0],
        runtime=runtime,
        runtime_version=version,
        os=_found(_OS, about),
        details={"torch": torch} if torch else {},
    )


def _found(pattern: re.Pattern[str], text: str) -> str:
    match = pattern.search(text)
    return match[1].strip() if match else ""


def _params(
    document: Mapping[str, Any], config: Mapping[str, Any], arguments: Mapping[str, Any]
) -> dict[str, ParamValue]:
    params = settings_of(config, without=_NO_SETTINGS)
    params.update(settings_of({"model_args": arguments}, without=frozenset()))
    params.update(settings_of({key: document.get(key) for key in _FACTS}, without=frozenset()))
    if _batch_size(config) is None and config.get("batch_size") is not None:
        params["batch_size"] = str(config["batch_size"])
    shots = mapping(document, "n-shot")
    if shots:
        params.update(per_task("num_fewshot", shots))
    params.update(per_task("task_version", mapping(document, "versions")))
    return params
