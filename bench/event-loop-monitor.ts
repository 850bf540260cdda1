import { monitorEventLoopDelay } from "node:perf_hooks";

/**
 * Loaded into the measured process with `node --import`: answers each message of its parent with the longest delay of
 * the event loop since the last one, in milliseconds, and with the resident memory in bytes.
 */
const histogram = monitorEventLoopDelay({ resolution: 1 });
histogram.enable();

process.on("message", () => {
  process.send?.({ maxDelayMs: histogram.max / 1e6, residentBytes: process.memoryUsage.rss() });
  histogram.reset();
});
process.channel?.unref();
