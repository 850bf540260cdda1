import { useLayoutEffect, useRef } from "preact/hooks";
import { mayLoadThumbnails } from "../../create/price.ts";
import { isOnMat } from "../../ui/tile.tsx";
import { renewLinks, type WallPicture } from "../pictures.ts";
import { isFlung } from "./fling.ts";

/** The boxes into which the gateway fits thumbnails, as `generations.graphql` asks for them. */
const SMALL = { width: 960, height: 320 };
const LARGE = { width: 768, height: 768 };

/** Loads the picture, unless it flies past. */
export function WallImage({
  entry: { picture, generation },
  width,
}: {
  readonly entry: WallPicture;
  readonly width: number;
}) {
  const isSmall = isOnMat(picture);
  const [small, large] = [widthIn(SMALL, picture), widthIn(LARGE, picture)];
  const links = {
    src: isSmall ? picture.url : picture.small,
    ...(!isSmall && large > small && { srcset: `${picture.small} ${small}w, ${picture.thumbnail} ${large}w` }),
    sizes: `${Math.ceil(width)}px`,
  };
  const image = useRef<HTMLImageElement>(null);
  const isLoading = useRef(false);
  isLoading.current ||= mayLoadThumbnails.value && !isFlung.value;
  useLayoutEffect(() => {
    const { current } = image;
    // What is still on its way when the picture leaves the document would keep its connection.
    return () => {
      current?.removeAttribute("srcset");
      current?.removeAttribute("src");
    };
  }, []);
  return (
    <img
      ref={image}
      {...(isLoading.current && links)}
      alt={generation.prompt}
      width={picture.width}
      height={picture.height}
      decoding="async"
      style={{
        backgroundImage: `url("${picture.placeholder}")`,
        ...(isSmall && { inlineSize: `${picture.width * 2}px` }),
      }}
      onError={() => void renewOnce(picture.id, picture.url)}
    />
  );
}

/** The links that were renewed. A picture that cannot be loaded with new links either keeps its placeholder. */
const renewed = new Set<string>();

async function renewOnce(id: string, url: string): Promise<void> {
  if (renewed.has(url) || !navigator.onLine) return;
  renewed.add(url);
  await renewLinks(id).then(
    () => undefined,
    () => renewed.delete(url),
  );
}

/** The width of a picture that is fitted into a box. */
function widthIn(box: { readonly width: number; readonly height: number }, { width, height }: WallPicture["picture"]) {
  return Math.round(Math.min(box.width, (box.height * width) / height));
}
