import { watch } from "node:fs";
import { mkdtemp, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S3ObjectStore } from "../../../src/adapters/s3/s3-object-store.ts";
import { type PostgresServer, startPostgresServer } from "../../support/stores/postgres.ts";
import { S3_CREDENTIALS, type S3Server, startS3Server } from "../../support/stores/s3-server.ts";
import { storedFiles, storedKeys } from "../../support/stores/stored-files.ts";
import type { EventCount } from "./chaos-events.ts";
import { type LedgerBooks, readPostgresLedger, readSqliteLedger } from "./chaos-ledger.ts";

/** The place where the gateways of a run keep their data, with a view from outside. */
export interface ChaosGround extends AsyncDisposable {
  readonly gatewayCount: number;
  /** The environment variables that lead a gateway to this data. */
  env(index: number): Readonly<Record<string, string>>;
  /** Makes every step of storing an image an event, where possible. Called when the gateways run. */
  follow(events: EventCount): () => void;
  /** The keys of all stored bytes, `<generation>/<image>/…`, including half-written ones. */
  storedKeys(): Promise<readonly string[]>;
  /** Makes all stored bytes look as if they were stored long ago. Called while no gateway runs. */
  makeOld(): Promise<void>;
  /** The gateways' records of money. Called while no gateway runs. */
  ledger(): Promise<LedgerBooks>;
}

/** A ground whose servers can be stopped and started again. */
export interface DistributedGround extends ChaosGround {
  readonly postgres: PostgresServer;
  readonly s3: S3Server;
}

const LONG_AGO_MS = 3 * 60 * 60 * 1000;

/** One gateway on one data directory. */
export async function embeddedGround(): Promise<ChaosGround> {
  const root = await mkdtemp(join(tmpdir(), "pictograph-chaos-"));
  const dataDir = join(root, "data");
  return {
    gatewayCount: 1,
    env: () => ({ PICTOGRAPH_DATA_DIR: dataDir }),
    follow(events) {
      // A written file first appears here, grows, and is moved to its place.
      const watcher = watch(join(dataDir, "images", ".tmp"), () => events.tick());
      watcher.on("error", () => {});
      return () => watcher.close();
    },
    storedKeys: async () => storedKeys(dataDir),
    async makeOld() {
      const at = new Date(Date.now() - LONG_AGO_MS);
      for (const path of await storedFiles(dataDir)) await utimes(path, at, at);
    },
    ledger: async () => readSqliteLedger(join(dataDir, "pictograph.db")),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** Two gateways on one PostgreSQL and one S3. Each has its own data directory, which stays empty. */
export async function distributedGround(): Promise<DistributedGround> {
  await using stack = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "pictograph-chaos-"));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const postgres = await startPostgresServer();
  stack.defer(() => postgres.stop());
  const s3 = await startS3Server("@20minutes/s3rver");
  stack.defer(() => s3.stop());
  const bucket = await s3.newBucket();
  const { endpoint } = s3;
  const objects = await S3ObjectStore.open({ bucket, endpoint, region: "us-east-1", credentials: S3_CREDENTIALS });
  stack.defer(() => objects.close());
  const shared = {
    DATABASE_URL: await postgres.createDatabase(),
    S3_BUCKET: bucket,
    S3_ENDPOINT: endpoint,
    AWS_ACCESS_KEY_ID: S3_CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: S3_CREDENTIALS.secretAccessKey,
    PICTOGRAPH_SIGNING_SECRET: "the same for both of them",
    PICTOGRAPH_LEASE_SECONDS: "3",
  };
  const owned = stack.move();
  return {
    postgres,
    s3,
    gatewayCount: 2,
    env: (index) => ({ ...shared, PICTOGRAPH_DATA_DIR: join(root, String(index)) }),
    follow: () => () => {},
    storedKeys: async () => (await Array.fromAsync(objects.list(""))).map(({ key }) => key),
    makeOld: () => s3.ageObjects(bucket, LONG_AGO_MS),
    ledger: () => readPostgresLedger((sql) => postgres.query(shared.DATABASE_URL, sql)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
