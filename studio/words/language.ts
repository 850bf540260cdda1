import { effect, signal } from "@preact/signals";
import { StoredText } from "../api/storage.ts";

export const LANGUAGES = { en: "English", zh: "中文" } as const;
export type Language = keyof typeof LANGUAGES;

type Text = string | ((...values: never[]) => string);
/** The same keys, with texts of another language. */
type Translation<Words> = { readonly [Key in keyof Words]: Words[Key] extends string ? string : Words[Key] };

const stored = new StoredText("localStorage", "language");

/** The language of the page: the chosen one, or the first of the browser's that the studio speaks. */
export const language = signal<Language>(initialLanguage());

effect(() => {
  document.documentElement.lang = language.value === "zh" ? "zh-Hans" : "en";
});

export function chooseLanguage(chosen: Language): void {
  stored.write(chosen);
  language.value = chosen;
}

/**
 * Declares the texts of a page in each language. The compiler finds what is not translated. What reads a text follows
 * the language.
 */
export function words<const Words extends Readonly<Record<string, Text>>>(
  en: Words,
  zh: Translation<Words>,
): Translation<Words> {
  return new Proxy(en as Translation<Words>, {
    get: (_target, name) => (language.value === "zh" ? zh : en)[name as keyof Words],
  });
}

/** The locale of dates and numbers: the browser's where it speaks the language of the page. */
export function locale(): string {
  const wanted = language.value;
  return navigator.languages.find((each) => each.startsWith(wanted) && isLocale(each)) ?? wanted;
}

/** Some browsers report the system's name, such as `en-US@posix`, which `Intl` refuses. */
function isLocale(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

function initialLanguage(): Language {
  const candidates = [stored.read(), ...navigator.languages].map((tag) => tag?.slice(0, 2).toLowerCase());
  return (candidates.find((tag) => tag !== undefined && tag in LANGUAGES) as Language | undefined) ?? "en";
}
