// Calls every REST route with the standard library (Go 1.24 or later). PICTOGRAPH_URL is the address of the gateway.
package main

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
)

var gateway = cmp.Or(os.Getenv("PICTOGRAPH_URL"), "http://localhost:8080")

func main() {
	// POST /get-image: text fields of a form, URLs back
	fields := url.Values{"prompt": {"a red fox in the snow"}, "n": {"2"}, "size": {"512x512"}}
	var images struct{ URLResponse struct{ URLList []string } }
	post("/get-image", "application/x-www-form-urlencoded", fields.Encode(), &images)
	urls := images.URLResponse.URLList
	fmt.Println(strings.Join(urls, "\n"))

	// GET /images/…: a plain GET until the URL expires
	file := must(os.Create("fox.png"))
	defer file.Close()
	must(io.Copy(file, must(http.Get(urls[0])).Body))

	// POST /v1/images/generations: as OpenAI documents it, and URLs from every model
	bird := `{"prompt": "a blue bird on a branch", "size": "512x512", "response_format": "url"}`
	var made struct{ Data []struct{ URL string } }
	post("/v1/images/generations", "application/json", bird, &made)
	fmt.Println(made.Data[0].URL)

	// POST /v1/images/edits: images by their URLs or ids, or files of a form
	source := string(must(json.Marshal(urls[0])))
	hat := `{"prompt": "the fox wears a hat", "images": [{"image_url": ` + source + `}], "response_format": "url"}`
	post("/v1/images/edits", "application/json", hat, &made)
	fmt.Println(made.Data[0].URL)

	// GET /v1/models
	var models struct{ Data []struct{ ID string } }
	send(must(http.NewRequest("GET", gateway+"/v1/models", nil)), &models)
	for _, model := range models.Data {
		fmt.Println(model.ID)
	}
}

func post(path, contentType, body string, answer any) {
	request := must(http.NewRequest("POST", gateway+path, strings.NewReader(body)))
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Idempotency-Key", rand.Text())
	send(request, answer)
}

func send(request *http.Request, answer any) {
	response := must(http.DefaultClient.Do(request))
	defer response.Body.Close()
	body := must(io.ReadAll(response.Body))
	if response.StatusCode != http.StatusOK {
		log.Fatal(string(body))
	}
	if err := json.Unmarshal(body, answer); err != nil {
		log.Fatal(err)
	}
}

func must[Value any](value Value, err error) Value {
	if err != nil {
		log.Fatal(err)
	}
	return value
}
