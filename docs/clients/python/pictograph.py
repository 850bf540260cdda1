"""Calls every REST route with the standard library. PICTOGRAPH_URL is the address of the gateway."""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

GATEWAY = os.environ.get("PICTOGRAPH_URL", "http://localhost:8080")


def send(path, data=None, headers={}):
    request = urllib.request.Request(GATEWAY + path, data, headers)
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        sys.exit(error.read().decode())


def post_json(path, body, headers={}):
    return send(path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers})


# POST /get-image: text fields of a form, URLs back
fields = {"prompt": "a red fox in the snow", "n": "2", "size": "512x512"}
urls = send("/get-image", urllib.parse.urlencode(fields).encode())["urlResponse"]["urlList"]
print(*urls, sep="\n")

# GET /images/…: a plain GET until the URL expires
urllib.request.urlretrieve(urls[0], "fox.png")

# POST /v1/images/generations: as OpenAI documents it, and URLs from every model
bird = {"prompt": "a blue bird on a branch", "size": "512x512", "response_format": "url"}
generation = post_json("/v1/images/generations", bird, {"Idempotency-Key": str(uuid.uuid4())})
print(generation["data"][0]["url"])

# POST /v1/images/edits: images by their URLs or ids, or files of a form
hat = {"prompt": "the fox wears a hat", "images": [{"image_url": urls[0]}], "response_format": "url"}
print(post_json("/v1/images/edits", hat)["data"][0]["url"])

# GET /v1/models
print(*(model["id"] for model in send("/v1/models")["data"]), sep="\n")
