import { fileURLToPath } from "node:url";
import { GATEWAY, MeasuredProcess } from "./measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const BARE = [fileURLToPath(new URL("./bare-server.ts", import.meta.url))];
const STARTS = 7;

/** Measures how long a fresh start takes until the gateway can take traffic. */
export async function measure(): Promise<Row[]> {
  const gateway: number[] = [];
  const bare: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    gateway.push(await readyMs(GATEWAY));
    bare.push(await readyMs(BARE));
  }
  return [
    {
      figure: `ready, median of ${STARTS}`,
      measured: ms(median(gateway)),
      target: "1000 ms",
      comparedWith: `Apollo Server on Express ${ms(median(bare))}`,
    },
  ];
}

async function readyMs(command: readonly string[]): Promise<number> {
  const process = await MeasuredProcess.start(command);
  await process.stop();
  return process.readyMs;
}
