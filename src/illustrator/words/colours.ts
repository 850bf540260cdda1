import type { Colour } from "../canvas/palette.ts";

export const WHITE: Colour = "#f6f4ef";

/** Colours by value: words separated by bars, in English, Chinese, Japanese and Korean. */
export const COLOURS: Readonly<Record<Colour, string>> = {
  "#e5352f": "red|crimson|scarlet|红色|红|红色的|赤い|赤|赤色|빨간|빨간색|붉은",
  "#2f6fe4": "blue|蓝色|蓝|蓝色的|青い|青|青色|파란|파란색|푸른",
  "#1c2f6b": "navy|navy blue|dark blue|indigo|深蓝色|深蓝|藏青|紺色|남색",
  "#63b8f5": "light blue|sky blue|azure|baby blue|浅蓝色|天蓝色|水色|하늘색",
  "#2fa84f": "green|emerald|绿色|绿|绿色的|緑|緑の|緑色|초록|초록색|녹색",
  "#1f6b3a": "dark green|forest green|olive|深绿色|墨绿色|深緑|진녹색",
  "#f7c92e": "yellow|黄色|黄|黄色的|黄色い|노란|노란색",
  "#f28a1f": "orange|橙色|橘色|橙|橙色的|オレンジ色|オレンジの|주황색|주황",
  "#8a4fd3": "purple|violet|lavender|紫色|紫|紫色的|紫の|보라색|보라",
  "#f06ba8": "pink|magenta|rosy|粉色|粉红色|粉红|粉|ピンク|ピンクの|桃色|분홍색|분홍|핑크",
  "#7b4a2b": "brown|chestnut|bronze|copper|棕色|褐色|咖啡色|棕|茶色|茶色い|갈색",
  "#2b2b33": "black|ebony|黑色|黑|黑色的|黒い|黒|黒色|검은|검은색|검정",
  [WHITE]: "white|ivory|snow white|白色|白|白色的|白い|白の|흰|하얀|흰색",
  "#8d929b": "gray|grey|灰色|灰|灰色的|灰色の|회색",
  "#c4c9d2": "silver|silvery|银色|银|银色的|銀色|銀|은색",
  "#e0a92e": "gold|golden|金色|金|金色的|金色の|금색|황금|황금색",
  "#1fb5b0": "turquoise|teal|cyan|aqua|青绿色|蓝绿色|ターコイズ|청록색",
  "#ead9b5": "beige|cream|tan|米色|米白色|ベージュ|베이지",
  "#6e1f33": "maroon|burgundy|wine red|酒红色|暗红色|深红色|ワインレッド|자주색",
};

/** What hair of a named colour looks like, where it differs from the colour itself. */
export const HAIR_COLOURS: Readonly<Record<Colour, string>> = {
  "#e8c26a": "blonde|blond|fair haired|金发|金髪|금발",
  "#b5482a": "redhead|ginger|red haired|auburn|红发|赤毛|빨간 머리",
  "#5b3a26": "brunette|brown haired|棕发|茶髪|갈색 머리",
  "#241b22": "dark haired|black haired|黑发|黑头发|黒髪|검은 머리|흑발",
  "#d9d9de": "gray haired|grey haired|white haired|silver haired|白发|银发|白髪|銀髪|백발|은발",
};
