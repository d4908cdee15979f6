/** Holds that tensors come back as they were written, and that a broken file is refused. */
import { describe, expect, it } from "vitest";

import { parseSafetensors } from "./safetensors";

function file(header: object, data: Float32Array, padding = 0): ArrayBuffer {
  const text = new TextEncoder().encode(JSON.stringify(header) + " ".repeat(padding));
  const bytes = new Uint8Array(8 + text.length + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(new Uint8Array(data.buffer), 8 + text.length);
  return bytes.buffer;
}

const values = Float32Array.of(1, -2, 3.5, 0);

describe("parseSafetensors", () => {
  it.each([0, 1, 2, 3])("reads every tensor by name, whatever the header's length (+%i)", (padding) => {
    const header = {
      __metadata__: { format: "pt" },
      conv1: { dtype: "F32", shape: [1, 1, 3], data_offsets: [0, 12] },
      fc: { dtype: "F32", shape: [1], data_offsets: [12, 16] },
    };
    const tensors = parseSafetensors(file(header, values, padding));
    expect([...tensors.keys()]).toEqual(["conv1", "fc"]);
    expect(tensors.get("conv1")).toEqual({ shape: [1, 1, 3], values: Float32Array.of(1, -2, 3.5) });
    expect([...(tensors.get("fc")?.values ?? [])]).toEqual([0]);
  });

  it("refuses a type that it would misread", () => {
    const header = { a: { dtype: "F16", shape: [8], data_offsets: [0, 16] } };
    expect(() => parseSafetensors(file(header, values))).toThrow("a is F16");
  });

  it("refuses a shape that is not the data's", () => {
    const header = { a: { dtype: "F32", shape: [3], data_offsets: [0, 16] } };
    expect(() => parseSafetensors(file(header, values))).toThrow("size of its shape");
  });

  it("refuses a file that was cut off", () => {
    const whole = file({ a: { dtype: "F32", shape: [4], data_offsets: [0, 16] } }, values);
    expect(() => parseSafetensors(whole.slice(0, 4))).toThrow("shorter");
    expect(() => parseSafetensors(whole.slice(0, 20))).toThrow("header is cut off");
    expect(() => parseSafetensors(whole.slice(0, -4))).toThrow("a is cut off");
  });
});
