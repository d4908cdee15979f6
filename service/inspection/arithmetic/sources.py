"""Turns boxes of values into the layers, channels, rows and columns that a client can ask for next."""

from collections.abc import Iterator, Sequence

from service.inspection.arithmetic.movement import Box, originate
from service.inspection.arithmetic.reading import MOVING, Reading, is_addressable
from service.inspection.arithmetic.trace import Source
from service.inspection.names import INPUT


def locate(reading: Reading, boxes: Sequence[Box]) -> list[Source]:
    """Where the boxes are; what is the same for every picture is nowhere.

    A value that has no name of its own, such as a second output, or too many dimensions for one, is followed to what
    it was moved from.
    """
    found: list[Source] = []
    for box in boxes:
        found += [source for source in _locate(reading, box) if source not in found]
    return found


def _locate(reading: Reading, box: Box) -> Iterator[Source]:
    flow = reading.flow
    if box.value == flow.picture:
        y, x, colours = zip(box.first[1:], box.last[1:], strict=True)
        yield Source(layer=INPUT, channels=list(colours), y=list(y), x=list(x))
    elif is_addressable(reading.table, box.value) and not any((box.first[0], box.last[0])):
        places = [list(place) for place in zip(box.first[1:], box.last[1:], strict=True)]
        told = dict(zip(("channels", "y", "x"), (*places, None, None), strict=False))
        yield Source(layer=reading.table.by_tensor[box.value].name, **told)
    elif (maker := flow.makers.get(box.value)) is not None:
        if maker.op_type in MOVING:
            for origin in originate(reading, maker, box):
                yield from _locate(reading, origin)
        else:
            yield from _untold(reading, box.value)


def _untold(reading: Reading, value: str) -> Iterator[Source]:
    for name, part in reading.table.parts.items():
        if any(value in node.output for node in part.nodes):
            yield Source(layer=name, channels=None, y=None, x=None)
