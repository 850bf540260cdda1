import { useEffect, useState } from "preact/hooks";
import { request } from "../api/client.ts";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { ImageDocument, type ImageQuery } from "../generated/graphql.ts";
import { hrefOf, type PageProps } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { explainCode, explainError } from "../words/error-words.ts";
import { words } from "../words/language.ts";
import "./image.css";
import "../ui/notice.css";

const t = words({ close: "Close" }, { close: "关闭" });

type ShownImage = NonNullable<ImageQuery["image"]>;

/** One picture, as large as it fits. */
export function ImagePage({ path: [id = ""] }: PageProps) {
  const [image, setImage] = useState<ShownImage | StudioError | "gone" | undefined>(undefined);
  useEffect(() => {
    setImage(undefined);
    request(ImageDocument, { id }).then(
      ({ image }) => setImage(image ?? "gone"),
      (error) => setImage(toStudioError(error)),
    );
  }, [id]);
  return (
    <main class="stage" tabIndex={-1}>
      <div class="stage-bar">
        <a class="icon-btn" href={hrefOf()} aria-label={t.close}>
          <Icon name="close" />
        </a>
      </div>
      {image && (image === "gone" || image instanceof Error ? <Failure failure={image} /> : <Stage image={image} />)}
    </main>
  );
}

function Stage({ image }: { readonly image: ShownImage }) {
  const { url, width, height, generation } = image;
  return (
    <>
      <div class="stage-fit" style={{ "--ar": width / height }}>
        <img src={url} alt={generation.prompt} width={width} height={height} />
      </div>
      <h1 class="written" dir="auto">
        {generation.prompt}
      </h1>
    </>
  );
}

function Failure({ failure }: { readonly failure: StudioError | "gone" }) {
  const { title, text } = failure === "gone" ? explainCode("NOT_FOUND") : explainError(failure);
  return (
    <div class="notice" role="alert">
      <div>
        <h1>{title}</h1>
        <p>{text}</p>
      </div>
    </div>
  );
}
