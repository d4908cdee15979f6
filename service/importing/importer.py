"""Turns a foreign ONNX file into a published version: the stages, one a line. Read this file first.

path -read-> checked model -find out-> what it takes, what it gives -build-> pixels in, logits and probabilities out
-check-> the same answers as the file's own -publish-> models/<name>/<version>
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import onnx
from onnx import ModelProto, TensorProto, helper
from pydantic import ValidationError

from service.contract import CenterCrop, ImportRecord, Manifest, MnistForm, OnnxFile, PictureInput, Resize, Stretch
from service.cores import available_cores
from service.engine import Provider, load_engine
from service.errors import InvalidSetting
from service.evidence import Evidence, Parity, TestFigures
from service.importing.batch import free_batch
from service.importing.errors import FixedBatch, ImportDiffers, ImportRefused
from service.importing.head import attach_head, free_names
from service.importing.labels import read_labels
from service.importing.options import ImportOptions, Normalisation
from service.importing.parity import Expectation, check_parity, expect, random_pictures
from service.importing.picture import PictureForm, find_form
from service.importing.preprocessing import attach_preprocessing, prepare
from service.importing.read import check_values, read_model
from service.importing.scores import ScoreValue, find_scores
from service.importing.session import Original, run_once
from service.importing.values import tidy
from service.inspection.dataflow import opset_of
from service.inspection.graph import read_layers
from service.publish import ensure_writable, publish, sha256


@dataclass(frozen=True)
class Imported:
    """What was published, and what was found out on the way."""

    folder: Path
    """`models/<name>/<version>`."""
    manifest: Manifest
    evidence: Evidence
    findings: Sequence[str]
    """What was guessed and why, a line each."""
    layers: int

    def describe(self) -> str:
        """A few lines for the terminal."""
        parity = self.evidence.parity
        lines = [f"  {finding}" for finding in self.findings]
        lines.append(
            f"  answers as the file does: {parity.max_abs_difference:.1g} apart at most on {parity.pictures} random"
            f" pictures ({parity.tolerance:.1g} allowed), one at a time and several together"
        )
        lines.append("  how right it is isn't known: a file doesn't tell its accuracy")
        lines.append(f"published {self.folder}: {self.layers} layers, {self.manifest.onnx.parameters:,} parameters")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Findings:
    """All that there is to know of a file to build a version of it."""

    model: ModelProto
    form: PictureForm
    normalisation: Normalisation
    scores: ScoreValue


def import_file(path: Path, options: ImportOptions, models: Path) -> Imported:
    """Bring a file into the contract's form, see that it answers as before, and publish it.

    Args:
        path: an ONNX file; external weights beside it are read too.
        options: what the file can't tell.
        models: the models folder.

    Raises:
        InvalidSetting: an option is wrong, or contradicts the file.
        ImportRefused: the file can't become a version of the contract; its branches say why.
        PublishFailed: the disk doesn't take it. Nothing was published, whatever was raised.
    """
    ensure_writable(models)
    foreign = read_model(path)
    model = ModelProto()
    model.CopyFrom(foreign)
    tidy(model, {options.output} if options.output else set())
    form, reasons = find_form(model, options)
    check_values(model, path)
    normalisation = _choose_normalisation(form, options)
    original = Original(foreign, form.batch)
    pictures = prepare(random_pictures(form), form, normalisation)
    scores, more = find_scores(model, original, pictures, options.output, options.head)
    reasons += [*more, _explain(form, normalisation, options)]
    labels = read_labels(options.labels, scores.labels)
    found = _Findings(model, form, normalisation, scores)
    expectation = expect(original, form, normalisation, scores, _coarsest(model, form))
    manifest, onnx_bytes, parity, freed = _build(found, _draft(path, foreign, found, labels, options), expectation)
    if form.batch is not None or freed:
        reasons.append(f"batch: made for {form.batch or 1} at a time, now for any number; operators rewritten: {freed}")
    layers = read_layers(onnx.load_model_from_string(onnx_bytes))
    parameters = sum(layer.parameters for layer in layers)
    manifest = manifest.model_copy(update={"onnx": manifest.onnx.model_copy(update={"parameters": parameters})})
    evidence = Evidence(parity=parity, test=TestFigures(pictures=0, accuracy=0, per_label=()), samples=())
    return Imported(publish(models, manifest, evidence, onnx_bytes, {}), manifest, evidence, reasons, len(layers))


def _build(found: _Findings, draft: Manifest, expectation: Expectation) -> tuple[Manifest, bytes, Parity, int]:
    """The version's graph, compared: as the file has it, and with the number of pictures taken out of its shapes.

    That of a file for a fixed number is tried freed first.
    """
    problem: Exception | None = None
    is_fixed = found.form.batch is not None
    for is_freed in (is_fixed, not is_fixed):
        try:
            model, freed = _assemble(found, is_freed=is_freed)
            content = model.SerializeToString(deterministic=True)
            onnx.checker.check_model(model, full_check=True)
            manifest = draft.model_copy(
                update={"onnx": draft.onnx.model_copy(update={"sha256": sha256(content), "opset": opset_of(model)})}
            )
            engine = load_engine(manifest, content, Provider.CPU, available_cores())
            return manifest, content, check_parity(engine, expectation, found.scores), freed
        except ImportDiffers:
            raise
        except Exception as error:  # noqa: BLE001 - onnxruntime's and the checker's; told below, if it stays so
            problem = error
    if isinstance(problem, FixedBatch):
        raise problem
    reason = (str(problem) or type(problem).__name__).splitlines()[0]
    if is_fixed:
        raise FixedBatch(
            f"the file is made for {found.form.batch} picture(s) at a time and can't be freed of it: {reason}"
        ) from problem
    raise ImportRefused(f"the graph can't be brought into the contract's form: {reason}") from problem


def _assemble(found: _Findings, *, is_freed: bool) -> tuple[ModelProto, int]:
    """Preprocessing, network, head; and how many operators were freed of a fixed number of pictures."""
    model = ModelProto()
    model.CopyFrom(found.model)
    freed = free_batch(model, found.form.batch or 1) if is_freed else 0
    renamed = free_names(model)
    form = _renamed_form(found.form, renamed)
    scores = _renamed_scores(found.scores, renamed)
    attach_preprocessing(model, form, found.normalisation)
    source = scores.logits or scores.value
    (answer,) = run_once(model, {model.graph.input[0].name: random_pictures(form)[:3]}, [source])
    if answer.shape[:1] != (3,):
        raise FixedBatch(
            f"of 3 pictures the network gives {list(answer.shape)}: it was made for one at a time, and can't be freed"
        )
    attach_head(model, scores, helper.np_dtype_to_tensor_dtype(answer.dtype), answer.ndim)
    return model, freed


def _renamed_form(form: PictureForm, names: dict[str, str]) -> PictureForm:
    return replace(form, name=names.get(form.name, form.name))


def _renamed_scores(scores: ScoreValue, names: dict[str, str]) -> ScoreValue:
    logits = None if scores.logits is None else names.get(scores.logits, scores.logits)
    return replace(scores, value=names.get(scores.value, scores.value), logits=logits)


def _draft(
    path: Path, foreign: ModelProto, found: _Findings, labels: tuple[str, ...], options: ImportOptions
) -> Manifest:
    """The manifest but for the graph's digest and size, which need it to be made."""
    maker = " ".join(filter(None, (foreign.producer_name, foreign.producer_version)))
    try:
        return Manifest(
            name=options.name,
            description=f"Imported from {path.name}; its accuracy is not known.",
            labels=labels,
            input=PictureInput(
                height=found.form.height,
                width=found.form.width,
                channels=1 if found.form.pixel_channels == 1 else 3,
                resize=_choose_resize(found.form, options),
            ),
            head=found.scores.head,
            onnx=OnnxFile(sha256="0" * 64, opset=opset_of(foreign), parameters=0),
            metrics={},
            imported=ImportRecord(
                file=path.name, sha256=sha256(path.read_bytes()), producer=maker, command=options.command
            ),
            created=datetime.now(UTC).replace(microsecond=0),  # noqa: TID251
        )
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(str(part) for part in problem["loc"])
        raise InvalidSetting(f"{place}: {problem['msg']} (given: {problem['input']!r})") from error


def _choose_normalisation(form: PictureForm, options: ImportOptions) -> Normalisation:
    normalisation = options.normalisation(form.channels)
    if form.element == TensorProto.UINT8 and not normalisation.is_identity:
        raise InvalidSetting("the file takes uint8, pixels as they are: there is nothing to scale or normalise")
    return normalisation


def _choose_resize(form: PictureForm, options: ImportOptions) -> Resize:
    """What was said, or the preset's; MNIST's form only where it can be: grey, and large enough for its box."""
    if options.resize is not None:
        return options.resize
    resize = options.chosen_preset().resize
    if isinstance(resize, MnistForm) and (form.pixel_channels != 1 or resize.box > min(form.height, form.width)):
        return Stretch()
    return resize


def _explain(form: PictureForm, normalisation: Normalisation, options: ImportOptions) -> str:
    """How a picture becomes what the network takes."""
    resize = _choose_resize(form, options)
    geometry = {CenterCrop: "cropped to the middle", MnistForm: "in MNIST's form"}.get(type(resize), "stretched")
    said = f"the preset {options.preset}" if options.preset else "as you said"
    if options.preset is None and normalisation.is_identity:
        said = "the file takes uint8" if form.element == TensorProto.UINT8 else (
            "nothing in the file tells its units: say --preset or --scale, --mean, --std if they are others"
        )  # fmt: skip
    return f"preprocessing: {geometry}; {normalisation.describe()} ({said})"


def _coarsest(model: ModelProto, form: PictureForm) -> int:
    """The type with the fewest digits that the answer is computed in."""
    types = {tensor.data_type for tensor in model.graph.initializer} | {form.element}
    return TensorProto.FLOAT16 if TensorProto.FLOAT16 in types else TensorProto.FLOAT
