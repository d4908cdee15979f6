/** Turns what is on the screen into the requests that it was made of, for somebody to send them from elsewhere. */
import { attributionPath } from "../api/attribution";
import { activationsPath, at, predictPath, reportUrl, type Version } from "../api/client";
import { chosenMoment, momentsOf } from "../compare/moments";
import type { Layer } from "../api/documents";
import { framePath } from "../api/film";
import { statisticsPath, timingsPath, tracePath, weightsPath } from "../api/inspection";
import { benchPath } from "../api/workbench";
import type { View } from "../view";
import { questionOf } from "../why/methods";
import { FIRST_STEPS, requestOf, stepsOf } from "../workbench/steps";

export interface ApiRequest {
  readonly title: string;
  readonly path: string;
  /** It takes the picture; else it is a plain GET. */
  readonly hasPicture: boolean;
}

/** What the left side is compared with. */
export interface Other {
  readonly version: Version;
  /** Steps of the training that were kept, oldest first. */
  readonly film: readonly { readonly step: number }[];
}

/** The requests of a place, the most interesting first; those of the right side of a comparison ask about the same picture. */
export function requestsOf(
  of: Version,
  view: View,
  layers: readonly Layer[],
  other: Other = { version: of, film: [] },
): ApiRequest[] {
  const answer = asking("The answer", predictPath(of));
  switch (view.place) {
    case "explore":
      return [...ofLayer(of, view, layers), answer];
    case "why":
      return [asking("What decided", attributionPath(of, explanation(view))), answer];
    case "workbench":
      return [asking("What the steps make of the picture", workbenchPath(view))];
    case "numbers":
      return [
        asking("Zeros and dead channels", statisticsPath(of)),
        asking("Times of the layers", timingsPath(of)),
        plain("The table of layers", at(of, "/layers")),
      ];
    case "training":
      return [plain("The report", reportUrl(of)), plain("The test's figures", at(of))];
    case "compare":
      return view.choices["compare"] === "film"
        ? [...ofFilm(of, view, other), answer]
        : ofBoth(of, view, other);
  }
}

function ofLayer(of: Version, view: View, layers: readonly Layer[]): ApiRequest[] {
  const layer = layers.find(({ name }) => name === view.layer);
  if (!layer) {
    return [
      asking("Every layer's figures", statisticsPath(of)),
      plain("The table of layers", at(of, "/layers")),
    ];
  }
  const { name } = layer;
  const activations = asking(`What ${name} computed`, activationsPath(of, [name]));
  const weights = layer.parameters ? [plain(`What ${name} has learnt`, weightsPath(of, name))] : [];
  if (view.channel === null) return [activations, ...weights];
  const spot = { layer: name, channel: view.channel, y: view.y, x: view.x };
  return [asking("Why this number", tracePath(of, spot)), activations, ...weights];
}

function ofBoth(of: Version, view: View, other: Other): ApiRequest[] {
  const layer = view.choices["differlayer"] ?? view.layer;
  return [of, other.version]
    .filter((side, i) => i === 0 || side.model !== of.model || side.version !== of.version)
    .flatMap((side) => {
      const who = `${side.model} ${side.version}`;
      const activations = layer
        ? [asking(`What ${layer} of ${who} computed`, activationsPath(side, [layer]))]
        : [];
      return [asking(`The answer of ${who}`, predictPath(side)), ...activations];
    });
}

function ofFilm(of: Version, view: View, { film }: Other): ApiRequest[] {
  const moment = chosenMoment(momentsOf(film), view.choices["step"] ?? null);
  return moment === "published"
    ? []
    : [asking(`The answer after step ${moment}`, framePath(of, moment, "/predict?top_k=10"))];
}

export const explanation = (view: View) =>
  questionOf((name) => view.choices[name] ?? null, labelOf(view.choices["class"]));

export function workbenchPath(view: View): string {
  const steps = stepsOf(view.choices["bench"] ?? FIRST_STEPS);
  return benchPath(steps.map(requestOf), view.choices["benchColour"] !== "yes");
}

function labelOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : null;
}

const asking = (title: string, path: string): ApiRequest => ({ title, path, hasPicture: true });
const plain = (title: string, path: string): ApiRequest => ({ title, path, hasPicture: false });
