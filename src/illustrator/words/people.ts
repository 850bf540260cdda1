import type { Colour } from "../canvas/palette.ts";
import type { Place } from "./scenery.ts";

/** What can be said of a person. `undefined` everywhere means: drawn as the seed likes. */
export interface Look {
  readonly age?: "child" | "young" | "adult" | "old";
  readonly gender?: "female" | "male";
  readonly skin?: "light" | "medium" | "brown" | "dark";
  readonly hair?: "long" | "short" | "curly" | "ponytail" | "braids" | "bun" | "bald" | "bob";
  readonly hairColour?: string;
  readonly eyeColour?: string;
  readonly eyes?: "narrow" | "round";
  readonly expression?: "smiling" | "laughing" | "sad" | "angry" | "calm" | "surprised";
  readonly gaze?: "left" | "right" | "up" | "closed";
  readonly beard?: "beard" | "moustache";
  readonly glasses?: "glasses" | "sunglasses";
  readonly freckles?: boolean;
  readonly outfit?: Outfit;
  readonly outfitColour?: string;
}

interface Clothes {
  readonly colour?: Colour;
  readonly homes?: readonly Place[];
}

/** What people wear: its colour, where that is always the same, and where such people are at home. */
const OUTFITS = {
  plain: {},
  dress: {},
  suit: { colour: "#3a4560", homes: ["office"] },
  astronaut: { colour: "#e9edf2", homes: ["moon", "space"] },
  knight: { colour: "#a9b4c4", homes: ["meadow"] },
  royal: { colour: "#7a3fb0", homes: ["garden"] },
  chef: { colour: "#f7f5f0", homes: ["kitchen"] },
  doctor: { colour: "#f7f9fa", homes: ["office"] },
  police: { colour: "#2f4a7f", homes: ["street"] },
  firefighter: { colour: "#c9452f", homes: ["street"] },
  wizard: { colour: "#4a3f9f", homes: ["forest", "library"] },
  pirate: { colour: "#8f2f38", homes: ["sea"] },
  farmer: { colour: "#4f78b8", homes: ["farm"] },
  cowboy: { colour: "#a8683f", homes: ["desert"] },
  kimono: { colour: "#c94f6f" },
  hanfu: { colour: "#5f9fae" },
  santa: { colour: "#d9302f", homes: ["village"] },
  superhero: { colour: "#2f5fd0", homes: ["city"] },
  ninja: { colour: "#2b2b38", homes: ["village"] },
  soldier: { colour: "#5f6f45" },
  hoodie: {},
  coat: {},
  athlete: {},
  worker: { colour: "#f0a03c", homes: ["street"] },
} as const satisfies Readonly<Record<string, Clothes>>;
export type Outfit = keyof typeof OUTFITS;
export const clothesOf = (outfit: Outfit): Clothes => OUTFITS[outfit];

/** Nouns for a person: the look that each line of words stands for, and the words. */
export const PERSON_NOUNS: readonly string[] = [
  "|person|family|couple|lovers|crowd|team|一家|一家人|家人|情侣|恋人|家族|가족|커플|human|someone|figure|passenger|tourist|traveler|traveller|hiker|friend|teacher|model|character|人|人物|一个人|旅行者|老师|朋友|ひと|人間|先生|友達|사람|인물|친구|선생님",
  "gender=female|woman|lady|female|mother|mom|wife|aunt|actress|waitress|女人|女子|女士|女性|妈妈|母亲|美女|女の人|母|お母さん|여자|여성|여인|엄마|어머니",
  "gender=female age=young|girl|young woman|young lady|teenage girl|girlfriend|daughter|sister|maiden|女孩|女生|少女|姑娘|小姐姐|女孩子|女の子|娘|彼女|소녀|아가씨|여학생",
  "gender=female age=child|little girl|small girl|小女孩|小姑娘|幼い女の子|小さな女の子|어린 소녀|여자아이|여자 아이",
  "gender=male|man|gentleman|guy|male|father|dad|husband|uncle|actor|waiter|fisherman|男人|男子|男士|男性|爸爸|父亲|男の人|父|お父さん|남자|남성|아빠|아버지",
  "gender=male age=young|boy|young man|teenage boy|boyfriend|son|brother|lad|男孩|男生|少年|小伙子|男孩子|男の子|息子|彼氏|소년|청년|남학생",
  "gender=male age=child|little boy|small boy|小男孩|小さな男の子|어린 소년|남자아이|남자 아이",
  "age=child|child|kid|toddler|baby|student|pupil|孩子|小孩|儿童|宝宝|婴儿|学生|子供|子ども|赤ちゃん|아이|어린이|아기|학생",
  "gender=female age=old|old woman|grandmother|grandma|granny|old lady|elderly woman|奶奶|老奶奶|外婆|老太太|老妇人|おばあさん|祖母|할머니",
  "gender=male age=old|old man|grandfather|grandpa|elderly man|爷爷|老爷爷|外公|老人|老头|老先生|おじいさん|祖父|老人男性|할아버지|노인",
  "outfit=astronaut|astronaut|cosmonaut|spaceman|宇航员|航天员|太空人|宇宙飛行士|우주비행사|우주인",
  "outfit=knight|knight|warrior|samurai|骑士|武士|战士|戦士|騎士|侍|기사|전사|무사",
  "outfit=royal gender=female|princess|queen|empress|公主|女王|皇后|王后|姫|お姫様|王女|공주|여왕",
  "outfit=royal gender=male|prince|king|emperor|王子|国王|皇帝|王様|왕자|왕|황제",
  "outfit=chef|chef|cook|baker|厨师|大厨|料理人|シェフ|요리사|셰프",
  "outfit=doctor|doctor|nurse|scientist|physician|dentist|医生|护士|科学家|医者|看護師|科学者|의사|간호사|과학자",
  "outfit=police|police officer|policeman|policewoman|police|cop|pilot|captain|sailor|警察|警官|飞行员|船长|パイロット|경찰|조종사|선장",
  "outfit=firefighter|firefighter|fireman|消防员|消防士|소방관",
  "outfit=wizard|wizard|witch|mage|magician|sorcerer|sorceress|巫师|女巫|魔法师|魔术师|魔女|魔法使い|마법사|마녀",
  "outfit=pirate|pirate|海盗|海賊|해적",
  "outfit=farmer|farmer|gardener|农民|农夫|园丁|農夫|農家|농부|정원사",
  "outfit=cowboy|cowboy|cowgirl|牛仔|カウボーイ|카우보이",
  "outfit=kimono|geisha|艺妓|芸者|舞妓",
  "outfit=santa gender=male age=old|santa|santa claus|father christmas|圣诞老人|サンタ|サンタクロース|산타|산타클로스",
  "outfit=superhero|superhero|hero|supergirl|superman|超级英雄|英雄|超人|ヒーロー|영웅|히어로",
  "outfit=ninja|ninja|忍者|닌자",
  "outfit=soldier|soldier|guard|士兵|军人|兵士|兵隊|군인|병사",
  "outfit=suit|businessman|businesswoman|detective|spy|groom|lawyer|商人|侦探|新郎|サラリーマン|探偵|회사원|탐정|신랑",
  "outfit=dress gender=female|bride|fairy|elf|mermaid|仙女|精灵|美人鱼|妖精|人魚|요정|인어|ballerina|dancer|新娘|芭蕾舞者|舞者|花嫁|ダンサー|신부|발레리나|무용수",
  "outfit=athlete|athlete|runner|surfer|skier|footballer|soccer player|basketball player|运动员|跑步者|选手|選手|선수",
  "outfit=worker|builder|construction worker|mechanic|engineer|worker|工人|工程师|作業員|エンジニア|노동자|기술자",
  "outfit=hoodie|artist|painter|musician|skater|hacker|programmer|developer|艺术家|画家|音乐家|程序员|歌手|芸術家|音楽家|화가|음악가|개발자",
];

/** Adjectives and features of a person, in the same form. */
export const TRAITS: readonly string[] = [
  "age=old|old|elderly|aged|senior|wrinkled|年老的|老|年迈|年老いた|고령의|늙은|나이든",
  "age=young|young|youthful|teenage|teenager|年轻|年轻的|若い|젊은",
  "age=child|little one|幼い|어린",
  "age=adult|middle aged|adult|grown up|中年|成年|成人|중년|성인",
  "skin=light|pale|fair skinned|white skinned|light skin|light skinned|caucasian|european|scandinavian|irish|russian|白皮肤|欧洲|白人|白い肌|백인|유럽",
  "skin=light hairColour=#241b22 eyes=narrow|chinese|japanese|korean|asian|east asian|中国|中国人|日本人|韩国|韩国人|亚洲|日本|アジア|한국|한국인|중국인|일본인",
  "skin=brown hairColour=#241b22|indian|south asian|pakistani|bengali|印度|インド|인도",
  "skin=medium hairColour=#3a2620|latina|latino|hispanic|mexican|brazilian|arab|arabic|persian|turkish|middle eastern|mediterranean|italian|spanish|greek|阿拉伯|拉丁|アラブ|아랍",
  "skin=dark hairColour=#1d1614|african|african american|black woman|black man|black girl|black boy|dark skinned|dark skin|nigerian|ethiopian|kenyan|非洲|黑人|深色皮肤|アフリカ|黒人|아프리카|흑인",
  "skin=brown|brown skin|brown skinned|tanned|棕色皮肤|褐色の肌|갈색 피부",
  "hair=long|long|straight|long hair|long haired|flowing hair|straight hair|长发|长头发|直发|ロングヘア|長い髪|長髪|긴 머리|긴머리|생머리",
  "hair=short|short|short hair|short haired|cropped hair|pixie cut|短发|短头发|ショートヘア|短い髪|짧은 머리|단발머리|단발",
  "hair=curly|wavy|curly hair|curly haired|curly|wavy hair|afro|curls|卷发|卷头发|巻き毛|くせ毛|곱슬머리|곱슬",
  "hair=ponytail|ponytail|pony tail|马尾|马尾辫|ポニーテール|포니테일",
  "hair=braids|braids|braided hair|pigtails|twintails|plaits|辫子|双马尾|麻花辫|三つ編み|ツインテール|땋은 머리|양갈래",
  "hair=bun|bun hair|hair bun|hair in a bun|丸子头|发髻|お団子|お団子ヘア|올림머리",
  "hair=bob|bob hair|bob cut|bob haircut|波波头|齐耳短发|ボブ",
  "hair=bald|bald|shaved head|hairless|光头|秃头|ハゲ|スキンヘッド|대머리",
  "expression=smiling|smiling|smile|smiles|happy|joyful|cheerful|cute|lovely|kind|friendly|微笑|笑|开心|快乐|可爱|高兴|笑顔|微笑む|かわいい|可愛い|嬉しい|웃는|미소|행복한|귀여운|예쁜",
  "expression=laughing|laughing|laugh|grinning|excited|大笑|欢笑|笑っている|大笑い|활짝 웃는",
  "expression=sad|sad|crying|unhappy|melancholy|lonely|悲伤|难过|伤心|哭|忧郁|孤独|悲しい|泣いている|寂しい|슬픈|우는|외로운",
  "expression=angry|angry|furious|mad|fierce|生气|愤怒|怒った|怒る|화난",
  "expression=surprised|surprised|shocked|amazed|astonished|惊讶|吃惊|驚いた|놀란",
  "expression=calm|serious|calm|thoughtful|neutral expression|stern|pensive|严肃|平静|沉思|真剣|静かな表情|진지한|차분한",
  "gaze=left|looking left|looking away|looking to the left|向左看|左を向く",
  "gaze=right|looking right|looking to the right|向右看|右を向く",
  "gaze=up|looking up|gazing up|仰望|抬头|見上げる|올려다보는",
  "gaze=closed|eyes closed|closed eyes|sleeping|asleep|meditating|sleepy|闭眼|闭着眼|睡觉|睡着|冥想|目を閉じた|眠っている|寝ている|눈을 감은|자는|잠자는",
  "beard=beard|beard|bearded|with a beard|胡子|大胡子|胡须|ひげ|髭|あごひげ|수염|턱수염",
  "beard=moustache|moustache|mustache|mustached|八字胡|小胡子|口ひげ|콧수염",
  "freckles|freckles|freckled|雀斑|そばかす|주근깨",
  "outfit=hoodie|hoodie|sweater|pullover|jumper|sweatshirt|卫衣|毛衣|パーカー|セーター|후드티|스웨터",
  "outfit=dress|dress|gown|skirt|sundress|裙子|连衣裙|长裙|礼服|ドレス|ワンピース|スカート|드레스|원피스|치마",
  "outfit=suit|suit|tuxedo|suit and tie|necktie|西装|西服|燕尾服|スーツ|ネクタイ|정장|양복|넥타이",
  "outfit=coat|coat|jacket|raincoat|trench coat|parka|外套|大衣|夹克|雨衣|コート|ジャケット|レインコート|코트|재킷|자켓",
  "outfit=kimono|kimono|yukata|和服|浴衣|着物|기모노",
  "outfit=hanfu|hanfu|hanbok|qipao|cheongsam|汉服|旗袍|古装|唐装|漢服|チャイナドレス|한복|치파오",
  "outfit=plain|shirt|t shirt|tshirt|blouse|top|衬衫|t恤|上衣|シャツ|tシャツ|셔츠|티셔츠",
  "outfit=knight|armor|armour|盔甲|铠甲|鎧|갑옷",
  "outfit=astronaut|space suit|spacesuit|宇航服|太空服|宇宙服|우주복",
];

/** The look of a line such as `gender=female age=young`. */
export function toLook(text: string): Look {
  const pairs = text.split(" ").filter(Boolean);
  return Object.fromEntries(pairs.map((pair) => pair.split("=")).map(([name, value = true]) => [name, value])) as Look;
}

/** What a colour before one of these words is the colour of. */
export const COLOURED_FEATURES = {
  hairColour: "hair|haired|头发|髪|머리|머리카락",
  eyeColour: "eyes|eyed|eye|眼睛|眼|目|瞳|눈동자|눈",
  skin: "skin|皮肤|肌|피부",
} as const;

export const PORTRAIT_WORDS =
  "portrait|headshot|selfie|face|close up|closeup|close up portrait|profile picture|avatar|bust|肖像|头像|自拍|脸|脸部|特写|面孔|肖像画|顔|アップ|アバター|초상화|얼굴|셀카|클로즈업|프로필";
