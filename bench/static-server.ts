import type { AddressInfo } from "node:net";
import express from "express";

/** What signed delivery is compared with: `express.static`, and nothing else, over the directory it is given. */
const app = express();
app.use(express.static(process.env.PICTOGRAPH_DATA_DIR ?? "", { dotfiles: "allow" }));
const server = app.listen(0, "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once("SIGTERM", () => process.exit(0));
