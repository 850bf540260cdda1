# Calls every REST route with the standard library. PICTOGRAPH_URL is the address of the gateway.
require "json"
require "net/http"
require "securerandom"

GATEWAY = ENV.fetch("PICTOGRAPH_URL", "http://localhost:8080")

def read(response)
  answer = JSON.parse(response.body)
  raise answer["errorMessage"] || answer.dig("error", "message") unless response.is_a?(Net::HTTPSuccess)
  answer
end

def post_json(path, body, headers = {})
  read(Net::HTTP.post(URI(GATEWAY + path), body.to_json, { "Content-Type" => "application/json" }.merge(headers)))
end

# POST /get-image: text fields of a form, URLs back
fields = { prompt: "a red fox in the snow", n: "2", size: "512x512" }
urls = read(Net::HTTP.post_form(URI("#{GATEWAY}/get-image"), fields)).dig("urlResponse", "urlList")
puts urls

# GET /images/…: a plain GET until the URL expires
File.binwrite("fox.png", Net::HTTP.get(URI(urls.first)))

# POST /v1/images/generations: as OpenAI documents it, and URLs from every model
bird = { prompt: "a blue bird on a branch", size: "512x512", response_format: "url" }
generation = post_json("/v1/images/generations", bird, "Idempotency-Key" => SecureRandom.uuid)
puts generation.dig("data", 0, "url")

# POST /v1/images/edits: images by their URLs or ids, or files of a form
hat = { prompt: "the fox wears a hat", images: [{ image_url: urls.first }], response_format: "url" }
puts post_json("/v1/images/edits", hat).dig("data", 0, "url")

# GET /v1/models
models = read(Net::HTTP.get_response(URI("#{GATEWAY}/v1/models")))
puts models["data"].map { |model| model["id"] }
