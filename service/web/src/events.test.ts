import { expect, test } from "vitest";
import { eventsOf, type ServerEvent } from "./events";

function streamOf(...pieces: string[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
}

async function all(stream: ReadableStream<Uint8Array>): Promise<ServerEvent[]> {
  const events = [];
  for await (const event of eventsOf(stream)) events.push(event);
  return events;
}

test("events are found however the bytes are cut", async () => {
  const events = [
    { event: "step", data: '{"a": "x:y"}' },
    { event: "result", data: "ü" },
  ];
  const text = 'event: step\ndata: {"a": "x:y"}\n\nevent: result\ndata: ü\n\n';
  expect(await all(streamOf(text))).toEqual(events);
  expect(await all(streamOf(...text))).toEqual(events);
});

test("what is broken off is no event", async () => {
  expect(await all(streamOf("data: one\n\ndata: tw"))).toEqual([{ event: "message", data: "one" }]);
});
