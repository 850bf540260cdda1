import { qualityName } from "../dock/quality-list.tsx";
import { hrefOf } from "../router.ts";
import { findModel } from "../state/gateway.ts";
import { Icon } from "../ui/icon.tsx";
import { bytes, duration, exactMoney, moment, number } from "../words/format.ts";
import { words } from "../words/language.ts";
import type { ShownImage } from "./shown-image.ts";

const t = words(
  {
    model: "Model",
    size: "Size",
    made: (size: string) => `The model made ${size}.`,
    quality: "Quality",
    file: "File",
    OPAQUE: "opaque",
    TRANSPARENT: "transparent background",
    seed: "Seed",
    noSeed: "Not offered by this model",
    anySeed: "Any",
    created: "Created",
    took: "Took",
    tookFor: (time: string, n: string) => `${time} for ${n}`,
    cost: "Cost",
    ofAll: (amount: string, n: string) => `of ${amount} for all ${n}`,
    estimated: "Estimated: we cannot tell what was charged.",
    project: "Project",
    source: "Made from",
    id: "Id",
    byModel: "Made by a model, and says so",
    byRules: "Drawn by rules, and says so",
    composed: "Edited with a model, and says so",
    origin: "The file names its origin.",
    credentials: "The model’s own file carries content credentials. The download “As the model sent it” keeps them.",
    credentialsHere: "It carries content credentials, which the full-size download keeps.",
    signed: "The gateway signed it with its operator’s certificate.",
  },
  {
    model: "模型",
    size: "尺寸",
    made: (size: string) => `模型生成的尺寸为 ${size}。`,
    quality: "质量",
    file: "文件",
    OPAQUE: "不透明",
    TRANSPARENT: "透明背景",
    seed: "种子",
    noSeed: "此模型不提供",
    anySeed: "任意",
    created: "创建于",
    took: "用时",
    tookFor: (time: string, n: string) => `${n} 张共 ${time}`,
    cost: "费用",
    ofAll: (amount: string, n: string) => `${n} 张共 ${amount}`,
    estimated: "估算：无法确定实际收费。",
    project: "项目",
    source: "来源图片",
    id: "编号",
    byModel: "由模型生成，并已注明",
    byRules: "按规则绘制，并已注明",
    composed: "经模型编辑，并已注明",
    origin: "文件中注明了来源。",
    credentials: "模型的原文件带有内容凭证，下载“模型发来的原文件”可保留它。",
    credentialsHere: "它带有内容凭证，下载完整尺寸可保留它。",
    signed: "网关已用运营者的证书为它签名。",
  },
);

/** All that is known of a picture. */
export function Details({ image }: { readonly image: ShownImage }) {
  const { generation, derivedFrom } = image;
  const { n, cost, startedAt, finishedAt, seed, background, generatedSize, requestedSize } = generation;
  const hasSeed = findModel(generation.model.id)?.hasSeed ?? seed !== null;
  const share = cost === null ? null : String(Number(cost) / Math.max(1, generation.images.length));
  const took = startedAt && finishedAt ? duration(Date.parse(finishedAt) - Date.parse(startedAt)) : undefined;
  return (
    <>
      <dl class="facts">
        <dt>{t.model}</dt>
        <dd>{generation.model.id}</dd>
        <dt>{t.size}</dt>
        <dd class="num">
          {image.width} × {image.height}
          {generatedSize && generatedSize !== requestedSize && (
            <small>{t.made(generatedSize.replace("x", " × "))}</small>
          )}
        </dd>
        <dt>{t.quality}</dt>
        <dd>{qualityName(generation.quality)}</dd>
        <dt>{t.file}</dt>
        <dd>
          {image.format}
          {background !== "AUTO" && `, ${t[background]}`}, {bytes(image.byteSize)}
        </dd>
        <dt>{t.seed}</dt>
        <dd class={seed === null ? "quiet" : "num"}>{seed ?? (hasSeed ? t.anySeed : t.noSeed)}</dd>
        <dt>{t.created}</dt>
        <dd>{moment(image.createdAt)}</dd>
        {took && (
          <>
            <dt>{t.took}</dt>
            <dd>{n === 1 ? took : t.tookFor(took, number(n))}</dd>
          </>
        )}
        <dt>{t.cost}</dt>
        <dd class="num">
          {exactMoney(share)}{" "}
          {n > 1 && cost !== null && Number(cost) > 0 && (
            <span class="faint">{t.ofAll(exactMoney(cost), number(generation.images.length))}</span>
          )}
          {generation.costIsEstimated && <small>{t.estimated}</small>}
        </dd>
        <dt>{t.project}</dt>
        <dd>{generation.project.name}</dd>
        {derivedFrom.length > 0 && (
          <>
            <dt>{t.source}</dt>
            <dd class="sources">
              {derivedFrom.map(({ id, thumbnail, width, height }) => (
                <a key={id} href={hrefOf("image", id)}>
                  <img src={thumbnail} alt={`${t.source}: ${width} × ${height}`} />
                </a>
              ))}
            </dd>
          </>
        )}
        <dt>{t.id}</dt>
        <dd class="mono">{image.id}</dd>
      </dl>
      <Proof image={image} />
    </>
  );
}

/** What the file says of its origin. */
function Proof({ image: { provenance } }: { readonly image: ShownImage }) {
  if (!provenance) return null;
  const { digitalSourceType, hasContentCredentials, isOriginal, isSigned } = provenance;
  const type = digitalSourceType.slice(digitalSourceType.lastIndexOf("/") + 1);
  const title = type === "trainedAlgorithmicMedia" ? t.byModel : type.startsWith("composite") ? t.composed : t.byRules;
  return (
    <div class="proof">
      <Icon name="shield" />
      <p>
        <b>{title}</b>
        {t.origin} {hasContentCredentials && (isOriginal ? t.credentialsHere : t.credentials)} {isSigned && t.signed}
      </p>
    </div>
  );
}
