import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Calls every REST route with the JDK (16 or later). PICTOGRAPH_URL is the address of the gateway. */
public class Pictograph {
  static final String GATEWAY = System.getenv().getOrDefault("PICTOGRAPH_URL", "http://localhost:8080");
  static final HttpClient CLIENT = HttpClient.newHttpClient();

  public static void main(String[] arguments) throws Exception {
    // POST /get-image: text fields of a form, URLs back
    String fields = "prompt=a+red+fox+in+the+snow&n=2&size=512x512";
    List<String> urls = urlsOf(post("/get-image", "application/x-www-form-urlencoded", fields));
    urls.forEach(System.out::println);

    // GET /images/…: a plain GET until the URL expires
    CLIENT.send(HttpRequest.newBuilder(URI.create(urls.get(0))).build(), BodyHandlers.ofFile(Path.of("fox.png")));

    // POST /v1/images/generations: as OpenAI documents it, and URLs from every model
    String bird = "{\"prompt\": \"a blue bird on a branch\", \"size\": \"512x512\", \"response_format\": \"url\"}";
    System.out.println(urlsOf(post("/v1/images/generations", "application/json", bird)).get(0));

    // POST /v1/images/edits: images by their URLs or ids, or files of a form
    String hat = "{\"prompt\": \"the fox wears a hat\", \"images\": [{\"image_url\": \"" + urls.get(0)
        + "\"}], \"response_format\": \"url\"}";
    System.out.println(urlsOf(post("/v1/images/edits", "application/json", hat)).get(0));

    // GET /v1/models
    String models = send(HttpRequest.newBuilder(URI.create(GATEWAY + "/v1/models")).build());
    find("\"id\":\"([^\"]*)\"", models).forEach(System.out::println);
  }

  static String post(String path, String contentType, String body) throws Exception {
    return send(HttpRequest.newBuilder(URI.create(GATEWAY + path))
        .header("Content-Type", contentType)
        .header("Idempotency-Key", UUID.randomUUID().toString())
        .POST(BodyPublishers.ofString(body))
        .build());
  }

  static String send(HttpRequest request) throws Exception {
    var response = CLIENT.send(request, BodyHandlers.ofString());
    if (response.statusCode() != 200) throw new IllegalStateException(response.body());
    return response.body();
  }

  /** The JDK reads no JSON; the gateway's URLs need no more than this. */
  static List<String> urlsOf(String json) {
    return find("\"(https?://[^\"]*)\"", json);
  }

  static List<String> find(String pattern, String text) {
    return Pattern.compile(pattern).matcher(text).results().map((MatchResult match) -> match.group(1)).toList();
  }
}
