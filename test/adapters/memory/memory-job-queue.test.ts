import { MemoryJobQueue } from "../../../src/adapters/memory/memory-job-queue.ts";
import { jobQueueContract } from "../../contracts/job-queue.ts";

jobQueueContract("memory", async (concurrency) => ({
  queue: new MemoryJobQueue(concurrency),
  close: async () => {},
}));
