// Calls every REST route with what Node and browsers have. PICTOGRAPH_URL is the address of the gateway.
import { writeFile } from "node:fs/promises";

const gateway = process.env.PICTOGRAPH_URL ?? "http://localhost:8080";

async function send(path, init) {
  const response = await fetch(gateway + path, init);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.errorMessage ?? answer.error.message);
  return answer;
}

function formOf(fields) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

// POST /get-image: text fields of a form, URLs back
const fields = formOf({ prompt: "a red fox in the snow", n: "2", size: "512x512" });
const { urlResponse } = await send("/get-image", { method: "POST", body: fields });
for (const url of urlResponse.urlList) console.log(url);

// GET /images/…: a plain GET until the URL expires
const image = await (await fetch(urlResponse.urlList[0])).blob();
await writeFile("fox.png", image.stream());

// POST /v1/images/generations: as OpenAI documents it, and URLs from every model
const generation = await send("/v1/images/generations", {
  method: "POST",
  headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() },
  body: JSON.stringify({ prompt: "a blue bird on a branch", size: "512x512", response_format: "url" }),
});
console.log(generation.data[0].url);

// POST /v1/images/edits: files of a form
const body = formOf({ image, prompt: "the fox wears a hat", response_format: "url" });
const edit = await send("/v1/images/edits", { method: "POST", body });
console.log(edit.data[0].url);

// GET /v1/models
const models = await send("/v1/models");
for (const { id } of models.data) console.log(id);
