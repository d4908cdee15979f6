/** Turns what is on the screen into tables of comma-separated values, as RFC 4180 has them. */
import type { Prediction, TrainingReport } from "../api/documents";
import type { LayerFigures } from "../figures";
import type { Channels } from "../maps";

type Value = string | number | null | undefined;

export function csvOf(header: readonly string[], rows: Iterable<readonly Value[]>): string {
  const lines = [header, ...rows].map((row) => row.map(quoted).join(","));
  return `${lines.join("\r\n")}\r\n`;
}

function quoted(value: Value): string {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function predictionTable(predictions: readonly Prediction[]): string {
  return csvOf(
    ["label", "index", "probability"],
    predictions.map(({ label, index, probability }) => [label, index, probability]),
  );
}

/** A line for each number: which channel, which row, which column. */
export function mapTable(channels: Channels, only: number | null = null): string {
  const { count, height, width, values } = channels;
  const size = height * width;
  function* rows(): Generator<readonly Value[]> {
    for (let channel = only ?? 0; channel < (only === null ? count : only + 1); channel++)
      for (let cell = 0; cell < size; cell++)
        yield [channel, Math.floor(cell / width), cell % width, values[channel * size + cell]];
  }
  return csvOf(["channel", "y", "x", "value"], rows());
}

/** A line for each number that both sides have: left, right, and right minus left. */
export function differenceTable(left: Channels, right: Channels): string {
  const size = left.height * left.width;
  function* rows(): Generator<readonly Value[]> {
    for (let index = 0; index < Math.min(left.values.length, right.values.length); index++) {
      const [cell, before, after] = [index % size, left.values[index] ?? 0, right.values[index] ?? 0];
      yield [
        Math.floor(index / size),
        Math.floor(cell / left.width),
        cell % left.width,
        before,
        after,
        after - before,
      ];
    }
  }
  return csvOf(["channel", "y", "x", "left", "right", "difference"], rows());
}

export function figureTable(figures: readonly LayerFigures[]): string {
  const header = [
    ...["order", "layer", "kind", "output_shape", "parameters", "macs", "receptive_field"],
    ...["zero_share", "dead_channels", "milliseconds"],
  ];
  return csvOf(
    header,
    figures.map(({ order, layer, zeros, deadChannels, milliseconds }) => [
      ...[order, layer.name, layer.kind, layer.output_shape.join("x"), layer.parameters, layer.macs],
      ...[layer.receptive_field?.join("x"), zeros, deadChannels, milliseconds],
    ]),
  );
}

export function epochTable({ epochs }: TrainingReport): string {
  return csvOf(
    ["epoch", "loss", "validation_accuracy"],
    epochs.map(({ epoch, loss, validation_accuracy }) => [epoch, loss, validation_accuracy]),
  );
}

export function confusionTable(labels: readonly string[], confusion: readonly (readonly number[])[]): string {
  return csvOf(
    ["true \\ answered", ...labels],
    confusion.map((counts, row) => [labels[row], ...counts]),
  );
}
