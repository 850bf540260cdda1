import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { promisify } from "node:util";
import { composeServices } from "@apollo/composition";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { parse } from "graphql";
import { launchBrowser } from "../support/clients/browser.ts";
import { generateImages, graphql } from "../support/clients/graphql-client.ts";
import { type KeyedGateway, startKeyedGateway } from "../support/gateways/keyed-gateway.ts";
import { poll } from "../support/gateways/scripted-gateway.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/processes/gateway-process.ts";
import { type DocSample, readDocSamples, withSampleFile } from "../support/samples/doc-samples.ts";

const samples = await readDocSamples();
const of = (...languages: readonly string[]) =>
  samples.filter(({ language }) => languages.includes(language)).map((sample) => [sample.place, sample] as const);

let gateway: GatewayProcess;
let keyed: KeyedGateway;
beforeAll(async () => {
  gateway = await startGatewayProcess();
  keyed = await startKeyedGateway();
});
afterAll(async () => {
  await gateway.stop();
  await keyed.close();
});

/** The sample as it is for a reader whose gateway listens on this port. */
function here({ code }: DocSample): string {
  return code.replaceAll("localhost:8080", new URL(gateway.url).host);
}

async function run(name: string, code: string): Promise<string> {
  return withSampleFile(name, code, async (path) => {
    const { stdout } = await promisify(execFile)(process.execPath, [path]);
    return stdout;
  });
}

test("every sample is in a language that runs here or in `npm run check:external`", () => {
  const languages = new Set(samples.map(({ language }) => language));

  // The sample in SQL runs in test/adapters/sql/postgres.test.ts.
  expect([...languages].sort()).toEqual(["graphql", "html", "js", "json", "sh", "sql", "ts"]);
});

describe("samples in JavaScript", () => {
  const isReceiver = (place: string) => place.startsWith("docs/webhooks.md");

  test.each(of("js").filter(([place]) => !isReceiver(place)))("%s prints images", async (_place, sample) => {
    expect(await run("sample.mjs", here(sample))).toMatch(/\/images\/img_/);
  });
});

describe("the receiver of docs/webhooks.md", () => {
  const [receiver] = samples.filter(({ place, language }) => place.startsWith("docs/webhooks.md") && language === "js");

  test("prints the URLs of images once, and refuses unsigned requests", async () => {
    await using sender = await startGatewayProcess({
      env: { PICTOGRAPH_WEBHOOK_ALLOW_HTTP: "true", PICTOGRAPH_WEBHOOK_ALLOW_PRIVATE: "true" },
    });
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/`;
    const created = await graphql(
      sender.url,
      `mutation { createWebhookEndpoint(input: { url: "${url}" }) { secret endpoint { id } } }`,
    );
    const { secret } = created.data.createWebhookEndpoint;
    await withSampleFile("receiver.mjs", receiver?.code ?? "", async (path) => {
      const env = { ...process.env, PORT: String(port), WEBHOOK_SECRET: secret };
      const child = spawn(process.execPath, [path], { env, stdio: ["ignore", "pipe", "inherit"] });
      try {
        await poll(
          () => fetch(url, { method: "POST", body: "{}" }).catch(() => undefined),
          (answer) => answer?.status === 400,
        );
        const printed = once(child.stdout, "data");
        const { images } = await generateImages(sender.url, {});
        const [line] = String((await printed)[0]).split("\n");

        expect(new URL(line ?? "").origin).toBe(sender.url);
        expect(new URL(line ?? "").pathname).toBe(new URL(images[0]?.url ?? "").pathname);
        expect((await fetch(line ?? "")).status).toBe(200);
      } finally {
        child.kill();
        await once(child, "exit");
      }
    });
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

describe("samples in TypeScript", () => {
  test.each(of("ts"))("%s serves the gateway", async (_place, { code }) => {
    const output = await run(
      "sample.ts",
      `${code.replace("listen(3000)", "listen(0)").replace("./pictures", `${gateway.dataDirectory}-of-sample`)}
      import { once } from "node:events";
      if (!server.listening) await once(server, "listening");
      const { status } = await fetch(\`http://localhost:\${server.address().port}/pictures/readyz\`);
      console.log(status);
      server.close();
      await gateway.close();`,
    );

    expect(output.trim()).toBe("200");
  });
});

describe("samples in GraphQL", () => {
  const isOperation = ({ code }: DocSample) => /^(query|mutation|subscription|\{)/.test(code);

  /** Creates an endpoint that cannot be reached, and a delivery to it. */
  const sendWebhook = async (): Promise<{ endpointId?: string; deliveryId?: string }> => {
    const created = await graphql(
      gateway.url,
      `mutation { createWebhookEndpoint(input: { url: "https://receiver.invalid/" }) { endpoint { id } } }`,
    );
    const { endpoint } = created.data.createWebhookEndpoint;
    const sent = await graphql(gateway.url, `mutation { sendTestWebhook(endpointId: "${endpoint.id}") { id } }`);
    const { id: deliveryId } = sent.data.sendTestWebhook;
    return { endpointId: endpoint.id, deliveryId };
  };

  const isOfKeyed = (place: string) => place.startsWith("docs/projects.md");

  test.each(of("graphql").filter(([place, sample]) => isOperation(sample) && isOfKeyed(place)))(
    "%s runs with the admin key",
    async (_place, { code }) => {
      const projectId = await keyed.createProject();
      const { id } = await keyed.createKey(projectId);
      const data = await keyed.admin(code.replaceAll("proj_…", projectId).replaceAll("key_…", id));

      expect(Object.keys(data)).toHaveLength(1);
    },
  );

  test.each(of("graphql").filter(([place, sample]) => isOperation(sample) && !isOfKeyed(place)))(
    "%s runs",
    async (_place, { code }) => {
      const { images } = await generateImages(gateway.url, {});
      const id = /img_\w+/.exec(images[0]?.url ?? "")?.[0] ?? "";
      const { endpointId = "", deliveryId = "" } = /(wh|msg)_…/.test(code) ? await sendWebhook() : {};
      const query = code.replaceAll("img_…", id).replaceAll("wh_…", endpointId).replaceAll("msg_…", deliveryId);
      const { data, errors } = await graphql(gateway.url, query);

      expect(errors).toBeUndefined();
      expect(Object.values(data)).not.toContain(null);
    },
  );

  test.each(of("graphql").filter(([, sample]) => !isOperation(sample)))("%s composes", async (_place, { code }) => {
    const link = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])`;
    const pictures = await readFile(new URL("../../schema/subgraph.graphql", import.meta.url), "utf8");
    const { errors } = composeServices([
      { name: "pictures", url: "http://pictures.example", typeDefs: parse(pictures) },
      { name: "shop", url: "http://shop.example", typeDefs: parse(`${link} type Query { product: Product } ${code}`) },
    ]);

    expect(errors).toBeUndefined();
  });
});

describe("samples in HTML", () => {
  test.each(of("html"))("%s shows images", async (_place, sample) => {
    const pages = createServer((_request, response) => {
      response.setHeader("Content-Type", "text/html").end(here(sample));
    }).listen(0, "127.0.0.1");
    await once(pages, "listening");
    await using browser = await launchBrowser();
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
    await page.getByRole("button").click();
    await page.waitForFunction("[...document.images].filter((image) => image.naturalWidth === 512).length === 2");
    pages.close();

    expect(await page.locator("img").count()).toBe(2);
  });
});

describe("samples in JSON", () => {
  test.each(of("json"))("%s can be parsed", (_place, { code }) => {
    expect(Object.keys(JSON.parse(code)).length).toBeGreaterThan(0);
  });
});
