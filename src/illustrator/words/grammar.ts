/** What one subject does with the next one. */
export type Action = "ride" | "wear" | "hold" | "play" | "eat" | "sit" | "sleep" | "fly" | "swim" | "run";

export const ACTIONS: Readonly<Record<Action, string>> = {
  ride: "riding|rides|ride|driving|drives|drive|on top of a|骑|骑马|骑着马|乗馬|승마|骑着|骑在|驾驶|开着|乗る|乗って|乗った|乗り|타고|타는|탄|운전하는",
  wear: "wearing|wears|dressed in|戴|戴着|穿|穿着|かぶった|着た|着て|かけた|쓴|쓰고|입은|입고",
  hold: "holding|holds|reading|reads|read|reading a book|看书|读书|読書|本を読む|책을 읽는|fishing|钓鱼|釣り|낚시|singing|唱歌|歌う|노래하는|carrying|carries|using|giving|拿着|拿|抱着|抱|举着|撑着|持つ|持って|持った|들고|든|안고",
  play: "playing|plays|play|playing with|practicing|玩|玩着|弹|演奏|下|拉|遊ぶ|弾く|演奏する|する|치는|연주하는|노는|하는",
  eat: "eating|eats|eat|drinking|drinks|drink|sipping|tasting|吃|喝|吃着|喝着|食べる|食べて|飲む|飲んで|먹는|마시는|먹고|마시고",
  sit: "sitting|sits|sit|seated|perched|lying|watching|坐|坐着|坐在|看|看着|座る|座って|見る|見て|앉은|앉아|보는|보고",
  sleep: "sleeping|asleep|napping|sleeps|睡觉|睡着|眠る|眠って|寝て|자는|잠자는",
  fly: "flying|flies|fly|floating|floats|soaring|jumping|leaping|飞|飞翔|漂浮|跳|飛ぶ|飛んで|浮かぶ|날아가는|나는|떠있는|떠다니는",
  swim: "swimming|swims|swim|diving|surfing|游泳|潜水|冲浪|泳ぐ|泳いで|수영하는|헤엄치는",
  run: "running|runs|run|walking|walks|walk|racing|chasing|jogging|跑|奔跑|走|走着|走路|走る|走って|歩く|歩いて|달리는|뛰는|걷는",
};

/** How many of the next noun, by number: words separated by bars. */
export const COUNTS: Readonly<Record<number, string>> = {
  1: "a|an|one|single|一只|一个|一匹|一条|一头|一位|一名|一辆|一座|一棵|一朵|一张|一幅|一杯|一碗|一艘|一架|一匹の|一人の|한 마리|한마리|하나",
  2: "two|pair|pair of|couple|couple of|both|twin|double|两|两只|两个|二只|两匹|两条|两位|两名|两辆|两棵|两朵|两艘|双|一对|二匹|二匹の|二つ|二人|二羽|2匹|두|두 마리|두마리|둘",
  3: "three|trio|三只|三个|三匹|三条|三位|三名|三辆|三棵|三朵|三艘|三匹の|三つ|三人|三羽|세|세 마리|세마리|셋",
  4: "four|family|一家|一家人|家人|家族|가족|few|several|some|四只|四个|四匹|四条|四位|四朵|几只|几个|一些|四匹の|四つ|四人|四羽|네|네 마리|네마리|몇",
  5: "five|group|group of|team|五只|五个|五匹|五位|五朵|一群|五匹の|五つ|五人|五羽|다섯|다섯 마리",
  6: "six|half a dozen|六只|六个|六朵|许多|多|六匹|六つ|여섯",
  7: "seven|many|lots|lots of|a lot of|flock|flock of|herd|herd of|七只|七个|很多|たくさん|일곱|많은",
  8: "eight|dozens|八只|八个|여덟",
  9: "nine|ten|dozen|crowd|swarm|hundreds|九只|十只|无数|수많은",
};

export const SIZES: Readonly<Record<"small" | "large", string>> = {
  small: "small|tiny|little|mini|miniature|distant|小|小小的|迷你|小さな|小さい|작은|조그만",
  large: "big|large|huge|giant|enormous|gigantic|massive|tall|close up of|大|巨大|巨大的|巨型|大きな|大きい|큰|거대한",
};

/** Words that ask for no thing at all: the picture is made of colour and shape. */
export const ABSTRACT_WORDS =
  "abstract|pattern|waves|wave|geometric shapes|gradient|texture|wallpaper|swirls|shapes|fractal|background|抽象|图案|波浪|渐变|纹理|壁纸|抽象画|模様|波|グラデーション|추상|패턴|물결|그라데이션";

/** Words that end what a colour or a count before them could belong to. */
export const BREAKS = "and|on|at|near|under|over|beside|behind|between|by|和|与|と|와|과";
