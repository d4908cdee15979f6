"""Turns a published version into its model card, in Markdown: what it is for, how good it is, how it was made.

After M. Mitchell et al., "Model Cards for Model Reporting", FAccT 2019.
"""

import re
from collections.abc import Iterable, Iterator, Sequence

from service.contract import CenterCrop, Manifest, MnistForm, PictureInput
from service.evidence import LabelFigures, TestFigures
from service.published import PublishedVersion

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")
"""Characters that Markdown or HTML would take for more than themselves."""


def write_card(version: PublishedVersion) -> str:
    """The card, ending in a line break; the same version gives the same text."""
    manifest, evidence = version.manifest, version.evidence
    sections = [
        [f"# {manifest.name}, version {version.version}", _text(manifest.description), _headline(evidence.test)],
        ["## What it tells", _head(manifest), *_labels(manifest.labels)],
        ["## What it takes", _input(manifest.input)],
        ["## How to ask it", *_call(version)],
        ["## How good it is", *_figures(evidence.test)],
        ["## Whether its probabilities can be believed", _calibration(evidence.test)],
        ["## What it learnt from", *_data(manifest)],
        ["## How it was made", *_training(version)],
        ["## Its limits", *_limits(version)],
    ]
    return "\n\n".join(paragraph for section in sections for paragraph in section) + "\n"


def _headline(test: TestFigures) -> str:
    if not test.pictures:
        return "It was judged on no test pictures."
    top_5 = f", {test.top_5:.2%} with the right label among its first five" if test.top_5 is not None else ""
    return f"**{test.accuracy:.2%}** of {test.pictures:,} test pictures answered right{top_5}."


def _head(manifest: Manifest) -> str:
    if manifest.head == "softmax":
        return "Exactly one of these labels is true of a picture; their probabilities sum to 1."
    if len(manifest.labels) == 2:
        return "One of these two labels is true of a picture."
    return "Each of these labels is true of a picture or not, whatever the others are."


def _labels(labels: Sequence[str]) -> Iterator[str]:
    yield "\n".join(f"{index}. {_text(label)}" for index, label in enumerate(labels))


def _input(spec: PictureInput) -> str:
    colours = "grey" if spec.channels == 1 else "red, green and blue"
    match spec.resize:
        case MnistForm(box=box):
            form = (
                f"The ink is found, made light on black, fitted into a box of {box} x {box} pixels, and its centre of"
                " mass put in the middle, as in MNIST."
            )
        case CenterCrop():
            form = "It is resized until the shorter side fits, and its middle is cut out."
        case _:
            form = "It is resized to that size, whatever that does to its proportions."
    size = f"{spec.width} x {spec.height} pixels"
    return f"A picture in any common format and size; the network sees {size}, {colours}. {form}"


def _call(version: PublishedVersion) -> Iterator[str]:
    yield "Start the service (`convscope serve`) and post a picture:"
    path = f"/v1/models/{version.name}/versions/{version.version}/predict"
    yield (
        f"```sh\ncurl --data-binary @picture.png -H 'Content-Type: image/png' \\\n  http://localhost:8000{path}\n```"
    )
    yield "Without `/versions/…` in the path the latest version answers."


def _figures(test: TestFigures) -> Iterator[str]:
    yield _headline(test)
    if test.per_label:
        rows = (
            (
                _text(row.label),
                f"{row.pictures:,}",
                f"{row.correct:,}",
                *map(_share, (row.precision, row.recall, row.f1)),
            )
            for row in test.per_label
        )
        yield _table(("label", "pictures", "right", "precision", "recall", "F1"), rows)


def _calibration(test: TestFigures) -> str:
    calibration = test.calibration
    if calibration is None:
        return "That was not measured."
    if calibration.temperature == 1:
        return f"On the test split they are off by {calibration.error:.2%} on average (expected calibration error)."
    return (
        f"On the test split they are off by {calibration.error:.2%} on average (expected calibration error);"
        f" by {calibration.error_before:.2%} before the logits were divided by the temperature"
        f" {calibration.temperature:g}, which was fitted on the validation split."
    )


def _data(manifest: Manifest) -> Iterator[str]:
    record = manifest.dataset
    if record is None:
        yield "That is not recorded."
        return
    skipped = f" {record.skipped:,} files could not be read as pictures." if record.skipped else ""
    yield f"The data set {_text(record.name)}, fingerprint `{record.fingerprint}`.{skipped}"
    splits = tuple(record.counts)
    rows = [
        (_text(label), *(f"{record.labels[split].get(label, 0):,}" for split in splits))
        for label in manifest.labels
        if all(split in record.labels for split in splits)
    ]
    yield _table(("pictures", *splits), [*rows, ("in all", *(f"{record.counts[split]:,}" for split in splits))])


def _training(version: PublishedVersion) -> Iterator[str]:
    manifest, evidence = version.manifest, version.evidence
    training = manifest.training
    if training is None:
        yield "It was imported; how it was trained is not recorded."
    else:
        yield f"```sh\n{training.command}\n```"
        yield (
            f"The network {_text(training.network)} with {manifest.onnx.parameters:,} parameters; epochs:"
            f" {training.epochs}, seconds: {training.seconds:,.1f}, seed: {training.seed}, threads: {training.threads}."
        )
        yield _table(("program", "version"), sorted(training.versions.items()))
    parity = evidence.parity
    yield (
        f"The published graph and the network it came from differ by {parity.max_abs_difference:.2g} at most in a"
        f" logit, on {parity.pictures:,} pictures; {parity.tolerance:.2g} is allowed."
    )
    if (tried := evidence.quantization) is not None:
        verdict = "it is what answers" if tried.serves else "the float graph answers"
        yield f"In 8-bit numbers: {tried.accuracy:.2%} right, {tried.speedup:.2f} times as fast; {verdict}."
    yield f"Published on {manifest.created:%Y-%m-%d}, contract {manifest.contract}, sha256 `{manifest.onnx.sha256}`."


def _limits(version: PublishedVersion) -> Iterator[str]:
    manifest, test = version.manifest, version.evidence.test
    limits = []
    if manifest.head == "softmax" or len(manifest.labels) == 2:
        limits.append("It knows nothing else: a picture of anything else gets one of these labels, too.")
    if manifest.dataset is not None:
        name = _text(manifest.dataset.name)
        limits.append(f"Its figures hold for pictures like those of {name}; of others they promise nothing.")
    weakest = _weakest(test.per_label)
    if weakest is not None and weakest.recall is not None and weakest.recall < 1:
        limits.append(f"It is weakest at {_text(weakest.label)}: it finds {weakest.recall:.1%} of them.")
    if not test.pictures:
        limits.append("How often it is right is not known.")
    yield "\n".join(f"- {limit}" for limit in limits) or "None are recorded."


def _weakest(figures: Sequence[LabelFigures]) -> LabelFigures | None:
    tested = [row for row in figures if row.pictures and row.recall is not None]
    return min(tested, key=lambda row: row.recall or 0.0, default=None)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of GitHub's Markdown; all but the first column are numbers, so set to the right."""
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _text(written: str) -> str:
    """What a person wrote, such as a label, so that it means nothing but itself."""
    return _SPECIAL.sub(r"\\\1", " ".join(written.split()))
