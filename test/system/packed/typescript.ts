/** How a program in TypeScript uses the package. It is compiled and run where the packed package is installed. */
import { createServer } from "node:http";
import express from "express";
import {
  createGateway,
  type Gateway,
  GatewayError,
  type GatewayOptions,
  type Generation,
  type ImageProvider,
} from "pictograph";

interface HostContext {
  readonly user: string;
}

const options: GatewayOptions = {
  dataDir: "./data-typescript",
  authenticate: ({ user }: HostContext) => ({ endUser: user }),
};
const gateway: Gateway = await createGateway(options);
express().use("/pictures", gateway.app);
createServer(gateway.app).on("upgrade", gateway.handleUpgrade);

const caller = { projectId: "someone" };
const accepted: Generation = await gateway.images.submit(caller, { prompt: "a red fox", size: "96x64" });
const { id, status } = await gateway.images.wait(accepted, 60_000);
const [[image] = []] = await gateway.images.imagesOf([id]);
const url: string | undefined = image && gateway.images.link(image, { width: 32 });

const provider: ImageProvider = { name: "none", models: [], async *generate() {}, close: async () => {} };

let field: string | undefined;
try {
  // @ts-expect-error A size is text.
  await gateway.images.submit(caller, { prompt: provider.name, size: 512 });
} catch (error) {
  if (error instanceof GatewayError && error.code === "BAD_USER_INPUT") field = error.details.field;
}

const query = gateway.schema.getQueryType()?.name;
await gateway.close();
process.stdout.write(
  JSON.stringify({ status, width: image?.width, isLink: url?.startsWith("/images/"), field, query }),
);
