"""A logdir as both of TensorBoard's loaders serve it: the fast one (its default) and Python's."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.data import server_ingester
from tensorboard.plugins import base_plugin
from tensorboard.plugins.custom_scalar import custom_scalars_plugin
from tensorboard.plugins.histogram import histograms_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.plugins.hparams import get_experiment as experiment_handler
from tensorboard.plugins.scalar import scalars_plugin
from tensorboard.util import grpc_util

from tests.tb.reading import runs

CONTEXT = RequestContext()


class Served:
    """A data provider, asked as TensorBoard's plugins ask it."""

    def __init__(self, provider: Any) -> None:
        self.provider = provider
        self.data_provider = provider  # what the plugins' backends look for

    def scalars(self) -> dict[str, dict[str, list[tuple[int, float, float]]]]:
        """run → tag → (step, value, wall time)."""
        found = self.provider.read_scalars(
            CONTEXT, experiment_id="", plugin_name="scalars", downsample=10_000
        )
        return {
            run: {
                tag: [(point.step, point.value, point.wall_time) for point in points]
                for tag, points in tags.items()
            }
            for run, tags in found.items()
        }

    def texts(self) -> dict[str, dict[str, str]]:
        """run → tag → the last text."""
        found = self.provider.read_tensors(
            CONTEXT, experiment_id="", plugin_name="text", downsample=10
        )
        return {
            run: {tag: points[-1].numpy.item().decode() for tag, points in tags.items()}
            for run, tags in found.items()
        }

    def histograms(self) -> dict[str, dict[str, list[tuple[int, list[list[float]]]]]]:
        """run → tag → (step, buckets) of the HISTOGRAMS and DISTRIBUTIONS tabs."""
        plugin = histograms_plugin.HistogramsPlugin(self._context())
        index = plugin.index_impl(CONTEXT, experiment="")
        return {
            run: {
                tag: [
                    (step, buckets)
                    for _, step, buckets in plugin.histograms_impl(CONTEXT, tag, run, "")[0]
                ]
                for tag in tags
            }
            for run, tags in index.items()
            if tags
        }

    def charts(self) -> dict[str, dict[str, dict[str, dict[str, list[float]]]]]:
        """The CUSTOM SCALARS tab: category → chart → run → tag → values."""
        plugin = self._custom_scalars()
        return {
            category["title"]: {
                chart["title"]: self._drawn(plugin, chart["multiline"]["tag"])
                for chart in category["chart"]
            }
            for category in self.layout()["category"]
        }

    def layout(self) -> dict[str, Any]:
        """What the CUSTOM SCALARS tab is laid out by."""
        return dict(json.loads(self._custom_scalars().layout_impl(CONTEXT, "")))

    def _custom_scalars(self) -> Any:
        context = self._context()
        lines = scalars_plugin.ScalarsPlugin(context)
        context.plugin_name_to_instance["scalars"] = lines
        return custom_scalars_plugin.CustomScalarsPlugin(context)

    def images(self) -> dict[str, dict[str, bytes]]:
        """run → tag → the PNG of the IMAGES tab, which has one of each."""
        return {run: {tag: blobs[2] for tag, blobs in tags.items()} for run, tags in self._blobs()}

    def image_sizes(self) -> dict[str, dict[str, tuple[int, int]]]:
        """run → tag → (width, height) as the tab is told."""
        return {
            run: {tag: (int(blobs[0]), int(blobs[1])) for tag, blobs in tags.items()}
            for run, tags in self._blobs()
        }

    def image_descriptions(self) -> dict[str, dict[str, str]]:
        """run → tag → the Markdown below the image."""
        return {
            run: {tag: found.description for tag, found in tags.items()}
            for run, tags in self._image_tags().items()
        }

    def _image_tags(self) -> Any:
        return self.provider.list_blob_sequences(CONTEXT, experiment_id="", plugin_name="images")

    def _blobs(self) -> Iterator[tuple[str, dict[str, list[bytes]]]]:
        found = self.provider.read_blob_sequences(
            CONTEXT, experiment_id="", plugin_name="images", downsample=10
        )
        for run, tags in found.items():
            yield run, {tag: self._contents(points) for tag, points in tags.items()}

    def _contents(self, points: Any) -> list[bytes]:
        (point,) = points
        return [self.provider.read_blob(CONTEXT, blob_key=it.blob_key) for it in point.values]

    def _drawn(self, plugin: Any, regexes: list[str]) -> dict[str, dict[str, list[float]]]:
        """What a chart draws when every run is ticked; regexes are joined as the page does it."""
        regex = "|".join(f"({text})" for text in regexes)
        found = {}
        for run in self.provider.list_runs(CONTEXT, experiment_id=""):
            answer = plugin.scalars_impl(CONTEXT, run.run_name, regex, "")
            assert answer["regex_valid"]
            tags = {
                tag: [value for _, _, value in points]
                for tag, points in answer["tag_to_events"].items()
            }
            if tags:
                found[run.run_name] = tags
        return found

    def _context(self) -> Any:
        return base_plugin.TBContext(
            data_provider=self.provider, logdir="", plugin_name_to_instance={}, sampling_hints={}
        )

    def table(self) -> tuple[list[str], dict[str, tuple[dict[str, Any], dict[str, float]]]]:
        """The HPARAMS tab: headings of metrics; run → (hyper-parameters, metrics by tag)."""
        backend = backend_context.Context(self)
        experiment = experiment_handler.Handler(
            CONTEXT, backend, "", api_pb2.GetExperimentRequest()
        ).run()
        request = api_pb2.ListSessionGroupsRequest(
            start_index=0,
            slice_size=100,
            allowed_statuses=list(api_pb2.Status.values()),
            col_params=[
                api_pb2.ColParams(
                    hparam=info.name,
                    filter_discrete=info.domain_discrete
                    if info.HasField("domain_discrete")
                    else None,
                )
                for info in experiment.hparam_infos
            ],
        )
        groups = list_session_groups.Handler(CONTEXT, backend, "", request).run().session_groups
        rows = {
            group.name: (
                {key: _plain(value) for key, value in group.hparams.items()},
                {value.name.tag: value.value for value in group.metric_values},
            )
            for group in groups
        }
        return [info.display_name for info in experiment.metric_infos], rows


def _plain(value: Any) -> Any:
    return getattr(value, value.WhichOneof("kind"))


@contextmanager
def served_by_python(logdir: Path) -> Iterator[Served]:
    """What ``tensorboard --load_fast=false`` serves."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(logdir))
    multiplexer.Reload()
    yield Served(MultiplexerDataProvider(multiplexer, str(logdir)))


@contextmanager
def served_fast(logdir: Path) -> Iterator[Served]:
    """What ``tensorboard`` serves, from its data server."""
    port_file = logdir.parent / "port"
    server = subprocess.Popen(
        [
            server_ingester.get_server_binary().path,
            f"--logdir={logdir}",
            "--reload=once",
            "--port=0",
            f"--port-file={port_file}",
            "--die-after-stdin",
        ],
        stdin=subprocess.PIPE,
    )
    try:
        port = _awaited(lambda: port_file.exists() and port_file.read_text().strip())
        ingester = server_ingester.ExistingServerDataIngester(
            f"localhost:{port}", channel_creds_type=grpc_util.ChannelCredsType.LOCAL
        )
        served = Served(ingester.data_provider)
        expected = len(runs(logdir))
        _awaited(lambda: len(_listed(served)) == expected)
        yield served
    finally:
        server.terminate()
        server.communicate()


def _listed(served: Served) -> list[Any]:
    return list(served.provider.list_runs(CONTEXT, experiment_id=""))


def _awaited(answer: Callable[[], Any]) -> Any:
    for _ in range(100):
        found = answer()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError("TensorBoard's data server")


LOADERS = {"fast": served_fast, "python": served_by_python}
