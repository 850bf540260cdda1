import { TypeID } from "typeid-js";
import type { Random } from "../random.ts";

/** An id as the gateway would have made it at that time: a UUIDv7 in the gateway's form. */
export function idAt(prefix: string, at: Date, random: Random): string {
  const time = at.getTime().toString(16).padStart(12, "0");
  const rest = random.bytes(10).toString("hex");
  const uuid = `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(1, 4)}-8${rest.slice(5, 8)}-${rest.slice(8)}`;
  return TypeID.fromUUID(prefix, uuid).toString();
}
