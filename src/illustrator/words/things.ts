import type { Location } from "./scenery.ts";

interface Kind {
  /** How tall things of this role are when they are alone, in scene units. */
  readonly height: number;
  /** Where they are when the prompt does not say where. */
  readonly homes: readonly Location[];
}

/** What a thing is for the composition: how tall it is, where it stands, and what it can do. */
export const ROLES = {
  animal: { height: 450, homes: ["meadow"] },
  bird: { height: 200, homes: ["meadow", "park"] },
  insect: { height: 130, homes: ["garden"] },
  swimmer: { height: 250, homes: ["underwater"] },
  vehicle: { height: 290, homes: ["city", "street"] },
  boat: { height: 330, homes: ["sea"] },
  aircraft: { height: 270, homes: ["sky"] },
  building: { height: 480, homes: ["meadow"] },
  tree: { height: 520, homes: ["meadow"] },
  flower: { height: 240, homes: ["garden"] },
  food: { height: 320, homes: ["table"] },
  wearable: { height: 300, homes: ["studio"] },
  instrument: { height: 320, homes: ["stage"] },
  object: { height: 280, homes: ["table", "studio"] },
  furniture: { height: 340, homes: ["room"] },
  celestial: { height: 190, homes: ["sky"] },
  symbol: { height: 400, homes: ["studio"] },
  face: { height: 460, homes: ["studio"] },
  effect: { height: 300, homes: ["mountains"] },
} as const satisfies Readonly<Record<string, Kind>>;
export type Role = keyof typeof ROLES;

/**
 * Nouns that the generated lexicon does not know, or takes for something that people do not mean (a "mouse" is the
 * animal): the art, its role and the words, several entries a line. They win over the lexicon. The art only
 * resembles what a word after `~` names. Things without emoji art are drawn by `landmarks.ts`.
 */
export const THINGS: readonly string[] = [
  // Animals. Art whose name is here but only shows a face gets a drawn body.
  "cat-face animal|cat|kitten|tabby|feline|猫|小猫|貓|ねこ|ネコ|고양이|새끼 고양이",
  "dog animal|dog|puppy|doggy|hound|retriever|labrador|golden retriever|corgi|husky|beagle|shiba|小狗|狗狗|犬|柴犬|いぬ|子犬|강아지|멍멍이",
  "fox animal|red fox|狐|きつね; bear animal|grizzly|teddy|小熊|クマ|곰; panda animal|大熊猫|팬더",
  "tiger animal|tiger|虎; lion animal|lioness; leopard animal|cheetah|jaguar|豹|チーター|치타",
  "horse animal|horse|pony|stallion|mare|小马|骏马|骑马|骑着马|乗馬|승마|ウマ|조랑말; deer animal|stag|reindeer|fawn|小鹿|トナカイ|순록",
  "cow animal|cow|cattle|calf|牛|母牛|ウシ|소; ox animal|bull; pig animal|pig|piglet|小猪|豚; ewe animal|sheep|小羊|羊羔|ヒツジ",
  "elephant animal|象; monkey animal|monkey|ape|chimpanzee|猴|猿; mouse animal|mouse|小老鼠|ネズミ|쥐",
  "rabbit animal|rabbit|bunny|hare|小兔子|兔|うさぎ; raccoon animal|racoon|red panda|小浣熊|小熊猫; frog animal|toad|蛙",
  "turtle animal|亀; crocodile animal|alligator; snake animal|serpent; dragon animal|dragon|巨龙|竜|龍|드래곤",
  "t-rex animal|dinosaur|恐龙|恐竜|공룡; robot face|android|cyborg|로봇; alien face|extraterrestrial|宇宙人|外計人",
  "ghost symbol|spirit|幽灵|鬼魂|幽霊|귀신; yarn object|ball of yarn|毛线球|毛糸玉|실뭉치; snowman face|snowman|雪人|雪だるま|눈사람; teddy-bear object|stuffed bear|玩具熊|곰인형|테디베어",
  // Birds, insects, sea life
  "bird bird|birdie|sparrow|robin|songbird|小鸟|鸟儿|麻雀|小鳥|ことり|작은 새|참새",
  "eagle aircraft|hawk|falcon|seagull|gull|海鸥|鷹|カモメ|鷲|갈매기|매; dove aircraft|pigeon|白鸽|鳩",
  "duck bird|duckling|鸭|小鸭|アヒル|鴨; rooster bird|chicken|hen|鸡|母鸡|ニワトリ|鶏|닭|암탉; baby-chick bird|chick",
  "parrot bird|macaw|インコ; blackbird bird|blackbird; butterfly insect|moth|蝶|ちょうちょ; honeybee insect|蜂|벌",
  "spouting-whale swimmer|whale|鲸鱼|鲸|クジラ|고래; tropical-fish swimmer|fish|goldfish|鱼|金鱼|小鱼|魚|さかな|金魚|물고기|금붕어",
  "crab animal|게",
  // Vehicles
  "automobile vehicle|car|sedan|sports car|convertible|vehicle|ferrari|porsche|beetle car|轿车|小汽车|车|跑车|クルマ|車|차",
  "sport-utility-vehicle vehicle|jeep|越野车|吉普车; taxi vehicle|cab|yellow cab; bus vehicle|coach|school bus|巴士|公共汽车",
  "delivery-truck vehicle|truck|lorry|van|卡车|트럭",
  "locomotive vehicle|train|steam train|steam engine|火车|列车|汽車|電車|기차|열차; bicycle vehicle|bike|cycling|单车|骑车",
  "motorcycle vehicle|motorbike|摩托|バイク; motor-scooter vehicle|scooter|vespa|moped|电动车",
  "skateboard vehicle|skateboarding; sailboat boat|sailing boat|boat|sailing|船|小船|ボート|帆|배|요트|보트",
  "canoe boat|kayak|rowboat|rowing boat|皮划艇; ship boat|cruise ship|ocean liner|轮船|大船|船舶|배를|유람선",
  "airplane aircraft|plane|aeroplane|aircraft; rocket aircraft|spaceship|spacecraft|space shuttle|飞船|宇宙飞船|宇宙船|우주선",
  "flying-saucer aircraft|ufo|円盤; hot-air-balloon aircraft|hot air balloon|热气球|熱気球|열기구; kite aircraft|凧",
  // Buildings and landmarks
  "lighthouse building|lighthouse|light house|灯塔|灯台|등대; windmill building|windmill|风车|風車|풍차",
  "bridge building|bridge|桥|大桥|橋|다리; pyramid building|pyramid|金字塔|ピラミッド|피라미드",
  "tokyo-tower building|~eiffel tower|~clock tower|塔|~铁塔|タワー|탑|타워",
  "castle building|fortress|palace|城堡|宫殿|城|お城|宮殿|성|궁전; japanese-castle building|pagoda|temple|寺庙|宝塔|庙|寺|神社|절|사원|탑",
  "cottage building|house|home|cottage|cabin|hut|farmhouse|房子|小屋|木屋|家|屋子|小木屋|家屋|집|오두막|통나무집",
  "church building|cathedral|chapel|성당; shinto-shrine building|torii|鸟居|도리이",
  "tent building|camping|campsite|露营|キャンプ|캠핑; fuji building|mount fuji|mt fuji|fuji|fujisan|富士山|후지산",
  "office-building building|写字楼; statue-of-liberty building|自由女神; volcano building|volcano|火山|화산",
  "circus-tent building|马戏团",
  // Plants
  "deciduous-tree tree|tree|oak|oak tree|maple tree|树|大树|树上|樹|木|나무 위",
  "evergreen-tree tree|pine tree|fir|spruce|杉树|松の木",
  "christmas-tree tree|christmas tree|xmas tree|圣诞树|クリスマスツリー|크리스마스 트리; palm-tree tree|palm|coconut tree|椰子树|椰树",
  "cherry-tree tree|cherry tree|cherry blossom tree|sakura tree|樱花树|桜の木|벚나무; cactus tree|cacti; rose flower|玫瑰花|장미",
  "cherry-blossom flower|桜の花|벚꽃잎; hibiscus flower|flower|花|花朵|鲜花|お花|꽃; blossom flower|daisy|wildflower|雏菊|デイジー|데이지",
  "potted-plant object|houseplant|plant|植物|식물",
  // Food
  "bowl food|bowl|dish|碗|ボウル|茶碗|그릇; fork-and-knife-with-plate food|plate|盘子|皿|접시",
  "fruit-bowl food|bowl of fruit|bowl of fruits|fruit bowl|fruit|fruits|basket of fruit|水果|一碗水果|果盘|果物|フルーツ|과일",
  "tangerine food|oranges|mandarin|橙子; red-apple food|apple|苹果|リンゴ|りんご|사과",
  "steaming-bowl food|noodles|noodle soup|udon|面|うどん; sushi food|スシ; hamburger food|cheeseburger|버거",
  "hot-beverage food|cup of coffee|tea|cup of tea|cup|mug|latte|cappuccino|espresso|hot chocolate|茶|一杯咖啡|热茶|杯子|コップ|カップ|お茶|차 한잔|홍차",
  "birthday-cake food|cake|birthday|happy birthday|cake with candles|birthday cake with candles|蛋糕|生日|ケーキ|케이크|생일",
  "ice-cream food|gelato|sundae|アイス; bread food|パン; cooked-rice food|rice|bowl of rice|ご飯; dumpling food|gyoza|包子",
  "wine-glass food|wine|glass of wine|red wine|红酒|酒|와인; beer-mug food|beer|ビール|맥주",
  // Things
  "triangular-flag object|flag|banner|旗|旗帜|旗子|깃발; mans-shoe object|shoe|shoes|鞋|鞋子|靴|신발|구두",
  "hiking-boot object|boot|boots|靴子|ブーツ|부츠; socks object|sock|socks|靴下; gloves object|glove|gloves|手袋",
  "handbag object|bag|包|鞄|가방; t-shirt object|clothes|clothing|衣服|服|옷; mantelpiece-clock object|clock|钟|时钟|時計|시계",
  "light-bulb object|~lamp|~灯|~ランプ|~램프; fire symbol|fire|flame|flames|campfire|bonfire|火|火焰|篝火|炎|焚き火|불|불꽃|모닥불",
  "rock object|rocks|stone|stones|石头|石|岩|돌; fallen-leaf object|leaf|leaves|叶子|树叶|落叶|葉|葉っぱ|나뭇잎|잎",
  "jack-o-lantern object|~pumpkin|~南瓜|~かぼちゃ|~호박; kiwi-fruit food|kiwi; ear-of-corn food|corn",
  "bell-pepper food|pepper|辣椒; pot-of-food food|soup|pot|汤|火锅|スープ|鍋|수프|찌개; green-salad food|salad|サラダ|샐러드",
  "cheese-wedge food|cheese|奶酪|치즈; glass-of-milk food|milk|牛奶|ミルク|우유; chocolate-bar food|chocolate|초콜릿",
  "tropical-drink food|juice|cocktail|果汁|鸡尾酒|ジュース|カクテル|주스|칵테일; tumbler-glass food|glass|tumbler|玻璃杯|グラス|유리잔",
  "bottle-with-popping-cork food|bottle|champagne|瓶子|瓶|병|샴페인; fork-and-knife object|fork|叉子|フォーク|포크",
  "kitchen-knife object|knife|刀|ナイフ|칼; dagger object|sword|剑|剣|刀剣|검; bow-and-arrow object|arrow|弓箭|弓|矢|활|화살",
  "locked object|lock|padlock|锁|鍵穴|錠; package object|box|盒子|箱子|箱|상자; puzzle-piece object|puzzle|パズル",
  "nesting-dolls object|doll|dolls|娃娃|人形|인형; confetti-ball object|confetti|彩纸|紙吹雪|색종이",
  "money-bag object|money|钱|お金|돈; sports-medal object|medal|메달; compass object|compass|指南针|コンパス|나침반",
  "ogre symbol|monster|怪物|妖怪|怪獣|モンスター|괴물|몬스터",
  "chess-board object|chess|chess board|chessboard|chess set|下棋|国际象棋|象棋|チェス|체스",
  "books object|books|pile of books|stack of books|一堆书|책더미",
  "open-book object|book|reading a book|novel|书|本|看书|读书|読書|本を読む|책|독서|책을 읽는; violin instrument|fiddle",
  "musical-keyboard instrument|keyboard piano|钢琴|ピアノ; saxophone instrument|萨克斯; drum instrument|drums|drum kit|太鼓|북",
  "soccer-ball object|ball|soccer|football|playing soccer|playing football|踢足球|球|サッカーボール|ボール|공",
  "basketball object|농구공; umbrella object|umbrella|parasol|伞|雨伞|傘|우산; laptop object|computer|电脑|パソコン|コンピューター|컴퓨터",
  "mobile-phone object|phone|smartphone|cell phone|スマホ|携帯|휴대폰|핸드폰|스마트폰",
  "fishing-pole object|fishing|fishing rod|钓鱼|釣り|낚시; microphone instrument|microphone|singing|唱歌|歌う|노래하는",
  "camera object|照相机; candle object|キャンドル|촛불; red-paper-lantern object|lantern|red lantern|灯笼|提灯|등불|초롱",
  "couch-and-lamp furniture|sofa|couch|settee|沙发|沙發|ソファ|ソファー|소파; bed furniture|on a bed",
  "basket object|basket|篮子|かご|バスケット|바구니; vase object|vase|flower vase|花瓶|꽃병; teapot object|teapot|kettle|茶壶|急須|주전자",
  "chair furniture|armchair|イス; wrapped-gift object|gift|present",
  "gem-stone object|diamond|gem|crystal|钻石|ダイヤモンド|다이아몬드|보석; red-heart symbol|heart|love|爱心|心|爱|ハート|愛|하트|사랑",
  "star symbol|star|星|星星|星の形|별; treasure-chest object|treasure|chest|treasure chest|宝箱|보물상자",
  // Worn
  "top-hat wearable|hat|帽子|ハット|モザ|모자; crown wearable|tiara|クラウン; billed-cap wearable|cap|baseball cap|棒球帽",
  "womans-hat wearable|straw hat|sun hat|sunhat|bonnet|草帽|遮阳帽|麦わら帽子|밀짚모자",
  "graduation-cap wearable|mortarboard|学士帽|학사모; santa-hat wearable|santa hat|christmas hat|圣诞帽|サンタ帽|산타모자",
  "party-hat wearable|party hat|birthday hat|wizard hat|witch hat|生日帽|巫师帽|三角帽|とんがり帽子|고깔모자",
  "glasses wearable|glasses|spectacles|眼鏡; sunglasses wearable|shades|太阳镜",
  "military-helmet wearable|helmet|头盔|ヘルメット|헬멧; scarf wearable|목도리",
  "bow-tie wearable|bow tie|bowtie|~tie|领结|蝶ネクタイ|나비넥타이; headphone wearable|headphones|headset",
  // Light and weather that is drawn
  "rainbow effect|rainbow|彩虹|虹|무지개; fireworks effect|fireworks|firework|烟花|焰火|花火|불꽃놀이|폭죽",
  "aurora effect|aurora|northern lights|aurora borealis|极光|オーロラ|오로라",
  "shooting-star effect|shooting star|shooting stars|meteor|comet|流星|流星雨|流れ星|별똥별|유성",
  "ringed-planet celestial|planet|saturn|jupiter|行星|土星|木星|惑星|행성|토성",
  "globe-showing-europe-africa celestial|earth|globe|the earth|planet earth|地球|지구",
];
