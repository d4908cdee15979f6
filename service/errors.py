"""Turns every way a request or a start can fail into one tree of exceptions, each with a status and a stable code.

    ConvscopeError
    ├── RequestError                    the client's mistake: 4xx, nothing is lost, try again corrected
    │   ├── NoPicture                   400  no_picture
    │   ├── UnsupportedMediaType        415  unsupported_media_type
    │   ├── HeadTooLarge                431  head_too_large
    │   ├── BodyTooLarge                413  body_too_large
    │   ├── UnsupportedPictureFormat    415  unsupported_picture_format
    │   ├── PictureTooLarge             413  picture_too_large
    │   ├── DamagedPicture              422  damaged_picture
    │   ├── UnknownModel                404  unknown_model
    │   ├── UnknownVersion              404  unknown_version
    │   ├── UnknownSample               404  unknown_sample
    │   ├── UnknownExemplar             404  unknown_exemplar
    │   ├── NoExemplars                 404  no_exemplars
    │   ├── NoReport                    404  no_report
    │   ├── NoFilm                      404  no_film
    │   ├── UnknownFrame                404  unknown_frame
    │   ├── UnknownReportPicture        404  unknown_report_picture
    │   ├── NoOlderVersion              409  no_older_version
    │   ├── FeedbackOff                 404  feedback_off: the service keeps no pictures
    │   ├── UnknownLabel                422  unknown_label
    │   ├── CrossSite                   403  cross_site: another site's page may not teach a model
    │   ├── KeyNeeded                   401  key_needed
    │   ├── WrongKey                    401  wrong_key
    │   ├── ScopeNeeded                 403  scope_needed
    │   ├── TooBusy                     429  too_busy
    │   ├── ClientTooSlow               408  client_too_slow
    │   └── NotAcceptable               406  not_acceptable
    ├── TooLate                         503  too_late: a request that was admitted had to wait for too long
    ├── NotInMemory                     503  not_in_memory: a version has to be loaded before it answers
    ├── StateNotKept                    503  state_not_kept: a decision about a model can't be written down
    ├── FeedbackFull                    507  feedback_full: as many pictures are kept as may be
    ├── FeedbackNotKept                 507  feedback_not_kept: the disk doesn't take a picture
    ├── Loading                         503  loading: the models that were there at the start aren't loaded yet
    ├── Stopping                        503  stopping: the service was told to stop
    ├── TooManyConnections              503  too_many_connections
    ├── ClientLeft                      499  client_left: nobody waits for the answer any more
    ├── ModelRefused                    500  model_refused: a version in models/ cannot be served
    │   ├── UnfitGraph              500  unfit_graph
    │   └── ContractTooNew              500  contract_too_new
    ├── ProviderUnavailable             500  provider_unavailable: the runtime lacks what was asked for
    ├── ScalingRefused                  422  scaling_refused: decoding at a part of the size would change answers
    ├── PublishFailed                   500  publish_failed: nothing was published
    ├── ExportFailed                    500  export_failed: Triton's configuration can't be written
    ├── BenchFailed                     500  bench_failed: a server can't be measured
    └── StartFailed                     500  start_failed: the service can't start with these settings here
        └── InvalidSetting              500  invalid_setting

An error is raised at the stage where it happens and translated once, at the edge: into a problem document by
`service.problems`, into one line on the terminal by `service.__main__`. Nothing here knows HTTP beyond the number.
Looking inside, importing foreign files and the training have branches of their own, in `inspection.errors`,
`importing.errors` and `training.errors`.
"""


class ConvscopeError(Exception):
    """Base of all errors that Convscope raises on purpose; `str(error)` says what happened and what to do."""

    status: int = 500
    code: str = "internal_error"
    title: str = "Internal error"


class RequestError(ConvscopeError):
    """The request can't be answered as it is; sending it again unchanged gives the same error."""

    status = 400
    code = "invalid_request"
    title = "Invalid request"


class NoPicture(RequestError):
    """The request holds no picture: an empty body, or a form without the field."""

    status = 400
    code = "no_picture"
    title = "No picture in the request"


class UnsupportedMediaType(RequestError):
    """The Content-Type is neither a picture's nor a form's."""

    status = 415
    code = "unsupported_media_type"
    title = "Unsupported media type"


class HeadTooLarge(RequestError):
    """The path and the headers have more bytes than the service reads."""

    status = 431
    code = "head_too_large"
    title = "Request head too large"


class BodyTooLarge(RequestError):
    """The body has more bytes than the service takes."""

    status = 413
    code = "body_too_large"
    title = "Request body too large"


class UnsupportedPictureFormat(RequestError):
    """The bytes are no picture in a format that the service reads."""

    status = 415
    code = "unsupported_picture_format"
    title = "Unsupported picture format"


class PictureTooLarge(RequestError):
    """The picture's header announces more pixels than the service decodes."""

    status = 413
    code = "picture_too_large"
    title = "Picture too large"


class DamagedPicture(RequestError):
    """The format is known, but the data behind the header can't be decoded."""

    status = 422
    code = "damaged_picture"
    title = "Damaged picture"


class UnknownModel(RequestError):
    """No model of that name is served."""

    status = 404
    code = "unknown_model"
    title = "Unknown model"


class UnknownVersion(RequestError):
    """The model is served, but not in that version."""

    status = 404
    code = "unknown_version"
    title = "Unknown version"


class UnknownSample(RequestError):
    """The version has no sample picture of that file name."""

    status = 404
    code = "unknown_sample"
    title = "Unknown sample"


class UnknownExemplar(RequestError):
    """The version has no exemplar picture of that file name."""

    status = 404
    code = "unknown_exemplar"
    title = "Unknown exemplar"


class NoExemplars(RequestError):
    """The version, or this layer of it, came without pictures of what excites its channels."""

    status = 404
    code = "no_exemplars"
    title = "No exemplars"


class NoReport(RequestError):
    """The version came without a training report."""

    status = 404
    code = "no_report"
    title = "No report"


class NoFilm(RequestError):
    """The version came without points of its training."""

    status = 404
    code = "no_film"
    title = "No film"


class UnknownFrame(RequestError):
    """The version's film has no frame of that step."""

    status = 404
    code = "unknown_frame"
    title = "Unknown frame"


class UnknownReportPicture(RequestError):
    """The report has no picture of that file name."""

    status = 404
    code = "unknown_report_picture"
    title = "Unknown picture of the report"


class NoOlderVersion(RequestError):
    """A model has no version before the one that answers, so it can't go back."""

    status = 409
    code = "no_older_version"
    title = "No older version"


class FeedbackOff(RequestError):
    """Pictures aren't kept to learn from: nobody told the service where."""

    status = 404
    code = "feedback_off"
    title = "Feedback is off"


class UnknownLabel(RequestError):
    """The model has no such label."""

    status = 422
    code = "unknown_label"
    title = "Unknown label"


class CrossSite(RequestError):
    """A browser sends this on behalf of another site's page, which nobody asked to change anything here."""

    status = 403
    code = "cross_site"
    title = "Request of another site"


class KeyNeeded(RequestError):
    """The service has API keys, and the request brought none."""

    status = 401
    code = "key_needed"
    title = "Key needed"


class WrongKey(RequestError):
    """The request's key is none of the service's."""

    status = 401
    code = "wrong_key"
    title = "Wrong key"


class ScopeNeeded(RequestError):
    """The request's key is not good for this, or it takes a key and the service has none."""

    status = 403
    code = "scope_needed"
    title = "Scope needed"


class TooBusy(RequestError):
    """More is being asked for than can be worked on; the same request is answered when there is less to do."""

    status = 429
    code = "too_busy"
    title = "Too busy"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        """Say what there is too much of.

        Args:
            message: what happened and what to do.
            retry_after: seconds until there is likely to be less of it.
        """
        super().__init__(message)
        self.retry_after = retry_after


class ClientTooSlow(RequestError):
    """The client took too long to send its request."""

    status = 408
    code = "client_too_slow"
    title = "Client too slow"


class NotAcceptable(RequestError):
    """None of the formats named in the Accept header can be produced."""

    status = 406
    code = "not_acceptable"
    title = "Not acceptable"


class TooLate(ConvscopeError):
    """A request was admitted, and then had to wait for longer than it may."""

    status = 503
    code = "too_late"
    title = "Too late"


class NotInMemory(ConvscopeError):
    """A version is served, but had to make room for others; it has to be loaded before it answers."""

    status = 503
    code = "not_in_memory"
    title = "Not in memory"


class StateNotKept(ConvscopeError):
    """A decision about a model can't be written into the models folder, so it was not taken."""

    status = 503
    code = "state_not_kept"
    title = "Decision not kept"


class FeedbackFull(ConvscopeError):
    """As many pictures are kept as may be; this one isn't, the others are untouched."""

    status = 507
    code = "feedback_full"
    title = "Feedback folder full"


class FeedbackNotKept(ConvscopeError):
    """The feedback folder can't be written or read; what was kept before is untouched."""

    status = 507
    code = "feedback_not_kept"
    title = "Feedback not kept"


class Loading(ConvscopeError):
    """The models that were there at the start aren't loaded yet."""

    status = 503
    code = "loading"
    title = "Loading"


class Stopping(ConvscopeError):
    """The service was told to stop, and won't come to this any more."""

    status = 503
    code = "stopping"
    title = "Stopping"


class TooManyConnections(ConvscopeError):
    """As many connections are open as the system allows."""

    status = 503
    code = "too_many_connections"
    title = "Too many connections"


class ClientLeft(ConvscopeError):
    """The client closed the connection before it had its answer."""

    status = 499
    code = "client_left"
    title = "Client left"


class ModelRefused(ConvscopeError):
    """A version in the models folder breaks the contract, so it is not served."""

    code = "model_refused"
    title = "Model refused"


class UnfitGraph(ModelRefused):
    """A graph breaks a rule that holds for every graph before it is loaded."""

    code = "unfit_graph"
    title = "Unfit graph"

    def __init__(self, name: str, rule: str, what: str, *, is_about_operators: bool = False) -> None:
        """Say which rule, and how.

        Args:
            name: of the file.
            rule: what has to hold.
            what: holds instead.
            is_about_operators: it has one that no graph may have.
        """
        super().__init__(f'{name} breaks the rule "{rule}": {what}')
        self.is_about_operators = is_about_operators


class ContractTooNew(ModelRefused):
    """A version was published by a newer Convscope, under a contract that this one doesn't know."""

    code = "contract_too_new"
    title = "Contract too new"


class ProviderUnavailable(ConvscopeError):
    """The execution provider that was asked for is not in this onnxruntime, or doesn't work on this machine."""

    code = "provider_unavailable"
    title = "Execution provider unavailable"


class ScalingRefused(ConvscopeError):
    """Decoding JPEGs at a part of their size isn't proved to keep a version's answers; nothing was published."""

    status = 422
    code = "scaling_refused"
    title = "Scaling refused"


class PublishFailed(ConvscopeError):
    """A version could not be published; the models folder is as it was."""

    code = "publish_failed"
    title = "Publishing failed"


class ExportFailed(ConvscopeError):
    """What another server needs to serve the models folder can't be written."""

    code = "export_failed"
    title = "Export failed"


class BenchFailed(ConvscopeError):
    """A server can't be measured: it isn't there, there is nothing to send it, or the figures have nowhere to go."""

    code = "bench_failed"
    title = "Measuring failed"


class StartFailed(ConvscopeError):
    """The service can't start with these settings on this machine."""

    code = "start_failed"
    title = "The service can't start"


class InvalidSetting(StartFailed):
    """An option or an environment variable has a value that it can't have."""

    code = "invalid_setting"
    title = "Invalid setting"
