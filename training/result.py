"""Turns what a run ended with into a few lines for the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.contract import Manifest
from service.evidence import Evidence, Gate
from training.gate import Verdict, measure_chance
from training.progress import count

_LIKELY = 0.05
"""A difference that comes by chance more often than so says little."""


@dataclass(frozen=True)
class Result:
    """What was published."""

    folder: Path
    """`models/<name>/<version>`."""
    manifest: Manifest
    evidence: Evidence
    verdict: Verdict

    @property
    def is_held(self) -> bool:
        """Whether it doesn't answer, because it is worse than the version that does."""
        return self.evidence.gate is not None and self.evidence.gate.held

    def describe(self) -> str:
        """What was published, how good it is, and whether it answers."""
        lines = [f"published {self.folder}" + (", held: it does not answer" if self.is_held else "")]
        lines += [f"  {line}" for line in (*self._judge(), *self._prove(), *self._compare())]
        if not self.is_held and self.verdict.pinned is None:
            lines.append(
                "next: a running service takes it up by itself; otherwise start one (make run), and open its page"
            )
        return "\n".join(lines)

    def _judge(self) -> Iterator[str]:
        test = self.evidence.test
        if test.pictures:
            yield f"{test.accuracy:.2%} of {test.pictures:,} test pictures right"
        if (corrections := self.evidence.corrections) is not None:
            yield f"{corrections.right:,} of {count(corrections.pictures, 'corrected picture')} right"
            if corrections.right < corrections.pictures:
                yield "to learn more of them: larger --feedback-repeats or --epochs, or another --network"

    def _prove(self) -> Iterator[str]:
        test, parity = self.evidence.test, self.evidence.parity
        yield f"ONNX and PyTorch differ by {parity.max_abs_difference:.1g} at most on {parity.pictures}"
        if test.calibration:
            was, now = test.calibration.error_before, test.calibration.error
            yield f"calibration error {was:.2%} -> {now:.2%}, temperature {test.calibration.temperature:.2f}"
        if (tried := self.evidence.quantization) is not None:
            serves = "they serve" if tried.serves else "not worth it, the float graph serves"
            yield f"8-bit numbers: {tried.accuracy:.2%}, {tried.speedup:.2f} times as fast ({serves})"

    def _compare(self) -> Iterator[str]:
        """The new version beside the one that answers."""
        name, number, gate = self.manifest.name, self.folder.name, self.evidence.gate
        if self.verdict.obstacle:
            yield self.verdict.obstacle
        if gate is not None:
            yield from _describe_gate(gate)
        if self.is_held and gate is not None:
            yield f"version {gate.serving} goes on; to have this one answer: convscope promote {name} {number}"
        elif self.verdict.pinned is not None:
            yield (
                f"version {self.verdict.pinned} was promoted and goes on; to have this one answer:"
                f" convscope promote {name} {number}, or latest for all that follow too"
            )


def _describe_gate(gate: Gate) -> Iterator[str]:
    points = 100 * (gate.accuracy - gate.serving_accuracy)
    than = f"{abs(points):.2f} points {'worse' if points < 0 else 'better'} than" if round(points, 2) else "as good as"
    allowed = f"; {100 * gate.margin:.2f} worse is allowed" if points < 0 else ""
    yield f"{than} version {gate.serving}, which has {gate.serving_accuracy:.2%} of them{allowed}"
    if gate.lost or gate.gained:
        lost = count(gate.lost, "picture")
        yield f"right where that one is wrong: {count(gate.gained, 'picture')}; wrong where that one is right: {lost}"
    if gate.held and (chance := measure_chance(gate.lost, gate.gained)) > _LIKELY:
        yield (
            f"of two equally good versions one comes out as much worse in {chance:.0%} of cases: more test pictures"
            " would tell more"
        )
