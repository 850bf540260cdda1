import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { initSync, WasmReader } from "@contentauth/c2pa-wasm";
import type { ImageFormat } from "../../../src/ports/image-provider.ts";

initSync({ module: readFileSync(createRequire(import.meta.url).resolve("@contentauth/c2pa-wasm/c2pa.wasm")) });

/** What a verifier of content credentials says about a file. */
export interface Verdict {
  /** `Trusted`: valid, and from an authority that is trusted. `Valid`: from any authority. */
  readonly state: "Trusted" | "Valid" | "Invalid";
  /** The problems that it found. */
  readonly codes: readonly string[];
  readonly manifest: Manifest;
  /** All manifests of the file: its own and those of its ingredients. */
  readonly manifestCount: number;
}

export interface Manifest {
  readonly claim_generator_info: readonly { readonly name: string; readonly version: string }[];
  readonly signature_info: { readonly alg: string };
  readonly ingredients: readonly { readonly relationship: string; readonly active_manifest?: string }[];
  readonly actions: readonly { readonly action: string; readonly digitalSourceType?: string }[];
}

/** @param root PEM of the authority to trust */
export async function verify(bytes: Uint8Array, format: ImageFormat, root: string): Promise<Verdict> {
  const settings = { trust: { user_anchors: root }, verify: { verify_trust: true, remote_manifest_fetch: false } };
  const reader = await WasmReader.fromBytes(`image/${format.toLowerCase()}`, bytes, JSON.stringify(settings));
  const store = JSON.parse(reader.json());
  reader.free();
  const manifest = store.manifests[store.active_manifest];
  const { assertions, ingredients = [] } = manifest;
  const { actions } = assertions.find(({ label }: { label: string }) => label.startsWith("c2pa.actions")).data;
  return {
    state: store.validation_state,
    codes: (store.validation_status ?? []).map(({ code }: { code: string }) => code),
    manifest: { ...manifest, ingredients, actions },
    manifestCount: Object.keys(store.manifests).length,
  };
}
