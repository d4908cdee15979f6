/** Turns what is on the screen into files of its data: tables as CSV, tensors as npz, straight from the service. */
import { activationsPath, fetchReport, post, type Version } from "../api/client";
import { attributionPath } from "../api/attribution";
import type { Layer } from "../api/documents";
import { fetchBench } from "../api/workbench";
import { figuresOf } from "../figures";
import { channelsOf } from "../maps";
import type { Session } from "../session.svelte";
import { FIRST_STEPS, stepsOf } from "../workbench/steps";
import { explanation, workbenchPath } from "./requests";
import { confusionTable, epochTable, figureTable, mapTable, predictionTable } from "./tables";

export interface Download {
  readonly title: string;
  readonly file: string;
  readonly make: () => Promise<Blob>;
}

const NPZ = "application/x-npz";

export function downloadsOf(session: Session): Download[] {
  const { version, model, view } = session;
  if (!version || !model) return [];
  const name = `${model.name}-${model.version}`;
  const answer = csv("The answer", `${name}-answer`, () => predictionTable(session.reading.predictions));
  switch (view.place) {
    case "explore":
      return [...ofLayer(session, version, name), answer];
    case "why":
      return [
        npz(session, "The map of what decided", `${name}-why`, attributionPath(version, explanation(view))),
        answer,
      ];
    case "workbench":
      return ofBench(session);
    case "numbers":
      return [csv("The table", `${name}-layers`, () => figureTable(figures(session)))];
    case "training":
      return [
        csv("Epochs", `${name}-epochs`, async () =>
          epochTable(await fetchReport(version, new AbortController().signal)),
        ),
        csv("What was taken for what", `${name}-confusion`, () =>
          confusionTable(model.labels, model.test.confusion ?? []),
        ),
      ];
    case "compare":
      return [answer];
  }
}

function ofLayer(session: Session, version: Version, name: string): Download[] {
  const { layer, channel } = session.view;
  const found: Layer | undefined = session.layers?.layers.find((each) => each.name === layer);
  if (!found) return [npz(session, "Every layer's numbers", name, activationsPath(version, []))];
  const file = `${name}-${found.name.replaceAll("/", "_")}`;
  const tensor = session.reading.tensors.get(found.name);
  const table = tensor && mapTable.bind(null, channelsOf(tensor), channel);
  const which = channel === null ? `All of ${found.name}` : `${found.name}, channel ${channel}`;
  return [
    ...(table ? [csv(which, channel === null ? file : `${file}-${channel}`, table)] : []),
    npz(session, `All of ${found.name}`, file, activationsPath(version, [found.name])),
  ];
}

function ofBench(session: Session): Download[] {
  const { view } = session;
  const picture = session.reading.picture?.bytes;
  if (!picture) return [];
  const steps = stepsOf(view.choices["bench"] ?? FIRST_STEPS);
  return [
    csv("What the last step made", "workbench", async () => {
      const isGrey = view.choices["benchColour"] !== "yes";
      const tensors = await fetchBench(picture, steps, isGrey, new AbortController().signal);
      const last = tensors.at(-1);
      if (!last) throw new Error("There is no step.");
      return mapTable(channelsOf(last));
    }),
    npz(session, "What every step made", "workbench", workbenchPath(view)),
  ];
}

function figures(session: Session) {
  const { layers, measures, version } = session;
  if (!layers || !version) return [];
  return figuresOf(layers, measures.statistics.now ?? new Map(), measures.timingsOf(version));
}

function csv(title: string, file: string, write: () => string | Promise<string>): Download {
  return {
    title,
    file: `${file}.csv`,
    make: async () => new Blob([await write()], { type: "text/csv" }),
  };
}

function npz(session: Session, title: string, file: string, path: string): Download {
  return {
    title,
    file: `${file}.npz`,
    make: async () => {
      const { picture } = session.reading;
      if (!picture) throw new Error("Draw or choose a picture first.");
      return (await post(path, picture.bytes, NPZ)).blob();
    },
  };
}
