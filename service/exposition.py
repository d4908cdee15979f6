"""Turns the numbers of all processes of a service, and what is known of these processes, into text for Prometheus."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from importlib.metadata import version

import onnxruntime
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from service.families import BLOCKS, Block, Family, Kind
from service.ledger import Reading
from service.metrics import OTHER, Metrics
from service.registry import Registry

_Sums = dict[tuple[str, ...], list[float]]
"""The numbers of a block, by its labels."""


def write_exposition(metrics: Metrics, versions: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """The text and its media type; it takes milliseconds, and may be called from any thread.

    Args:
        metrics: of this process, by which it finds those of the others.
        versions: from `describe_versions`.
        accept: the Accept header: Prometheus's own format, or OpenMetrics where that is asked for.
    """
    readings = list(metrics.ledger.read_all())
    encode, media_type = choose_encoder(accept)
    families = [*(family for block in BLOCKS for family in _describe(block, readings)), *versions]
    return encode(_Families([*families, *_describe_processes(readings)])), media_type


def describe_versions(registry: Registry) -> list[Metric]:
    """What the registry of this process knows; those of the others follow the same folder."""
    loaded = GaugeMetricFamily("convscope_loaded_versions", "Versions in memory.", labels=["model"])
    answering = GaugeMetricFamily(
        "convscope_answering_version", "The number of the version that answers.", labels=["model"]
    )
    refused = GaugeMetricFamily(
        "convscope_refused_versions", "Versions in the folder that are refused.", labels=["model"]
    )
    info = GaugeMetricFamily(
        "convscope_version_info",
        "1 for each version in memory.",
        labels=["model", "version", "provider", "inline", "int8"],
    )
    names = [refusal.name for refusal in registry.refusals]
    versions = registry.loaded
    for name in sorted({*registry.models, *names}):
        loaded.add_metric([name], sum(served.published.name == name for served in versions))
        refused.add_metric([name], names.count(name))
    for name, model in registry.models.items():
        answering.add_metric([name], model.answering.published.version)
    for served in versions:
        known, published = served.runtime, served.published
        flags = [str(flag).lower() for flag in (served.inline, published.int8 is not None)]
        info.add_metric([published.name, str(published.version), str(known.provider), *flags], 1)
    return [loaded, answering, refused, info]


class _Families(Collector):
    """Families that are known already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _describe(block: Block, readings: Sequence[Reading]) -> Iterator[Metric]:
    for place, family in block.places():
        sums: _Sums = {}
        for reading in readings:
            if family.kind is Kind.GAUGE and not reading.is_alive:
                continue
            for group in reading.groups:
                if group.name == block.name:
                    at = group.at + place
                    _add(sums, group.labels, list(reading.numbers[at : at + family.size]), most=family.is_shared)
        spare = (OTHER,) * len(block.labels)
        if block.labels and not any(sums.get(spare, ())):
            sums.pop(spare, None)  # all found room
        yield _to_metric(family, block.labels, sums)


def _add(sums: _Sums, labels: tuple[str, ...], numbers: list[float], *, most: bool) -> None:
    before = sums.get(labels)
    if before is None:
        sums[labels] = numbers
    elif most:
        sums[labels] = [max(pair) for pair in zip(before, numbers, strict=True)]
    else:
        sums[labels] = [sum(pair) for pair in zip(before, numbers, strict=True)]


def _to_metric(family: Family, labels: Sequence[str], sums: _Sums) -> Metric:
    match family.kind:
        case Kind.COUNTER:
            counter = CounterMetricFamily(family.name, family.help, labels=labels)
            for values, numbers in sums.items():
                counter.add_metric(values, numbers[0])
            return counter
        case Kind.GAUGE:
            gauge = GaugeMetricFamily(family.name, family.help, labels=labels)
            for values, numbers in sums.items():
                gauge.add_metric(values, numbers[0])
            return gauge
    histogram = HistogramMetricFamily(family.name, family.help, labels=labels)
    bounds = [*map(str, family.bounds), "+Inf"]
    for values, numbers in sums.items():
        below, buckets = 0.0, []
        for bound, count in zip(bounds, numbers, strict=False):  # the last number is the sum of what was observed
            below += count
            buckets.append((bound, below))
        histogram.add_metric(values, buckets, numbers[-1])
    return histogram


def _describe_processes(readings: Sequence[Reading]) -> Iterator[Metric]:
    """Of those that live: memory, processor time, files; read where the system has /proc."""
    alive = [reading for reading in readings if reading.is_alive]
    families: dict[str, Metric] = {}
    for reading in alive:
        for found in ProcessCollector(pid=partial(int, reading.process), registry=None).collect():
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {"worker": reading.worker}, sample.value)
    yield from families.values()
    yield GaugeMetricFamily("convscope_workers", "Processes that answer.", len(alive))
    build = GaugeMetricFamily("convscope_build_info", "1.", labels=["version", "onnxruntime"])
    build.add_metric([version("convscope"), onnxruntime.__version__], 1)
    yield build
