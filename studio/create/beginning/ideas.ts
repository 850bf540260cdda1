import type { Shape } from "../../dock/sizes.ts";
import { language } from "../../words/language.ts";

/** A prompt to begin with. */
export interface Idea {
  readonly text: () => string;
  readonly shape: Shape;
  /** What the illustrator makes of it, 20 pixels wide: a blur of its colours, as a data: URL. */
  readonly picture: string;
}

export const IDEAS: readonly Idea[] = [
  idea(
    "a red fox in a snowy forest at night",
    "雪夜森林里的一只红狐狸",
    "3:2",
    "UklGRmAAAABXRUJQVlA4IFQAAABQAwCdASoUAA0APu1iqU2ppaQiMAgBMB2JQBdgA2DYruhmAAD+5XU3g3nJzH2Odm5CwE6Cceqj2qXuqKOha1l054V+2gxPkiADQFPzit1r97FwAAA=",
  ),
  idea(
    "a cat in a hat, watching the sun set",
    "一只戴帽子的猫在海边看日落",
    "3:4",
    "UklGRnwAAABXRUJQVlA4IHAAAADwAwCdASoNABQAPu1iqU2ppaOiMAgBMB2JbACdMoADVQUHG0j+yiwgAP54vHAhlsAgUsmOdlIV5qVjaSSmjsqQCMfcEQZVMdRfGqYeZZ0a0gBPdrgwmvC/KTLFikFot1WMLHRVkRoj9bXL9o4SpSAA",
  ),
  idea(
    "paper ridges in teal and cream",
    "青绿与米白的纸艺山峦",
    "3:2",
    "UklGRqoAAABXRUJQVlA4IJ4AAACQBACdASoUAA0APu1iqU2ppaOiMAgBMB2JbACdMoMjmI1z/4Dqv2turAEyLXAA/urIcc5AGPXrwxCF9OD33DP406m6G6owB5r6wftUHhVHDP1DVrT5FNX2KJ/6B6ZbxAK/ScYB00aUv1sb/ax//hE7XXwxJHGz+wjJTtfh+WmBC2zJhQZJwVXcP/H5ZJJkk7WA8LW7sva9bW2jfXDYAA==",
  ),
  idea(
    "a rocket above Saturn",
    "土星上空的火箭",
    "3:4",
    "UklGRmYAAABXRUJQVlA4IFoAAACwAwCdASoNABQAPu1iqU2ppaOiMAgBMB2JZACw7CIj8y21Ta6sAAD+2+eDQEuRrBy7glyhXIDfOXmmNnxHaASSfWTMgUdWVWnAhSivnNPGNOCw+fWCOjofKAA=",
  ),
  idea(
    "three hot air balloons over mountains at sunrise",
    "日出时群山上的三只热气球",
    "16:9",
    "UklGRmgAAABXRUJQVlA4IFwAAADwAwCdASoUAAsAPu1kqU2ppaQiMAgBMB2JaACdMoADT4bCMnlbsIuAAP6RlcIgMPoHyoo/lIgmDVoCYR16VyofFqmNJiFhhJI1+BbuPfqeDl63udiFIvcaOVAAAA==",
  ),
  idea(
    "an astronaut riding a horse on the moon",
    "宇航员在月球上骑马",
    "1:1",
    "UklGRoQAAABXRUJQVlA4IHgAAACwBACdASoUABQAPu1oqU+ppiOiKA1RMB2JQBTigeydMdu6NoshE/Rlq1DVT6JQAP7SacE6W2g1+NmbsxIL3jLlrnAhAtag8rF+51E75oBQ6Is2QxKvCmIap4klBgjVQ8QnT0hG1+n8ooRbVpVg6UsHsQsfzVZDAAA=",
  ),
  idea(
    "a city skyline at night, neon",
    "霓虹闪烁的城市夜景",
    "21:9",
    "UklGRloAAABXRUJQVlA4IE4AAABwAwCdASoUAAkAPu1iqU2ppaOiMAgBMB2JQAAMOxLoj+fSuAAA/uxMwMPtFMPz7FTrTi4RUhTJX/nY6nIO8HKlmEeiJLxiyH8ZptLMAAA=",
  ),
  idea(
    "a sailboat at sunset",
    "夕阳下的帆船",
    "3:2",
    "UklGRmYAAABXRUJQVlA4IFoAAACwAwCdASoUAA0APu1iqU2ppaOiMAgBMB2JbACdMoABKaOsR0+sIAD0cbyYtobfmWafhltD8m+ls7erG/AiLP9XmZm+4Ksf9ZVc6xJT3kSzfyM4Jjt1zmL9gAA=",
  ),
  idea(
    "an owl in an autumn forest",
    "秋林里的猫头鹰",
    "1:1",
    "UklGRqoAAABXRUJQVlA4IJ4AAAAQBQCdASoUABQAPu1or1CppaQiqAqpMB2JbACdMzQ5aAZN5V+bbbcgk77CvKS1rywAAPxnSnJywGT4oon7cm2vUFIfR0uKEjpPoelRQl6jMYu4WANKvQBzpCBB2yqRkTMSGiAMdLPnR9v0rSDQh7dLtyudAMesyLqkV3bFdYvdcCFhEHPNyfkx2E2Jd2noKhkkOTLRNNP9JhQgYoKAAA==",
  ),
  idea(
    "a volcano at night",
    "夜色中的火山",
    "3:2",
    "UklGRnAAAABXRUJQVlA4IGQAAACQAwCdASoUAA0APu1iqU2ppaQiMAgBMB2JQBOmUABe8BPiH0SAAP6rs9rwoHzK2iHlP4CsIMUYMdHwDF4rS6AMD0P0CESydNRBMbYKoMxOeRlKZXAA68AQMmYgsIf9Db9LIAAA",
  ),
  idea(
    "a little house by a lake",
    "湖边的小屋",
    "3:2",
    "UklGRnYAAABXRUJQVlA4IGoAAAAQBACdASoUAA0APu1iqU2ppaOiMAgBMB2JagCdMoMYAEKFWFP+A6cD4ADLS4kQYuuA4JmYQz5KqYMsZGoKAkisazz5rc0ZMQTVSnWTw9uRBp/CIqbI6oZcZbMUlbuda9WCMDHoWLmkHhwA",
  ),
  idea(
    "portrait of a woman with red hair",
    "红发女子肖像",
    "4:5",
    "UklGRqQAAABXRUJQVlA4IJgAAABwBACdASoQABQAPu1iqU2ppaOiMAgBMB2JbACdMoR3ACfIszFr1czrZ7fOwAD+61YcCqOM+c3oZMJLG268knq4ohyieUL2P25xhI0poU8y8GWIZbNUjNyfKIN4/qjvfISP+HbhzPiRFRWxx3R99nNX8ERQebKkcD7a/5HD8+d+YiqQRhX37Cj6ah4s59Z5X1AwVy6wMoAAAA==",
  ),
];

function idea(en: string, zh: string, shape: Shape, webp: string): Idea {
  return { text: () => (language.value === "zh" ? zh : en), shape, picture: `data:image/webp;base64,${webp}` };
}
