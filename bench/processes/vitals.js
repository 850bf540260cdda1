import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Is loaded into the measured process with `node --import`, and answers its parent's messages with the process's
 * vitals. Watching the event loop wakes the process a thousand times a second, so it begins only on request.
 *
 * It is JavaScript, because Node's reader of TypeScript takes 15 MiB of the measured process.
 */
let delays;

process.on("message", (message) => {
  if (message === "watch delays") {
    delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
  }
  const { user, system } = process.cpuUsage();
  /** @type {import("./measured-process.ts").Vitals} */
  const vitals = {
    maxDelayMs: (delays?.max ?? Number.NaN) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    cpuMs: (user + system) / 1000,
  };
  process.send?.(vitals);
  delays?.reset();
});
process.channel?.unref();
