/** Where a picture plays: a place, a studio behind an object, or no place at all. */
export type Location = Place | "studio" | "abstract";

export type Place = keyof typeof PLACES;
export type TimeOfDay = keyof typeof TIMES;
export type Weather = keyof typeof WEATHERS;
export type Season = keyof typeof SEASONS;
export type Style = keyof typeof STYLES;

/**
 * Words by meaning, separated by bars: English, Chinese, Japanese, Korean. The backdrop only resembles what a word after
 * `~` names.
 */
export const PLACES = {
  meadow:
    "meadow|grassland|grass|hill|hills|hillside|countryside|prairie|valley|nature|landscape|scenery|spring field|field|fields|草地|草原|山坡|乡村|田野|原野|丘|牧场|野原|초원|언덕|들판|시골",
  forest: "forest|woods|woodland|grove|trees|pine forest|森林|树林|丛林深处|林中|森|林|숲",
  bamboo: "bamboo forest|bamboo grove|bamboo|竹林|竹子|竹|竹やぶ|대나무 숲|대나무숲|대나무",
  jungle: "jungle|rainforest|tropics|丛林|雨林|热带雨林|ジャングル|熱帯雨林|정글|열대우림",
  mountains:
    "mountain|mountains|mountain range|alps|peak|peaks|himalaya|himalayas|~cliff|~cliffs|~canyon|~fjord|~glacier|山脉|群山|雪山|高山|山峰|山中|山|山水|山脈|산|산맥|봉우리",
  lake: "lake|lakeside|pond|mountain lake|~lagoon|湖|湖边|湖畔|湖泊|池塘|池|湖面|호수|호숫가|연못",
  river:
    "river|riverside|stream|creek|river bank|~waterfall|~waterfalls|河|河流|河边|小溪|~瀑布|溪流|川|小川|~滝|강|강가|시냇물|~폭포",
  beach:
    "beach|seaside|shore|seashore|coast|coastline|~tropical island|~island|海边|沙滩|海滩|海灘|海岸|~岛|~海岛|~小岛|ビーチ|海辺|砂浜|浜辺|~島|해변|바닷가|~섬",
  sea: "sea|ocean|open water|~harbor|~harbour|~port|~bay|at sea|海|大海|海洋|海上|海面|~港口|海原|바다|대양|~항구",
  desert: "desert|dunes|~sahara|~oasis|~savanna|~savannah|沙漠|沙丘|戈壁|砂漠|~サバンナ|사막",
  city: "city|skyline|downtown|cityscape|metropolis|~new york|~paris|~london|~tokyo|~shanghai|~hong kong|skyscraper|skyscrapers|building|buildings|urban|cyberpunk city|城市|都市|市区|天际线|大楼|高楼|~上海|~东京|~北京|都会|街|街角|街头|ビル|~東京|도시|도심|빌딩|~서울",
  street:
    "street|road|~alley|sidewalk|avenue|~crosswalk|~highway|town|shop|store|~market|neighborhood|街道|马路|街上|街头|~小巷|~公路|道路|~市场|小镇|通り|~路地|商店街|거리|도로|~골목|~시장",
  village: "village|cottages|hamlet|countryside village|村庄|村子|小村庄|村|村落|마을",
  farm: "farm|farmland|barn|ranch|pasture|~rice paddy|~rice field|~vineyard|~orchard|农场|农田|稻田|麦田|牧場|農場|田んぼ|농장|논|목장",
  garden:
    "garden|flower garden|flower field|field of flowers|backyard|lavender field|花园|花海|花丛|花田|庭院|院子|庭|花畑|庭園|정원|꽃밭",
  park: "park|~playground|~picnic|~bench|公园|~游乐场|~长椅|公園|공원|~놀이터",
  space:
    "space|outer space|galaxy|universe|cosmos|nebula|stars and planets|orbit|~solar system|太空|宇宙|银河|星空中|星系|星云|银河系|星雲|우주|은하",
  moon: "on the moon|moon surface|lunar surface|on moon|the lunar surface|月球|月球上|月球表面|在月球上|月面|月の上|月亮上|달위|달 표면|달에서",
  mars: "mars|on mars|alien planet|red planet|火星|外星球|화성",
  underwater:
    "underwater|mermaid|美人鱼|人魚|인어|under the sea|under water|undersea|deep sea|coral reef|reef|~aquarium|ocean floor|bottom of the sea|水下|海底|海里|水中|深海|珊瑚礁|海の中|~水族馆|~水族館|바닷속|물속|~수족관",
  library:
    "library|bookshelf|bookshelves|bookstore|bookshop|study room|图书馆|书房|书架|书店|図書館|本棚|本屋|書斎|도서관|서점|서재",
  kitchen: "kitchen|cooking|厨房|キッチン|台所|부엌|주방",
  bedroom: "bedroom|in bed|卧室|床上|床|寝室|침실",
  office:
    "office|~classroom|~laboratory|~lab|~school room|~workshop|studio room|desk|办公室|~教室|~实验室|书桌|办公桌|オフィス|机|~研究室|사무실|~교실|책상",
  cafe: "cafe|café|coffee shop|restaurant|diner|~bar|~bakery|咖啡馆|咖啡店|餐厅|餐馆|~酒吧|~面包店|カフェ|喫茶店|レストラン|카페|식당|레스토랑",
  room: "room|living room|indoors|inside|interior|house interior|~fireplace|~window sill|~windowsill|by the window|window|~museum|gallery|客厅|房间|室内|屋里|窗边|窗前|~窗台|家里|部屋|リビング|室内で|窓辺|방|거실|실내|창가",
  table:
    "table|wooden table|tabletop|still life|~tray|桌子|桌上|木桌|餐桌|静物|テーブル|食卓|机の上|静物画|테이블|식탁|정물",
  sky: "sky|in the sky|cloud|clouds|above the clouds|in the air|天空|空中|云端|云上|云|云中|白云|云海|雲|天上|雲の上|空|하늘|구름 위",
  stage:
    "stage|concert|theater|theatre|~dance floor|~circus|performing|singing|dancing|舞台|演唱会|剧院|唱歌|跳舞|コンサート|劇場|歌う|踊る|무대|콘서트",
  cave: "cave|cavern|~dungeon|~mine|洞穴|山洞|~地牢|洞窟|동굴",
  field:
    "stadium|soccer field|football field|football pitch|sports field|~baseball field|playing soccer|playing football|体育场|足球场|球场|踢足球|スタジアム|サッカー場|경기장|운동장",
};

/** What places show besides themselves. All that are outdoors show the sky too. */
const SHOWN: Readonly<Partial<Record<Place, string>>> = {
  meadow: "forest",
  forest: "meadow",
  bamboo: "forest meadow",
  jungle: "forest",
  mountains: "forest meadow",
  lake: "mountains forest meadow",
  river: "mountains forest meadow",
  beach: "sea",
  city: "street",
  street: "city",
  village: "meadow forest",
  farm: "meadow field",
  garden: "meadow forest",
  park: "meadow forest",
  moon: "space",
  mars: "space",
  underwater: "sea",
  library: "room",
  kitchen: "room",
  bedroom: "room",
  office: "room",
  cafe: "room",
  table: "room",
  field: "meadow",
};

const WITHOUT_SKY: ReadonlySet<Place> = new Set(["room", "stage", "underwater"]);

/** Whether a picture of one place shows another one too. */
export function shows(place: Place, other: Place): boolean {
  const shown = SHOWN[place] ?? "";
  if (other === "sky") return shown !== "room" && !WITHOUT_SKY.has(place);
  return shown.split(" ").includes(other);
}

export const TIMES = {
  dawn: "dawn|sunrise|daybreak|early morning|morning|at dawn|黎明|日出|清晨|早晨|早上|拂晓|夜明け|朝焼け|朝|日の出|새벽|일출|아침",
  day: "day|daytime|noon|afternoon|sunny day|白天|中午|下午|正午|昼|午後|昼間|낮|한낮|오후",
  sunset:
    "sunset|dusk|evening|golden hour|twilight|at sunset|日落|黄昏|傍晚|夕阳|晚霞|落日|夕焼け|夕日|夕方|夕暮れ|夕陽|일몰|석양|노을|황혼|저녁",
  night:
    "night|nighttime|midnight|at night|starry|starry night|starry sky|moonlight|moonlit|full moon|moon|the moon|crescent moon|dark|夜|夜景|夜晚|晚上|午夜|深夜|星空|月光|月夜|月亮|满月|夜空|真夜中|月明かり|満月|月|밤|한밤중|달|별밤|달빛|보름달|별이 빛나는",
};

export const WEATHERS = {
  clear:
    "clear|sunny|bright|sun|the sun|sunshine|sunlight|cloudless|clear sky|太阳|太陽|お日様|태양|해|晴|晴天|晴朗|阳光|阳光明媚|晴れ|快晴|日差し|맑은|화창한|햇살",
  cloudy: "cloudy|overcast|gray sky|grey sky|阴天|多云|曇り|흐린|구름",
  rain: "rain|rainy|raining|drizzle|wet|in the rain|下雨|雨中|雨天|雨|雨の|雨の日|雨降り|비|비오는|비 오는|빗속",
  storm:
    "storm|stormy|thunder|thunderstorm|lightning|hurricane|typhoon|tempest|暴风雨|雷雨|闪电|雷电|台风|风暴|嵐|雷|台風|폭풍|폭풍우|번개|태풍",
  snow: "snow|snowy|snowing|snowfall|blizzard|in the snow|snowstorm|雪|下雪|雪中|大雪|雪地|雪景|暴雪|雪の|吹雪|눈 내리는|눈오는|눈 덮인|설원|눈보라",
  fog: "fog|foggy|mist|misty|haze|hazy|smoke|雾|大雾|薄雾|雾气|霧|霧の|もや|안개|안개낀",
  wind: "wind|windy|breeze|breezy|gale|风|微风|大风|风中|そよ風|風|바람",
};

export const SEASONS = {
  spring: "spring|springtime|in bloom|blooming|blossoming|sakura|春天|春日|春|樱花盛开|春の|桜|봄|벚꽃",
  summer: "summer|summertime|夏天|夏日|夏|夏の|여름",
  autumn: "autumn|fall colors|autumn leaves|autumnal|fall leaves|秋天|秋日|秋|红叶|秋の|紅葉|가을|단풍",
  winter:
    "winter|wintry|icy|frozen|ice|arctic|antarctica|north pole|冬天|冬日|冬|冰|北极|南极|冬の|氷|北極|南極|겨울|얼음|북극|남극",
};

export const STYLES = {
  plain:
    "photo|photograph|photography|photorealistic|realistic|digital art|concept art|3d render|flat illustration|vector|cartoon|illustration|插画|卡通|扁平|イラスト|일러스트|만화",
  watercolour:
    "watercolor|watercolour|aquarelle|water color|ink wash|gouache|水彩|水彩画|水墨|水墨画|中国画|수채화|수묵화",
  oil: "oil painting|oil paint|oil on canvas|impressionist|impressionism|van gogh|monet|painterly|acrylic painting|painting|canvas|油画|印象派|梵高|莫奈|油絵|油彩|印象主義|ゴッホ|유화|인상파|고흐",
  pixel:
    "pixel art|pixelated|pixel|8 bit|8bit|16 bit|16bit|retro game|voxel|minecraft|像素|像素画|像素风|ドット絵|ピクセルアート|픽셀 아트|픽셀아트|도트",
  sketch:
    "sketch|pencil|pencil drawing|pencil sketch|line art|line drawing|drawing|charcoal|ink drawing|doodle|hand drawn|素描|铅笔画|线稿|手绘|简笔画|スケッチ|線画|鉛筆画|手描き|스케치|연필화|선화|드로잉",
  neon: "neon|cyberpunk|synthwave|vaporwave|glowing|glow in the dark|霓虹|赛博朋克|ネオン|サイバーパンク|네온|사이버펑크",
  vintage:
    "vintage|retro|sepia|old photo|vintage photo|vintage photograph|antique|nostalgic|polaroid|复古|怀旧|老照片|レトロ|ヴィンテージ|懐かしい|빈티지|레트로",
  monochrome: "black and white|b and w|monochrome|grayscale|greyscale|noir|b w|黑白|单色|モノクロ|白黒|흑백",
  mosaic:
    "mosaic|stained glass|low poly|lowpoly|cubism|cubist|geometric|马赛克|彩色玻璃|彩绘玻璃|低多边形|モザイク|ステンドグラス|ローポリ|모자이크|스테인드글라스",
  poster:
    "poster|pop art|screen print|risograph|comic|comic book|anime|manga|ukiyo e|woodcut|linocut|海报|波普|漫画|动漫|浮世绘|木刻|版画|ポスター|アニメ|浮世絵|포스터|팝아트|애니메이션",
};
