import { signal } from "@preact/signals";
import { FIT } from "../../image/view.ts";

/** What of the picture is seen. */
export const view = signal(FIT);
/** The scale at which the picture fits, in CSS pixels for each of its pixels. */
export const fit = signal(1);
