import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { type StudioError, toStudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { wallHref } from "../gallery/filter/filter.ts";
import { Deletion } from "../gallery/selection/deletion.tsx";
import { goTo, hrefOf, type PageProps } from "../router.ts";
import { FailureCard } from "../ui/failure-card.tsx";
import { Icon } from "../ui/icon.tsx";
import { number } from "../words/format.ts";
import { words } from "../words/language.ts";
import { neighboursOf } from "./neighbours.ts";
import { Panel } from "./panel.tsx";
import { loadImage, type ShownImage } from "./shown-image.ts";
import { createView, type View } from "./view.ts";
import { zoomKeys } from "./zoom-keys.ts";
import { Zoomable } from "./zoomable.tsx";
import "./image.css";

const t = words(
  {
    close: "Close",
    place: (index: string, n: string) => `${index} of ${n}`,
    zoom: "Zoom",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    full: "Full size",
    fit: "Fit",
    previous: "Previous picture",
    next: "Next picture",
    siblings: "Pictures of the same generation",
    picture: (index: string) => `Picture ${index}`,
    back: "Back to the wall",
  },
  {
    close: "关闭",
    place: (index: string, n: string) => `第 ${index} 张，共 ${n} 张`,
    zoom: "缩放",
    zoomIn: "放大",
    zoomOut: "缩小",
    full: "原始大小",
    fit: "适合窗口",
    previous: "上一张",
    next: "下一张",
    siblings: "同一次生成的图片",
    picture: (index: string) => `第 ${index} 张`,
    back: "回到图片墙",
  },
);

/** One picture: as large as it fits or larger, and all that is known of it and can be done with it. */
export function ImagePage({ path: [id = ""] }: PageProps) {
  const image = useSignal<ShownImage | undefined>(undefined);
  const failure = useSignal<StudioError | undefined>(undefined);
  useEffect(() => {
    let isOld = false;
    failure.value = undefined;
    loadImage(id).then(
      (loaded) => {
        if (isOld) return;
        image.value = loaded;
        document.title = `${loaded.generation.prompt} · Pictograph`;
      },
      (error) => {
        if (!isOld) failure.value = toStudioError(error);
      },
    );
    return () => {
      isOld = true;
      document.title = "Pictograph";
    };
  }, [id]);
  useKeys({ Escape: () => goTo(wallHref.value) });
  if (failure.value) {
    return (
      <FailureCard failure={failure.value} isPage>
        <a class="btn small soft" href={wallHref.value}>
          {t.back}
        </a>
      </FailureCard>
    );
  }
  if (!image.value) return <main class="view" tabIndex={-1} aria-busy="true" />;
  return (
    <div class="view">
      <Stage image={image.value} key={image.value.id} />
      <Panel image={image.value} />
      <Deletion />
    </div>
  );
}

function Stage({ image }: { readonly image: ShownImage }) {
  const view = useMemo(createView, []);
  const fit = useSignal(1);
  const { generation, index, width, height } = image;
  const { before, after } = neighboursOf(image);
  const turn = (to: string | undefined) => to && goTo(hrefOf("image", to), { replace: true });
  useKeys(zoomKeys(view, fit, { left: () => turn(before), right: () => turn(after) }));
  return (
    <main class="stage" tabIndex={-1}>
      <div class="stage-bar">
        <a class="icon-btn" href={wallHref.value} aria-label={t.close}>
          <Icon name="close" />
        </a>
        <span class="quiet num">
          {generation.images.length > 1 && t.place(number(index + 1), number(generation.n))}
        </span>
        <span class="grow" />
        <ZoomButtons view={view} fit={fit} />
      </div>
      <div class="stage-fit" style={{ "--ar": width / height }}>
        <Zoomable
          src={image.url}
          alt={generation.prompt}
          placeholder={image.placeholder}
          width={width}
          height={height}
          view={view}
          onFit={(scale) => {
            fit.value = scale;
          }}
        />
        {before && (
          <a class="icon-btn turn prev" href={hrefOf("image", before)} aria-label={t.previous}>
            <Icon name="left" />
          </a>
        )}
        {after && (
          <a class="icon-btn turn next" href={hrefOf("image", after)} aria-label={t.next}>
            <Icon name="right" />
          </a>
        )}
      </div>
      {generation.images.length > 1 && (
        <nav class="strip" aria-label={t.siblings}>
          <div class="thumbs">
            {generation.images.map(({ id, thumbnail, index }) => (
              <a
                key={id}
                href={hrefOf("image", id)}
                aria-current={id === image.id ? "true" : undefined}
                aria-label={t.picture(number(index + 1))}
              >
                <img src={thumbnail} alt="" />
              </a>
            ))}
          </div>
        </nav>
      )}
    </main>
  );
}

function ZoomButtons({ view, fit }: { readonly view: Signal<View>; readonly fit: Signal<number> }) {
  const percent = number(Math.round(fit.value * view.value.zoom * 100));
  const isZoomed = view.value.zoom > 1;
  const keys = zoomKeys(view, fit);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot stand in a line of controls
    <div class="zoom" role="group" aria-label={t.zoom}>
      <button type="button" class="icon-btn" aria-label={t.zoomOut} aria-disabled={!isZoomed} onClick={keys["-"]}>
        <Icon name="minus" />
      </button>
      <output class="num">{percent} %</output>
      <button type="button" class="icon-btn" aria-label={t.zoomIn} onClick={keys["+"]}>
        <Icon name="plus" />
      </button>
      <button
        type="button"
        class="icon-btn"
        aria-label={isZoomed ? t.fit : t.full}
        title={isZoomed ? "0" : "1"}
        onClick={isZoomed ? keys["0"] : keys["1"]}
      >
        <Icon name="expand" />
      </button>
    </div>
  );
}
