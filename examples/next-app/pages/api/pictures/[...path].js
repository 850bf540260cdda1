import express from "express";
import { createGateway } from "pictograph";

/** Pictograph in a Next.js app, below `/api/pictures`. Next passes no WebSockets on: subscriptions run as event streams. */
async function mount() {
  const gateway = await createGateway({ dataDir: "./data" });
  return express().use("/api/pictures", gateway.app);
}

// Next loads this module again when it changes, and the data directory takes one gateway.
globalThis.pictures ??= mount();

/** The gateway reads bodies by itself, and answers by itself. */
export const config = { api: { bodyParser: false, externalResolver: true } };

export default async function handler(request, response) {
  const pictures = await globalThis.pictures;
  pictures(request, response);
}
