import type { ErrorCode, StudioError } from "../api/errors.ts";
import { duration } from "./format.ts";
import { words } from "./language.ts";

/** What went wrong, and what a person can do about it. */
export interface Explanation {
  readonly title: string;
  readonly text: string;
}

const t = words(
  {
    badInput: "This does not go through",
    badInputText: "A setting is out of range. Change it and try again.",
    badField: (field: string) => `Check “${field}”. Change it and try again.`,
    wrongHost: "The gateway does not know this address",
    wrongHostText: "Open it by another name, or ask whoever runs the gateway to allow this one.",
    modelGone: "This model is not available",
    modelGoneText: "Choose another model. Nothing was charged.",
    declined: "The model declined this prompt",
    declinedText: "Its maker’s rules do not allow it. Sending it again will not help; other words may.",
    inputRejected: "The model refused a setting",
    inputRejectedText: "Nothing was charged. Change the settings and try again.",
    noKey: "A key is needed",
    noKeyText: "Enter the key of this gateway.",
    forbidden: "This key may not do that",
    forbiddenText: "Ask whoever runs the gateway.",
    gone: "This is no longer here",
    goneText: "It was deleted, or the address is wrong.",
    tooLarge: "This file is too large",
    tooLargeText: "Pictures may have 50 MB. Make it smaller and try again.",
    notPicture: "This is not a picture the model can read",
    notPictureText: "Use PNG, JPEG or WebP.",
    busy: "Too many at once",
    busyText: (wait: string) => `Wait ${wait} and try again. Nothing was charged.`,
    moment: "a moment",
    broke: "The budget is used up",
    brokeText: "Nothing was charged. Choose something cheaper, or ask whoever runs the gateway.",
    brokeFor: (wait: string) =>
      `Nothing was charged. The budget resets in ${wait}. Until then, choose something cheaper.`,
    upstream: "The connection to the model broke",
    upstreamText: "Your words are still here. Try again.",
    slow: "The model took too long",
    slowText: "Your words are still here. Try again.",
    restarted: "The gateway stopped while the model worked",
    restartedText: "It was not sent twice. Try again if you still want it.",
    bug: "Something went wrong on our side",
    bugText: "If it happens again, give the operator this number.",
    offline: "No connection to the gateway",
    offlineText: "What runs there goes on. Trying again…",
    unreadable: "The bucket does not let this page read the picture",
    unreadableText:
      "Ask whoever runs the gateway to add a CORS rule to the bucket. Until then, “Download” opens the picture, and the browser can copy it there.",
    twice: "This was sent before with other settings",
    twiceText: "Try again.",
  },
  {
    badInput: "无法这样提交",
    badInputText: "有一项设置超出范围。修改后再试。",
    badField: (field: string) => `请检查“${field}”，修改后再试。`,
    wrongHost: "网关不认识这个地址",
    wrongHostText: "请换一个名称打开，或请网关的管理员允许此地址。",
    modelGone: "这个模型不可用",
    modelGoneText: "请换一个模型。没有产生费用。",
    declined: "模型拒绝了这条提示词",
    declinedText: "它的使用规则不允许。原样重发没有用，换个说法试试。",
    inputRejected: "模型不接受某项设置",
    inputRejectedText: "没有产生费用。修改设置后再试。",
    noKey: "需要密钥",
    noKeyText: "请输入此网关的密钥。",
    forbidden: "这把密钥没有这个权限",
    forbiddenText: "请询问网关的管理员。",
    gone: "这里已经没有它了",
    goneText: "它已被删除，或者地址有误。",
    tooLarge: "文件太大",
    tooLargeText: "图片最大 50 MB。请缩小后再试。",
    notPicture: "模型读不了这个文件",
    notPictureText: "请使用 PNG、JPEG 或 WebP。",
    busy: "一下子太多了",
    busyText: (wait: string) => `请等待${wait}后再试。没有产生费用。`,
    moment: "片刻",
    broke: "预算已用完",
    brokeText: "没有产生费用。请选择更便宜的设置，或询问网关的管理员。",
    brokeFor: (wait: string) => `没有产生费用。预算将在${wait}后重置。在此之前，请选择更便宜的设置。`,
    upstream: "与模型的连接中断了",
    upstreamText: "你的文字还在。请再试一次。",
    slow: "模型用时太久",
    slowText: "你的文字还在。请再试一次。",
    restarted: "模型工作时网关停止了",
    restartedText: "没有重复发送。如果还需要，请再试一次。",
    bug: "我们这边出错了",
    bugText: "如果再次发生，请把这个编号告诉管理员。",
    offline: "连不上网关",
    offlineText: "正在运行的会继续。正在重新连接……",
    unreadable: "存储桶不允许此页面读取图片",
    unreadableText: "请让网关的管理员为存储桶添加 CORS 规则。在此之前，“下载”会打开图片，可以在那里用浏览器复制。",
    twice: "之前用其他设置发送过",
    twiceText: "请再试一次。",
  },
);

/** The inputs that people set, by the names that the gateway calls them. */
const FIELDS = words(
  {
    prompt: "Prompt",
    n: "How many",
    model: "Model",
    size: "Shape and size",
    quality: "Quality",
    format: "Format",
    background: "Background",
    seed: "Seed",
    partialImages: "Previews",
    images: "Pictures to edit",
    mask: "Mask",
    search: "Search",
    name: "Name",
    expiresAt: "Ends on",
    limits: "Limits",
    budgets: "Budgets",
  },
  {
    prompt: "提示词",
    n: "数量",
    model: "模型",
    size: "形状与尺寸",
    quality: "质量",
    format: "格式",
    background: "背景",
    seed: "种子",
    partialImages: "预览",
    images: "要编辑的图片",
    mask: "蒙版",
    search: "搜索",
    name: "名称",
    expiresAt: "到期日",
    limits: "限制",
    budgets: "预算",
  },
);

/** Names an input as the studio does: the last part of `input.limits.budgets.0` that it knows. */
function fieldName(path: string): string | undefined {
  const known = path.split(/[.[\]]+/).findLast((part) => Object.hasOwn(FIELDS, part));
  return known && FIELDS[known as keyof typeof FIELDS];
}

/** Explains an error in words that a person understands. The gateway's own text is not part of it. */
export function explainError({ code, facts }: Pick<StudioError, "code" | "facts">): Explanation {
  const { retryAfterSeconds } = facts;
  const wait = retryAfterSeconds === undefined ? undefined : duration(retryAfterSeconds * 1000);
  if (code === "RATE_LIMITED" || code === "OVERLOADED") return { title: t.busy, text: t.busyText(wait ?? t.moment) };
  if (code === "BUDGET_EXCEEDED" && wait) return { title: t.broke, text: t.brokeFor(wait) };
  const field = code === "BAD_USER_INPUT" && facts.field !== undefined ? fieldName(facts.field) : undefined;
  return field ? { title: t.badInput, text: t.badField(field) } : explainCode(code);
}

/** Explains a code alone: that of an error, or of a generation that failed. */
export function explainCode(code: Exclude<ErrorCode, "OVERLOADED">): Explanation {
  switch (code) {
    case "BAD_USER_INPUT":
      return { title: t.badInput, text: t.badInputText };
    case "MODEL_UNAVAILABLE":
      return { title: t.modelGone, text: t.modelGoneText };
    case "CONTENT_REJECTED":
      return { title: t.declined, text: t.declinedText };
    case "INPUT_REJECTED":
      return { title: t.inputRejected, text: t.inputRejectedText };
    case "UNAUTHENTICATED":
      return { title: t.noKey, text: t.noKeyText };
    case "FORBIDDEN":
      return { title: t.forbidden, text: t.forbiddenText };
    case "NOT_FOUND":
      return { title: t.gone, text: t.goneText };
    case "MISDIRECTED":
      return { title: t.wrongHost, text: t.wrongHostText };
    case "PAYLOAD_TOO_LARGE":
      return { title: t.tooLarge, text: t.tooLargeText };
    case "UNSUPPORTED_MEDIA_TYPE":
      return { title: t.notPicture, text: t.notPictureText };
    case "RATE_LIMITED":
      return { title: t.busy, text: t.busyText(t.moment) };
    case "BUDGET_EXCEEDED":
      return { title: t.broke, text: t.brokeText };
    case "UPSTREAM_FAILED":
      return { title: t.upstream, text: t.upstreamText };
    case "UPSTREAM_TIMEOUT":
      return { title: t.slow, text: t.slowText };
    case "INTERRUPTED":
      return { title: t.restarted, text: t.restartedText };
    case "IDEMPOTENCY_CONFLICT":
      return { title: t.twice, text: t.twiceText };
    case "OFFLINE":
    case "ABORTED":
      return { title: t.offline, text: t.offlineText };
    case "UNREADABLE":
      return { title: t.unreadable, text: t.unreadableText };
    case "INTERNAL":
      return { title: t.bug, text: t.bugText };
    default:
      return code satisfies never;
  }
}
