import { describe, expect, test } from "vitest";
import type { Layer } from "../api/documents";
import { START, type View } from "../view";
import { curlOf, pythonOf } from "./code";
import { requestsOf } from "./requests";
import { csvOf, differenceTable, mapTable } from "./tables";

const OF = { model: "digits", version: 2 };
const LAYER = { name: "block/conv 1", parameters: 9 } as Layer;
const view = (change: Partial<View>): View => ({ ...START, model: "digits", ...change });
const paths = (change: Partial<View>): string[] =>
  requestsOf(OF, view(change), [LAYER]).map(({ path }) => path);

describe("the requests of a screen", () => {
  test("follow what is opened", () => {
    expect(paths({})[0]).toBe("/v1/models/digits/versions/2/activations?values=false");
    expect(paths({ layer: LAYER.name })).toEqual([
      "/v1/models/digits/versions/2/activations?layers=block%2Fconv+1",
      "/v1/models/digits/versions/2/weights/block/conv%201",
      "/v1/models/digits/versions/2/predict?top_k=10",
    ]);
    expect(paths({ layer: LAYER.name, channel: 3, y: 4, x: 5 })[0]).toBe(
      "/v1/models/digits/versions/2/trace?layer=block%2Fconv+1&channel=3&y=4&x=5&top=20",
    );
  });
  test("follow what is chosen", () => {
    expect(paths({ place: "why", choices: { method: "grad-cam", class: "4" } })[0]).toContain(
      "/attributions?method=grad-cam&class=4",
    );
    const [bench] = paths({ place: "workbench", choices: { bench: "relu" } });
    expect(new URL(bench ?? "", "http://x").searchParams.get("steps")).toBe('[{"kind":"relu"}]');
  });
});

describe("the requests of a comparison", () => {
  const other = { version: { model: "digits", version: 1 }, film: [{ step: 10 }, { step: 20 }] };
  const compared = (choices: Record<string, string>): string[] =>
    requestsOf(OF, view({ place: "compare", choices }), [LAYER], other).map(({ path }) => path);

  test("are of both sides", () => {
    expect(compared({ differlayer: "conv1" })).toEqual([
      "/v1/models/digits/versions/2/predict?top_k=10",
      "/v1/models/digits/versions/2/activations?layers=conv1",
      "/v1/models/digits/versions/1/predict?top_k=10",
      "/v1/models/digits/versions/1/activations?layers=conv1",
    ]);
  });
  test("are of the moment that a film shows", () => {
    expect(compared({ compare: "film", step: "10" })[0]).toBe(
      "/v1/models/digits/versions/2/film/10/predict?top_k=10",
    );
    expect(compared({ compare: "film" })).toEqual(["/v1/models/digits/versions/2/predict?top_k=10"]);
  });
});

describe("code", () => {
  const request = { title: "", path: "/v1/x?a=1&b='", hasPicture: true };
  const sample = { file: "07-7.png", type: "image/png", path: "/v1/samples/07-7.png" };
  const origin = { address: "http://host:8000", hasKey: false };

  test("of curl fetches a sample and quotes what a shell would read", () => {
    expect(curlOf(request, sample, origin)).toBe(
      [
        "curl -sS \\\n  -o 07-7.png \\\n  http://host:8000/v1/samples/07-7.png",
        "curl -sS \\\n  --data-binary @07-7.png \\\n  -H 'Content-Type: image/png' \\\n  -H 'Accept: application/json' \\",
        "  'http://host:8000/v1/x?a=1&b='\\'''",
      ].join("\n"),
    );
  });
  test("never has the key in it", () => {
    const keyed = { ...origin, hasKey: true };
    expect(curlOf(request, null, keyed)).toContain('-H "X-API-Key: $KEY"');
    expect(pythonOf(request, sample, keyed)).toContain('"X-API-Key": os.environ["KEY"]');
  });
  test("of Python reads a picture of one's own from its file", () => {
    const own = { file: "my picture.png", type: "image/png", path: null };
    expect(pythonOf(request, own, origin)).toContain('picture = Path("my picture.png").read_bytes()');
    expect(pythonOf({ ...request, hasPicture: false }, own, origin)).not.toContain("picture");
  });
});

describe("tables", () => {
  test("quote what has commas, quotes or line ends", () => {
    expect(csvOf(["a", "b"], [['x,"y"', null]])).toBe('a,b\r\n"x,""y""",\r\n');
  });
  test("have a line for each number of a map", () => {
    const channels = { count: 2, height: 1, width: 2, values: Float32Array.of(1, 2, 3, 4) };
    expect(mapTable(channels, 1)).toBe("channel,y,x,value\r\n1,0,0,3\r\n1,0,1,4\r\n");
    expect(mapTable(channels).split("\r\n")).toHaveLength(6);
  });
  test("have both sides of a comparison", () => {
    const left = { count: 1, height: 1, width: 2, values: Float32Array.of(1, 2) };
    const right = { ...left, values: Float32Array.of(4, 2) };
    expect(differenceTable(left, right)).toBe(
      "channel,y,x,left,right,difference\r\n0,0,0,1,4,3\r\n0,0,1,2,2,0\r\n",
    );
  });
});
