import { move } from "piscina";
import { type Drawing, draw } from "./draw.ts";

/** Draws one picture in a worker thread and hands its PNG bytes over without copying them. */
export default function drawInWorker(drawing: Drawing): Uint8Array {
  return move(draw(drawing)) as unknown as Uint8Array;
}
