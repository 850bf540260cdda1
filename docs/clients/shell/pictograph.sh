#!/bin/sh
# Every REST door, with curl. PICTOGRAPH_URL says where the gateway is.
set -eu
gateway=${PICTOGRAPH_URL:-http://localhost:8080}

# POST /get-image: text fields of a form, URLs back
answer=$(curl -sS --fail-with-body "$gateway/get-image" \
  -F prompt="a red fox in the snow" -F n=2 -F size=512x512)
urls=$(printf '%s' "$answer" | grep -o 'http[^"]*')
echo "$urls"

# GET /images/…: a plain GET until the URL expires
curl -sS --fail -o fox.png "$(echo "$urls" | head -n 1)"

# POST /v1/images/generations: as OpenAI documents it, and URLs from every model
curl -sS --fail-with-body "$gateway/v1/images/generations" \
  -H "Content-Type: application/json" -H "Idempotency-Key: bird-$$" \
  -d '{"prompt": "a blue bird on a branch", "size": "512x512", "response_format": "url"}' | grep -o 'http[^"]*'

# POST /v1/images/edits: files of a form
curl -sS --fail-with-body "$gateway/v1/images/edits" \
  -F image=@fox.png -F prompt="the fox wears a hat" -F response_format=url | grep -o 'http[^"]*'

# GET /v1/models
curl -sS --fail "$gateway/v1/models" | grep -o '"id":"[^"]*"' | cut -d '"' -f 4
