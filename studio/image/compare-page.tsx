import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { qualityName } from "../dock/quality-list.tsx";
import { loadMore, wallPictures } from "../gallery/pictures.ts";
import { goTo, hrefOf, type PageProps } from "../router.ts";
import { FailureCard } from "../ui/failure-card.tsx";
import { Icon } from "../ui/icon.tsx";
import { Sheet } from "../ui/sheet.tsx";
import { exactMoney, number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { loadImage, type ShownImage } from "./shown-image.ts";
import { createView, type View } from "./view.ts";
import { zoomKeys } from "./zoom-keys.ts";
import { Zoomable } from "./zoomable.tsx";
import "./image.css";

const t = words(
  {
    close: "Close",
    comparing: (n: string) => `Comparing ${n}`,
    together: "Zoom together",
    add: "Add a picture",
    remove: "Take out",
    seed: (seed: string) => `seed ${seed}`,
  },
  {
    close: "关闭",
    comparing: (n: string) => `正在比较 ${n} 张`,
    together: "一起缩放",
    add: "添加图片",
    remove: "移出",
    seed: (seed: string) => `种子 ${seed}`,
  },
);

const MAX_COMPARED = 4;
/** How many pictures are offered to add. */
const MAX_OFFERED = 60;

/** Up to four pictures side by side, zoomed together. What differs in their settings is marked. */
export function ComparePage({ path }: PageProps) {
  const ids = [...new Set(path)].slice(0, MAX_COMPARED);
  const images = useSignal<readonly ShownImage[]>([]);
  const failure = useSignal<StudioError | undefined>(undefined);
  const isTogether = useSignal(true);
  const isAdding = useSignal(false);
  const view = useMemo(createView, []);
  useEffect(() => {
    failure.value = undefined;
    Promise.all(ids.map(loadImage)).then(
      (loaded) => {
        images.value = loaded;
      },
      (error) => {
        failure.value = toStudioError(error);
      },
    );
  }, [ids.join()]);
  const fit = useSignal(1);
  const closeHref = ids[0] === undefined ? hrefOf() : hrefOf("image", ids[0]);
  useKeys({ Escape: () => goTo(closeHref), ...zoomKeys(view, fit) });
  return (
    <main class="stage comparing" tabIndex={-1}>
      <div class="stage-bar">
        <a class="icon-btn" href={closeHref} aria-label={t.close}>
          <Icon name="close" />
        </a>
        <h1 class="quiet">{t.comparing(number(images.value.length))}</h1>
        <span class="grow" />
        <button
          type="button"
          class="btn small soft"
          aria-pressed={isTogether.value}
          onClick={() => {
            isTogether.value = !isTogether.value;
          }}
        >
          <Icon name="link" small />
          <span class="on-wide">{t.together}</span>
        </button>
        {ids.length < MAX_COMPARED && (
          <button
            type="button"
            class="btn small soft"
            aria-expanded={isAdding.value}
            aria-haspopup="dialog"
            onClick={() => {
              isAdding.value = !isAdding.value;
              if (!wallPictures.value) void loadMore();
            }}
          >
            <Icon name="plus" small />
            <span class="on-wide">{t.add}</span>
          </button>
        )}
        {isAdding.value && (
          <Sheet
            label={t.add}
            class="offers"
            onClose={() => {
              isAdding.value = false;
            }}
          >
            <Offers
              ids={ids}
              onChosen={() => {
                isAdding.value = false;
              }}
            />
          </Sheet>
        )}
      </div>
      {failure.value && <FailureCard failure={failure.value} />}
      <div class="compare" style={{ "--columns": columnsOf(images.value.length) }}>
        {images.value.map((image) => (
          <Compared
            key={image.id}
            image={image}
            all={images.value}
            shared={isTogether.value ? view : undefined}
            onFit={(scale) => {
              fit.value = scale;
            }}
          />
        ))}
      </div>
    </main>
  );
}

interface ComparedProps {
  readonly image: ShownImage;
  readonly all: readonly ShownImage[];
  readonly shared: Signal<View> | undefined;
  readonly onFit: (scale: number) => void;
}

function Compared({ image, all, shared, onFit }: ComparedProps) {
  const own = useMemo(createView, []);
  const { generation } = image;
  const rest = all.filter(({ id }) => id !== image.id).map(({ id }) => id);
  const facts = factsOf(image).map((fact, index) => ({
    fact,
    differs: all.some((other) => factsOf(other)[index] !== fact),
  }));
  return (
    <figure style={{ "--ar": image.width / image.height }}>
      <Zoomable
        src={image.url}
        alt={generation.prompt}
        placeholder={image.placeholder}
        width={image.width}
        height={image.height}
        view={shared ?? own}
        onFit={onFit}
      />
      <figcaption>
        <p class="written" dir="auto">
          <a href={hrefOf("image", image.id)}>{generation.prompt}</a>
        </p>
        <p class="facts-line num">
          {facts.map(({ fact, differs }) => (
            <span key={fact} class={differs ? "diff" : undefined}>
              {fact}
            </span>
          ))}
          {rest.length > 0 && (
            <a
              class="link"
              href={hrefOf("compare", ...rest)}
              // The link goes with its picture, and the focus would go with the link.
              onClick={({ currentTarget }) => currentTarget.closest("main")?.focus()}
            >
              {t.remove}
            </a>
          )}
        </p>
      </figcaption>
    </figure>
  );
}

/** The settings that are compared, in an order that is the same for each picture. */
function factsOf({ width, height, format, generation }: ShownImage): readonly string[] {
  const { model, quality, seed, cost, images } = generation;
  return [
    model.id,
    qualityName(quality),
    `${width} × ${height}`,
    format,
    exactMoney(cost === null ? null : String(Number(cost) / Math.max(1, images.length))),
    ...(seed === null ? [] : [t.seed(String(seed))]),
  ];
}

function Offers({ ids, onChosen }: { readonly ids: readonly string[]; readonly onChosen: () => void }) {
  const offered = (wallPictures.value ?? []).filter(({ picture }) => !ids.includes(picture.id)).slice(0, MAX_OFFERED);
  return (
    <>
      <h2>{t.add}</h2>
      <ul>
        {offered.map(({ picture, generation }) => (
          <li key={picture.id}>
            <a href={hrefOf("compare", ...ids, picture.id)} onClick={onChosen}>
              <img
                src={picture.thumbnail}
                alt={generation.prompt}
                loading="lazy"
                style={{ backgroundImage: `url("${picture.placeholder}")` }}
              />
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

/** Four pictures are larger in two lines of two. */
function columnsOf(count: number): number {
  return count === 4 ? 2 : count;
}
