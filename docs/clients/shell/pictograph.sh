#!/bin/sh
# Calls every REST route with curl. PICTOGRAPH_URL is the address of the gateway.
set -eu
gateway=${PICTOGRAPH_URL:-http://localhost:8080}

# Prints the URLs of the answer, or what is wrong
urls_from() {
  answer=$(curl -sS --fail-with-body "$@") || { echo "$answer" >&2; exit 1; }
  printf '%s' "$answer" | grep -o 'http[^"]*'
}

# POST /get-image: text fields of a form, URLs back
urls=$(urls_from "$gateway/get-image" -F prompt="a red fox in the snow" -F n=2 -F size=512x512)
echo "$urls"

# GET /images/…: a plain GET until the URL expires
curl -sS --fail -o fox.png "$(echo "$urls" | head -n 1)"

# POST /v1/images/generations: as OpenAI documents it, and URLs from every model
urls_from "$gateway/v1/images/generations" \
  -H "Content-Type: application/json" -H "Idempotency-Key: bird-$(date +%s)-$$" \
  -d '{"prompt": "a blue bird on a branch", "size": "512x512", "response_format": "url"}'

# POST /v1/images/edits: files of a form
urls_from "$gateway/v1/images/edits" -F image=@fox.png -F prompt="the fox wears a hat" -F response_format=url

# GET /v1/models
curl -sS --fail "$gateway/v1/models" | grep -o '"id":"[^"]*"' | cut -d '"' -f 4
