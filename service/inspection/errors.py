"""Turns every way that looking inside can be refused into a branch of the tree of exceptions; see `service.errors`.

RequestError
├── UnknownLayer                404  unknown_layer
├── UnknownChannel              404  unknown_channel
├── UnknownPosition             404  unknown_position
├── UnknownClass                404  unknown_class
├── UnsuitableLayer             422  unsuitable_layer
├── NoWeights                   404  no_weights
├── UntraceableOperator         422  untraceable_operator
├── InvalidSteps                422  invalid_steps
├── NotDifferentiable           422  not_differentiable
├── NotInspectable              422  not_inspectable
└── TooMuchToShow               413  too_much_to_show

ConvscopeError
└── ProfileNotKept              507  profile_not_kept: there is no room for the runtime's profile of a run
"""

from service.errors import ConvscopeError, RequestError


class UnknownLayer(RequestError):
    """The model has no layer of that name."""

    status = 404
    code = "unknown_layer"
    title = "Unknown layer"


class UnknownChannel(RequestError):
    """The layer has no channel of that number."""

    status = 404
    code = "unknown_channel"
    title = "Unknown channel"


class UnknownPosition(RequestError):
    """The layer's output has no such row or column, or needs one."""

    status = 404
    code = "unknown_position"
    title = "Unknown position"


class UnknownClass(RequestError):
    """The model has no class of that label or number."""

    status = 404
    code = "unknown_class"
    title = "Unknown class"


class UnsuitableLayer(RequestError):
    """The layer is there, but the method can do nothing with it."""

    status = 422
    code = "unsuitable_layer"
    title = "Unsuitable layer"


class NoWeights(RequestError):
    """The layer has no weights to show."""

    status = 404
    code = "no_weights"
    title = "No weights"


class UntraceableOperator(RequestError):
    """The arithmetic of the layer's operator isn't understood."""

    status = 422
    code = "untraceable_operator"
    title = "Untraceable operator"


class InvalidSteps(RequestError):
    """The workbench's steps can't be read, or one doesn't fit what comes before it."""

    status = 422
    code = "invalid_steps"
    title = "Invalid steps"


class NotDifferentiable(RequestError):
    """The network has an operator, on the way that a gradient would take, of which the service has no derivative."""

    status = 422
    code = "not_differentiable"
    title = "Not differentiable"


class NotInspectable(RequestError):
    """The graph answers pictures, but it has something about it that looking inside fails on."""

    status = 422
    code = "not_inspectable"
    title = "Not inspectable"


class TooMuchToShow(RequestError):
    """What is asked for would take more memory than one request may take."""

    status = 413
    code = "too_much_to_show"
    title = "Too much to show at once"


class ProfileNotKept(ConvscopeError):
    """The runtime's profile of a run, which is gone again when it has been read, can't be written."""

    status = 507
    code = "profile_not_kept"
    title = "Profile not kept"
