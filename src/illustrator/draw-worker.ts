import { move } from "piscina";
import { type Drawing, draw } from "./draw.ts";
import { type Retouching, retouch } from "./retouch.ts";

/** Draws or retouches one picture in a worker thread and hands its PNG bytes over without copying them. */
export default function drawInWorker(drawing: Drawing | Retouching): Uint8Array {
  return move("sources" in drawing ? retouch(drawing) : draw(drawing)) as unknown as Uint8Array;
}
