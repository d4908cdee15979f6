/** Turns the bytes of a safetensors file into float32 tensors by name. */

export interface Tensor {
  /** Without the batch dimension, channels first. */
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

const LENGTH_BYTES = 8;

function readHeader(buffer: ArrayBuffer): { header: Record<string, unknown>; data: number } {
  if (buffer.byteLength < LENGTH_BYTES) throw new Error("safetensors: shorter than its own header");
  const length = new DataView(buffer).getBigUint64(0, true);
  if (length > BigInt(buffer.byteLength - LENGTH_BYTES))
    throw new Error("safetensors: the header is cut off");
  const data = LENGTH_BYTES + Number(length);
  const text = new TextDecoder().decode(new Uint8Array(buffer, LENGTH_BYTES, Number(length)));
  return { header: JSON.parse(text) as Record<string, unknown>, data };
}

function readTensor(buffer: ArrayBuffer, data: number, name: string, entry: Entry): Tensor {
  const [start, end] = entry.data_offsets;
  if (entry.dtype !== "F32") throw new Error(`safetensors: ${name} is ${entry.dtype}, not F32`);
  const count = entry.shape.reduce((product, size) => product * size, 1);
  if (end - start !== count * 4) throw new Error(`safetensors: ${name} has not the size of its shape`);
  if (data + end > buffer.byteLength) throw new Error(`safetensors: ${name} is cut off`);
  const from = data + start;
  // A view costs nothing; only where the header's length leaves the values unaligned do they have to move.
  const values =
    from % 4 === 0 ? new Float32Array(buffer, from, count) : new Float32Array(buffer.slice(from, data + end));
  return { shape: entry.shape, values };
}

export function parseSafetensors(buffer: ArrayBuffer): Map<string, Tensor> {
  const { header, data } = readHeader(buffer);
  const tensors = new Map<string, Tensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name !== "__metadata__") tensors.set(name, readTensor(buffer, data, name, entry as Entry));
  }
  return tensors;
}

/** What a file says of its tensors. */
export function parseMetadata(buffer: ArrayBuffer): Readonly<Record<string, string>> {
  return (readHeader(buffer).header["__metadata__"] ?? {}) as Record<string, string>;
}
