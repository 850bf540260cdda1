<?php
// Calls every REST route with what PHP has (8 or later). PICTOGRAPH_URL is the address of the gateway.
$gateway = getenv('PICTOGRAPH_URL') ?: 'http://localhost:8080';

function send(string $url, ?string $body = null, array $headers = []): array
{
    $options = ['ignore_errors' => true, 'method' => $body === null ? 'GET' : 'POST', 'header' => $headers];
    $context = stream_context_create(['http' => $options + ($body === null ? [] : ['content' => $body])]);
    $answer = json_decode(file_get_contents($url, false, $context), true, 512, JSON_THROW_ON_ERROR);
    $problem = $answer['error']['message'] ?? $answer['errorMessage'] ?? 'OK';
    return $problem === 'OK' ? $answer : throw new RuntimeException($problem);
}

function postJson(string $url, array $body, array $headers = []): array
{
    return send($url, json_encode($body), ['Content-Type: application/json', ...$headers]);
}

// POST /get-image: text fields of a form, URLs back
$fields = ['prompt' => 'a red fox in the snow', 'n' => '2', 'size' => '512x512'];
$form = ['Content-Type: application/x-www-form-urlencoded'];
$urls = send("$gateway/get-image", http_build_query($fields), $form)['urlResponse']['urlList'];
echo implode("\n", $urls), "\n";

// GET /images/…: a plain GET until the URL expires
copy($urls[0], 'fox.png');

// POST /v1/images/generations: as OpenAI documents it, and URLs from every model
$bird = ['prompt' => 'a blue bird on a branch', 'size' => '512x512', 'response_format' => 'url'];
$key = 'Idempotency-Key: ' . bin2hex(random_bytes(16));
echo postJson("$gateway/v1/images/generations", $bird, [$key])['data'][0]['url'], "\n";

// POST /v1/images/edits: images by their URLs or ids, or files of a form
$hat = ['prompt' => 'the fox wears a hat', 'images' => [['image_url' => $urls[0]]], 'response_format' => 'url'];
echo postJson("$gateway/v1/images/edits", $hat)['data'][0]['url'], "\n";

// GET /v1/models
echo implode("\n", array_column(send("$gateway/v1/models")['data'], 'id')), "\n";
