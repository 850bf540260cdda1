import type { AddressInfo } from "node:net";
import express from "express";

/** Serves a directory with `express.static` and nothing else, for comparisons with signed delivery. */
const app = express();
app.use(express.static(process.env.PICTOGRAPH_DATA_DIR ?? "", { dotfiles: "allow" }));
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
