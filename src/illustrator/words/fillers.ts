/** Words between the nouns of a prompt. They end what is named before them, and name nothing themselves. */
export const FUNCTION_WORDS =
  "of|in|with|to|for|from|into|onto|through|across|around|along|among|against|above|below|beneath|beyond|inside of|" +
  "outside|outdoors|toward|towards|during|before|after|until|while|as|like|than|then|or|but|so|that|which|who|whose|where|" +
  "when|it|he|she|they|them|him|me|you|we|us|i|there|here|is|are|was|were|be|been|being|has|have|had|having|do|does|did|" +
  "can|could|will|would|should|may|might|must|let|lets|please|next to|in front of|on top of|out|off|up|down|via|per|very|" +
  "really|just|only|also|too|all|any|each|every|other|same|such|much|both|either|own|made|made of|make|looking at|" +
  "looking|look|looks|shows|show|showing|featuring|depicting|standing|stands|stand|full of|filled with|covered|covered " +
  "with|surrounded|surrounded by|set in|set|image|picture|pictures|images|scene|view|shot|background of|front|back|middle|" +
  "center|centre|top|bottom|side|foreground|distance|corner|edge|one of|kind of|type of|bit|lot|of the|in the|something|instead|" +
  "instead of|again|more|now|at|colour|color|colours|colors|colored|coloured|style|in the style of|look like|mode|version|에게|한테|아래|위에|옆에|안에|밖에";

/** Words of praise and of technique. A drawing does not show them as things, and nobody misses them. */
export const QUALITY_WORDS =
  "beautiful|pretty|gorgeous|stunning|amazing|awesome|epic|cool|nice|great|good|best|perfect|lovely|magnificent|majestic|" +
  "detailed|highly detailed|ultra detailed|intricate|detail|details|quality|high quality|best quality|hd|uhd|4k|8k|16k|" +
  "high resolution|resolution|ultra|hyper|super|masterpiece|award|award winning|winning|trending|trending on artstation|" +
  "artstation|deviantart|behance|unreal|unreal engine|octane|octane render|render|rendering|rendered|cinematic|dramatic|" +
  "lighting|light|lights|soft light|soft|sharp|sharp focus|focus|bokeh|depth|depth of field|composition|symmetrical|" +
  "professional|studio lighting|wide|wide angle|angle|lens|camera angle|macro|aesthetic|minimalist|minimal|simple|plain|" +
  "vibrant|vivid|colorful|colourful|bold|warm|cold|cozy|cosy|fluffy|furry|shiny|fresh|hot|new|magical|mystical|dreamy|" +
  "fantasy|whimsical|peaceful|quiet|calm|serene|tranquil|lonely|mysterious|spooky|scary|creepy|funny|crazy|wild|modern|" +
  "ancient|medieval|futuristic|traditional|classic|elegant|royal|rustic|delicious|tasty|ripe|wooden|stone|metal|golden " +
  "light|close|far|far away|away|together|alone|side by side|gently|slowly|softly|mood|atmosphere|vibe|feeling|art|artwork|" +
  "design|product|products|landscape|scenery|building a|building an|logo|icon|sticker|nft|hdr|raw|dslr|film|analog|grain|exposure|shadow|shadows|reflection|reflections|contrast|" +
  "palette|tones|tone|day time|adorable|fat|chubby|fast|busy|empty|rich|poor|strong|clean|dirty|broken|lush|dense|rolling|" +
  "rugged|steep|sandy|rocky|grassy|snow covered|snow capped|snowcapped|towering|distant view|birds eye view|isolated|美丽|漂亮|精美|好看|唯美|高清|超高清|写实|细节|梦幻|神秘|宁静|壮观|古老|毛茸茸|未来|风景|風景|景色|灯光|美しい|綺麗|きれい|高画質|幻想的|静か|아름다운|멋진|고화질|신비한|조용한";

/** Endings of English adjectives, adverbs and participles that no vocabulary lists in full. */
export const DESCRIPTIVE_ENDING = /(?:ly|ful|ous|ish|ive|less|able|ible|ed|est|ing)$/;

/** Endings of Korean verbs and adjectives. */
export const KOREAN_ENDING = /(?:[인는은한된진던운린고서며게히]|있는|하는)$/;

/**
 * A Japanese verb or adjective: its characters stand before kana that are no particles. A run of characters is tried
 * from its beginning alone: a prompt may be one run of 32,000.
 */
export const JAPANESE_STEM = /(?<!\p{sc=Han})\p{sc=Han}+(?=[\p{sc=Hiragana}&&[^のがをにはとでへや]])/gv;

/** Characters between the nouns of Chinese, Japanese and Korean, which name nothing themselves. */
export const PARTICLES =
  /[的地得着了过在里上中下和与把被让是有个只位张幅座片一些很非常请图画片风格样子它他她们个给到从向着成为们这那降の]|[\p{sc=Hiragana}ー]|(?:은|는|이|가|을|를|의|에|에서|으로|로|와|과|도|만|한|하는|있는|인|들|께|줘|해)$/gu;
