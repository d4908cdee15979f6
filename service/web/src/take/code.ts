/** Turns a request into text that sends it from elsewhere: a curl command, a Python script without dependencies. */
import type { ApiRequest } from "./requests";

/** What the picture is called beside the command; a sample's address, where it can be fetched from. */
export interface PictureFile {
  readonly file: string;
  readonly type: string;
  readonly path: string | null;
}

export interface Origin {
  /** `https://host:port`, without a slash. */
  readonly address: string;
  /** The service asks for a key; it is never written down, but taken from the variable KEY. */
  readonly hasKey: boolean;
}

const JSON_TYPE = "application/json";

export function curlOf(request: ApiRequest, picture: PictureFile | null, origin: Origin): string {
  const address = shell(origin.address + request.path);
  const key = origin.hasKey ? [`-H "X-API-Key: $KEY"`] : [];
  const accept = `-H ${shell(`Accept: ${JSON_TYPE}`)}`;
  if (!request.hasPicture || !picture) return command([...key, accept, address]);
  const sending = [
    `--data-binary @${shell(picture.file)}`,
    `-H ${shell(`Content-Type: ${picture.type}`)}`,
    ...key,
    accept,
    address,
  ];
  if (picture.path === null) return command(sending);
  const fetching = [`-o ${shell(picture.file)}`, ...key, shell(origin.address + picture.path)];
  return `${command(fetching)}\n${command(sending)}`;
}

const command = (parts: readonly string[]): string => ["curl -sS", ...parts].join(" \\\n  ");

/** Between single quotes a shell leaves everything as it is; a quote itself has to be put beside them. */
function shell(text: string): string {
  return /^[\w@./:=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function pythonOf(request: ApiRequest, picture: PictureFile | null, origin: Origin): string {
  const hasPicture = request.hasPicture && picture !== null;
  const fetches = hasPicture && picture.path !== null;
  const headers = [
    ...(hasPicture ? [`"Content-Type": ${text(picture.type)}`] : []),
    `"Accept": ${text(JSON_TYPE)}`,
    ...(origin.hasKey ? [`"X-API-Key": os.environ["KEY"]`] : []),
  ].join(", ");
  const key = origin.hasKey ? `{"X-API-Key": os.environ["KEY"]}` : "{}";
  return [
    "import json",
    ...(origin.hasKey ? ["import os"] : []),
    ...(hasPicture && !fetches ? ["from pathlib import Path"] : []),
    "from urllib.request import Request, urlopen",
    "",
    ...(fetches
      ? [`picture = urlopen(Request(${text(origin.address + (picture.path ?? ""))}, headers=${key})).read()`]
      : []),
    ...(hasPicture && !fetches ? [`picture = Path(${text(picture.file)}).read_bytes()`] : []),
    "request = Request(",
    `    ${text(origin.address + request.path)},`,
    ...(hasPicture ? ["    data=picture,"] : []),
    `    headers={${headers}},`,
    ")",
    "answer = json.load(urlopen(request))",
    "print(json.dumps(answer, indent=2))",
  ].join("\n");
}

/** JSON's strings are Python's too. */
const text = (value: string): string => JSON.stringify(value);
