"""What OpenAI's Python package gets of the gateway at argv[1], with the mask at argv[2], as JSON on stdout."""

import base64
import json
import sys

import openai

client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="any")
answer = client.images.generate(prompt="a fox", n=2, size="96x64", output_format="webp", output_compression=40)
url = client.images.generate(prompt="a fox", size="64x64", response_format="url").data[0].url
raw = client.images.with_raw_response.generate(prompt="a fox", model="dall-e-3", size="64x64", style="vivid")
picture = base64.b64decode(client.images.generate(prompt="a fox", size="64x64").data[0].b64_json)
with open(sys.argv[2], "rb") as mask:
    edit = client.images.edit(image=[("1.png", picture), ("2.png", picture)], mask=mask, prompt="a hat")
stream = client.images.generate(prompt="a fox", size="64x64", stream=True, partial_images=2)
events = [event.type for event in stream]
events += [event.type for event in client.images.edit(image=("1.png", picture), prompt="a hat", stream=True)]


def error_of(**parameters):
    try:
        client.images.generate(**parameters)
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param]


result = {
    "size": answer.size,
    "heads": [base64.b64decode(image.b64_json)[8:12].decode() for image in answer.data],
    "url": url,
    "retired": [raw.headers["Warning"], raw.parse().data[0].url is not None],
    "edit": edit.size,
    "events": events,
    "models": [model.id for model in client.models.list()],
    "errors": [
        error_of(prompt="a fox", n=11),
        error_of(prompt="a fox", model="nothing"),
        error_of(prompt="a refusal", size="64x64"),
        error_of(prompt="it breaks", size="64x64"),
    ],
}
json.dump(result, sys.stdout)
