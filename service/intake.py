"""Turns a picture and what it truly shows into a kept correction, together with what was answered to it."""

from dataclasses import dataclass
from datetime import UTC, datetime

from service.decode import load_picture, open_picture
from service.errors import FeedbackOff, UnknownLabel
from service.feedback.archive import Archive, Outcome
from service.feedback.folder import Correction
from service.pipeline import Pipeline
from service.pool import Pool
from service.postprocess import RankedLabel
from service.served import ServedVersion

_NAMED, _SHOWN = 20, 100
"""Labels that a refusal names, and characters that it repeats of the unknown one."""


@dataclass(frozen=True)
class Intake:
    """The way of a corrected picture to the disk."""

    archive: Archive | None
    """None: corrections aren't taken."""
    pool: Pool
    """A thread of its own: writing a large picture takes seconds, which nobody else should wait for."""
    pipeline: Pipeline

    @property
    def is_open(self) -> bool:
        """Whether corrections are taken."""
        return self.archive is not None

    async def take(self, version: ServedVersion, body: bytes, label: str) -> tuple[RankedLabel, Outcome]:
        """Keep a picture under its true label; what the version answers to it, and what became of it.

        Raises:
            RequestError: corrections aren't taken, the version has no such label, the picture can't be decoded, or too
                much waits already.
            FeedbackFull, FeedbackNotKept: see `Archive.keep`.
        """
        archive = self.open_archive()
        check_label(version, label)
        answered = (await self.pipeline.predict(version, body, top_k=1))[0]
        about = Correction(
            model=version.published.name,
            version=version.published.version,
            label=label,
            predicted=answered["label"],
            probability=min(1.0, answered["probability"]),  # a softmax in float32 may round to just above 1
            kept=datetime.now(UTC),  # noqa: TID251
        )
        limits = self.pipeline.limits
        outcome = await self.pool.run(lambda: archive.keep(load_picture(open_picture(body, limits)), about))
        return answered, outcome

    async def count(self, version: ServedVersion) -> dict[str, int]:
        """How many pictures are kept of the version's model, by label.

        Raises:
            FeedbackOff: corrections aren't taken.
            TooBusy: too much waits already.
            FeedbackNotKept: the folder can't be read.
        """
        archive, published = self.open_archive(), version.published
        return await self.pool.run(lambda: archive.count(published.name, published.manifest.labels))

    def open_archive(self) -> Archive:
        """Where corrections are kept.

        Raises:
            FeedbackOff: nobody said where.
        """
        if self.archive is None:
            raise FeedbackOff(
                "corrected pictures aren't kept: start the service with CONVSCOPE_FEEDBACK=FOLDER to keep them there"
            )
        return self.archive


def check_label(version: ServedVersion, label: str) -> None:
    """Whether a version tells a label apart.

    Raises:
        UnknownLabel: it doesn't; the message lists those that it does.
    """
    labels = version.published.manifest.labels
    if label not in labels:
        more = f" and {len(labels) - _NAMED} more" if len(labels) > _NAMED else ""
        name = version.published.name
        raise UnknownLabel(f"{name!r} has no label {label[:_SHOWN]!r}; it has {', '.join(labels[:_NAMED])}{more}")
