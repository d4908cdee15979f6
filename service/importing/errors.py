"""Turns every way an import can fail into one branch of the tree of exceptions; see `service.errors`.

ImportRefused                   422  import_refused: a foreign ONNX file can't become a version
├── NotOnnx                     422  not_onnx
├── UnsupportedOpset            422  unsupported_opset
├── UnsupportedOperators        422  unsupported_operators
├── ExternalDataRefused         422  external_data_refused
├── SeveralInputs               422  several_inputs
├── NoPictureInput              422  no_picture_input
├── NoClassifier                422  no_classifier
├── FixedBatch                  422  fixed_batch
├── LabelsRefused               422  labels_refused
└── ImportDiffers               422  import_differs
"""

from service.errors import ConvscopeError


class ImportRefused(ConvscopeError):
    """A foreign ONNX file can't be brought into the contract's form; nothing was published."""

    status = 422
    code = "import_refused"
    title = "Import refused"


class NotOnnx(ImportRefused):
    """The bytes are no ONNX, or break its rules."""

    code = "not_onnx"
    title = "Not ONNX"


class UnsupportedOpset(ImportRefused):
    """The file's version of ONNX's operators is older or newer than what is supported."""

    code = "unsupported_opset"
    title = "Unsupported opset"


class UnsupportedOperators(ImportRefused):
    """The graph needs operators that onnxruntime doesn't have."""

    code = "unsupported_operators"
    title = "Unsupported operators"


class ExternalDataRefused(ImportRefused):
    """The file keeps weights in other files, which are missing or outside of its folder."""

    code = "external_data_refused"
    title = "External data refused"


class SeveralInputs(ImportRefused):
    """The graph takes more than a picture."""

    code = "several_inputs"
    title = "Several inputs"


class NoPictureInput(ImportRefused):
    """What the graph takes is no picture, or it can't be told what picture."""

    code = "no_picture_input"
    title = "No picture input"


class NoClassifier(ImportRefused):
    """What the graph gives is not K numbers for each picture."""

    code = "no_classifier"
    title = "No classifier"


class FixedBatch(ImportRefused):
    """The graph is made for a fixed number of pictures, and really needs it."""

    code = "fixed_batch"
    title = "Fixed batch size"


class LabelsRefused(ImportRefused):
    """The file of labels can't be read, or has another number of them than the network."""

    code = "labels_refused"
    title = "Labels refused"


class ImportDiffers(ImportRefused):
    """The graph in the contract's form answers differently from the file."""

    code = "import_differs"
    title = "Import differs"
