import { ADDRESS_ATTACKS } from "./addresses.ts";
import type { Attack } from "./attack.ts";
import { DERIVATIVE_ATTACKS } from "./derivatives.ts";
import { DOCUMENT_ATTACKS } from "./documents.ts";
import { FLOOD_ATTACKS } from "./floods.ts";
import { IMAGE_ATTACKS } from "./images.ts";
import { PAGE_ATTACKS } from "./pages.ts";
import { SOCKET_ATTACKS } from "./sockets.ts";
import { SPENDING_ATTACKS } from "./spending.ts";
import { UPLOAD_ATTACKS } from "./uploads.ts";

/** Every attack that a client without credentials can try. */
export const ATTACKS: readonly Attack[] = [
  ...DOCUMENT_ATTACKS,
  ...UPLOAD_ATTACKS,
  ...IMAGE_ATTACKS,
  ...DERIVATIVE_ATTACKS,
  ...SOCKET_ATTACKS,
  ...FLOOD_ATTACKS,
  ...SPENDING_ATTACKS,
  ...PAGE_ATTACKS,
  ...ADDRESS_ATTACKS,
];
