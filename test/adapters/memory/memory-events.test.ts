import { MemoryEvents } from "../../../src/adapters/memory/memory-events.ts";
import { eventsContract } from "../../contracts/events.ts";

eventsContract("memory", async () => ({ events: new MemoryEvents(), close: async () => {} }));
