import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const BYTES = new WeakMap<Blob, Uint8Array<ArrayBuffer>>();

/** A `Blob` whose bytes can be read synchronously. The C2PA library reads its files as workers of browsers do. */
export class BytesBlob extends Blob {
  constructor(bytes: Uint8Array<ArrayBuffer>) {
    // The bytes are held once, outside of Node's own blob.
    super([]);
    BYTES.set(this, bytes);
    Object.defineProperty(this, "size", { value: bytes.byteLength });
  }

  override slice(start = 0, end = this.size): Blob {
    return new BytesBlob((BYTES.get(this) ?? new Uint8Array()).subarray(start, end));
  }
}

class FileReaderSync {
  readAsArrayBuffer(blob: Blob): ArrayBuffer {
    return (BYTES.get(blob) ?? new Uint8Array()).slice().buffer;
  }
}

/**
 * Loads the C2PA library into this thread, together with what it expects of a browser's worker. Everything that could
 * reach the network is removed from the thread, so call this only in a thread of its own.
 */
export async function loadLibrary() {
  for (const name of ["fetch", "WebSocket", "EventSource"]) Reflect.deleteProperty(globalThis, name);
  Object.assign(globalThis, { FileReaderSync });
  const { initSync, WasmBuilder, WasmReader } = await import("@contentauth/c2pa-wasm");
  const path = createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/c2pa.wasm");
  const { memory } = initSync({ module: readFileSync(path) });
  return { WasmBuilder, WasmReader, memory };
}
