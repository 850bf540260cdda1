import { MeasuredProcess } from "./measured-process.ts";
import { median, ms, type Row } from "./row.ts";

const GATEWAY = new URL("../dist/main.js", import.meta.url);
const BARE = new URL("./bare-server.ts", import.meta.url);
const STARTS = 7;

/** How long a fresh start takes until it can take traffic. */
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

async function readyMs(script: URL): Promise<number> {
  const process = await MeasuredProcess.start(script);
  await process.stop();
  return process.readyMs;
}
