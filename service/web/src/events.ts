/** Turns a stream of bytes into server-sent events. Source: WHATWG HTML standard, section 9.2.6. */

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
}

export async function* eventsOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      rest += decoder.decode(value, { stream: !done });
      const blocks = rest.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) yield eventOf(block);
      if (done) return;
    }
  } finally {
    // Whoever stops listening early isn't told any more.
    await reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): ServerEvent {
  const fields = block.split("\n").map((line): [string, string] => {
    const [name = "", ...value] = line.split(":");
    return [name, value.join(":").replace(/^ /, "")];
  });
  const named = (name: string): string[] =>
    fields.filter(([each]) => each === name).map(([, value]) => value);
  return { event: named("event").at(-1) ?? "message", data: named("data").join("\n") };
}
