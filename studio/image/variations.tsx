import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { request } from "../api/client.ts";
import { toStudioError } from "../api/errors.ts";
import { useKeys } from "../app/keyboard.tsx";
import { inputOf } from "../create/again.ts";
import { quote } from "../create/price.ts";
import { type PriceRange, priceText } from "../dock/price.ts";
import { EditDocument, QuoteEditDocument } from "../generated/graphql.ts";
import { goTo, hrefOf } from "../router.ts";
import { findModel, type Model } from "../state/gateway.ts";
import { followAnswer, generate, type Job, newIdempotencyKey } from "../state/generations.ts";
import { Icon } from "../ui/icon.tsx";
import { showToast } from "../ui/toast.tsx";
import { explainError } from "../words/error-words.ts";
import { number } from "../words/format.ts";
import { words } from "../words/language.ts";
import type { ShownImage } from "./shown-image.ts";

const t = words(
  {
    variations: (n: string) => `${n} variations`,
    running: (n: string) => `${n} variations are being made.`,
    show: "Show",
    noSources: "Variations are off: the pictures that this one was edited from are not here.",
    noModel: "Variations are off: the gateway no longer has this model.",
    noMask: "Made from the same pictures again. A mask is not kept, so everything may change.",
  },
  {
    variations: (n: string) => `${n} 个变体`,
    running: (n: string) => `正在生成 ${n} 个变体。`,
    show: "查看",
    noSources: "变体不可用：编辑时所用的图片已不在这里。",
    noModel: "变体不可用：网关已没有这个模型。",
    noMask: "用相同的图片重新制作。蒙版不会保留，整张图片都可能改变。",
  },
);

/** How many variations a click makes. */
const VARIATIONS = 4;
const MAX_SEED = 2 ** 31;

/** Makes more with the same settings and another seed. What it may cost stands on the button. */
export function Variations({ image }: { readonly image: ShownImage }) {
  const { generation, derivedFrom } = image;
  const price = useSignal("…");
  const isSending = useSignal(false);
  const model = findModel(generation.model.id);
  const isEdit = generation.operation === "EDIT";
  const obstacle = isEdit && derivedFrom.length === 0 ? t.noSources : model ? undefined : t.noModel;
  const n = Math.min(VARIATIONS, model?.maxImages ?? VARIATIONS);
  useEffect(() => {
    if (obstacle !== undefined) return;
    quoteVariations(image, n).then(
      (quoted) => {
        price.value = priceText(quoted);
      },
      () => {},
    );
  }, [generation.id]);
  const create = async () => {
    if (obstacle !== undefined || !model || isSending.value) return;
    isSending.value = true;
    try {
      await makeVariations(image, model, n);
      showToast(t.running(number(n)), { action: { label: t.show, run: () => goTo(hrefOf()) } });
    } catch (error) {
      showToast(explainError(toStudioError(error)).title);
    } finally {
      isSending.value = false;
    }
  };
  useKeys({ v: () => void create() });
  const hint = obstacle ?? (isEdit ? t.noMask : undefined);
  return (
    <>
      <button type="button" class="btn main" aria-disabled={obstacle !== undefined} onClick={create}>
        <Icon name="vary" />
        <span>{t.variations(number(n))}</span>
        {obstacle === undefined && <span class="price num">{price.value}</span>}
      </button>
      {hint !== undefined && <p class="why wide-why">{hint}</p>}
    </>
  );
}

async function quoteVariations(image: ShownImage, n: number): Promise<PriceRange> {
  const input = { ...inputOf(image.generation), n, seed: null };
  if (image.generation.operation === "GENERATE") return quote(input);
  return (await request(QuoteEditDocument, { input: { ...input, images: sourcesOf(image) } })).quoteEdit;
}

/** @throws StudioError when the gateway does not accept them */
async function makeVariations(image: ShownImage, model: Model, n: number): Promise<Job> {
  const seed = model.hasSeed ? Math.floor(Math.random() * MAX_SEED) : null;
  const partialImages = n <= model.maxImagesWithPartialImages ? model.maxPartialImages : 0;
  const idempotencyKey = newIdempotencyKey();
  const input = { ...inputOf(image.generation), n, seed, partialImages, idempotencyKey };
  if (image.generation.operation === "GENERATE") return generate(input);
  const edit = { ...input, images: sourcesOf(image), waitSeconds: 0 };
  const send = async () => (await request(EditDocument, { input: edit }, { outlivesPage: true })).editImages;
  return followAnswer(send, partialImages);
}

/** The pictures that an edited one was made from. */
function sourcesOf({ derivedFrom }: ShownImage): { readonly id: string }[] {
  return derivedFrom.map(({ id }) => ({ id }));
}
