import { move, transferableSymbol, valueSymbol } from "piscina";
import { type Drawing, type Drawn, draw } from "./draw.ts";
import { type Retouching, retouch } from "./retouch.ts";

/** Draws one picture in a worker thread and hands its PNG bytes over without copying them. */
export default function drawInWorker(drawing: Drawing | Retouching): Drawn {
  const drawn = isRetouching(drawing) ? retouch(drawing) : draw(drawing);
  return move({ [transferableSymbol]: drawn.png.buffer, [valueSymbol]: drawn }) as unknown as Drawn;
}

/** A picture that is not on record is retouched. */
function isRetouching(drawing: Drawing | Retouching): drawing is Retouching {
  return drawing.edits === undefined && drawing.sources !== undefined;
}
