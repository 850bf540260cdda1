/**
 * Writes the illustrator's lexicon: which emoji art a word or a code point stands for, in English, Chinese, Japanese
 * and Korean. The labels and tags are emojibase's (CLDR), the art is Fluent Emoji Flat's.
 *
 * `node scripts/lexicon.ts` writes the file, `--check` fails when the committed one differs.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

interface Emoji {
  readonly label: string;
  readonly hexcode: string;
  readonly order?: number;
  readonly group?: number;
  readonly subgroup?: number;
  readonly tags?: readonly string[];
}

/** What the script writes. */
export interface LexiconFile {
  /** `name role` of every piece of art; the other parts refer to it by position. */
  readonly art: readonly string[];
  readonly words: Readonly<Record<string, number>>;
  /** Emoji that are drawn as their art, by code points without U+FE0F. */
  readonly codes: Readonly<Record<string, number>>;
  /** Emoji that are read as words instead: people, places and weather. */
  readonly spoken: Readonly<Record<string, string>>;
}

const OUTPUT = new URL("../src/illustrator/lexicon.json", import.meta.url);
const LANGUAGES = ["en", "zh", "ja", "ko"] as const;

/** The role of the art in a subgroup of the emoji standard, as emojibase numbers them; the rest is `symbol`. */
const ROLES: Readonly<Record<number, string>> = {
  34: "animal",
  35: "bird",
  36: "animal",
  37: "animal",
  38: "swimmer",
  39: "insect",
  40: "flower",
  41: "flower",
  42: "food",
  43: "food",
  44: "food",
  45: "food",
  46: "food",
  47: "food",
  48: "object",
  51: "building",
  52: "building",
  53: "building",
  54: "vehicle",
  55: "boat",
  56: "aircraft",
  57: "object",
  58: "object",
  60: "object",
  61: "object",
  62: "object",
  63: "object",
  64: "object",
  65: "object",
  66: "object",
  67: "object",
  68: "instrument",
  69: "object",
  70: "object",
  71: "object",
  72: "object",
  73: "object",
  74: "object",
  75: "object",
  76: "object",
  77: "object",
  78: "object",
  79: "object",
  80: "object",
  81: "furniture",
  82: "object",
};

/** Art that belongs to a role other than its subgroup's. */
const ROLES_BY_ART: Readonly<Record<string, string>> = {
  "evergreen-tree": "tree",
  "deciduous-tree": "tree",
  "palm-tree": "tree",
  cactus: "tree",
  "potted-plant": "object",
  crab: "animal",
  lobster: "animal",
  snail: "animal",
  scorpion: "animal",
  spider: "animal",
  "t-rex": "animal",
  "spiral-shell": "object",
  coral: "flower",
  penguin: "animal",
  eagle: "aircraft",
  dove: "aircraft",
  bat: "aircraft",
  "phoenix-bird": "aircraft",
  parachute: "aircraft",
  "hot-springs": "symbol",
  rock: "object",
  wood: "object",
  brick: "object",
  map: "object",
  "paw-prints": "symbol",
  seat: "furniture",
  anchor: "object",
  "ring-buoy": "object",
  wheel: "object",
  "stop-sign": "object",
  construction: "object",
  "police-car-light": "object",
  "fuel-pump": "object",
  "oil-drum": "object",
  "vertical-traffic-light": "object",
  "horizontal-traffic-light": "object",
  "bus-stop": "object",
  robot: "face",
  alien: "face",
  "alien-monster": "face",
  bathtub: "furniture",
  "playground-slide": "building",
  "carousel-horse": "object",
  kite: "aircraft",
  balloon: "aircraft",
  "barber-pole": "object",
  feather: "object",
  "top-hat": "wearable",
  crown: "wearable",
  "womans-hat": "wearable",
  "billed-cap": "wearable",
  glasses: "wearable",
  "graduation-cap": "wearable",
  sunglasses: "wearable",
  scarf: "wearable",
  headphone: "wearable",
};

/** Subgroups that are scenes, people or weather: their label is read as a prompt would be. */
const SPOKEN_SUBGROUPS: ReadonlySet<number> = new Set([23, 24, 25, 26, 27, 28, 29, 30, 31, 49, 50, 59]);

/** Art that is a framed scene or mostly lettering, and does not fit into a picture. */
const SCENES: ReadonlySet<string> = new Set([
  "cityscape",
  "cityscape-at-dusk",
  "foggy",
  "night-with-stars",
  "sunrise",
  "sunrise-over-mountains",
  "sunset",
  "bridge-at-night",
  "fireworks",
  "sparkler",
  "moon-viewing-ceremony",
  "motorway",
  "railway-track",
  "white-flower",
  "flower-playing-cards",
  "fire-engine-with-sign",
]);

/** Tags that say something else in a prompt than the one emoji that carries them. */
const UNTRUSTED_TAGS: ReadonlySet<string> = new Set(
  (
    "about again against alert all america amazing angry animal around art award away back bad bank beautiful best black " +
    "blue board body bright broken brown business busy calm cheap city clean clear cold cool country cute dark day days " +
    "dead deal delicious dry easy empty end english entertainment evening every extinct fall fast favorite fire first " +
    "flat forever free fresh fun game girl gold good great green grow growth hair hand happy hard head high hit home hot " +
    "idea important info jump kind kingdom large last late leave level light like line little lonely long look lost loud " +
    "love low luck lucky magic man many map meal mean medium meet mind morning move movie music native natural nature " +
    "new next nice night no noise off office old on one only open orange order out outdoors over park part party peace " +
    "people perfect person picture piece pink play pretty price problem professional purple quiet quick red relax rest " +
    "rich right road room safe sad sell serious shape share sharp shine shiny shop short show side sign simple single " +
    "sit sky sleep slow small smart smell smooth snow social soft sound space special sport spring stand start still " +
    "stop street strong style summer sun sweet tall tea team thin think time tiny today together tool top touch town " +
    "training travel treat trip tropical true try turn ugly under up vacation view violence walk want war warm wash watch " +
    "water weather weight welcome well wet white wild win wind winter wise woman word work world write yellow young yes " +
    "study portrait background style action acidity address air alpha american antarctica arctic army ascension ashes ass " +
    "assistance australia babies baa balance band beat bearer beacon bent bestest bet birth bite bless blow boo boom born " +
    "bottoms bowl breaks brr build burgers call carbs catch change charge charm climate climb closet class collage control " +
    "cost cover cross culture curve dad decor diet direct doo drop drunk edge emerge employed energy evidence extra " +
    "fashion female field flash flight float flirt flu fml force formal freedom front future gang glory glitter groom " +
    "hail handle help hollywood hrs ink iron jack job justice kiss knights land launch left legs links list lure male " +
    "mane mans market men model moon mouth move muah nap neck net nothing nyc oops ouch paid pair pets piece pile point " +
    "power present preserver prize probe proof pounds prints protect pull push record rich ring rise run save score " +
    "scream search self set shock shoot shot sick sky slide smack spirit split spot star state step store stuff swing " +
    "tail take talk target taste tear theme tie toss trade trap trick twist type value version voice wave way winner"
  ).split(" "),
);

/** One-character labels that are mostly a part of other words, or a particle. */
const UNTRUSTED_LABELS: ReadonlySet<string> = new Set([
  "的",
  "结",
  "线",
  "派",
  "票",
  "门",
  "糸",
  "兵",
  "泡",
  "翼",
  "匙",
  "top",
  "end",
  "on",
  "soon",
  "back",
  "free",
  "new",
  "cool",
]);

/** Endings of English verbs and adjectives: such a tag describes its emoji, it does not name it. */
const DESCRIPTION = /(ing|ed|al|ic|ous|ive|able|ful|ly|ant|ent|est)$/;

/** Reads emojibase and the art's index, and makes the lexicon. The same packages give the same lexicon. */
export async function createLexicon(): Promise<LexiconFile> {
  const require = createRequire(import.meta.url);
  const read = async <Content>(path: string): Promise<Content> =>
    JSON.parse(await readFile(require.resolve(path), "utf8")) as Content;

  const artByCode = new Map(
    Object.entries(await read<Record<string, string>>("@iconify-json/fluent-emoji-flat/chars.json")).map(
      ([code, name]) => [toCode(code), name],
    ),
  );
  const languages = await Promise.all(
    LANGUAGES.map((language) => read<Emoji[]>(`emojibase-data/${language}/data.json`)),
  );
  const english = [...(languages[0] ?? [])].sort((left, right) => (left.order ?? 0) - (right.order ?? 0));

  const art: string[] = [];
  const codes: Record<string, number> = {};
  const spoken: Record<string, string> = {};
  const named = new Map<string, number>();
  for (const emoji of english) {
    const code = toCode(emoji.hexcode);
    const name = artByCode.get(code);
    if (emoji.group === undefined || emoji.group === 2) continue;
    if (SPOKEN_SUBGROUPS.has(emoji.subgroup ?? -1) || (name !== undefined && SCENES.has(name))) {
      spoken[code] = emoji.label.toLowerCase();
    } else if (name !== undefined) {
      const role = ROLES_BY_ART[name] ?? ROLES[emoji.subgroup ?? -1] ?? "symbol";
      codes[code] = art.push(`${name} ${role}`) - 1;
      if (isNoun(emoji)) named.set(emoji.hexcode, codes[code]);
    }
  }
  return { art, words: wordsOf(languages, named), codes, spoken };
}

/** Labels first, in the order of the languages, then the tags that only one emoji carries. */
function wordsOf(languages: readonly Emoji[][], named: ReadonlyMap<string, number>): Record<string, number> {
  const words = new Map<string, number>();
  const learn = (word: string, art: number): void => {
    if (word.length > 0 && !words.has(word) && !UNTRUSTED_LABELS.has(word)) words.set(word, art);
  };
  for (const emojis of languages) {
    for (const emoji of emojis) {
      const art = named.get(emoji.hexcode);
      if (art === undefined) continue;
      const label = toWords(emoji.label);
      learn(label, art);
      if (label.endsWith(" face")) learn(label.slice(0, -5), art);
    }
  }
  for (const emojis of languages) {
    const carriers = new Map<string, number[]>();
    for (const emoji of emojis) {
      const art = named.get(emoji.hexcode);
      if (art === undefined) continue;
      for (const tag of new Set(emoji.tags?.map(toWords).filter((tag) => isName(tag, emoji))))
        carriers.set(tag, [...(carriers.get(tag) ?? []), art]);
    }
    for (const [tag, [art, ...others]] of carriers) {
      if (art !== undefined && others.length === 0) learn(tag, art);
    }
  }
  return Object.fromEntries([...words].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Nature, food, travel, activities, objects; and the fantasy faces and hearts among the smileys. */
function isNoun({ group = -1, subgroup = -1 }: Emoji): boolean {
  return (group >= 3 && group <= 7) || (group === 0 && (subgroup === 11 || subgroup === 14));
}

/**
 * Whether a tag names the emoji it is on, rather than describes it or repeats the first half of its label. The endings
 * tell in English; in the other languages only the tags of nature and food are mostly names.
 */
function isName(tag: string, { label, group = -1 }: Emoji): boolean {
  if (!/^[a-z ]+$/.test(tag)) return tag.length > 1 && (group === 3 || group === 4);
  const words = toWords(label).split(" ");
  const isPartOfLabel = words.length > 1 && words.slice(0, -1).includes(tag);
  return tag.length > 2 && !isPartOfLabel && !DESCRIPTION.test(tag) && !UNTRUSTED_TAGS.has(tag);
}

function toCode(hexcode: string): string {
  return hexcode
    .toLowerCase()
    .split("-")
    .filter((part) => part !== "fe0f")
    .join("-");
}

/** The form the prompt's words are compared in. */
function toWords(label: string): string {
  return label
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[’']/g, "")
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, " ")
    .trim();
}

/** The file's text. */
export function toText(lexicon: LexiconFile): string {
  return `${JSON.stringify(lexicon)}\n`;
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1]) {
  const text = toText(await createLexicon());
  if (!process.argv.includes("--check")) {
    await writeFile(OUTPUT, text);
  } else if ((await readFile(OUTPUT, "utf8")) !== text) {
    console.error("src/illustrator/lexicon.json is out of date: run `node scripts/lexicon.ts`");
    process.exitCode = 1;
  }
}
