import { pngOf } from "../support/images/source-images.ts";
import { type Attack, askForm, onEach, requestHead, type Scale, toForm } from "./attack.ts";

const EDIT = `mutation ($file: Upload!) {
  editImages(input: { prompt: "a hat", images: [{ upload: $file }], waitSeconds: 0 }) { id }
}`;
const PIXEL = pngOf(64, 64, Buffer.alloc((64 * 3 + 1) * 64));

/** Sends a multipart request with a hostile `map`. */
function mapAttack(name: string, toMap: (scale: Scale) => string, variables: object = { file: null }): Attack {
  return {
    name: `map: ${name}`,
    run: async (target, scale) => [
      await askForm(target, "/graphql", toForm({ query: EDIT, variables }, toMap(scale), { f: PIXEL })),
    ],
    expected: /^(400|413) (BAD_USER_INPUT|PAYLOAD_TOO_LARGE)$/,
  };
}

/** Forms and bodies with wrong destinations, without an end, or larger than they look. */
export const UPLOAD_ATTACKS: readonly Attack[] = [
  mapAttack("a path of many segments", (scale) =>
    JSON.stringify({ f: [`v${".a".repeat(scale === "full" ? 500_000 : 5_000)}`] }),
  ),
  mapAttack("an index far beyond a list", () => JSON.stringify({ f: ["variables.list.4000000000"] }), {
    file: null,
    list: [],
  }),
  mapAttack("the prototype of objects", () => JSON.stringify({ f: ["variables.__proto__.file", "variables.file"] })),
  mapAttack("the constructor of objects", () => JSON.stringify({ f: ["variables.constructor.prototype.file"] })),
  mapAttack("the text of the operation", () => JSON.stringify({ f: ["query"] })),
  mapAttack("a value that is not null", () => JSON.stringify({ f: ["variables.file"] }), { file: "text" }),
  mapAttack("one file in many places", (scale) => {
    const count = scale === "full" ? 50_000 : 500;
    return JSON.stringify({ f: Array.from({ length: count }, () => "variables.file") });
  }),
  mapAttack("many files that never come", (scale) => {
    const count = scale === "full" ? 50_000 : 500;
    return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, index) => [index, ["variables.file"]])));
  }),
  mapAttack("deep JSON", (scale) => "[".repeat(scale === "full" ? 900_000 : 20_000)),
  {
    name: "text fields that are kept until the form ends",
    run: (target, scale) => {
      const text = Buffer.alloc(1024 * 1024 - 10, "x");
      return onEach(scale, { small: 2, full: 16 }, target, async (connection) => {
        await connection.write(formHead("/v1/images/edits"));
        for (let index = 0; index < 99 && connection.received() === "still open"; index++) {
          await connection.write(`--b\r\nContent-Disposition: form-data; name="f${index}"\r\n\r\n`);
          await connection.write(text);
          await connection.write("\r\n");
        }
      });
    },
    expected: /^(closed|(400|413|503) [A-Za-z_]+)$/,
  },
  {
    name: "files that never end",
    run: (target, scale) => {
      const part = Buffer.alloc(1024 * 1024, 1);
      return onEach(scale, { small: 2, full: 16 }, target, async (connection) => {
        await connection.write(formHead("/v1/images/edits"));
        for (let file = 0; file < 18 && connection.received() === "still open"; file++) {
          const type = "Content-Type: image/png";
          await connection.write(
            `--b\r\nContent-Disposition: form-data; name="image[]"; filename="${file}.png"\r\n${type}\r\n\r\n`,
          );
          for (let count = 0; count < (scale === "full" ? 10 : 1); count++) await connection.write(part);
          await connection.write("\r\n");
        }
      });
    },
    expected: /^(closed|still open|(400|408|413|503) [A-Za-z_]+)$/,
  },
  {
    name: "bodies without their last byte",
    run: (target, scale) => {
      const body = Buffer.alloc(1024 * 1024 - 1, "x");
      return onEach(scale, { small: 4, full: 500 }, target, async (connection) => {
        const type = { "Content-Type": "application/json", "Content-Length": body.length + 1 };
        await connection.write(requestHead("/graphql", type));
        await connection.write(body);
      });
    },
    expected: /^(closed|still open|(408|503)( [A-Za-z_]+)?)$/,
  },
];

function formHead(path: string): string {
  return requestHead(path, { "Content-Type": "multipart/form-data; boundary=b", "Content-Length": 2_000_000_000 });
}
