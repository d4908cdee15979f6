/** Keeps a person's own pictures in their browser, by a hash of their bytes, so that a reload shows them again. */

const DATABASE = "convscope";
const STORE = "pictures";
/** Pictures that are kept; the oldest make room. */
const MOST = 40;

export interface KeptPicture {
  readonly bytes: Blob;
  readonly title: string;
  readonly kind: "drawing" | "file";
}

interface Row extends KeptPicture {
  readonly hash: string;
  readonly kept: number;
}

/** Two 32-bit FNV-1a hashes of the bytes as 16 hexadecimal digits: it has to be told apart from forty others. */
export async function hashPicture(bytes: Blob): Promise<string> {
  let forward = 0x811c9dc5;
  let other = 0x1000193;
  for (const byte of new Uint8Array(await bytes.arrayBuffer())) {
    forward = Math.imul(forward ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x01000193) ^ (other >>> 15);
  }
  return [forward, other].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "hash" });
  return settled(request);
}

function settled<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the browser keeps nothing"));
  });
}

/** Keeps a picture and says its hash. A browser that may keep nothing (a private window) forgets it, no more. */
export async function keepPicture(picture: KeptPicture): Promise<string> {
  const hash = await hashPicture(picture.bytes);
  try {
    const store = (await open()).transaction(STORE, "readwrite").objectStore(STORE);
    await settled(store.put({ ...picture, hash, kept: Date.now() } satisfies Row));
    const rows = await settled<Row[]>(store.getAll());
    const old = rows.sort((a, b) => b.kept - a.kept).slice(MOST);
    for (const row of old) store.delete(row.hash);
  } catch {
    // see above
  }
  return hash;
}

export async function findPicture(hash: string): Promise<KeptPicture | null> {
  try {
    const store = (await open()).transaction(STORE, "readonly").objectStore(STORE);
    return (await settled<Row | undefined>(store.get(hash))) ?? null;
  } catch {
    return null;
  }
}
