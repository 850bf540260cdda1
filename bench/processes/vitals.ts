import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Vitals } from "./measured-process.ts";

/**
 * Is loaded into the measured process with `node --import`, and answers its parent's messages with the process's
 * vitals. Watching the event loop wakes the process a thousand times a second, so it begins only on request.
 */
let delays: ReturnType<typeof monitorEventLoopDelay> | undefined;

process.on("message", (message) => {
  if (message === "watch delays") {
    delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
  }
  const { user, system } = process.cpuUsage();
  const vitals: Vitals = {
    maxDelayMs: (delays?.max ?? Number.NaN) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    cpuMs: (user + system) / 1000,
  };
  process.send?.(vitals);
  delays?.reset();
});
process.channel?.unref();
